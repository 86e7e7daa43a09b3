//! What the language needs to know from outside: which names there are ([`Registry`]) and which
//! values they have for one event ([`Context`]).

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// Elements of an iterator that are looked at: what is further away is ignored.
pub const MAX_ELEMENTS: usize = 1024;

/// The type of a value, or of the elements of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// 64-bit signed.
    Int,
    /// Nanoseconds since the epoch: compared with a duration it is an age.
    Time,
    /// Bytes, mostly UTF-8.
    Str(Text),
    /// An IP address or a network.
    Ip,
}

/// How strings are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Text {
    /// As they are.
    Plain,
    /// Letter case does not count (ASCII).
    Caseless,
    /// A leading dot does not count.
    Extension,
    /// A path as a program gave it: patterns are globs.
    GivenPath,
    /// An absolute, clean path: patterns are globs, and what can never match is an error.
    Path,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Time => "timestamp",
            Kind::Str(_) => "string",
            Kind::Ip => "IP address",
        })
    }
}

/// A field that a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldRef<F> {
    /// What the context knows it by.
    pub field: F,
    /// Its type, or that of its elements.
    pub kind: Kind,
    /// Whether it is an array.
    pub array: bool,
    /// The prefix of its name that is walked element by element: `process.ancestors`.
    pub iterator: Option<String>,
    /// The type of event that it belongs to; `None` for those that every event has.
    pub event: Option<String>,
    /// How long reading it takes, relative to others: 5 for what lies ready.
    pub cost: u32,
}

/// A variable that a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariableRef {
    /// Its type, or that of its elements.
    pub kind: Kind,
    /// Whether it is an array.
    pub array: bool,
}

/// A name with a fixed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constant {
    /// True or false.
    Bool(bool),
    /// A number.
    Int(i64),
}

/// The names that expressions may use. Macros come on top, see [`super::Macros`].
pub trait Registry {
    /// What the context knows a field by.
    type Field: Clone + fmt::Debug;

    /// The field of a name, without indices and registers.
    fn field(&self, name: &str) -> Option<FieldRef<Self::Field>>;

    /// The constant of a name.
    fn constant(&self, name: &str) -> Option<Constant>;

    /// The variable of a name as it stands between the braces of `${}`.
    fn variable(&self, name: &str) -> Option<VariableRef>;

    /// The field, constant or variable that was probably meant.
    fn nearest(&self, name: &str) -> Option<String>;
}

/// The values for one event.
pub trait Context {
    /// What it knows fields by.
    type Field;

    /// The value of a field, of one element for fields of an iterator. A field without a value has
    /// the zero value of its type.
    fn value(&self, field: &Self::Field, element: Option<usize>) -> Value<'_>;

    /// How many elements the iterator of a field has.
    fn elements(&self, field: &Self::Field) -> usize;

    /// The value of a variable, as it stands between the braces of `${}`; an unset one has the
    /// zero value of its type.
    fn variable(&self, name: &str) -> Value<'_>;

    /// Time of the event in nanoseconds since the epoch.
    fn now(&self) -> i64;
}

/// A value, mostly borrowed from the event.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// [`Kind::Bool`].
    Bool(bool),
    /// [`Kind::Int`] and [`Kind::Time`].
    Int(i64),
    /// [`Kind::Str`].
    Str(Cow<'a, [u8]>),
    /// [`Kind::Ip`]; `None` when there is no address.
    Ip(Option<IpAddr>),
    /// An array of numbers.
    Ints(Cow<'a, [i64]>),
    /// An array of strings.
    Strs(&'a [Vec<u8>]),
    /// An array of strings that was put together on demand.
    Parts(Vec<Cow<'a, [u8]>>),
    /// One string that has several names, of which the first is its value: a comparison holds
    /// when it does for one of them.
    Names(Vec<Cow<'a, [u8]>>),
    /// An array of networks.
    Nets(&'a [IpNet]),
}

impl Value<'_> {
    /// Bytes of a string, elements of an array, 0 for others.
    pub fn len(&self) -> usize {
        match self {
            Value::Str(text) => text.len(),
            Value::Ints(values) => values.len(),
            Value::Strs(values) => values.len(),
            Value::Parts(values) => values.len(),
            Value::Names(names) => names.first().map_or(0, |name| name.len()),
            Value::Nets(values) => values.len(),
            Value::Bool(_) | Value::Int(_) | Value::Ip(_) => 0,
        }
    }

    /// Whether [`Value::len`] is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One element of an array, the zero value when there are not as many.
    pub fn element(&self, index: usize) -> Value<'_> {
        match self {
            Value::Ints(values) => Value::Int(values.get(index).copied().unwrap_or(0)),
            Value::Strs(values) => {
                Value::Str(values.get(index).map_or(&[][..], Vec::as_slice).into())
            }
            Value::Parts(values) => {
                Value::Str(values.get(index).map_or(&[][..], AsRef::as_ref).into())
            }
            Value::Nets(values) => match values.get(index) {
                Some(net) => Value::Nets(std::slice::from_ref(net)),
                None => Value::Nets(&[]),
            },
            other => other.clone(),
        }
    }
}
