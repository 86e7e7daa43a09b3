//! What the lines say about the program that writes them.

use std::fs;

use super::Object;

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
    /// This program on this machine. What cannot be found out is empty.
    pub fn here() -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let release = fs::read_to_string("/etc/os-release");
        let release = release.or_else(|_| fs::read_to_string("/usr/lib/os-release"));
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            arch: arch.into(),
            kernel_version: kernel.trim().into(),
            distribution: distribution(&release.unwrap_or_default()),
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

fn distribution(release: &str) -> String {
    let value = |key: &str| {
        let mut lines = release.lines().filter_map(|line| line.split_once('='));
        lines.find(|(name, _)| *name == key).map(|(_, value)| value.trim_matches(['"', '\'']))
    };
    let words = [value("ID"), value("VERSION_ID")];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 13\"\nVERSION_ID=\"13\"\nID=debian\n";
        assert_eq!(distribution(debian), "debian 13");
        assert_eq!(distribution("ID=arch\n"), "arch");
        assert_eq!(distribution(""), "");
    }
}
