//! Types of arguments, members and fields.

use sentrace_yaml::Errors;

use super::conditions::{self, On};
use super::raw::{self, Name, TypeExpr, TypeForm};
use super::scope::Scope;
use crate::model::{
    Arg, Count, Dir, FieldType, Follow, Gives, Irregular, Member, Scalar, Struct, Type,
};

/// What a function gives that finds the call behind another.
const CALL: &str = "call";

const MEMORY: [&str; 6] = ["path", "string", "strings", "bytes", "sockaddr", "opaque"];

/// Whether a type of this name needs no declaration.
pub(super) fn is_built_in(name: &str) -> bool {
    Scalar::NAMED.iter().any(|(known, _)| *known == name)
        || FieldType::NAMED.iter().any(|(known, _)| *known == name)
        || MEMORY.contains(&name)
        || name == CALL
}

/// A function, with the type of what it gives.
pub(super) fn function(
    raw: &raw::Irregular<'_>,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Irregular {
    let gives = raw.ty.filter(|ty| ty.text != CALL).and_then(|ty| field(ty, scope, errors));
    let gives = gives.map_or(Gives::Call, Gives::Value);
    Irregular { name: raw.name.text.into(), gives, reason: raw.reason.into() }
}

/// The type of a field.
pub(super) fn field(name: Name<'_>, scope: &Scope<'_>, errors: &mut Errors) -> Option<FieldType> {
    let built_in = FieldType::NAMED.iter().find(|(known, _)| *known == name.text);
    let found = built_in.map(|(_, ty)| *ty);
    let found = found.or_else(|| scope.sets.get(name.text).map(FieldType::Set));
    let found = found.or_else(|| scope.groups.get(name.text).map(FieldType::Group));
    if found.is_none() {
        let known = FieldType::NAMED.iter().map(|(name, _)| *name);
        let known = known.chain(scope.sets.names()).chain(scope.groups.names());
        errors.unknown(name.place, "type", name.text, known);
    }
    found
}

/// A structure, not laid out yet.
pub(super) fn structure(raw: &raw::Struct<'_>, scope: &Scope<'_>, errors: &mut Errors) -> Struct {
    let members = raw.members.iter().filter_map(|raw| {
        let count = match raw.ty.form {
            TypeForm::Plain => None,
            TypeForm::Padding(count) => Some(count),
            _ => {
                let message = "a member is a scalar or an array of them; pointers are `address`";
                errors.add(raw.ty.name.place, message);
                return None;
            }
        };
        let ty = scalar(raw.ty.name, scope, errors);
        if ty.is_none() {
            let known = Scalar::NAMED.iter().map(|(name, _)| *name).chain(scope.sets.names());
            errors.unknown(raw.ty.name.place, "scalar type", raw.ty.name.text, known);
        }
        Some(Member { name: raw.name.text.into(), ty: ty?, count, offset: vec![] })
    });
    Struct { name: raw.name.text.into(), members: members.collect(), size: vec![] }
}

/// The arguments of a call with these numbers: `None` for those whose type is wrong.
pub(super) fn args(
    raw: &[&raw::Arg<'_>],
    on: On<'_>,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Vec<Option<Arg>> {
    let names: Vec<_> = raw.iter().map(|arg| arg.name).collect();
    let mut args: Vec<_> = raw.iter().map(|raw| arg(raw, &names, scope, errors)).collect();
    for (index, raw) in raw.iter().enumerate() {
        if let (Some(Arg { ty, .. }), Some(written)) = (&args[index], raw.ty) {
            references(ty, written, &args, errors);
        }
        // Conditions look at the other arguments.
        if let Some((raw::Follow::When(when), _)) = &raw.follow
            && let Some(when) = conditions::resolve(when, &args, on, scope, errors)
            && let Some(Arg { ty: Type::Path { follow, .. }, .. }) = &mut args[index]
        {
            *follow = Follow::When(when);
        }
    }
    args
}

fn arg(
    raw: &raw::Arg<'_>,
    names: &[Name<'_>],
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<Arg> {
    let written = raw.ty?;
    let mut ty = ty(written, names, scope, errors)?;
    let mut misplaced = |place, key, kind| {
        errors.add(place, format!("`{key}` is for {kind} only"));
    };
    match (&mut ty, &raw.follow) {
        (Type::Path { follow, .. }, Some((raw::Follow::Never, _))) => *follow = Follow::Never,
        (Type::Path { .. }, _) | (_, None) => {}
        (_, Some((_, place))) => misplaced(*place, "follow", "paths"),
    }
    match (&mut ty, raw.of) {
        (_, None) => {}
        (Type::Opaque { of }, Some(name)) => *of = name.text.into(),
        (_, Some(name)) => misplaced(name.place, "of", "`opaque`"),
    }
    match (&mut ty, raw.count) {
        (_, None) => {}
        (Type::ScalarPtr(_, count) | Type::StructPtr(_, count), Some((number, _)))
            if *count == Count::Fixed(1) =>
        {
            *count = Count::Fixed(number);
        }
        (_, Some((_, place))) => misplaced(place, "count", "pointers without a length argument"),
    }
    match (&ty, raw.dir) {
        (Type::Scalar(_), Some((_, place))) => misplaced(place, "dir", "pointers"),
        (Type::Path { .. }, Some((Dir::Out | Dir::InOut, place))) => {
            errors
                .add(place, "a path is read by the kernel; what it writes is `string` or `bytes`");
        }
        _ => {}
    }
    let dir = raw.dir.map_or(Dir::In, |(dir, _)| dir);
    Some(Arg { name: raw.name.text.into(), ty, dir })
}

fn ty(
    written: TypeExpr<'_>,
    names: &[Name<'_>],
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<Type> {
    let TypeExpr { name, form } = written;
    let argument = |arg: Name<'_>, errors: &mut Errors| {
        let index = names.iter().position(|name| name.text == arg.text);
        if index.is_none() {
            let known = names.iter().map(|name| name.text);
            errors.unknown(arg.place, "argument", arg.text, known);
        }
        index
    };
    let follow = Follow::Always;
    Some(match (name.text, form) {
        ("path", TypeForm::Plain) => Type::Path { at: None, follow },
        ("path", TypeForm::With(at)) => Type::Path { at: Some(argument(at, errors)?), follow },
        ("string", TypeForm::Plain) => Type::String,
        ("strings", TypeForm::Plain) => Type::Strings,
        ("opaque", TypeForm::Plain) => Type::Opaque { of: String::new() },
        ("bytes", TypeForm::With(len)) => Type::Bytes { len: argument(len, errors)? },
        ("sockaddr", TypeForm::With(len)) => Type::Sockaddr { len: argument(len, errors)? },
        ("bytes" | "sockaddr", _) => {
            let message = format!("expected `{0}(LEN)`: the length is another argument", name.text);
            errors.add(name.place, message);
            return None;
        }
        (memory, _) if MEMORY.contains(&memory) => {
            errors.add(name.place, format!("expected `{memory}` without anything after it"));
            return None;
        }
        (_, TypeForm::Plain) => Type::Scalar(value(name, scope, errors)?),
        (_, TypeForm::Pointer) => pointer(name, Count::Fixed(1), scope, errors)?,
        (_, TypeForm::Array(len)) => {
            let len = argument(len, errors);
            pointer(name, Count::Arg(len?), scope, errors)?
        }
        (_, TypeForm::With(_)) => {
            let message = format!("`{}` takes no argument in parentheses", name.text);
            errors.add(name.place, message);
            return None;
        }
        (_, TypeForm::Padding(_)) => {
            errors.add(name.place, "arrays are for members of structures; an argument is `TYPE*`");
            return None;
        }
    })
}

fn value(name: Name<'_>, scope: &Scope<'_>, errors: &mut Errors) -> Option<Scalar> {
    let found = scalar(name, scope, errors);
    if found.is_none() && scope.structs.get(name.text).is_some() {
        errors.add(name.place, format!("a structure is behind a pointer: `{}*`", name.text));
    } else if found.is_none() {
        unknown(name, scope, errors);
    }
    found
}

fn pointer(name: Name<'_>, count: Count, scope: &Scope<'_>, errors: &mut Errors) -> Option<Type> {
    if let Some(scalar) = scalar(name, scope, errors) {
        return Some(Type::ScalarPtr(scalar, count));
    }
    let structure = scope.structs.get(name.text);
    if structure.is_none() {
        unknown(name, scope, errors);
    }
    Some(Type::StructPtr(structure?, count))
}

fn scalar(name: Name<'_>, scope: &Scope<'_>, errors: &mut Errors) -> Option<Scalar> {
    if let Some((_, scalar)) = Scalar::NAMED.iter().find(|(known, _)| *known == name.text) {
        return Some(*scalar);
    }
    let set = scope.sets.get(name.text)?;
    if scope.too_wide.contains(&set) {
        let message = "has wider values than its `width` says";
        errors.add(name.place, format!("`{}` {message}", name.text));
    }
    Some(Scalar::Set(set))
}

fn unknown(name: Name<'_>, scope: &Scope<'_>, errors: &mut Errors) {
    let known = Scalar::NAMED.iter().map(|(name, _)| *name).chain(MEMORY);
    let known = known.chain(scope.sets.names()).chain(scope.structs.names());
    errors.unknown(name.place, "type", name.text, known);
}

/// Whether the arguments that a type refers to are of the right kind.
fn references(ty: &Type, written: TypeExpr<'_>, args: &[Option<Arg>], errors: &mut Errors) {
    let ty_of = |index: usize| args[index].as_ref().map(|arg| (arg.name.as_str(), &arg.ty));
    let place = written.name.place;
    match ty {
        Type::Path { at: Some(at), .. } => match ty_of(*at) {
            Some((_, Type::Scalar(Scalar::Dirfd | Scalar::Fd))) | None => {}
            Some((name, _)) => errors.add(place, format!("`{name}` is no `dirfd`")),
        },
        Type::Bytes { len }
        | Type::Sockaddr { len }
        | Type::ScalarPtr(_, Count::Arg(len))
        | Type::StructPtr(_, Count::Arg(len)) => match ty_of(*len) {
            Some((_, Type::Scalar(scalar) | Type::ScalarPtr(scalar, Count::Fixed(1))))
                if is_plain(*scalar) => {}
            Some((name, _)) => {
                errors.add(place, format!("`{name}` is no length: it is no integer"));
            }
            None => {}
        },
        _ => {}
    }
}

/// Whether a type is a number and nothing more.
pub(super) fn is_plain(scalar: Scalar) -> bool {
    use Scalar::*;
    matches!(
        scalar,
        Int | Uint | Long | Ulong | Size | KernelLong | U8 | U16 | U32 | S64 | U64 | Off
    )
}
