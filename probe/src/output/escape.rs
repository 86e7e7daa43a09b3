//! Bytes of the traced world as text that harms nobody: as JSON strings, and for terminals.

use std::fmt::Write as _;

/// A run of bytes as text.
enum Piece<'a> {
    /// UTF-8.
    Text(&'a str),
    /// A byte that is none, or the backslash of a text that looks like the escape of one.
    Byte(u8),
}

/// Appends a JSON string.
///
/// Bytes that are not UTF-8 become `\xNN`. So that nothing is lost, a backslash in front of `x` and
/// two hexadecimal digits becomes `\x5c`; every other backslash stays. Control characters, DEL and
/// C1 included, are `\uNNNN` escapes of JSON.
pub(super) fn json(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for piece in pieces(bytes) {
        match piece {
            Piece::Byte(byte) => out.extend_from_slice(format!("\\\\x{byte:02x}").as_bytes()),
            Piece::Text(text) => json_text(out, text),
        }
    }
    out.push(b'"');
}

fn json_text(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    let special = |c: char| c.is_control() || c == '"' || c == '\\';
    while let Some(at) = rest.find(special) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let c = tail.chars().next().unwrap_or_default();
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\r' => out.extend_from_slice(b"\\r"),
            _ => out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes()),
        }
        rest = &tail[c.len_utf8()..];
    }
    out.extend_from_slice(rest.as_bytes());
}

/// Appends text for a terminal: nothing in it moves the cursor, changes colours or the direction
/// of writing. Such characters are escaped as in Rust, bytes that are not UTF-8 as `\xNN`.
pub(super) fn terminal(out: &mut String, bytes: &[u8]) {
    for piece in pieces(bytes) {
        match piece {
            // Writing to a String does not fail.
            Piece::Byte(byte) => drop(write!(out, "\\x{byte:02x}")),
            Piece::Text(text) => terminal_text(out, text),
        }
    }
}

fn terminal_text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' | '\t' | '\r' => out.extend(c.escape_default()),
            _ if c.is_control() || is_invisible(c) => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
}

/// Formats and separators that are not seen, or that change the order of what is (Unicode's
/// general categories Cf, Zl and Zp, as far as terminals act on them).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn pieces(bytes: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let invalid = chunk.invalid().iter().copied().map(Piece::Byte);
        texts(chunk.valid()).chain(invalid)
    })
}

/// Splits off the backslashes of what looks like an escaped byte.
fn texts(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    let mut backslash = false;
    std::iter::from_fn(move || {
        if std::mem::take(&mut backslash) {
            rest = &rest[1..];
            return Some(Piece::Byte(b'\\'));
        }
        if rest.is_empty() {
            return None;
        }
        let escape = rest.match_indices("\\x").map(|(at, _)| at);
        let mut escape = escape.filter(|at| is_escape(&rest.as_bytes()[*at..]));
        let (before, after) = rest.split_at(escape.next().unwrap_or(rest.len()));
        backslash = !after.is_empty();
        rest = after;
        Some(Piece::Text(before))
    })
}

fn is_escape(text: &[u8]) -> bool {
    matches!(text, [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json_of(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        json(&mut out, bytes);
        serde_json::from_slice(&out).expect("a JSON string")
    }

    /// The other direction, as docs/json.md states it.
    fn unescape(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            if is_escape(rest) {
                let digits = std::str::from_utf8(&rest[2..4]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &rest[4..];
            } else {
                bytes.push(*first);
                rest = tail;
            }
        }
        bytes
    }

    #[test]
    fn strings() {
        let cases: [(&[u8], &str); 8] = [
            (b"/etc/passwd", "/etc/passwd"),
            ("/tmp/käse".as_bytes(), "/tmp/käse"),
            (b"a\"b\\c\n", "a\"b\\c\n"),
            (b"\xff", r"\xff"),
            (br"\xff", r"\x5cxff"),
            (br"\\xff\x4", r"\\x5cxff\x4"),
            (b"\\\xff\\x\xc3", r"\\xff\x\xc3"),
            (b"", ""),
        ];
        for (bytes, expected) in cases {
            assert_eq!(json_of(bytes), expected);
            assert_eq!(unescape(expected), bytes, "{expected}");
        }
    }

    #[test]
    fn json_has_no_control_characters() {
        let mut out = Vec::new();
        json(&mut out, "\0\x1b[2J\x7f\u{9b}".as_bytes());
        assert_eq!(out, br#""\u0000\u001b[2J\u007f\u009b""#);
    }

    #[test]
    fn terminals_get_nothing_to_act_on() {
        let mut out = String::new();
        terminal(&mut out, "\x1b]0;x\x07 a\nb\u{9b}31m \u{202e}gpj.exe ü\\".as_bytes());
        assert_eq!(out, r"\u{1b}]0;x\u{7} a\nb\u{9b}31m \u{202e}gpj.exe ü\");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(bytes in proptest::collection::vec(hostile(), 0..40)) {
            let bytes = bytes.concat();
            prop_assert_eq!(unescape(&json_of(&bytes)), bytes);
        }

        #[test]
        fn no_terminal_control(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut out = String::new();
            terminal(&mut out, &bytes);
            prop_assert!(!out.chars().any(char::is_control), "{:?}", out);
        }
    }

    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]),
            Just(b"\\x".to_vec()),
            Just(b"\\x4a".to_vec()),
            Just(b"\\".to_vec()),
            Just("ü".as_bytes().to_vec()),
        ]
    }
}
