//! Groups, context and events.

use sentrace_yaml::Errors;

use super::conditions::{self, On};
use super::raw::{self, Name, Source};
use super::scope::Scope;
use super::{derive, sources, types};
use crate::model::{Context, Derived, Event, Field, FieldType, Group, Model, Record, Results};

/// What a call without an argument for a role leaves in the field.
#[derive(Debug, Clone)]
pub(super) enum Default {
    /// Nothing: the field stays empty.
    Empty,
    /// A constant, by ABI.
    Const(Vec<i64>),
}

/// Groups in the order of the file.
pub(super) fn groups(raw: &[raw::Group<'_>], scope: &Scope<'_>, errors: &mut Errors) -> Vec<Group> {
    let groups = raw.iter().map(|raw| Group {
        name: raw.name.text.into(),
        doc: raw.doc.into(),
        record: record(&raw.record, None, scope, errors),
    });
    groups.collect()
}

/// Where rules find groups.
pub(super) fn context(
    raw: &[raw::Context<'_>],
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Vec<Context> {
    let all = raw.iter().filter_map(|raw| {
        let group = scope.groups.find(raw.group?, errors)?;
        Some(Context { prefix: raw.prefix.text.into(), group, iterator: raw.iterator })
    });
    all.collect()
}

/// Events by wire id.
pub(super) fn events(raw: &[raw::Event<'_>], scope: &Scope<'_>, errors: &mut Errors) -> Vec<Event> {
    raw.iter().map(|raw| event(raw, scope, errors)).collect()
}

fn event(raw: &raw::Event<'_>, scope: &Scope<'_>, errors: &mut Errors) -> Event {
    Event {
        name: raw.name.text.into(),
        doc: raw.doc.into(),
        category: raw.category,
        by_engine: raw.by_engine,
        results: results(raw.results.as_ref(), scope, errors),
        retval: raw.retval.unwrap_or(!raw.by_engine),
        record: record(&raw.record, Some(raw.name.text), scope, errors),
    }
}

/// By default, what was done and what was refused.
fn results(raw: Option<&raw::Results<'_>>, scope: &Scope<'_>, errors: &mut Errors) -> Results {
    const EPERM: i64 = 1;
    const EACCES: i64 = 13;
    let names = match raw {
        None => return Results::Only { success: true, errors: vec![EACCES, EPERM] },
        Some(raw::Results::All) => return Results::All,
        Some(raw::Results::Only(names)) => names,
    };
    let (mut success, mut numbers) = (false, vec![]);
    for name in names {
        if name.text == "success" {
            success = true;
            continue;
        }
        match scope.constants.get(name.text) {
            Some([Some(number), rest @ ..])
                if (-4095..0).contains(number)
                    && rest.iter().all(|other| *other == Some(*number)) =>
            {
                numbers.push(-number);
            }
            Some(_) => errors.add(name.place, format!("`{}` is no error number", name.text)),
            None => {
                let known = scope.constants.names().chain(["success"]);
                errors.unknown(name.place, "error", name.text, known);
            }
        }
    }
    Results::Only { success, errors: numbers }
}

/// Fields of a group, or of an event with this name.
fn record(
    raw: &raw::Record<'_>,
    event: Option<&str>,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Record {
    let fields = raw.fields.iter().map(|raw| field(raw, event, scope, errors)).collect();
    let find = |name: Name<'_>, errors: &mut Errors| {
        let is_it = |field: &raw::Field<'_>| field.ty.is_some() && field.name.text == name.text;
        let index = raw.fields.iter().position(is_it);
        if index.is_none() {
            let known = raw.fields.iter().map(|field| field.name.text);
            errors.unknown(name.place, "field", name.text, known);
        }
        index
    };
    let mut record = Record { fields, ..Record::default() };
    for raw in &raw.derived {
        let (of, ty) = (find(raw.of, errors), types::field(raw.ty, scope, errors));
        let (Some(of), Some(ty)) = (of, ty) else { continue };
        derive::check(raw, record.fields[of].ty, ty, errors);
        record.derived.push(Derived {
            name: raw.name.text.into(),
            ty,
            by: raw.by.text.into(),
            of,
            json: json(raw.json, raw.name.text, event),
            doc: raw.doc.into(),
        });
    }
    for (alias, of) in &raw.alias {
        let Some(index) = find(*of, errors) else { continue };
        if matches!(record.fields[index].ty, Some(FieldType::Group(_))) {
            errors.add(of.place, format!("`{}` is a group: an alias is for one field", of.text));
        }
        record.aliases.push((alias.text.to_owned(), index));
    }
    record
}

fn field(
    raw: &raw::Field<'_>,
    event: Option<&str>,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Field {
    let ty = raw.ty.and_then(|ty| types::field(ty, scope, errors));
    if raw.name.is_empty() && ty.is_some_and(|ty| !matches!(ty, FieldType::Group(_))) {
        errors.add(raw.name.place, "only a group may be without a name");
    }
    let label = match (raw.name.text, raw.ty) {
        ("", Some(group)) => group.text,
        (name, _) => name,
    };
    let json = if raw.ty.is_some() { json(raw.json, label, event) } else { String::new() };
    Field { name: raw.name.text.into(), ty, json, doc: raw.doc.into() }
}

/// The place in the JSON: as it stands, or below the event's name.
fn json(own: Option<Name<'_>>, label: &str, event: Option<&str>) -> String {
    match (own, event) {
        (Some(own), _) => own.text.into(),
        (None, Some(event)) if !label.starts_with("file") && !label.starts_with("syscall") => {
            format!("{event}.{label}")
        }
        (None, _) => label.into(),
    }
}

/// The defaults of an event's fields.
pub(super) fn defaults(
    raw: &raw::Event<'_>,
    model: &Model,
    event: &Event,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Vec<Option<Default>> {
    let fields = raw.record.fields.iter().zip(&event.record.fields);
    let defaults = fields.map(|(raw, field)| {
        let (place, default) = raw.default.as_ref()?;
        let value = match default {
            raw::Default::Empty => Some(Default::Empty),
            raw::Default::Source(source) => default_value(source, scope, errors),
        }?;
        if field.ty.is_some_and(|ty| !sources::takes_default(ty, &value, model)) {
            let ty = raw.ty.map_or("", |ty| ty.text);
            errors.add(*place, format!("not a default for a field of type {ty}"));
        }
        Some(value)
    });
    defaults.collect()
}

fn default_value(source: &Source<'_>, scope: &Scope<'_>, errors: &mut Errors) -> Option<Default> {
    let constant = match source {
        Source::Value(value) => conditions::constant(value, On::All, scope, errors),
        Source::Word(name) => conditions::constant(&raw::Value::of(*name), On::All, scope, errors),
        Source::Result(place) => {
            errors.add(*place, "a default is a constant");
            None
        }
        Source::Rust(name) | Source::Member(name, _) => {
            errors.add(name.place, "a default is a constant");
            None
        }
    };
    constant.map(Default::Const)
}
