//! Where fields come from, and what fits in them.

use sentrace_yaml::Errors;

use super::conditions::{self, On};
use super::raw::{self, Name};
use super::records::Default;
use super::scope::Scope;
use super::types::is_plain;
use crate::model::{Arg, FieldType, Gives, Model, Scalar, Source, Struct, Type};

/// A source, if it exists.
pub(super) fn resolve(
    raw: &raw::Source<'_>,
    args: &[Option<Arg>],
    on: On<'_>,
    structs: &[Struct],
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<Source> {
    let constant = |value: &raw::Value<'_>, errors: &mut Errors| {
        conditions::constant(value, on, scope, errors).map(Source::Const)
    };
    match raw {
        raw::Source::Rust(name) => scope.irregular.find(*name, errors).map(Source::Rust),
        raw::Source::Result(_) => Some(Source::Result),
        raw::Source::Value(value) => constant(value, errors),
        raw::Source::Member(name, of) => member(*name, *of, args, structs, errors),
        raw::Source::Word(name) => {
            if let Some(arg) = position(name.text, args) {
                return Some(Source::Arg(arg));
            }
            if scope.constants.get(name.text).is_some() {
                return constant(&raw::Value::of(*name), errors);
            }
            if are_known(args) {
                let known = args.iter().flatten().map(|arg| arg.name.as_str());
                let known = known.chain(scope.constants.names());
                errors.unknown(name.place, "source", name.text, known);
            }
            None
        }
    }
}

fn member(
    name: Name<'_>,
    of: Name<'_>,
    args: &[Option<Arg>],
    structs: &[Struct],
    errors: &mut Errors,
) -> Option<Source> {
    let (arg, Arg { ty, .. }) = argument(name, args, errors)?;
    let Type::StructPtr(structure, _) = *ty else {
        errors.add(name.place, format!("`{}` points to no structure", name.text));
        return None;
    };
    let members = &structs[structure].members;
    let Some(member) = members.iter().position(|member| member.name == of.text) else {
        let known = members.iter().map(|member| member.name.as_str());
        errors.unknown(of.place, "member", of.text, known);
        return None;
    };
    if members[member].count.is_some() {
        errors.add(of.place, format!("`{}` is an array, which is not read", of.text));
    }
    Some(Source::Member { arg, of: structure, member })
}

/// The argument of this name; an error when there is none.
pub(super) fn argument<'a>(
    name: Name<'_>,
    args: &'a [Option<Arg>],
    errors: &mut Errors,
) -> Option<(usize, &'a Arg)> {
    let index = position(name.text, args);
    if index.is_none() && are_known(args) {
        let known = args.iter().flatten().map(|arg| arg.name.as_str());
        errors.unknown(name.place, "argument", name.text, known);
    }
    Some((index?, args[index?].as_ref()?))
}

/// Whether nothing is wrong with any argument: otherwise that has been said, and a name that is
/// not there may be of one of those.
pub(super) fn are_known(args: &[Option<Arg>]) -> bool {
    args.iter().all(Option::is_some)
}

/// The index of the argument of this name.
pub(super) fn position(name: &str, args: &[Option<Arg>]) -> Option<usize> {
    args.iter().position(|arg| arg.as_ref().is_some_and(|arg| arg.name == name))
}

/// Whether a field can be filled from a source.
pub(super) fn fits(ty: FieldType, source: &Source, args: &[Option<Arg>], model: &Model) -> bool {
    let from = match source {
        Source::Rust(function) => return model.irregular[*function].gives == Gives::Value(ty),
        Source::Result | Source::Const(_) => return takes_number(ty, None, model),
        Source::Member { of, member, .. } => {
            return takes_number(ty, Some(model.structs[*of].members[*member].ty), model);
        }
        Source::Arg(arg) => match args.get(*arg) {
            Some(Some(arg)) => &arg.ty,
            _ => return true,
        },
    };
    match (ty, from) {
        (_, Type::Scalar(scalar)) => takes_number(ty, Some(*scalar), model),
        (FieldType::String, Type::Path { .. } | Type::String | Type::Bytes { .. })
        | (FieldType::Path, Type::Path { .. } | Type::String)
        | (FieldType::Strings, Type::Strings)
        | (FieldType::Ints, Type::ScalarPtr(..)) => true,
        (FieldType::Group(group), Type::Path { .. }) => model.groups[group].name == "file",
        (FieldType::Group(group), Type::Sockaddr { .. }) => model.groups[group].name == "addr",
        (_, Type::ScalarPtr(scalar, _)) => takes_number(ty, Some(*scalar), model),
        // Whether there is a pointer.
        (FieldType::Bool, _) => true,
        _ => false,
    }
}

/// Whether a field can be filled from a number: of an argument or member with this type, or a
/// constant or result.
fn takes_number(ty: FieldType, from: Option<Scalar>, model: &Model) -> bool {
    use Scalar::*;
    let Some(from) = from else {
        return match ty {
            FieldType::String | FieldType::Path | FieldType::Strings => false,
            FieldType::Ints | FieldType::Ip => false,
            FieldType::Group(group) => {
                matches!(model.groups[group].name.as_str(), "file" | "process" | "socket")
            }
            _ => true,
        };
    };
    match ty {
        FieldType::Int | FieldType::Bool => true,
        FieldType::String => matches!(from, Uid | Gid | OldUid | OldGid),
        FieldType::Group(group) => match model.groups[group].name.as_str() {
            "file" | "socket" => matches!(from, Fd | Dirfd),
            "process" => matches!(from, Pid),
            _ => false,
        },
        FieldType::Set(set) => is_plain(from) || matches!(from, Mode | Signal) || from == Set(set),
        FieldType::Mode => is_plain(from) || from == Mode,
        FieldType::Uid => is_plain(from) || matches!(from, Uid | OldUid),
        FieldType::Gid => is_plain(from) || matches!(from, Gid | OldGid),
        FieldType::Pid => is_plain(from) || from == Pid,
        FieldType::Signal => is_plain(from) || from == Signal,
        FieldType::Timestamp => is_plain(from),
        FieldType::Path | FieldType::Strings | FieldType::Ints | FieldType::Ip => false,
    }
}

/// Whether a default is one for a field of this type.
pub(super) fn takes_default(ty: FieldType, default: &Default, model: &Model) -> bool {
    use FieldType::*;
    match default {
        Default::Empty => matches!(ty, String | Path | Strings | Ints | Ip | Group(_)),
        Default::Const(_) => takes_number(ty, None, model),
    }
}
