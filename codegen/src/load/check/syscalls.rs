//! Calls: sorted, numbers used once, arguments where they are asked for.

use std::collections::{HashMap, HashSet};

use sentrace_yaml::{Errors, Place};

use crate::load::raw::{self, Name};
use crate::model::{Condition, Count, Follow, Model, Shape, Source, Syscall, Type};

/// Checks all calls.
pub(super) fn check(raw: &[raw::Syscall<'_>], model: &Model, errors: &mut Errors) {
    for pair in raw.windows(2) {
        let (before, name) = (pair[0].name, pair[1].name);
        if before.text > name.text {
            let message = format!("calls are sorted by name: `{}` comes before", name.text);
            errors.add(name.place, format!("{message} `{}`", before.text));
        }
    }
    let mut used: HashMap<(usize, u32), Name<'_>> = HashMap::new();
    for (raw, call) in raw.iter().zip(&model.syscalls) {
        let is_nowhere = |nr: &raw::Numbers<'_>| nr.all.is_none() && nr.on.is_empty();
        if raw.nr.as_ref().is_some_and(is_nowhere) {
            errors.add(raw.name.place, format!("`{}` has no number on any ABI", raw.name.text));
        }
        for (abi, nr) in call.nr.iter().enumerate() {
            let Some(nr) = *nr else { continue };
            let (name, flag) = (&model.abis[abi].name, model.abis[abi].number_flag);
            if nr & flag != 0 {
                let message = format!("{nr:#x} contains the number flag of `{name}`");
                errors.add(raw.name.place, message);
            }
            if let Some(other) = used.get(&(abi, nr)) {
                let line = other.place.line;
                let message = format!("number {nr} on `{name}` is `{}` already", other.text);
                errors.add(raw.name.place, format!("{message} (line {line})"));
            }
            used.entry((abi, nr)).or_insert(raw.name);
        }
        presence(raw, call, model, errors);
    }
}

/// Every function has its reason in a call.
pub(super) fn functions_are_used(raw: &raw::File<'_>, errors: &mut Errors) {
    let calls = || raw.syscalls.iter();
    let sources = calls().flat_map(|call| &call.events).flat_map(|binding| &binding.sources);
    let sources = sources.filter_map(|(_, source)| match source {
        raw::Source::Rust(name) => Some(name.text),
        _ => None,
    });
    let disguises = calls().filter_map(|call| Some(call.becomes.as_ref()?.by?.text));
    let used: HashSet<&str> = sources.chain(disguises).collect();
    for function in raw.irregular.iter().filter(|function| !used.contains(function.name.text)) {
        errors.add(function.name.place, format!("`{}` is used by no call", function.name.text));
    }
}

/// What types, conditions and sources need is there on every ABI that has the call.
fn presence(raw: &raw::Syscall<'_>, call: &Syscall, model: &Model, errors: &mut Errors) {
    let has = |shape: &Shape, arg: usize| shape.slots.get(arg).is_some_and(Option::is_some);
    let shapes = || {
        let shapes = model.abis.iter().zip(&call.shapes);
        shapes.filter_map(|(abi, shape)| Some((abi, shape.as_ref()?)))
    };
    let mut needs = |place: Place, needed: usize, by: Option<usize>| {
        let lacks = |shape: &Shape| by.is_none_or(|by| has(shape, by)) && !has(shape, needed);
        if let Some((abi, _)) = shapes().find(|(_, shape)| lacks(shape)) {
            let name = &call.args[needed].name;
            errors.add(place, format!("on `{}` there is no argument `{name}`", abi.name));
        }
    };
    let written = raw.args.iter().chain(raw.args_on.iter().flat_map(|(_, args)| args));
    let mut places: HashMap<&str, Place> = HashMap::new();
    for arg in written {
        places.entry(arg.name.text).or_insert(arg.name.place);
    }
    for (index, arg) in call.args.iter().enumerate() {
        let place = places.get(arg.name.as_str()).copied().unwrap_or(raw.name.place);
        for needed in needed_by(&arg.ty) {
            needs(place, needed, Some(index));
        }
    }
    let whens = |when: &[Condition]| when.iter().map(|when| when.arg).collect::<Vec<_>>();
    if let (Some(raw), Some(becomes)) = (&raw.becomes, &call.becomes) {
        whens(&becomes.when).into_iter().for_each(|arg| needs(raw.place, arg, None));
    }
    for binding in &call.events {
        let name = &model.events[binding.event].name;
        let event = raw.events.iter().find(|raw| raw.event.text == name);
        let place = event.map_or(raw.name.place, |raw| raw.event.place);
        let sources = binding.sources.iter().flatten().filter_map(|source| match source {
            Source::Arg(arg) | Source::Member { arg, .. } => Some(*arg),
            _ => None,
        });
        let mut all: Vec<_> = whens(&binding.when).into_iter().chain(sources).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().for_each(|arg| needs(place, arg, None));
    }
}

/// The other arguments that a type refers to.
fn needed_by(ty: &Type) -> Vec<usize> {
    match ty {
        Type::Path { at, follow } => {
            let condition = match follow {
                Follow::When(when) => Some(when.arg),
                _ => None,
            };
            at.iter().copied().chain(condition).collect()
        }
        Type::Bytes { len } | Type::Sockaddr { len } => vec![*len],
        Type::ScalarPtr(_, Count::Arg(len)) | Type::StructPtr(_, Count::Arg(len)) => vec![*len],
        _ => vec![],
    }
}
