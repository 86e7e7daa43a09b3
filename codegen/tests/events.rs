//! What must hold of the events on every ABI.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_event_has_a_call_on_every_abi() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../syscalls.yaml");
    let text = std::fs::read_to_string(&path).expect("syscalls.yaml");
    let model = sentrace_codegen::load("syscalls.yaml", &text).unwrap_or_else(|e| panic!("{e}"));
    let mut missing = BTreeSet::new();
    for (id, event) in model.events.iter().enumerate().filter(|(_, event)| !event.by_engine) {
        for (abi, row) in model.abis.iter().enumerate() {
            let mut calls = model.syscalls.iter().filter(|call| call.nr[abi].is_some());
            if !calls.any(|call| call.events.iter().any(|binding| binding.event == id)) {
                missing.insert((&event.name, &row.name));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
