//! The schema of a model: the fixed protocol, and a structure for every event and group.

use super::Error;
use super::schema::{Field, Kind, Node, Place, Schema, Type};
use crate::emit::names;
use crate::model::{FieldType, Model, Record};

/// The whole schema of a model.
///
/// # Errors
/// When two names coincide, or there is more than Cap'n Proto can number.
pub fn schema(model: &Model) -> Result<Schema, Error> {
    let mut schema = super::parse(include_str!("protocol.capnp"))?;
    for node in &mut schema.nodes {
        let Kind::Struct(fields) = &mut node.kind else { continue };
        if node.name == "Event" {
            fields.extend(model.events.iter().map(|event| Field {
                name: names::lower_camel(&event.name),
                doc: String::new(),
                ty: Type::Named(event_struct(&event.name)),
                place: Place::Union,
            }));
        }
        for field in fields.iter_mut().filter(|field| field.name == "abi") {
            let abis = model.abis.iter().map(|abi| format!("{}: {}", abi.id, abi.name));
            field.doc = abis.collect::<Vec<_>>().join(", ");
        }
    }
    let events = model.events.iter();
    let groups = model.groups.iter();
    schema.nodes.extend(events.map(|e| node(model, event_struct(&e.name), &e.doc, &e.record)));
    schema.nodes.extend(groups.map(|g| node(model, group_struct(&g.name), &g.doc, &g.record)));
    check(&schema)?;
    Ok(schema)
}

/// Names of the structures and enumerations of the fixed protocol.
pub(crate) fn protocol_types() -> Vec<String> {
    let protocol = super::parse(include_str!("protocol.capnp"));
    let nodes = protocol.map(|schema| schema.nodes).unwrap_or_default();
    nodes.into_iter().map(|node| node.name).collect()
}

/// Name of an event's structure: not the bare name, which a group may have too (`socket`).
pub(crate) fn event_struct(name: &str) -> String {
    names::camel(name) + "Event"
}

/// Name of a group's structure.
pub(crate) fn group_struct(name: &str) -> String {
    names::camel(name)
}

/// Name of a field.
pub(super) fn field_name(model: &Model, field: &crate::model::Field) -> String {
    names::lower_camel(names::label(model, field))
}

fn node(model: &Model, name: String, doc: &str, record: &Record) -> Node {
    let fields = record.fields.iter().enumerate().map(|(id, field)| match field.ty {
        Some(ty) => Field {
            name: field_name(model, field),
            doc: field.doc.clone(),
            ty: wire_type(model, ty),
            place: Place::Own,
        },
        None => Field {
            name: format!("reserved{id}"),
            doc: field.doc.clone(),
            ty: Type::Void,
            place: Place::Own,
        },
    });
    Node { name, doc: doc.into(), kind: Kind::Struct(fields.collect()) }
}

fn wire_type(model: &Model, ty: FieldType) -> Type {
    use FieldType::*;
    match ty {
        Bool => Type::Bool,
        Int | Mode | Uid | Gid | Pid | Signal | Timestamp | Set(_) => Type::Int64,
        String | Path | Ip => Type::Data,
        Strings => Type::List(Box::new(Type::Data)),
        Ints => Type::List(Box::new(Type::Int64)),
        Group(group) => Type::Named(group_struct(&model.groups[group].name)),
    }
}

/// Refuses names that coincide; the model knows them under different spellings.
fn check(schema: &Schema) -> Result<(), Error> {
    unique("", schema.nodes.iter().map(|node| &node.name))?;
    schema.nodes.iter().try_for_each(|node| {
        unique(&format!("{}.", node.name), node.fields().iter().map(|field| &field.name))
    })
}

fn unique<'a>(scope: &str, names: impl Iterator<Item = &'a String>) -> Result<(), Error> {
    let mut known = std::collections::BTreeSet::new();
    for name in names {
        if !known.insert(name) {
            return Err(Error::Twice(format!("{scope}{name}")));
        }
    }
    Ok(())
}
