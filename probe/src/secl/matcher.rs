//! Strings, patterns and regexps that a rule compares a string with.

use std::borrow::Cow;
use std::collections::HashSet;

use regex::bytes::{Regex, RegexBuilder};

use super::error::{Error, ErrorKind, Span};
use super::pattern::{Glob, Pattern, impossible_path};
use super::types::Text;

/// Longest regexp in bytes.
const MAX_REGEXP: usize = 4096;
/// Memory that a compiled regexp may take, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// A string, pattern or regexp as written.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    pub(super) kind: LiteralKind,
    pub(super) text: String,
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LiteralKind {
    Exact,
    Pattern,
    Regexp,
}

/// A set of strings, patterns and regexps, one of which has to fit.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    text: Text,
    exact: HashSet<Vec<u8>>,
    patterns: Vec<Pattern>,
    globs: Vec<Glob>,
    regexps: Vec<Regex>,
}

impl Matcher {
    /// Compiles literals for strings that are compared as `text` says.
    pub(super) fn new(literals: &[Literal], text: Text) -> Result<Self, Error> {
        let mut matcher = Self {
            text,
            exact: HashSet::new(),
            patterns: Vec::new(),
            globs: Vec::new(),
            regexps: Vec::new(),
        };
        for literal in literals {
            matcher.add(literal).map_err(|kind| Error::new(literal.span, kind))?;
        }
        Ok(matcher)
    }

    fn add(&mut self, literal: &Literal) -> Result<(), ErrorKind> {
        let text = literal.text.as_str();
        let is_path = matches!(self.text, Text::Path | Text::GivenPath);
        if self.text == Text::Path
            && literal.kind != LiteralKind::Regexp
            && let Some(why) = impossible_path(text)
        {
            return Err(ErrorKind::Path(why.into()));
        }
        match literal.kind {
            LiteralKind::Regexp if is_path => {
                return Err(ErrorKind::Regexp("paths are matched by patterns only".into()));
            }
            LiteralKind::Regexp => self.regexps.push(regexp(text, self.text)?),
            LiteralKind::Pattern if is_path && text.contains('*') => {
                self.globs.push(Glob::new(text)?);
            }
            LiteralKind::Pattern if text.contains('*') => {
                let folded = fold(self.text, text.as_bytes());
                self.patterns.push(Pattern::new(&String::from_utf8_lossy(&folded))?);
            }
            LiteralKind::Pattern | LiteralKind::Exact => {
                self.exact.insert(fold(self.text, text.as_bytes()).into_owned());
            }
        }
        Ok(())
    }

    /// Whether one of the set fits.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let folded = fold(self.text, text);
        (!self.exact.is_empty() && self.exact.contains(folded.as_ref()))
            || self.globs.iter().any(|glob| glob.matches(&folded))
            || self.patterns.iter().any(|pattern| pattern.matches(&folded))
            || self.regexps.iter().any(|regexp| regexp.is_match(text))
    }

    /// How long matching takes, relative to reading a field (5).
    pub(super) fn cost(&self) -> u32 {
        match (self.patterns.len() + self.globs.len(), self.regexps.len()) {
            (0, 0) if self.exact.len() < 2 => 0,
            (0, 0) => 10,
            (1, 0) => 80,
            (0, 1) => 100,
            _ => 1000,
        }
    }
}

/// Whether two strings are the same.
pub(super) fn is_same(text: Text, left: &[u8], right: &[u8]) -> bool {
    match text {
        Text::Caseless | Text::Extension => fold(text, left) == fold(text, right),
        Text::Plain | Text::GivenPath | Text::Path => left == right,
    }
}

/// What is compared, without that which does not count.
fn fold(kind: Text, text: &[u8]) -> Cow<'_, [u8]> {
    match kind {
        Text::Caseless if text.iter().any(u8::is_ascii_uppercase) => {
            Cow::Owned(text.to_ascii_lowercase())
        }
        Text::Extension => Cow::Borrowed(text.strip_prefix(b".").unwrap_or(text)),
        _ => Cow::Borrowed(text),
    }
}

/// An unanchored regexp over bytes. As in RE2, `\w` and the like are ASCII; Unicode classes are
/// used only where the regexp asks for them.
fn regexp(text: &str, kind: Text) -> Result<Regex, ErrorKind> {
    if text.len() > MAX_REGEXP {
        return Err(ErrorKind::TooLong(MAX_REGEXP, "bytes in a regexp"));
    }
    let build = |is_unicode| {
        RegexBuilder::new(text)
            .unicode(is_unicode)
            .case_insensitive(kind == Text::Caseless)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_COMPILED)
            .nest_limit(100)
            .build()
    };
    build(false).or_else(|_| build(true)).map_err(|error| {
        let message = error.to_string();
        let last = message.lines().last().unwrap_or_default();
        ErrorKind::Regexp(last.trim_start_matches("error: ").to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(kind: LiteralKind, literal: &str, text: Text, value: &[u8]) -> Option<bool> {
        let literal = Literal { kind, text: literal.into(), span: Span::default() };
        Some(Matcher::new(&[literal], text).ok()?.matches(value))
    }

    #[test]
    fn literals() {
        use LiteralKind::*;
        use Text::*;
        let cases: &[(_, _, _, &[u8], _)] = &[
            (Exact, "a*", Plain, b"a*", Some(true)),
            (Exact, "a*", Plain, b"ab", Some(false)),
            (Exact, "Example.org", Caseless, b"exAmple.ORG", Some(true)),
            (Pattern, "*.Example.org", Caseless, b"a.example.ORG", Some(true)),
            (Regexp, "^EXAMPLE", Caseless, b"example.org", Some(true)),
            (Exact, ".tar", Extension, b"tar", Some(true)),
            (Exact, "tar", Extension, b".tar", Some(true)),
            (Exact, "tar", Extension, b".tgz", Some(false)),
            (Pattern, "/a/*", Path, b"/a/b/c", Some(false)),
            (Pattern, "/a/*", Plain, b"/a/b/c", Some(true)),
            (Pattern, "/a/*", GivenPath, b"/a/b", Some(true)),
            (Exact, "a/../b", GivenPath, b"a/../b", Some(true)),
            (Exact, "a/../b", Path, b"", None),
            (Exact, "", Path, b"", Some(true)),
            (Pattern, "a**", Plain, b"", None),
            (Regexp, "x.*y", Path, b"", None),
            (Regexp, "x.*y", GivenPath, b"", None),
            (Regexp, "o.b", Plain, b"foo bar", Some(true)),
            (Regexp, "^o", Plain, b"foo", Some(false)),
            (Regexp, "x.y", Plain, b"x\xFFy", Some(true)),
            (Regexp, r"^\w$", Plain, "é".as_bytes(), Some(false)),
            (Regexp, r"^\p{L}$", Plain, "é".as_bytes(), Some(true)),
            (Regexp, "[", Plain, b"", None),
            (Regexp, "(a{500}){500}", Plain, b"", None),
            (Regexp, r"(?<=a)b", Plain, b"", None),
        ];
        for (kind, literal, text, value, expected) in cases {
            let found = matches(*kind, literal, *text, value);
            assert_eq!(found, *expected, "{kind:?} {literal} {value:?}");
        }
        assert_eq!(matches(Regexp, &"(".repeat(4000), Plain, b""), None);
    }
}
