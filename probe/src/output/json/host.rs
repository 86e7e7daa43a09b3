//! What the lines say about the program that writes them.

use std::fs;

use super::Object;
use crate::rules::HostModel;

/// The program and its machine: `agent` in the JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agent {
    /// Version of this program.
    pub version: String,
    /// Architecture, as Go and container registries call it: `amd64`, `arm64`.
    pub arch: String,
    /// Release of the kernel.
    pub kernel_version: String,
    /// `ID` and `VERSION_ID` of os-release(5).
    pub distribution: String,
}

impl Agent {
    /// This program on a host.
    pub fn on(host: &HostModel) -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            arch: arch.into(),
            kernel_version: kernel.trim().into(),
            distribution: format!("{} {}", host.os_id, host.os_version).trim().into(),
        }
    }

    pub(super) fn write(&self, agent: &mut Object<'_>) {
        agent.text("version", self.version.as_bytes());
        agent.text("os", b"linux");
        agent.text("arch", self.arch.as_bytes());
        agent.text("origin", b"ebpfless");
        agent.text("kernel_version", self.kernel_version.as_bytes());
        agent.text("distribution", self.distribution.as_bytes());
    }
}
