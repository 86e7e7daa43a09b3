//! Names that fields had in early versions of SECL.

/// The name that a field has now, if it had this one once.
pub(super) fn current_name(name: &str) -> Option<String> {
    let (event, rest) = name.split_once('.')?;
    if let Some((prefix, to)) = moved(event, rest) {
        let last = rest.strip_prefix(prefix)?;
        return Some(format!("{event}.{to}{}", renamed(last)));
    }
    let of_destination: &[&str] = match event {
        "open" | "mkdir" | "chmod" => &["mode"],
        "chown" => &["uid", "gid", "user", "group"],
        "setxattr" | "removexattr" => &["namespace", "name"],
        _ => &[],
    };
    if of_destination.contains(&rest) {
        return Some(format!("{event}.file.destination.{rest}"));
    }
    let (before, last) = name.rsplit_once('.')?;
    let is_process = event == "process" || event == "exec";
    match last {
        "name" if is_process => Some(format!("{before}.comm")),
        "filename" | "basename" if is_process || before == event => {
            Some(format!("{before}.file.{}", renamed(last)))
        }
        _ => None,
    }
}

/// Old prefix and new prefix of the two files of `rename` and `link`.
fn moved(event: &str, rest: &str) -> Option<(&'static str, &'static str)> {
    let prefixes = match event {
        "rename" => [("old.", "file."), ("new.", "file.destination.")],
        "link" => [("source.", "file."), ("target.", "file.destination.")],
        _ => return None,
    };
    prefixes.into_iter().find(|(from, _)| rest.starts_with(from))
}

fn renamed(last: &str) -> &str {
    match last {
        "filename" => "path",
        "basename" => "name",
        other => other,
    }
}
