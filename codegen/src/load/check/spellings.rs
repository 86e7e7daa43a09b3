//! Names that the outputs spell alike.

use std::collections::HashMap;

use sentrace_yaml::Errors;

use crate::emit::{capnp, names};
use crate::load::raw::{self, Name};

/// Checks all names that become names of the outputs.
pub(super) fn check(raw: &raw::File<'_>, errors: &mut Errors) {
    let upper = |name: &str| names::upper(name);
    distinct(raw.sets.iter().map(|of| of.name), upper, errors);
    distinct(raw.structs.iter().map(|of| of.name), upper, errors);
    distinct(raw.irregular.iter().map(|of| of.name), upper, errors);
    distinct(raw.syscalls.iter().map(|of| of.name), upper, errors);
    let mut types: HashMap<String, String> = HashMap::new();
    for name in capnp::protocol_types() {
        types.insert(name.clone(), format!("{name} of the protocol"));
    }
    let events = raw.events.iter().map(|of| (of.name, capnp::event_struct(of.name.text)));
    let groups = raw.groups.iter().map(|of| (of.name, capnp::group_struct(of.name.text)));
    for (name, spelled) in events.chain(groups) {
        if spelled == "Self" || spelled == "SelfEvent" {
            errors.add(name.place, format!("`{}` is a keyword of Rust", name.text));
        }
        let known = types.insert(spelled, format!("`{}`", name.text));
        if let Some(known) = known.filter(|known| *known != format!("`{}`", name.text)) {
            errors.add(name.place, format!("`{}` is spelled like {known}", name.text));
        }
    }
    for record in
        raw.groups.iter().map(|of| &of.record).chain(raw.events.iter().map(|of| &of.record))
    {
        let live = record.fields.iter().filter_map(|field| {
            let ty = field.ty?;
            Some(Name {
                text: if field.name.is_empty() { ty.text } else { field.name.text },
                ..field.name
            })
        });
        distinct(live, names::snake, errors);
    }
}

/// Different names with the same spelling are errors.
fn distinct<'n>(
    all: impl Iterator<Item = Name<'n>>,
    spell: impl Fn(&str) -> String,
    errors: &mut Errors,
) {
    let mut known: HashMap<String, Name<'n>> = HashMap::new();
    for name in all {
        let Some(other) = known.get(&spell(name.text)) else {
            known.insert(spell(name.text), name);
            continue;
        };
        let (text, first, line) = (name.text, other.text, other.place.line);
        let message = if text == first {
            format!("`{text}` comes twice (first in line {line})")
        } else {
            format!("`{text}` and `{first}` (line {line}) are spelled alike in the outputs")
        };
        errors.add(name.place, message);
    }
}
