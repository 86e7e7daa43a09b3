//! Events of real programs, as `examples/events` prints them.

use std::process::Command;

/// The events of a shell script, without numbers of processes.
fn events(script: &str) -> Vec<String> {
    let test = std::env::current_exe().expect("a test has a path");
    let target = test.ancestors().find(|path| path.join("examples").is_dir());
    let program = target.expect("cargo built the examples").join("examples/events");
    let output = Command::new(program).args(["/bin/sh", "-c", script]).output();
    let text = String::from_utf8(output.expect("a process").stderr).expect("UTF-8");
    let mut sequence = 0;
    let line = |line: &str| {
        let mut words = line.splitn(3, ' ');
        sequence += 1;
        assert_eq!(words.next(), Some(&*sequence.to_string()), "{line}");
        let what = words.nth(1).unwrap_or_default();
        if what.starts_with("fork") { "fork".to_owned() } else { what.to_owned() }
    };
    text.lines().map(line).collect()
}

#[test]
fn the_life_of_processes_is_reported() {
    let sh = std::fs::canonicalize("/bin/sh").expect("a shell");
    let cat = std::fs::canonicalize("/bin/cat").expect("cat(1)");
    let (sh, cat) = (sh.display(), cat.display());
    let expect = [
        format!("exec /bin/sh {sh}"),
        "fork".into(),
        format!("exec ../bin/cat {cat}"),
        format!("exit {cat} cause 0 code 0"),
        "fork".into(),
        format!("exit {sh} cause 2 code 15"),
        format!("exit {sh} cause 0 code 4"),
    ];
    let script = "exec 2>/dev/null; cd /etc; ../bin/cat passwd; (read pid rest </proc/self/stat; kill $pid); exit 4";
    assert_eq!(events(script), expect);
}
