//! Fields: groups that end, names and places in the JSON that are used once.

use std::collections::HashMap;

use sentrace_yaml::{Errors, Place};

use crate::load::raw;
use crate::model::{FieldType, GroupId, Model, Record};

/// Groups inside each other.
const MAX_DEPTH: usize = 8;
/// Fields of an event with those of its groups.
const MAX_FIELDS: usize = 4096;

/// Checks groups and events.
pub(super) fn check(raw: &raw::File<'_>, model: &Model, errors: &mut Errors) {
    let Some(order) = inner_first(raw, model, errors) else { return };
    let mut groups: Vec<Vec<Leaf>> = vec![vec![]; model.groups.len()];
    for group in order {
        let (raw, record) = (&raw.groups[group].record, &model.groups[group].record);
        groups[group] = expand(parts(raw, record, &groups), errors);
    }
    for (raw, event) in raw.events.iter().zip(&model.events) {
        let mut parts = parts(&raw.record, &event.record, &groups);
        if event.retval {
            parts.insert(0, Part::of(raw.name.place, "retval", ""));
        }
        expand(parts, errors);
    }
    prefixes(raw, errors);
}

/// What follows the first dot of a name tells nothing about whose name it is: the first part must
/// be that of one event, or of the context.
fn prefixes(raw: &raw::File<'_>, errors: &mut Errors) {
    let context = raw.context.iter().filter_map(|context| context.prefix.text.split('.').next());
    let taken: Vec<&str> = context.chain(["event"]).collect();
    for event in &raw.events {
        if taken.contains(&event.name.text) {
            let message = format!("fields that start with `{}.` are those of", event.name.text);
            errors.add(event.name.place, format!("{message} the context already"));
        }
    }
}

/// All groups, those inside of others before these; `None` if one contains itself or goes too
/// deep.
fn inner_first(raw: &raw::File<'_>, model: &Model, errors: &mut Errors) -> Option<Vec<GroupId>> {
    let mut search =
        Search { raw, model, open: vec![], depths: HashMap::new(), done: vec![], finite: true };
    for group in 0..model.groups.len() {
        search.depth(group, errors);
    }
    search.finite.then_some(search.done)
}

struct Search<'a> {
    raw: &'a raw::File<'a>,
    model: &'a Model,
    /// Groups inside each other, from the first.
    open: Vec<GroupId>,
    /// Of the groups that are done.
    depths: HashMap<GroupId, usize>,
    done: Vec<GroupId>,
    finite: bool,
}

impl Search<'_> {
    fn depth(&mut self, group: GroupId, errors: &mut Errors) -> usize {
        if let Some(depth) = self.depths.get(&group) {
            return *depth;
        }
        self.open.push(group);
        let mut deepest = 0;
        for (index, field) in self.model.groups[group].record.fields.iter().enumerate() {
            let Some(FieldType::Group(inner)) = field.ty else { continue };
            let place = self.raw.groups[group].record.fields[index].name.place;
            if self.open.contains(&inner) {
                let name = &self.model.groups[inner].name;
                errors.add(place, format!("the group `{name}` contains itself"));
                self.finite = false;
                continue;
            }
            let depth = 1 + self.depth(inner, errors);
            if depth == MAX_DEPTH {
                errors.add(place, format!("more than {MAX_DEPTH} groups inside each other"));
                self.finite = false;
            }
            deepest = deepest.max(depth);
        }
        self.open.pop();
        self.depths.insert(group, deepest);
        self.done.push(group);
        deepest
    }
}

/// A field that is no group.
#[derive(Debug, Clone)]
struct Leaf {
    /// For rules.
    name: String,
    /// Place in the JSON; maybe empty.
    json: String,
}

/// What one entry of a record adds.
struct Part {
    place: Place,
    leaves: Vec<Leaf>,
}

impl Part {
    fn of(place: Place, name: &str, json: &str) -> Self {
        Self { place, leaves: vec![Leaf { name: name.into(), json: json.into() }] }
    }
}

fn parts(raw: &raw::Record<'_>, record: &Record, groups: &[Vec<Leaf>]) -> Vec<Part> {
    let join = |prefix: &str, name: &str| match (prefix, name) {
        ("", name) | (name, "") => name.to_owned(),
        _ => format!("{prefix}.{name}"),
    };
    let mut parts = Vec::new();
    for (raw, field) in raw.fields.iter().zip(&record.fields) {
        match field.ty {
            None => {}
            Some(FieldType::Group(group)) => {
                let leaves = groups[group].iter().map(|leaf| {
                    let shown = !field.json.is_empty() && !leaf.json.is_empty();
                    let json = if shown { join(&field.json, &leaf.json) } else { String::new() };
                    Leaf { name: join(&field.name, &leaf.name), json }
                });
                parts.push(Part { place: raw.name.place, leaves: leaves.collect() });
            }
            Some(_) => parts.push(Part::of(raw.name.place, &field.name, &field.json)),
        }
    }
    for raw in &raw.derived {
        if let Some(derived) = record.derived.iter().find(|of| of.name == raw.name.text) {
            parts.push(Part::of(raw.name.place, &derived.name, &derived.json));
        }
    }
    parts.extend(raw.alias.iter().map(|(alias, _)| Part::of(alias.place, alias.text, "")));
    parts
}

/// All leaves of a record, each once.
fn expand(parts: Vec<Part>, errors: &mut Errors) -> Vec<Leaf> {
    let mut all: Vec<Leaf> = Vec::new();
    let mut names: HashMap<String, Place> = HashMap::new();
    let mut json = Places::default();
    for Part { place, leaves } in parts {
        if all.len() + leaves.len() > MAX_FIELDS {
            errors.add(place, format!("more than {MAX_FIELDS} fields with those of the groups"));
            break;
        }
        let taken = leaves.iter().find_map(|leaf| Some((leaf, names.get(&leaf.name)?)));
        if let Some((leaf, other)) = taken {
            let message = format!("`{}` is the name of a field already", leaf.name);
            errors.add(place, format!("{message} (line {})", other.line));
        }
        let taken = leaves.iter().find_map(|leaf| Some((leaf, json.conflict(&leaf.json)?)));
        if let Some((leaf, other)) = taken {
            let message = format!("the place `{}` in the JSON is taken", leaf.json);
            errors.add(place, format!("{message} (line {})", other.line));
        }
        for leaf in &leaves {
            names.entry(leaf.name.clone()).or_insert(place);
            json.take(&leaf.json, place);
        }
        all.extend(leaves);
    }
    all
}

/// Places in the JSON that are taken, by values and by the objects around them.
#[derive(Default)]
struct Places {
    values: HashMap<String, Place>,
    objects: HashMap<String, Place>,
}

impl Places {
    fn conflict(&self, json: &str) -> Option<Place> {
        if json.is_empty() {
            return None;
        }
        let around = around(json).find_map(|object| self.values.get(object));
        let same = self.values.get(json).or_else(|| self.objects.get(json));
        same.or(around).copied()
    }

    fn take(&mut self, json: &str, place: Place) {
        if json.is_empty() {
            return;
        }
        self.values.entry(json.to_owned()).or_insert(place);
        for object in around(json) {
            self.objects.entry(object.to_owned()).or_insert(place);
        }
    }
}

/// `a` and `a.b`, of `a.b.c`.
fn around(json: &str) -> impl Iterator<Item = &str> {
    json.match_indices('.').map(|(end, _)| &json[..end])
}
