//! System calls, and the events that they become.

use sentrace_yaml::{Errors, Place};

use super::conditions::{self, On};
use super::raw::{self, Name};
use super::records::{self, Default};
use super::scope::Scope;
use super::{sources, types};
use crate::model::{Arg, Becomes, Binding, Dir, Gives, Model, Scalar, Source, Syscall, Type};

/// Calls in the order of the file, without their shapes.
pub(super) fn resolve(
    raw: &raw::File<'_>,
    model: &Model,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Vec<Syscall> {
    let events = raw.events.iter().zip(&model.events);
    let defaults = events.map(|(raw, event)| records::defaults(raw, model, event, scope, errors));
    let defaults: Vec<_> = defaults.collect();
    let calls = raw.syscalls.iter().map(|call| {
        let nr = numbers(call.nr.as_ref(), scope, errors);
        let mut call = Call { raw: call, file: raw, model, scope, nr, args: vec![] };
        call.resolve(&defaults, errors)
    });
    calls.collect()
}

/// A call that is being resolved.
struct Call<'a, 'n> {
    raw: &'a raw::Syscall<'n>,
    file: &'a raw::File<'n>,
    model: &'a Model,
    scope: &'a Scope<'n>,
    nr: Vec<Option<u32>>,
    args: Vec<Option<Arg>>,
}

impl Call<'_, '_> {
    fn resolve(&mut self, defaults: &[Vec<Option<Default>>], errors: &mut Errors) -> Syscall {
        let written = all_args(self.raw, errors);
        self.args = types::args(&written, self.on(), self.scope, errors);
        let becomes = self.becomes(errors);
        let events = self.bindings(defaults, errors);
        let unknown = |raw: &&raw::Arg<'_>| Arg {
            name: raw.name.text.into(),
            ty: Type::Scalar(Scalar::Address),
            dir: Dir::In,
        };
        let args = self.args.drain(..).zip(&written);
        Syscall {
            name: self.raw.name.text.into(),
            doc: self.raw.doc.into(),
            nr: std::mem::take(&mut self.nr),
            args: args.map(|(arg, raw)| arg.unwrap_or_else(|| unknown(raw))).collect(),
            shapes: vec![],
            events,
            becomes,
        }
    }

    fn becomes(&self, errors: &mut Errors) -> Option<Becomes> {
        let raw = self.raw.becomes.as_ref()?;
        if let Some(binding) = self.raw.events.first() {
            let message = "a call that becomes another has that call's events, none of its own";
            errors.add(binding.event.place, message);
        }
        let when = conditions::all(&raw.when, &self.args, self.on(), self.scope, errors);
        let name = raw.by?;
        let by = self.scope.irregular.find(name, errors)?;
        if self.model.irregular[by].gives != Gives::Call {
            errors.add(name.place, format!("`{}` gives no call", name.text));
        }
        Some(Becomes { by, when })
    }

    fn bindings(&self, defaults: &[Vec<Option<Default>>], errors: &mut Errors) -> Vec<Binding> {
        let mut bindings = Vec::new();
        let mut always: Option<Name<'_>> = None;
        for raw in &self.raw.events {
            if let Some(before) = always {
                let message = format!("never reached: `{}` has no condition", before.text);
                errors.add(raw.event.place, message);
            }
            if !raw.has_conditions {
                always = Some(raw.event);
            }
            let when = conditions::all(&raw.when, &self.args, self.on(), self.scope, errors);
            let Some(event) = self.scope.events.find(raw.event, errors) else { continue };
            if self.model.events[event].by_engine {
                let message =
                    format!("`{}` is reported by the engine, not by calls", raw.event.text);
                errors.add(raw.event.place, message);
                continue;
            }
            let sources = self.sources(raw, event, &defaults[event], errors);
            bindings.push(Binding { event, when, sources });
        }
        bindings
    }

    /// The sources of an event's fields, in their order.
    fn sources(
        &self,
        raw: &raw::Binding<'_>,
        event: usize,
        defaults: &[Option<Default>],
        errors: &mut Errors,
    ) -> Vec<Option<Source>> {
        let fields = &self.file.events[event].record.fields;
        let bound = self.bound(raw, fields, errors);
        let mut missing: Vec<&str> = vec![];
        let mut sources = Vec::new();
        for (index, (field, default)) in fields.iter().zip(defaults).enumerate() {
            let Some(role) = field.from else {
                sources.push(None);
                continue;
            };
            let of_role = bound.iter().find(|(name, ..)| *name == role.text);
            let argument = sources::position(role.text, &self.args);
            let (place, source) = match (of_role, argument, default) {
                (Some((_, place, source)), ..) => (*place, source.clone()),
                (None, Some(arg), _) => (raw.event.place, Some(Source::Arg(arg))),
                (None, None, Some(Default::Const(values))) => {
                    (raw.event.place, Some(Source::Const(values.clone())))
                }
                (None, None, Some(Default::Empty)) => (raw.event.place, None),
                (None, None, None) => {
                    if sources::are_known(&self.args) && !missing.contains(&role.text) {
                        missing.push(role.text);
                    }
                    (raw.event.place, None)
                }
            };
            let ty = self.model.events[event].record.fields[index].ty;
            if let (Some(source), Some(ty)) = (&source, ty)
                && !sources::fits(ty, source, &self.args, self.model)
            {
                let (name, ty) = (field.name.text, field.ty.map_or("", |ty| ty.text));
                let what = self.describe(source);
                let message = format!("{what} cannot fill the field `{name}` (type {ty})");
                errors.add(place, message);
            }
            sources.push(source);
        }
        for role in missing {
            let event = raw.event.text;
            let message =
                format!("`{event}` has no source for `{role}`: there is no such argument");
            errors.add(raw.event.place, message);
        }
        sources
    }

    /// Roles that are bound to a source: its place, and the source if it exists.
    fn bound<'r>(
        &self,
        raw: &'r raw::Binding<'_>,
        fields: &[raw::Field<'_>],
        errors: &mut Errors,
    ) -> Vec<(&'r str, Place, Option<Source>)> {
        let roles = || fields.iter().filter_map(|field| field.from);
        let mut bound = Vec::new();
        for (role, source) in &raw.sources {
            if !roles().any(|known| known.text == role.text) {
                errors.unknown(role.place, "role", role.text, roles().map(|role| role.text));
            }
            let structs = &self.model.structs;
            let found =
                sources::resolve(source, &self.args, self.on(), structs, self.scope, errors);
            bound.push((role.text, source.place(), found));
        }
        bound
    }

    fn on(&self) -> On<'_> {
        On::Numbers(&self.nr)
    }

    fn describe(&self, source: &Source) -> String {
        match source {
            Source::Arg(arg) => match &self.args[*arg] {
                Some(arg) => format!("the argument `{}`", arg.name),
                None => "the argument".into(),
            },
            Source::Member { of, member, .. } => {
                format!("the member `{}`", self.model.structs[*of].members[*member].name)
            }
            Source::Result => "the result".into(),
            Source::Const(_) => "a constant".into(),
            Source::Rust(function) => {
                format!("the function `{}`", self.model.irregular[*function].name)
            }
        }
    }
}

/// The arguments on all ABIs: the generic ones, then those of `args_on`.
fn all_args<'a, 'n>(raw: &'a raw::Syscall<'n>, errors: &mut Errors) -> Vec<&'a raw::Arg<'n>> {
    let mut all: Vec<_> = raw.args.iter().collect();
    for arg in raw.args_on.iter().flat_map(|(_, args)| args) {
        match all.iter().find(|known| known.name.text == arg.name.text) {
            None => all.push(arg),
            Some(known) if known.is_like(arg) => {}
            Some(known) => {
                let line = known.name.place.line;
                let message = format!("`{}` is not as in line {line}", arg.name.text);
                errors.add(arg.name.place, format!("{message}: give it another name"));
            }
        }
    }
    all
}

/// The number on each ABI.
fn numbers(
    raw: Option<&raw::Numbers<'_>>,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Vec<Option<u32>> {
    let mut numbers = vec![raw.and_then(|raw| raw.all); scope.abis.len()];
    for (abi, nr) in raw.iter().flat_map(|raw| &raw.on) {
        if let Some(abi) = scope.abis.find(*abi, errors) {
            numbers[abi] = Some(*nr);
        }
    }
    numbers
}
