//! Typed access: what a value should be, or an error that says what it is instead.

use std::ops::RangeBounds;

use crate::{Errors, Node, Value, nearest};

/// So many errors are enough for somebody who wants to repair the file; no more are suggested to.
const MANY: usize = 100;

impl Errors {
    /// Adds "expected …, found …".
    pub fn expected(&mut self, node: &Node, what: &str) {
        let found = node.value.describe();
        self.add(node.place, format!("expected {what}, found {found}"));
    }

    /// Adds "unknown …", with the candidate that was probably meant.
    pub fn unknown<'a>(
        &mut self,
        place: crate::Place,
        what: &str,
        name: &str,
        candidates: impl Iterator<Item = &'a str>,
    ) {
        let meant = if self.len() < MANY { nearest(name, candidates) } else { None };
        let meant = meant.map(|meant| format!(" (did you mean `{meant}`?)")).unwrap_or_default();
        self.add(place, format!("unknown {what} `{name}`{meant}"));
    }
}

impl Node {
    /// The text; anything else is an error.
    pub fn text(&self, errors: &mut Errors) -> Option<&str> {
        let text = self.as_str();
        if text.is_none() {
            errors.expected(self, "a string");
        }
        text
    }

    /// The truth value; anything else is an error.
    pub fn bool(&self, errors: &mut Errors) -> Option<bool> {
        let value = self.as_bool();
        if value.is_none() {
            errors.expected(self, "`true` or `false`");
        }
        value
    }

    /// The integer, if it is in the range; anything else is an error. `what` names the range in
    /// the error message.
    pub fn int<T: TryFrom<i128> + PartialOrd>(
        &self,
        range: impl RangeBounds<T>,
        what: &str,
        errors: &mut Errors,
    ) -> Option<T> {
        let Some(value) = self.as_int() else {
            errors.expected(self, what);
            return None;
        };
        let number = T::try_from(value).ok().filter(|value| range.contains(value));
        if number.is_none() {
            errors.add(self.place, format!("expected {what}, found {value}"));
        }
        number
    }

    /// The elements; anything but a list is an error.
    pub fn seq(&self, errors: &mut Errors) -> &[Node] {
        if !matches!(self.value, Value::Seq(_)) {
            errors.expected(self, "a list");
        }
        self.as_seq().unwrap_or_default()
    }

    /// Keys and values; anything but a map is an error. Nothing is an empty map.
    pub fn map(&self, errors: &mut Errors) -> &[(Node, Node)] {
        if !matches!(self.value, Value::Map(_) | Value::Null) {
            errors.expected(self, "a map");
        }
        self.as_map().unwrap_or_default()
    }
}

/// Reads a map whose keys are known: the keys that nobody asks for are errors.
#[derive(Debug)]
pub struct Fields<'n> {
    node: &'n Node,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Begins; anything but a map is an error, and has no keys.
    pub fn of(node: &'n Node, errors: &mut Errors) -> Self {
        node.map(errors);
        Self { node, known: Vec::new() }
    }

    /// The value of a key, if it is there.
    pub fn get(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        self.node.get(key)
    }

    /// The value of a key; an error when it is not there.
    pub fn need(&mut self, key: &'static str, errors: &mut Errors) -> Option<&'n Node> {
        let value = self.get(key);
        if value.is_none() && matches!(self.node.value, Value::Map(_) | Value::Null) {
            errors.add(self.node.place, format!("`{key}` is missing"));
        }
        value
    }

    /// Ends: every key that was not asked for is an error.
    pub fn finish(self, errors: &mut Errors) {
        for (key, _) in self.node.as_map().unwrap_or_default() {
            match key.as_str() {
                Some(name) if self.known.contains(&name) => {}
                Some(name) => errors.unknown(key.place, "key", name, self.known.iter().copied()),
                None => errors.expected(key, "a string as key"),
            }
        }
    }
}
