//! How names of `syscalls.yaml` are spelled in the outputs.

use proc_macro2::{Ident, Span};

use crate::model::{Field, FieldType, Model, Record};

/// `io_uring_setup`, `file.path` as a type: `IoUringSetup`, `FilePath`.
pub fn camel(name: &str) -> String {
    words(name)
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}

/// As [`camel`], but with a small first letter: `ioUringSetup`.
pub fn lower_camel(name: &str) -> String {
    let camel = camel(name);
    let mut letters = camel.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// As a variable or field: `syscall_path`; Rust's keywords get an underscore.
pub fn snake(name: &str) -> String {
    let snake = words(name).collect::<Vec<_>>().join("_");
    // What syn does not take for an identifier is a keyword (or the underscore).
    if syn::parse_str::<Ident>(&snake).is_ok() { snake } else { snake + "_" }
}

/// As a static: `OPEN_FLAGS`.
pub fn upper(name: &str) -> String {
    words(name).collect::<Vec<_>>().join("_").to_ascii_uppercase()
}

/// An identifier token.
pub fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

/// Name of the Rust field for a field: its own, or that of the group that stands in its place.
pub fn field(model: &Model, field: &Field) -> String {
    snake(label(model, field))
}

/// Name of a field before it is spelled: its own, or that of the group that stands in its place.
pub fn label<'a>(model: &'a Model, field: &'a Field) -> &'a str {
    match field.ty {
        Some(FieldType::Group(group)) if field.name.is_empty() => &model.groups[group].name,
        _ => &field.name,
    }
}

/// The fields that still exist, with their wire ordinals.
pub fn live(record: &Record) -> impl Iterator<Item = (usize, &Field, FieldType)> {
    record.fields.iter().enumerate().filter_map(|(id, field)| Some((id, field, field.ty?)))
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(['.', '_', '-']).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        #[rustfmt::skip]
        let table = [
            ("open",                  "Open",                "open",                  "open",                  "OPEN"),
            ("io_uring_setup",        "IoUringSetup",        "ioUringSetup",          "io_uring_setup",        "IO_URING_SETUP"),
            ("file.destination.mode", "FileDestinationMode", "fileDestinationMode",   "file_destination_mode", "FILE_DESTINATION_MODE"),
            ("type",                  "Type",                "type",                  "type_",                 "TYPE"),
            ("self",                  "Self",                "self",                  "self_",                 "SELF"),
            ("argv0",                 "Argv0",               "argv0",                 "argv0",                 "ARGV0"),
        ];
        for (name, as_camel, as_lower, as_snake, as_upper) in table {
            assert_eq!(camel(name), as_camel);
            assert_eq!(lower_camel(name), as_lower);
            assert_eq!(snake(name), as_snake);
            assert_eq!(upper(name), as_upper);
        }
    }
}
