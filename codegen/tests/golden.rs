//! What small files become. Beside each `FEATURE.yaml` of `golden` stand the outputs that are about
//! the feature. `SENTRACE_UPDATE=1` writes those that exist anew: read the difference.

use std::fs;
use std::path::Path;

use sentrace_codegen::emit::{capnp, decoders, records};
use sentrace_codegen::model::Model;

#[test]
fn registers() {
    let model = model("registers");
    check("registers.decoders.rs", &decoders::rust(&model));
}

#[test]
fn event() {
    let model = model("event");
    check("event.decoders.rs", &decoders::rust(&model));
    check("event.records.rs", &records::rust(&model));
    check("event.capnp", &capnp::text(&capnp::schema(&model).expect("a schema")));
}

fn model(feature: &str) -> Model {
    let name = format!("{feature}.yaml");
    sentrace_codegen::load(&name, &read(&name)).unwrap_or_else(|errors| panic!("{errors}"))
}

fn check(name: &str, actual: &str) {
    if read(name) == actual {
        return;
    }
    let update = std::env::var_os("SENTRACE_UPDATE").is_some();
    assert!(update, "{name} is now otherwise:\n{actual}");
    fs::write(golden(name), actual).expect("a file to write");
}

fn read(name: &str) -> String {
    fs::read_to_string(golden(name)).expect("a file of golden")
}

fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}
