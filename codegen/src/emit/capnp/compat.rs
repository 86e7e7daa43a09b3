//! Whether a schema still understands what an earlier one has written: names and numbers only
//! ever grow.

use super::schema::{Kind, Node, Schema};

/// Gives the places of removed fields the types that they had in an earlier schema, so that
/// the fields after them stay where they are.
pub fn keep_places(schema: &mut Schema, earlier: &Schema) {
    for node in &mut schema.nodes {
        let Some(before) = earlier.node(&node.name) else { continue };
        let Kind::Struct(fields) = &mut node.kind else { continue };
        for (ordinal, (field, old)) in fields.iter_mut().zip(before.fields()).enumerate() {
            if is_reserved(&field.name, ordinal) {
                field.ty = old.ty.clone();
            }
        }
    }
}

/// What `new` breaks of `old`, one line each; empty when it only adds.
pub fn breaks(old: &Schema, new: &Schema) -> Vec<String> {
    let mut breaks = Vec::new();
    if old.id != new.id {
        breaks.push(format!("the file id was {:#x} and is {:#x}", old.id, new.id));
    }
    for before in &old.nodes {
        match (new.node(&before.name), &before.kind) {
            (None, _) => breaks.push(format!("{} is gone", before.name)),
            (Some(after), Kind::Struct(_)) => fields(before, after, &mut breaks),
            (Some(after), Kind::Enum(names)) => enumerants(names, after, &mut breaks),
        }
    }
    breaks
}

fn fields(before: &Node, after: &Node, breaks: &mut Vec<String>) {
    let scope = &before.name;
    for (ordinal, old) in before.fields().iter().enumerate() {
        let Some(new) = after.fields().get(ordinal) else {
            breaks.push(format!("{scope}.{} @{ordinal} is gone", old.name));
            continue;
        };
        if old.name != new.name && !is_reserved(&new.name, ordinal) {
            let problem = match after.fields().iter().position(|field| field.name == old.name) {
                Some(now) => format!("{scope}.{} was @{ordinal} and is @{now}", old.name),
                None => format!("{scope}.{} @{ordinal} is now called {}", old.name, new.name),
            };
            breaks.push(problem);
        } else if old.ty != new.ty {
            let name = &new.name;
            breaks.push(format!("{scope}.{name} @{ordinal} was :{} and is :{}", old.ty, new.ty));
        } else if old.place != new.place {
            breaks.push(format!("{scope}.{} @{ordinal} moved in or out of the union", old.name));
        }
    }
}

fn enumerants(before: &[String], after: &Node, breaks: &mut Vec<String>) {
    let names = match &after.kind {
        Kind::Enum(names) => names.as_slice(),
        Kind::Struct(_) => &[],
    };
    for (value, old) in before.iter().enumerate() {
        if names.get(value) != Some(old) {
            breaks.push(format!("{}.{old} @{value} is gone or has another number", after.name));
        }
    }
}

/// Whether a field only keeps the place of a removed one.
fn is_reserved(name: &str, ordinal: usize) -> bool {
    name == format!("reserved{ordinal}")
}
