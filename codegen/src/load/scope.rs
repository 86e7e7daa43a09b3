//! What names stand for.

use std::collections::HashMap;

use sentrace_yaml::{Errors, Place};

use super::raw::{File, Name};
use super::types;

/// The names of the file.
pub(super) struct Scope<'n> {
    pub(super) abis: Index<'n>,
    pub(super) sets: Index<'n>,
    pub(super) structs: Index<'n>,
    pub(super) irregular: Index<'n>,
    pub(super) groups: Index<'n>,
    pub(super) events: Index<'n>,
    pub(super) constants: Constants<'n>,
    /// Sets with wider values than their width says.
    pub(super) too_wide: Vec<usize>,
}

impl<'n> Scope<'n> {
    /// All names; those that stand for two things are errors.
    pub(super) fn of(raw: &File<'n>, errors: &mut Errors) -> Self {
        let sets = Index::of("set", raw.sets.iter().map(|set| set.name));
        let groups = Index::of("group", raw.groups.iter().map(|group| group.name));
        let structs = Index::of("structure", raw.structs.iter().map(|of| of.name));
        let mut distinct = |others: &Index<'_>, names: Vec<Name<'n>>| {
            for name in names {
                if types::is_built_in(name.text) {
                    errors.add(name.place, format!("`{}` is a type already", name.text));
                } else if let Some(place) = others.place(name.text) {
                    let message = format!("`{}` is a {} already", name.text, others.what);
                    errors.add(name.place, format!("{message} (line {})", place.line));
                }
            }
        };
        distinct(&groups, raw.sets.iter().map(|set| set.name).collect());
        distinct(&sets, raw.structs.iter().map(|of| of.name).collect());
        distinct(&Index::empty("group"), raw.groups.iter().map(|of| of.name).collect());
        Self {
            abis: Index::of("ABI", raw.abis.iter().map(|abi| abi.name)),
            irregular: Index::of("function", raw.irregular.iter().map(|of| of.name)),
            events: Index::of("event", raw.events.iter().map(|event| event.name)),
            constants: Constants::default(),
            too_wide: vec![],
            sets,
            groups,
            structs,
        }
    }
}

/// Names of one kind, with their indices.
pub(super) struct Index<'n> {
    what: &'static str,
    entries: HashMap<&'n str, (usize, Place)>,
}

impl<'n> Index<'n> {
    /// Names in the order of their indices. Of a name that comes twice, the first is meant.
    fn of(what: &'static str, names: impl Iterator<Item = Name<'n>>) -> Self {
        let mut index = Self::empty(what);
        for (id, name) in names.enumerate() {
            index.entries.entry(name.text).or_insert((id, name.place));
        }
        index
    }

    fn empty(what: &'static str) -> Self {
        Self { what, entries: HashMap::new() }
    }

    /// The index of a name, if there is such a thing.
    pub(super) fn get(&self, name: &str) -> Option<usize> {
        self.entries.get(name).map(|(id, _)| *id)
    }

    /// The index of a name; an error when there is no such thing.
    pub(super) fn find(&self, name: Name<'_>, errors: &mut Errors) -> Option<usize> {
        let id = self.get(name.text);
        if id.is_none() {
            errors.unknown(name.place, self.what, name.text, self.names());
        }
        id
    }

    /// All names.
    pub(super) fn names(&self) -> impl Iterator<Item = &'n str> {
        self.entries.keys().copied()
    }

    /// The name with an index.
    pub(super) fn name(&self, id: usize) -> &'n str {
        let found = self.entries.iter().find(|(_, (known, _))| *known == id);
        found.map_or("", |(name, _)| name)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn place(&self, name: &str) -> Option<Place> {
        self.entries.get(name).map(|(_, place)| *place)
    }
}

/// Names of values, by ABI.
#[derive(Default)]
pub(super) struct Constants<'n>(HashMap<&'n str, Constant>);

struct Constant {
    values: Vec<Option<i64>>,
    place: Place,
    rules: bool,
}

impl<'n> Constants<'n> {
    /// Adds one. Rules know a name but once: another value is an error.
    pub(super) fn add(
        &mut self,
        name: Name<'n>,
        values: &[Option<i64>],
        rules: Rules,
        errors: &mut Errors,
    ) {
        let rules = rules == Rules::Use;
        match self.0.get(name.text) {
            Some(known) if known.rules && rules && known.values != values => {
                let line = known.place.line;
                let message = format!("`{}` has another value in line {line}", name.text);
                errors.add(name.place, message);
            }
            Some(known) if known.rules || !rules => {}
            _ => {
                let constant = Constant { values: values.to_vec(), place: name.place, rules };
                self.0.insert(name.text, constant);
            }
        }
    }

    /// Its values.
    pub(super) fn get(&self, name: &str) -> Option<&[Option<i64>]> {
        self.0.get(name).map(|constant| constant.values.as_slice())
    }

    /// All names.
    pub(super) fn names(&self) -> impl Iterator<Item = &'n str> {
        self.0.keys().copied()
    }
}

/// Whether rules use a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    Use,
    DoNot,
}
