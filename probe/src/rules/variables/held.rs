//! The value of one variable.

use std::borrow::Cow;

use crate::secl::{Kind, Owned, Value, VariableRef};

use super::{How, OVERHEAD};

/// Bytes of a string; what is longer is cut.
const TEXT_MAX: usize = 4096;
/// Elements of an array that an alert shows.
const SHOWN_MAX: usize = 100;

/// The value of one variable.
#[derive(Debug, Clone)]
pub(super) struct Held {
    value: Stored,
    /// When a single value is forgotten, in ns since the epoch; 0 while it is unset.
    expires: u64,
    bytes: usize,
}

#[derive(Debug, Clone)]
enum Stored {
    Bool(bool),
    Int(i64),
    Str(Vec<u8>),
    Ints(List<i64>),
    Strs(List<Vec<u8>>),
}

/// Different elements, the newest last.
#[derive(Debug, Clone, Default)]
struct List<T> {
    elements: Vec<T>,
    /// When each is forgotten.
    expires: Vec<u64>,
    /// The least of these.
    earliest: u64,
}

impl Held {
    /// A variable that is not set yet.
    pub(super) fn new(ty: VariableRef) -> Self {
        let value = match (ty.kind, ty.array) {
            (Kind::Bool, _) => Stored::Bool(false),
            (Kind::Int | Kind::Time, false) => Stored::Int(0),
            (Kind::Int | Kind::Time, true) => Stored::Ints(List::default()),
            (_, false) => Stored::Str(Vec::new()),
            (_, true) => Stored::Strs(List::default()),
        };
        Self { value, expires: 0, bytes: 0 }
    }

    /// What it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it has a value at this time.
    pub(super) fn is_set(&self, now: u64) -> bool {
        match &self.value {
            Stored::Ints(list) => list.expires.iter().any(|expires| *expires > now),
            Stored::Strs(list) => list.expires.iter().any(|expires| *expires > now),
            _ => self.expires > now,
        }
    }

    /// Gives it a value, or adds to the one that it has.
    pub(super) fn set(&mut self, value: Owned, how: How, now: u64) {
        let fresh = !how.append || !self.is_set(now);
        match (&mut self.value, value) {
            (Stored::Bool(held), Owned::Bool(value)) => *held = value,
            (Stored::Int(held), Owned::Int(value)) => {
                *held = if fresh { value } else { held.wrapping_add(value) };
            }
            (Stored::Str(held), Owned::Str(value)) => {
                if fresh {
                    held.clear();
                }
                let room = TEXT_MAX.saturating_sub(held.len());
                held.extend_from_slice(&value[..value.len().min(room)]);
            }
            (Stored::Ints(list), Owned::Int(value)) => list.add([value], fresh, how, now),
            (Stored::Ints(list), Owned::Ints(values)) => list.add(values, fresh, how, now),
            (Stored::Strs(list), Owned::Str(value)) => list.add([cut(value)], fresh, how, now),
            (Stored::Strs(list), Owned::Strs(values)) => {
                list.add(values.into_iter().map(cut), fresh, how, now);
            }
            _ => return,
        }
        self.expires = how.expires;
        self.bytes = OVERHEAD
            + match &self.value {
                Stored::Bool(_) | Stored::Int(_) => 0,
                Stored::Str(text) => text.len(),
                Stored::Ints(list) => 16 * list.elements.len(),
                Stored::Strs(list) => {
                    list.elements.iter().map(|text| text.len() + OVERHEAD).sum::<usize>()
                }
            };
    }

    /// Its value at this time.
    pub(super) fn value(&self, now: u64) -> Value<'_> {
        match &self.value {
            Stored::Bool(value) => Value::Bool(*value),
            Stored::Int(value) => Value::Int(*value),
            Stored::Str(value) => Value::Str(value.into()),
            Stored::Ints(list) if list.earliest > now => Value::Ints(list.elements[..].into()),
            Stored::Ints(list) => Value::Ints(list.live(now).copied().collect::<Vec<_>>().into()),
            Stored::Strs(list) if list.earliest > now => Value::Strs(&list.elements),
            Stored::Strs(list) => Value::Parts(list.live(now).map(Cow::from).collect()),
        }
    }

    /// Its value for an alert: of an array the newest elements.
    pub(super) fn shown(&self, now: u64) -> Owned {
        match &self.value {
            Stored::Bool(value) => Owned::Bool(*value),
            Stored::Int(value) => Owned::Int(*value),
            Stored::Str(value) => Owned::Str(value.clone()),
            Stored::Ints(list) => Owned::Ints(list.newest(now)),
            Stored::Strs(list) => Owned::Strs(list.newest(now)),
        }
    }
}

impl<T: PartialEq + Clone> List<T> {
    fn add(&mut self, values: impl IntoIterator<Item = T>, fresh: bool, how: How, now: u64) {
        if fresh {
            self.elements.clear();
            self.expires.clear();
        } else if self.earliest <= now {
            let mut expires = self.expires.iter();
            self.elements.retain(|_| expires.next().is_some_and(|expires| *expires > now));
            self.expires.retain(|expires| *expires > now);
        }
        for value in values {
            if let Some(at) = self.elements.iter().position(|element| *element == value) {
                self.elements.remove(at);
                self.expires.remove(at);
            }
            self.elements.push(value);
            self.expires.push(how.expires);
        }
        let excess = self.elements.len().saturating_sub(how.size);
        self.elements.drain(..excess);
        self.expires.drain(..excess);
        self.earliest = self.expires.iter().copied().min().unwrap_or(0);
    }

    fn live(&self, now: u64) -> impl DoubleEndedIterator<Item = &T> {
        let both = self.elements.iter().zip(&self.expires);
        both.filter(move |(_, expires)| **expires > now).map(|(element, _)| element)
    }

    fn newest(&self, now: u64) -> Vec<T> {
        let mut newest: Vec<T> = self.live(now).rev().take(SHOWN_MAX).cloned().collect();
        newest.reverse();
        newest
    }
}

/// A value as those that read it see it.
pub(super) fn borrow(value: &Owned) -> Value<'_> {
    match value {
        Owned::Bool(value) => Value::Bool(*value),
        Owned::Int(value) => Value::Int(*value),
        Owned::Str(value) => Value::Str(value.into()),
        Owned::Ip(value) => Value::Ip(*value),
        Owned::Ints(values) => Value::Ints(values[..].into()),
        Owned::Strs(values) => Value::Strs(values),
    }
}

fn cut(mut text: Vec<u8>) -> Vec<u8> {
    text.truncate(TEXT_MAX);
    text.shrink_to_fit();
    text
}
