//! What must hold on every ABI.

use std::collections::BTreeSet;

use super::model;

#[test]
fn every_event_has_a_call_on_every_abi() {
    let model = model();
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
