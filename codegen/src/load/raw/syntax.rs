//! Small languages inside of scalars: types, conditions, sources, values.

use sentrace_yaml::{Errors, Node, Place, Value as Scalar};

use super::names::{Name, is_word};

/// A type as written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TypeExpr<'n> {
    pub(crate) name: Name<'n>,
    pub(crate) form: TypeForm<'n>,
}

/// What follows the name of a type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TypeForm<'n> {
    /// Nothing.
    Plain,
    /// `path(ARG)`.
    With(Name<'n>),
    /// `TYPE*`.
    Pointer,
    /// `TYPE*(ARG)`.
    Array(Name<'n>),
    /// `TYPE[N]`.
    Padding(u32),
}

/// A condition on an argument.
#[derive(Debug, Clone)]
pub(crate) struct Condition<'n> {
    pub(crate) arg: Name<'n>,
    pub(crate) test: Test,
    /// One, or for [`Test::In`] several.
    pub(crate) values: Vec<Value<'n>>,
}

/// The operator of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    AnyBits,
    NoBits,
    Eq,
    Ne,
    In,
}

/// An integer, a constant, or several joined by `|`.
#[derive(Debug, Clone)]
pub(crate) struct Value<'n> {
    pub(crate) place: Place,
    pub(crate) atoms: Vec<Atom<'n>>,
}

/// A part of a [`Value`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Atom<'n> {
    Int(i64),
    Name(&'n str),
}

/// Where a value comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source<'n> {
    /// `rust(NAME)`.
    Rust(Name<'n>),
    /// `result`.
    Result(Place),
    /// `ARG.MEMBER`.
    Member(Name<'n>, Name<'n>),
    /// An argument, if there is one of this name, or a constant.
    Word(Name<'n>),
    /// A constant.
    Value(Value<'n>),
}

impl TypeForm<'_> {
    /// As it is written.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Plain => String::new(),
            Self::With(arg) => format!("({})", arg.text),
            Self::Pointer => "*".into(),
            Self::Array(arg) => format!("*({})", arg.text),
            Self::Padding(count) => format!("[{count}]"),
        }
    }
}

impl<'n> Value<'n> {
    /// A single constant.
    pub(crate) fn of(name: Name<'n>) -> Self {
        Self { place: name.place, atoms: vec![Atom::Name(name.text)] }
    }
}

impl Source<'_> {
    /// Where it stands.
    pub(crate) fn place(&self) -> Place {
        match self {
            Self::Rust(name) | Self::Member(name, _) | Self::Word(name) => name.place,
            Self::Result(place) => *place,
            Self::Value(value) => value.place,
        }
    }
}

/// Reads a type.
pub(super) fn type_expr<'n>(node: &'n Node, errors: &mut Errors) -> Option<TypeExpr<'n>> {
    let text = node.text(errors)?;
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let at = |text: &'n str| Name { text: text.trim(), place: node.place };
    let form = match rest.trim() {
        "" => Some(TypeForm::Plain),
        "*" => Some(TypeForm::Pointer),
        rest => {
            let inside = |open, close| rest.strip_prefix(open)?.strip_suffix(close).map(at);
            if let Some(arg) = inside("*(", ")") {
                Some(TypeForm::Array(arg))
            } else if let Some(arg) = inside("(", ")") {
                Some(TypeForm::With(arg))
            } else {
                inside("[", "]").and_then(|count| {
                    let count = count.parse().ok().filter(|count| (1..=65_536).contains(count));
                    count.map(TypeForm::Padding)
                })
            }
        }
    };
    if form.is_none() || !is_word(name) {
        errors.add(node.place, format!("`{text}` is no type"));
        return None;
    }
    Some(TypeExpr { name: at(name), form: form? })
}

/// Reads a condition.
pub(super) fn condition<'n>(node: &'n Node, errors: &mut Errors) -> Option<Condition<'n>> {
    let text = node.text(errors)?;
    let parsed = parse_condition(text, node.place);
    if parsed.is_none() {
        let forms =
            "`ARG & BITS`, `ARG !& BITS`, `ARG == VALUE`, `ARG != VALUE` or `ARG in [VALUE, …]`";
        errors.add(node.place, format!("`{text}` is no condition: expected {forms}"));
    }
    parsed
}

fn parse_condition(text: &str, place: Place) -> Option<Condition<'_>> {
    let (arg, rest) = text.trim().split_once(' ')?;
    let (operator, values) = rest.trim_start().split_once(' ')?;
    let test = match operator {
        "&" => Test::AnyBits,
        "!&" => Test::NoBits,
        "==" => Test::Eq,
        "!=" => Test::Ne,
        "in" => Test::In,
        _ => return None,
    };
    let values: Option<Vec<_>> = match test {
        Test::In => {
            let list = values.trim().strip_prefix('[')?.strip_suffix(']')?;
            list.split(',').map(|value| parse_value(value, place)).collect()
        }
        _ => parse_value(values, place).map(|value| vec![value]),
    };
    let arg = Name { text: Some(arg).filter(|arg| is_word(arg))?, place };
    Some(Condition { arg, test, values: values? })
}

/// Reads one condition, or a list of them.
pub(super) fn conditions<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Vec<Condition<'n>> {
    let Some(node) = node else { return vec![] };
    match &node.value {
        Scalar::Seq(list) => list.iter().filter_map(|node| condition(node, errors)).collect(),
        _ => condition(node, errors).into_iter().collect(),
    }
}

/// Reads a source.
pub(super) fn source<'n>(node: &'n Node, errors: &mut Errors) -> Option<Source<'n>> {
    let place = node.place;
    let int = |value| Some(Source::Value(Value { place, atoms: vec![Atom::Int(value)] }));
    let text = match &node.value {
        Scalar::Int(_) => return int(node.int(.., "a 64-bit integer", errors)?),
        Scalar::Bool(value) => return int(i64::from(*value)),
        Scalar::Str(text) => text.trim(),
        _ => {
            errors.expected(node, "a source");
            return None;
        }
    };
    let at = |text| Name { text, place };
    if text == "result" {
        return Some(Source::Result(place));
    }
    if let Some(function) = rust(text) {
        return Some(Source::Rust(at(function)));
    }
    if let Some((arg, member)) =
        text.split_once('.').filter(|(arg, member)| is_word(arg) && is_word(member))
    {
        return Some(Source::Member(at(arg), at(member)));
    }
    if is_word(text) {
        return Some(Source::Word(at(text)));
    }
    let value = parse_value(text, place);
    if value.is_none() {
        errors.add(place, format!("`{text}` is no source: expected an argument, `ARG.MEMBER`, `result`, a constant or `rust(NAME)`"));
    }
    value.map(Source::Value)
}

/// The name in `rust(NAME)`.
pub(super) fn rust(text: &str) -> Option<&str> {
    text.strip_prefix("rust(")?.strip_suffix(')')
}

/// A value: `O_CREAT|O_WRONLY`, `-100`, `0x10`.
pub(super) fn parse_value(text: &str, place: Place) -> Option<Value<'_>> {
    let atoms: Option<Vec<_>> = text.split('|').map(|part| atom(part.trim())).collect();
    Some(Value { place, atoms: atoms? })
}

fn atom(text: &str) -> Option<Atom<'_>> {
    if is_word(text) {
        return Some(Atom::Name(text));
    }
    let value = if let Some(hex) = text.strip_prefix("0x") {
        u64::from_str_radix(hex, 16).ok()?.cast_signed()
    } else if let Some(octal) = text.strip_prefix("0o") {
        u64::from_str_radix(octal, 8).ok()?.cast_signed()
    } else {
        text.parse().ok()?
    };
    Some(Atom::Int(value))
}
