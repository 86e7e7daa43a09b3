//! YAML as a tree with places, so that every complaint names its line.
//!
//! ```
//! use sentrace_yaml::{Errors, Value, parse};
//!
//! let node = parse("a.yaml", "list:\n  - 1\n")?;
//! let Value::Map(entries) = &node.value else { panic!("a map") };
//! let (key, list) = &entries[0];
//! assert_eq!((key.place.line, key.place.column), (1, 1));
//! assert_eq!(list.place.line, 2);
//!
//! let mut errors = Errors::new("a.yaml");
//! errors.add(list.place, "a list is not expected here");
//! assert_eq!(errors.to_string(), "a.yaml:2:3: a list is not expected here");
//! # Ok::<(), Errors>(())
//! ```
//!
//! The language is the part of YAML 1.2 (core schema) that people write by hand: no anchors,
//! aliases and tags, one document, text as keys. What is ambiguous is an error.
#![forbid(unsafe_code)]

mod build;
mod errors;
mod nearest;
mod read;
mod scalar;

pub use build::{MAX_DEPTH, MAX_SIZE, parse};
pub use errors::{Errors, Located, MAX_ERRORS};
pub use nearest::nearest;
pub use read::Fields;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

impl Node {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one without a fraction.
    pub fn as_int(&self) -> Option<i128> {
        match self.value {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn as_seq(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Seq(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// Keys and values, if it is a map.
    pub fn as_map(&self) -> Option<&[(Node, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key, if it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let (_, value) = self.as_map()?.iter().find(|(name, _)| name.as_str() == Some(key))?;
        Some(value)
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// `12`, `0o14`, `0xC`.
    Int(i128),
    /// `1.5`, `.inf`.
    Float(f64),
    /// Any other scalar, and every quoted one.
    Str(String),
    /// A list.
    Seq(Vec<Node>),
    /// A map in the order of the file. Keys are scalars, and no key comes twice.
    Map(Vec<(Node, Node)>),
}

impl Value {
    /// How an error message calls it.
    pub fn describe(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Str(_) => "a string",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Bytes before it.
    pub offset: usize,
    /// Bytes of it.
    pub len: usize,
}
