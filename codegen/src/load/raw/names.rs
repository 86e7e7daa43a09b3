//! Names, and maps from names.

use std::ops::Deref;

use sentrace_yaml::{Errors, Node, Place};

/// A name and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name<'n> {
    pub(crate) text: &'n str,
    pub(crate) place: Place,
}

impl Deref for Name<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.text
    }
}

/// What a map holds.
#[derive(Clone, Copy)]
pub(super) struct Entries {
    /// What its entries are, in error messages.
    pub(super) what: &'static str,
    /// How many there may be.
    pub(super) max: usize,
    /// Whether a name may have several parts.
    pub(super) dotted: bool,
}

impl Entries {
    /// Plain names.
    pub(super) const fn of(what: &'static str, max: usize) -> Self {
        Self { what, max, dotted: false }
    }

    /// Names with dots.
    pub(super) const fn dotted(what: &'static str, max: usize) -> Self {
        Self { what, max, dotted: true }
    }

    /// The entries with their names, in the order of the file.
    pub(super) fn read<'n>(
        self,
        node: Option<&'n Node>,
        errors: &mut Errors,
    ) -> Vec<(Name<'n>, &'n Node)> {
        let Some(node) = node else { return vec![] };
        let mut entries = Vec::new();
        for (key, value) in node.map(errors) {
            let Some(text) = key.as_str() else {
                errors.expected(key, "a name");
                continue;
            };
            if entries.len() == self.max {
                errors.add(key.place, format!("more than {} {}s", self.max, self.what));
                break;
            }
            let is_name = if self.dotted { text.split('.').all(is_word) } else { is_word(text) };
            if !is_name {
                errors.add(key.place, format!("`{text}` is no name"));
                continue;
            }
            entries.push((Name { text, place: key.place }, value));
        }
        entries
    }
}

/// A number for ever; nothing where it was not readable.
pub(crate) type Id = (Option<u32>, Place);

/// The entries sorted by their ids, which are 0, 1, 2, … without gaps.
pub(super) fn dense<T>(
    what: &str,
    mut entries: Vec<T>,
    id: impl Fn(&T) -> Id,
    errors: &mut Errors,
) -> Vec<T> {
    entries.sort_by_key(|entry| id(entry).0.unwrap_or(u32::MAX));
    let mut last: Option<(u32, usize)> = None;
    for (id, place) in entries.iter().map(id) {
        let Some(id) = id else { continue };
        let next = last.map_or(0, |(last, _)| last + 1);
        match last {
            Some((last, line)) if last == id => {
                errors.add(place, format!("{what} id {id} is used already (line {line})"));
            }
            _ if id != next => {
                errors.add(place, format!("{what} id {next} is missing: ids have no gaps"));
            }
            _ => {}
        }
        last = Some((id, place.line));
    }
    entries
}

/// A reference to something by name.
pub(super) fn name<'n>(node: &'n Node, errors: &mut Errors) -> Option<Name<'n>> {
    Some(Name { text: node.text(errors)?, place: node.place })
}

/// A text for people; empty when there is none.
pub(super) fn doc<'n>(node: Option<&'n Node>, errors: &mut Errors) -> &'n str {
    node.and_then(|node| node.text(errors)).unwrap_or_default()
}

/// A truth value.
pub(super) fn flag(node: Option<&Node>, default: bool, errors: &mut Errors) -> bool {
    node.and_then(|node| node.bool(errors)).unwrap_or(default)
}

/// One of these words, or an error.
pub(super) fn one_of<T: Copy>(
    node: &Node,
    what: &str,
    known: &[(&str, T)],
    errors: &mut Errors,
) -> Option<T> {
    let text = node.text(errors)?;
    let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    if found.is_none() {
        errors.unknown(node.place, what, text, known.iter().map(|(name, _)| *name));
    }
    found
}

/// Whether it is a C identifier with at least one letter, which comes before any digit.
pub(super) fn is_word(text: &str) -> bool {
    text.trim_start_matches('_').starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
