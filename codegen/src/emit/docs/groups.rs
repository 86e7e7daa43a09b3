//! Groups, and the fields of any record.

use std::fmt::Write as _;

use super::table::{Table, code};
use super::text;
use crate::emit::names;
use crate::model::{FieldType, Model, Record};

/// The page.
pub(super) fn page(model: &Model) -> String {
    let mut page = String::from("Every rule may use\n\n");
    let mut context = Table::of(&["fields", "group"]);
    for of in &model.context {
        let kind = if of.iterator { ", each of several" } else { "" };
        let group = text::field_type(model, FieldType::Group(of.group));
        context.row([code(&format!("{}.*", of.prefix)), group + kind]);
    }
    page += &context.finish();
    for group in &model.groups {
        write!(page, "## {}\n\n{}.\n\n", group.name, group.doc).expect("a string takes all text");
        page += &fields(model, "", &group.record).finish();
    }
    page
}

/// The fields of a record, whose names start with `prefix`.
pub(super) fn fields(model: &Model, prefix: &str, record: &Record) -> Table {
    let mut table = Table::of(&["field", "type", "JSON", "meaning"]);
    for (id, field, ty) in names::live(record) {
        let is_group = matches!(ty, FieldType::Group(_));
        let name = |name: &str| match (name, is_group) {
            ("", _) => code(&format!("{prefix}*")),
            (name, true) => code(&format!("{prefix}{name}.*")),
            (name, false) => code(&format!("{prefix}{name}")),
        };
        let aliases = record.aliases.iter().filter(|(_, of)| *of == id).map(|(alias, _)| alias);
        let all = std::iter::once(&field.name).chain(aliases).map(|of| name(of));
        let all = all.collect::<Vec<_>>().join(", ");
        table.row([all, text::field_type(model, ty), code(&field.json), field.doc.clone()]);
    }
    for derived in &record.derived {
        let name = code(&format!("{prefix}{}", derived.name));
        let ty = text::field_type(model, derived.ty);
        table.row([name, ty, code(&derived.json), derived.doc.clone()]);
    }
    table
}
