//! From a place in the text of a YAML scalar to the place in the file.

use std::ops::Range;

/// Where a part of a scalar's text stands in the file: `raw` is what the file has for the scalar,
/// from byte `start` on. A scalar in an unusual form counts as a whole.
pub(super) fn locate(text: &str, raw: &str, start: usize, part: Range<usize>) -> Range<usize> {
    let offsets = match raw.as_bytes().first() {
        _ if text == raw => return start + part.start..start + part.end,
        Some(b'\'') => align(text, raw, 0, verbatim).or_else(|| align(text, raw, 1, single_quoted)),
        Some(b'"') => align(text, raw, 0, verbatim).or_else(|| align(text, raw, 1, double_quoted)),
        _ => align(text, raw, 0, verbatim),
    };
    let Some(offsets) = offsets else { return start..start + raw.len() };
    let after = |end: usize| end.checked_sub(1).and_then(|last| offsets.get(last));
    let end = after(part.end.min(text.len())).map_or(0, |last| last.end);
    let first = offsets.get(part.start).map_or(end, |first| first.start);
    start + first..start + end.max(first)
}

/// Where each byte of a text stands in its raw form. Folding changes blanks and nothing else, so
/// the other characters have to come in the same order.
fn align(text: &str, raw: &str, start: usize, next: Next) -> Option<Vec<Range<usize>>> {
    let mut offsets = Vec::with_capacity(text.len());
    let mut at = start;
    for c in text.chars() {
        let place = if c.is_ascii_whitespace() {
            at..at
        } else {
            loop {
                let (found, len) = next(raw.get(at..)?)?;
                let place = at..at + len;
                at += len;
                if found == c {
                    break place;
                }
                if !found.is_ascii_whitespace() {
                    return None;
                }
            }
        };
        offsets.extend(std::iter::repeat_n(place, c.len_utf8()));
    }
    Some(offsets)
}

/// The first character that is meant, and how many bytes it is written with.
type Next = fn(&str) -> Option<(char, usize)>;

fn verbatim(raw: &str) -> Option<(char, usize)> {
    raw.chars().next().map(|c| (c, c.len_utf8()))
}

fn single_quoted(raw: &str) -> Option<(char, usize)> {
    if raw.starts_with("''") {
        return Some(('\'', 2));
    }
    verbatim(raw).filter(|(c, _)| *c != '\'')
}

/// YAML 1.2, 5.7: escapes.
fn double_quoted(raw: &str) -> Option<(char, usize)> {
    let Some(escaped) = raw.strip_prefix('\\') else {
        return verbatim(raw).filter(|(c, _)| *c != '"');
    };
    let hex = |digits: usize| {
        let digits = escaped.get(1..1 + digits)?;
        let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
        Some((c, 2 + digits.len()))
    };
    match escaped.chars().next()? {
        c @ ('"' | '\\' | '/') => Some((c, 2)),
        c if c.is_ascii_whitespace() => Some((c, 2)),
        'n' => Some(('\n', 2)),
        't' => Some(('\t', 2)),
        'r' => Some(('\r', 2)),
        'x' => hex(2),
        'u' => hex(4),
        'U' => hex(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scalars, and words of their text with what stands at their place in the file.
    #[test]
    fn words() {
        let cases = [
            ("a == bc\n", &["a", "bc"][..]),
            ("'it''s == \"bc\"'\n", &["s", "\"bc\""]),
            ("\"a == \\\"b\\\\c\\\" x\"\n", &["a", "x"]),
            ("\"a\\n \\\n  bcd\"\n", &["a", "bcd"]),
            ("\"\\u00e9 x\"\n", &["x"]),
            ("é >\n    second\n  third\n", &["second", "third"]),
            (">-\n  \"a\" in\n   [b,\n\n    c]\n", &["\"a\"", "[b,", "c]"]),
            ("|\n  \"a\" in\n   [b,\n\n    c]\n", &["\"a\"", "[b,", "c]"]),
            ("|\n  'a' == b\n", &["'a'", "b"]),
        ];
        for (yaml, words) in cases {
            let file = format!("key: {yaml}");
            let root = sentrace_yaml::parse("f", &file).unwrap();
            let node = root.get("key").unwrap();
            let (text, place) = (node.as_str().unwrap(), node.place);
            let raw = &file[place.offset..place.offset + place.len];
            for word in words {
                let part = text.find(word).unwrap();
                let found = locate(text, raw, place.offset, part..part + word.len());
                assert_eq!(&file[found], *word, "{yaml}");
            }
            let end = locate(text, raw, place.offset, text.len()..text.len());
            assert!(end.is_empty() && end.end <= file.len(), "{yaml}");
        }
    }
}
