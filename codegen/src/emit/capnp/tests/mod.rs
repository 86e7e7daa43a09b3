//! The schema against the Cap'n Proto compiler (Debian package `capnproto`), which must be there.

mod compat;
mod oracle;
mod random;

use super::*;
use crate::emit::sample;
use crate::model;

#[test]
fn text_is_read_back() {
    let sample = schema(&sample::model()).unwrap();
    assert_eq!(parse(&text(&sample)).unwrap(), sample);
}

#[test]
fn errors_in_text() {
    let table = [
        ("", "line 1: expected @, found end"),
        ("@0x1;\ninterface A {}", "line 2: neither struct nor enum: interface"),
        ("@0x1;\nstruct A {\n  a @1 :Bool;\n}", "line 4: number @0 is missing or not unique"),
        ("@0x1;\nstruct A {\n  a @0 :Bool = 1;", "line 3: expected ;, found ="),
        ("@0x1;\nstruct A {", "line 2: the text ends in a struct"),
        ("@0x1;\nenum A { a @x;", "line 2: no number: x"),
    ];
    for (text, message) in table {
        assert_eq!(parse(text).unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn names_that_coincide_are_refused() {
    let mut model = sample::model();
    model.events[1].record.fields.push(sample::field("syscall_argv", model::FieldType::Int));
    assert_eq!(
        schema(&model).unwrap_err().to_string(),
        "OpenEvent.syscallArgv exists twice in the schema"
    );
}

#[test]
fn sample_is_what_the_compiler_makes_of_the_text() {
    oracle::compare(&schema(&sample::model()).unwrap());
}
