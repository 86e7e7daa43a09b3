//! What a plain scalar means (YAML 1.2, 10.3.2: core schema).

use crate::Value;

/// The value of a scalar without quotes. Numbers with a leading zero are text: YAML 1.1 took them
/// for octal, YAML 1.2 for decimal.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        _ => int(text).or_else(|| float(text)).unwrap_or_else(|| Value::Str(text.to_owned())),
    }
}

fn int(text: &str) -> Option<Value> {
    let radix = |digits: &str, radix| {
        let is_number = digits.starts_with(|c: char| c.is_digit(radix));
        is_number.then(|| i128::from_str_radix(digits, radix).ok())?
    };
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let value = if let Some(octal) = text.strip_prefix("0o") {
        radix(octal, 8)
    } else if let Some(hex) = text.strip_prefix("0x") {
        radix(hex, 16)
    } else if digits.starts_with(|c: char| c.is_ascii_digit()) && !has_leading_zero(digits) {
        text.parse().ok()
    } else {
        None
    };
    value.map(Value::Int)
}

fn float(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
        return Some(Value::Float(sign * f64::INFINITY));
    }
    let is_float =
        digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
            && digits.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
            && digits.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit())
            && !has_leading_zero(digits);
    if is_float { text.parse().ok().map(Value::Float) } else { None }
}

fn has_leading_zero(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let text = |text: &str| Value::Str(text.to_owned());
        let cases = [
            ("", Value::Null),
            ("~", Value::Null),
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("False", Value::Bool(false)),
            ("yes", text("yes")),
            ("0", Value::Int(0)),
            ("-12", Value::Int(-12)),
            ("+7", Value::Int(7)),
            ("0o17", Value::Int(15)),
            ("0x1F", Value::Int(31)),
            ("0x-1", text("0x-1")),
            ("0o9", text("0o9")),
            ("007", text("007")),
            ("-07", text("-07")),
            ("18446744073709551615", Value::Int(18_446_744_073_709_551_615)),
            ("1_000", text("1_000")),
            ("1.5", Value::Float(1.5)),
            ("-.5", Value::Float(-0.5)),
            ("1e3", Value::Float(1000.0)),
            ("-.inf", Value::Float(f64::NEG_INFINITY)),
            ("1.2.3", text("1.2.3")),
            ("1.69.3", text("1.69.3")),
            (".", text(".")),
            ("e3", text("e3")),
            ("--1", text("--1")),
            ("a b", text("a b")),
        ];
        for (plain_text, expected) in cases {
            assert_eq!(plain(plain_text), expected, "{plain_text}");
        }
    }
}
