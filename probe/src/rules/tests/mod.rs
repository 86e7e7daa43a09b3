//! Policies, and what comes of them.

mod builtin;
mod diagnostics;
mod evaluate;
mod upstream;
mod variables;
mod world;

use super::*;

/// A host that does not depend on where the tests run.
fn host() -> HostModel {
    HostModel {
        agent_version: Version::new(7, 83, 0),
        hostname: "h1".into(),
        kernel: KernelVersion::parse("5.10.50-1-amd64"),
        has_btf: true,
        os_id: "debian".into(),
        os_version: "13".into(),
        envs: vec![b"STAGE=test".to_vec()],
    }
}

fn source(name: &str, text: &str) -> Source {
    Source { name: name.into(), text: text.into() }
}
