//! `events.capnp` is a contract: it is what the generator makes, and it only ever grows.

use std::fs;
use std::path::Path;

use sentrace_codegen::emit::capnp;

const GENERATED: &str = include_str!(concat!(env!("OUT_DIR"), "/events.capnp"));

#[test]
fn schema_is_committed_and_only_grows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(capnp::FILE);
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if committed == GENERATED {
        return;
    }
    if !committed.is_empty() {
        let new = capnp::parse(GENERATED).unwrap();
        let breaks = capnp::breaks(&capnp::parse(&committed).unwrap(), &new);
        assert!(
            breaks.is_empty(),
            "syscalls.yaml breaks the wire format: ids of events and fields are never changed, \
             and a removed field stays as `reserved`\n  {}",
            breaks.join("\n  ")
        );
    }
    assert!(
        std::env::var_os("SENTRACE_UPDATE").is_some(),
        "{} is not up to date: run this test with SENTRACE_UPDATE=1 and commit the file",
        path.display()
    );
    fs::write(&path, GENERATED).unwrap();
}
