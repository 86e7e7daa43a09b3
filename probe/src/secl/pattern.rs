//! Patterns with stars: over whole strings ([`Pattern`]) and over paths ([`Glob`]).

use memchr::memmem::Finder;

use super::error::ErrorKind;

/// Longest pattern in bytes.
const MAX_PATTERN: usize = 4096;
/// Longest part of a path between slashes (`NAME_MAX` of linux/limits.h).
const MAX_SEGMENT: usize = 255;
/// Most parts of a path in a rule.
const MAX_SEGMENTS: usize = 1363;

/// A pattern in which `*` stands for any bytes, and everything else for itself.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    prefix: Vec<u8>,
    /// What must occur in this order between prefix and suffix; `None` without a star.
    inner: Option<Vec<Finder<'static>>>,
    suffix: Vec<u8>,
}

impl Pattern {
    /// Compiles a pattern; `**` is refused.
    pub(super) fn new(text: &str) -> Result<Self, ErrorKind> {
        if text.len() > MAX_PATTERN {
            return Err(ErrorKind::TooLong(MAX_PATTERN, "bytes in a pattern"));
        }
        if text.contains("**") {
            return Err(ErrorKind::Pattern("`**` has a meaning in paths only".into()));
        }
        Ok(Self::of(text.as_bytes()))
    }

    fn of(text: &[u8]) -> Self {
        let mut parts: Vec<&[u8]> = text.split(|byte| *byte == b'*').collect();
        let suffix = parts.pop().unwrap_or_default().to_vec();
        if parts.is_empty() {
            return Self { prefix: suffix, inner: None, suffix: Vec::new() };
        }
        let prefix = parts.remove(0).to_vec();
        let inner = parts.into_iter().filter(|part| !part.is_empty());
        let inner = inner.map(|part| Finder::new(part).into_owned()).collect();
        Self { prefix, inner: Some(inner), suffix }
    }

    /// Whether the whole of `text` fits. Takes linear time: the first place of each part leaves the
    /// most room for the next ones.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let Some(inner) = &self.inner else { return text == self.prefix };
        let Some(rest) = text.strip_prefix(self.prefix.as_slice()) else { return false };
        let Some(mut rest) = rest.strip_suffix(self.suffix.as_slice()) else { return false };
        for part in inner {
            let Some(at) = part.find(rest) else { return false };
            rest = &rest[at + part.needle().len()..];
        }
        true
    }
}

/// A pattern over paths: `*` stays within one part, `**` stands for one or more parts.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    /// What every path that fits begins with.
    prefix: Vec<u8>,
    /// Parts before `**`, or all.
    head: Vec<Pattern>,
    /// Parts behind `**`, if there is one.
    tail: Option<Vec<Pattern>>,
    /// `*/x` means `/*/x`.
    starts_anywhere: bool,
}

impl Glob {
    /// Compiles a glob; more than one `**` is refused.
    pub(super) fn new(text: &str) -> Result<Self, ErrorKind> {
        if text.len() > MAX_PATTERN {
            return Err(ErrorKind::TooLong(MAX_PATTERN, "bytes in a pattern"));
        }
        let mut parts = text.split('/').map(collapse);
        let compile = |part: String| Pattern::of(part.as_bytes());
        let mut has_tail = false;
        let head = parts.by_ref().take_while(|part| {
            has_tail = part == "**";
            !has_tail
        });
        let head: Vec<Pattern> = head.map(compile).collect();
        let tail: Vec<String> = parts.collect();
        if tail.iter().any(|part| part == "**") {
            return Err(ErrorKind::Pattern("`**` may occur once".into()));
        }
        let tail = has_tail.then(|| tail.into_iter().map(compile).collect());
        let starts_anywhere = text == "*" || text.starts_with("*/");
        let prefix = text.split('*').next().unwrap_or_default();
        let prefix = if starts_anywhere { Vec::new() } else { prefix.into() };
        Ok(Self { prefix, head, tail, starts_anywhere })
    }

    /// Whether a path fits; the empty one never does.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        let path =
            if self.starts_anywhere { path.strip_prefix(b"/").unwrap_or(path) } else { path };
        if path.is_empty() || !path.starts_with(&self.prefix) {
            return false;
        }
        let mut parts = path.split(|byte| *byte == b'/');
        let fits =
            |pattern: &Pattern, part: Option<&[u8]>| part.is_some_and(|p| pattern.matches(p));
        if !self.head.iter().all(|pattern| fits(pattern, parts.next())) {
            return false;
        }
        match &self.tail {
            None => parts.next().is_none(),
            Some(tail) => {
                tail.iter().rev().all(|pattern| fits(pattern, parts.next_back()))
                    && parts.next().is_some()
            }
        }
    }
}

/// Why no file can have this path or fit this glob, if so.
pub(super) fn impossible_path(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return None;
    }
    let parts = || path.strip_prefix('/').unwrap_or(path).split('/');
    let is_root = path == "/";
    if path == "*" {
        Some("`*` alone is not a path")
    } else if path.starts_with('~') {
        Some("`~` is not replaced by a home directory")
    } else if !path.starts_with(['/', '*']) {
        Some("it must start with `/` or `*`")
    } else if path.contains("//") {
        Some("it has `//` in it")
    } else if parts().any(|part| part == "." || part == "..") {
        Some("it has `.` or `..` in it")
    } else if !is_root && path.ends_with('/') {
        Some("it ends with `/`")
    } else if parts().any(|part| part.len() > MAX_SEGMENT) {
        Some("a part of it is longer than 255 bytes")
    } else if parts().count() > MAX_SEGMENTS {
        Some("it has too many parts")
    } else {
        None
    }
}

/// Stars next to each other mean one, unless two are all there is.
fn collapse(part: &str) -> String {
    if part == "**" {
        return part.to_owned();
    }
    let mut collapsed = String::with_capacity(part.len());
    for letter in part.chars() {
        if letter != '*' || !collapsed.ends_with('*') {
            collapsed.push(letter);
        }
    }
    collapsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a/b", true),
            ("ab", "ab", true),
            ("ab", "abc", false),
            ("a*", "a", true),
            ("a*b", "ab", true),
            ("a*b", "a/xx/b", true),
            ("a*b", "abc", false),
            ("*foo", "foofoo", true),
            ("a*a", "a", false),
            ("*a*b*", "xxbxaxb", true),
            ("*a*b*", "ba", false),
            ("ab*ba", "aba", false),
            ("[a-z]?", "[a-z]?", true),
            ("[a-z]?", "ab", false),
            ("é*", "éa", true),
        ];
        for (pattern, text, expected) in cases {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(pattern.matches(text.as_bytes()), expected, "{pattern:?} {text}");
        }
        assert!(Pattern::new("a**").is_err());
    }

    #[test]
    fn globs() {
        let cases = [
            ("/a/*", "/a/", true),
            ("/a/*", "/a/b", true),
            ("/a/*", "/a/b/c", false),
            ("/a/*", "/a", false),
            ("/a/**", "/a/b", true),
            ("/a/**", "/a/b/c", true),
            ("/a/**", "/a", false),
            ("/a/**", "/ab/c", false),
            ("/a/**/b", "/a/x/b", true),
            ("/a/**/b", "/a/x/y/b", true),
            ("/a/**/b", "/a/b", false),
            ("/a/**/b", "/a/x/b/c", false),
            ("*/b", "/a/b", true),
            ("*/b", "/b", false),
            ("*/b", "/x/a/b", false),
            ("/a", "/a", true),
            ("/a", "/a/b", false),
            ("/a/b*", "/a", false),
            ("/a/b*", "/a/bc", true),
            ("/a/b*", "/a/b", true),
            ("/a/b**", "/a/bc", true),
            ("/a/b**", "/a/bc/d", false),
            ("/a*/b", "/a/x/b", false),
            ("/*/b", "/a/b", true),
            ("**", "/", true),
            ("**", "/a/b", true),
            ("**", "", false),
            ("*", "/a", true),
            ("*", "/a/b", false),
            ("**/passwd", "/etc/passwd", true),
            ("**/passwd", "/etc/x/passwd", true),
            ("/a/*/c", "/a//c", true),
            ("/a/[b]?", "/a/[b]?", true),
            ("/a/[b]?", "/a/bc", false),
        ];
        for (glob, path, expected) in cases {
            let glob = Glob::new(glob).unwrap();
            assert_eq!(glob.matches(path.as_bytes()), expected, "{glob:?} {path}");
        }
        assert!(Glob::new("/**/a/**").is_err());
    }

    #[test]
    fn impossible_paths() {
        for path in ["", "/", "/a/b", "*/b", "*x", "/a/*", "/a/..b", "**"] {
            assert_eq!(impossible_path(path), None, "{path}");
        }
        let long = format!("/{}", "x".repeat(256));
        let deep = "/x".repeat(1364);
        let bad = ["*", "~/x", "a", "a/b", "/a//b", "/a/./b", "/a/..", "../a", "/a/", "./*"];
        for path in bad.into_iter().chain([long.as_str(), deep.as_str()]) {
            assert!(impossible_path(path).is_some(), "{path}");
        }
    }
}
