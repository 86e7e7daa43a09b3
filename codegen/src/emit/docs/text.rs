//! Types, conditions and sources, as they are written in `syscalls.yaml`.

use crate::model::{
    Arg, Condition, Count, Dir, FieldType, Follow, Model, Named, Scalar, SetKind, Source, Syscall,
    Test, Type,
};

/// A call with its arguments.
pub(super) fn signature(model: &Model, call: &Syscall) -> String {
    let args = call.args.iter().map(|arg| {
        let dir = match arg.dir {
            Dir::In => "",
            Dir::Out => "out ",
            Dir::InOut => "inout ",
        };
        format!("{}: {dir}{}", arg.name, ty(model, call, arg))
    });
    args.collect::<Vec<_>>().join(", ")
}

fn ty(model: &Model, call: &Syscall, arg: &Arg) -> String {
    let name = |arg: usize| call.args[arg].name.as_str();
    let count = |count: &Count| match count {
        Count::Fixed(1) => String::new(),
        Count::Fixed(number) => format!("[{number}]"),
        Count::Arg(arg) => format!("({})", name(*arg)),
    };
    match &arg.ty {
        Type::Scalar(of) => scalar(model, *of).into(),
        Type::Path { at, follow } => {
            let at = at.map(|at| format!("({})", name(at))).unwrap_or_default();
            let follow = match follow {
                Follow::Always => String::new(),
                Follow::Never => ", no follow".into(),
                Follow::When(when) => format!(", follow if {}", condition(model, call, when)),
            };
            format!("path{at}{follow}")
        }
        Type::String => "string".into(),
        Type::Strings => "strings".into(),
        Type::Bytes { len } => format!("bytes({})", name(*len)),
        Type::Sockaddr { len } => format!("sockaddr({})", name(*len)),
        Type::Opaque { of } if of.is_empty() => "opaque".into(),
        Type::Opaque { of } => format!("opaque {of}"),
        Type::ScalarPtr(to, number) => format!("{}*{}", scalar(model, *to), count(number)),
        Type::StructPtr(to, number) => format!("{}*{}", model.structs[*to].name, count(number)),
    }
}

fn scalar(model: &Model, scalar: Scalar) -> &str {
    if let Scalar::Set(set) = scalar {
        return &model.sets[set].name;
    }
    let named = Scalar::NAMED.iter().find(|(_, known)| *known == scalar);
    named.map_or("", |(name, _)| name)
}

/// The type of a field, with a link to where it is described.
pub(super) fn field_type(model: &Model, ty: FieldType) -> String {
    match ty {
        FieldType::Set(set) => {
            let name = &model.sets[set].name;
            format!("[{name}](constants.md#{name})")
        }
        FieldType::Group(group) => {
            let name = &model.groups[group].name;
            format!("[{name}](groups.md#{name})")
        }
        _ => {
            let named = FieldType::NAMED.iter().find(|(_, known)| *known == ty);
            named.map_or("", |(name, _)| name).to_owned()
        }
    }
}

/// Conditions that must all hold.
pub(super) fn conditions(model: &Model, call: &Syscall, when: &[Condition]) -> String {
    let all = when.iter().map(|when| condition(model, call, when));
    all.collect::<Vec<_>>().join(" and ")
}

fn condition(model: &Model, call: &Syscall, when: &Condition) -> String {
    let arg = &call.args[when.arg];
    let value = |values: &[u64]| {
        let values: Vec<i64> = values.iter().map(|value| value.cast_signed()).collect();
        match arg.ty {
            Type::Scalar(Scalar::Mode) => format!("{:#o}", values.first().unwrap_or(&0)),
            Type::Scalar(Scalar::Set(set)) => constant(model, Some(set), &values),
            _ => constant(model, None, &values),
        }
    };
    let name = &arg.name;
    match &when.test {
        Test::AnyBits(values) => format!("{name} & {}", value(values)),
        Test::NoBits(values) => format!("{name} !& {}", value(values)),
        Test::Eq(values) => format!("{name} == {}", value(values)),
        Test::Ne(values) => format!("{name} != {}", value(values)),
        Test::In(several) => {
            let values: Vec<_> = several.iter().map(|values| value(values)).collect();
            format!("{name} in [{}]", values.join(", "))
        }
    }
}

/// Where a field of this type comes from.
pub(super) fn source(model: &Model, call: &Syscall, source: &Source, ty: FieldType) -> String {
    match source {
        Source::Arg(arg) => call.args[*arg].name.clone(),
        Source::Member { arg, of, member } => {
            format!("{}.{}", call.args[*arg].name, model.structs[*of].members[*member].name)
        }
        Source::Result => "result".into(),
        Source::Const(values) => match ty {
            FieldType::Set(set) => constant(model, Some(set), values),
            FieldType::Bool => (values.first() != Some(&0)).to_string(),
            _ => constant(model, None, values),
        },
        Source::Rust(function) => format!("{}()", model.irregular[*function].name),
    }
}

/// The names of a value in a set, or the value on the first ABI.
fn constant(model: &Model, set: Option<usize>, values: &[i64]) -> String {
    let first = values.first().copied().unwrap_or_default();
    let number =
        if (-4096..4096).contains(&first) { first.to_string() } else { format!("{first:#x}") };
    let Some(set) = set.map(|set| &model.sets[set]) else { return number };
    let known = || set.fields.iter().flat_map(|field| &field.values).chain(&set.values);
    let on = |named: &Named| named.values.first().copied().flatten();
    if let Some(named) = known().find(|named| on(named) == Some(first)) {
        return named.name.clone();
    }
    if set.kind == SetKind::Enum {
        return number;
    }
    let mut rest = first;
    let mut names = Vec::new();
    for named in known() {
        if let Some(bits) = on(named).filter(|bits| *bits != 0 && bits & !rest == 0) {
            rest &= !bits;
            names.push(named.name.as_str());
        }
    }
    if rest == 0 && first != 0 { names.join("|") } else { number }
}
