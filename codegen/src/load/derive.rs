//! The functions that compute fields.

use sentrace_yaml::Errors;

use super::raw;
use crate::model::FieldType;

/// A function of `schema/src/derive.rs`.
struct Function {
    name: &'static str,
    reads: Kind,
    gives: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Text,
    Texts,
    Ip,
}

const FUNCTIONS: [Function; 11] = [
    of("args", Kind::Texts, Kind::Text),
    of("args_flags", Kind::Texts, Kind::Texts),
    of("args_options", Kind::Texts, Kind::Texts),
    of("basename", Kind::Text, Kind::Text),
    of("comm_truncated", Kind::Text, Kind::Bool),
    of("envs", Kind::Texts, Kind::Texts),
    of("extension", Kind::Text, Kind::Text),
    of("is_public", Kind::Ip, Kind::Bool),
    of("rights", Kind::Int, Kind::Int),
    of("words", Kind::Text, Kind::Texts),
    of("xattr_namespace", Kind::Text, Kind::Text),
];

const fn of(name: &'static str, reads: Kind, gives: Kind) -> Function {
    Function { name, reads, gives }
}

/// Whether there is the function, and whether it reads and gives values of these types.
pub(super) fn check(
    raw: &raw::Derived<'_>,
    reads: Option<FieldType>,
    gives: FieldType,
    errors: &mut Errors,
) {
    let name = raw.by.text;
    let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
        let known = FUNCTIONS.iter().map(|function| function.name);
        return errors.unknown(raw.by.place, "function", name, known);
    };
    if reads.is_some_and(|reads| kind(reads) != Some(function.reads)) {
        errors.add(raw.of.place, format!("`{name}` does not read a field of this type"));
    }
    if kind(gives) != Some(function.gives) {
        errors.add(raw.ty.place, format!("`{name}` does not give a value of this type"));
    }
}

fn kind(ty: FieldType) -> Option<Kind> {
    use FieldType::*;
    Some(match ty {
        Bool => Kind::Bool,
        Int | Mode | Uid | Gid | Pid | Signal | Timestamp | Set(_) => Kind::Int,
        String | Path => Kind::Text,
        Strings => Kind::Texts,
        Ip => Kind::Ip,
        Ints | Group(_) => return None,
    })
}
