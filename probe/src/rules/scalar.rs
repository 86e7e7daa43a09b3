//! Reads the values of a policy's keys.

use std::ops::Range;
use std::time::Duration;

use sentrace_yaml::{Errors, Node, Value};

use super::place::locate;
use crate::secl::{Owned, Span};

/// A scalar of a file: mostly an expression.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scalar<'n> {
    /// Index of the file.
    pub(super) source: usize,
    pub(super) node: &'n Node,
    file: &'n str,
}

impl<'n> Scalar<'n> {
    /// Its text; numbers and the like as they are written.
    pub(super) fn text(&self) -> &'n str {
        self.node.as_str().unwrap_or_else(|| self.raw().trim())
    }

    /// Where a part of its text stands in the file.
    pub(super) fn locate(&self, part: Span) -> Range<usize> {
        locate(self.text(), self.raw(), self.node.place.offset, part.range())
    }

    fn raw(&self) -> &'n str {
        let place = self.node.place;
        self.file.get(place.offset..place.offset + place.len).unwrap_or_default()
    }
}

/// Reads the nodes of a file and collects what is wrong with them.
pub(super) struct Reader<'n> {
    pub(super) source: usize,
    pub(super) file: &'n str,
    pub(super) errors: Errors,
}

impl<'n> Reader<'n> {
    /// Nothing is wrong yet.
    pub(super) fn new(source: usize, file: &'n str) -> Self {
        Self { source, file, errors: Errors::new("") }
    }

    /// A string, a number or a truth value.
    pub(super) fn scalar(&mut self, node: &'n Node) -> Option<Scalar<'n>> {
        if matches!(node.value, Value::Seq(_) | Value::Map(_) | Value::Null) {
            self.errors.expected(node, "a string");
            return None;
        }
        Some(Scalar { source: self.source, node, file: self.file })
    }

    /// The text of a scalar.
    pub(super) fn text(&mut self, node: &'n Node) -> Option<String> {
        self.scalar(node).map(|scalar| scalar.text().to_owned())
    }

    /// The text of each scalar of a list.
    pub(super) fn texts(&mut self, node: &'n Node) -> Vec<String> {
        let nodes = node.seq(&mut self.errors);
        nodes.iter().filter_map(|node| self.text(node)).collect()
    }

    /// The scalars of a list.
    pub(super) fn scalars(&mut self, node: &'n Node) -> Vec<Scalar<'n>> {
        let nodes = node.seq(&mut self.errors);
        nodes.iter().filter_map(|node| self.scalar(node)).collect()
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: &'n Node,
        what: &str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let text = node.text(&mut self.errors)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            self.errors.unknown(node.place, what, text, words.iter().map(|(word, _)| *word));
        }
        found.map(|(_, value)| *value)
    }

    /// A duration, or a number of nanoseconds.
    pub(super) fn duration(&mut self, node: &'n Node) -> Option<Duration> {
        let found = match &node.value {
            Value::Int(value) => u64::try_from(*value).ok(),
            Value::Str(text) => nanoseconds(text),
            _ => None,
        };
        if found.is_none() {
            let what = "a duration such as `10s`, or nanoseconds";
            self.errors.add(node.place, format!("expected {what}"));
        }
        found.map(Duration::from_nanos)
    }

    /// The value of a variable.
    pub(super) fn value(&mut self, node: &'n Node) -> Option<Owned> {
        let int = |value: &i128| i64::try_from(*value).ok();
        let found = match &node.value {
            Value::Bool(value) => Some(Owned::Bool(*value)),
            Value::Int(value) => int(value).map(Owned::Int),
            Value::Str(text) => Some(Owned::Str(text.clone().into_bytes())),
            Value::Seq(nodes) if !nodes.is_empty() && nodes[0].as_int().is_some() => nodes
                .iter()
                .map(|node| int(&node.as_int()?))
                .collect::<Option<_>>()
                .map(Owned::Ints),
            Value::Seq(nodes) => nodes
                .iter()
                .map(|node| Some(node.as_str()?.as_bytes().to_vec()))
                .collect::<Option<_>>()
                .map(Owned::Strs),
            _ => None,
        };
        if found.is_none() {
            let what = "a string, an integer, a boolean, or a list of strings or of integers";
            self.errors.expected(node, what);
        }
        found
    }
}

/// `1h30m`, `1.5s`, `200ms` in nanoseconds.
fn nanoseconds(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let mut total: u64 = 0;
    let mut rest = text.trim();
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, unit) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        total = total.checked_add(whole.parse::<u64>().ok()?.checked_mul(unit)?)?;
        let mut part = unit;
        for digit in fraction.bytes() {
            part /= 10;
            total = total.checked_add(u64::from(digit.checked_sub(b'0')?) * part)?;
        }
        rest = after;
        if rest.is_empty() {
            return Some(total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("10s", Some(10_000_000_000)),
            ("1h30m", Some(5_400_000_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("200ms", Some(200_000_000)),
            ("7ns", Some(7)),
            ("0s", Some(0)),
            ("10", None),
            ("s", None),
            ("", None),
            ("1.2.3s", None),
            ("10 s", None),
            ("1d", None),
            ("99999999999h", None),
            ("-1s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(nanoseconds(text), expected, "{text}");
        }
    }
}
