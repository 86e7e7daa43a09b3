//! The host as `filters` of rules and macros see it.

use std::fs;

use sentrace_yaml::nearest;

use super::Version;
use crate::secl::{Constant, Context, FieldRef, Kind, Registry, Text, Value, VariableRef};

/// The version of the reference agent whose rules are understood: `agent_version` is compared
/// with it.
const AGENT_VERSION: Version = Version::new(7, 83, 0);

/// The host as `filters` of rules and macros see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostModel {
    /// What `agent_version` of a rule is compared with.
    pub agent_version: Version,
    /// `hostname`.
    pub hostname: String,
    /// `kernel.version.*`.
    pub kernel: KernelVersion,
    /// `kernel.core.enabled`: whether the kernel has type information (BTF).
    pub has_btf: bool,
    /// `os.id`: `debian`, `rhel`, `amzn`, …
    pub os_id: String,
    /// `os.version_id`.
    pub os_version: String,
    /// `envs`: the environment of the probe.
    pub envs: Vec<Vec<u8>>,
}

/// A kernel's version: `6.1.0-18-amd64`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelVersion {
    /// 6
    pub major: i64,
    /// 1
    pub minor: i64,
    /// 0
    pub patch: i64,
    /// 18
    pub abi: i64,
    /// `amd64`
    pub flavor: String,
}

impl HostModel {
    /// This host. What cannot be read is empty.
    pub fn detect() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let release = fs::read_to_string("/etc/os-release")
            .or_else(|_| fs::read_to_string("/usr/lib/os-release"))
            .unwrap_or_default();
        let value = |key: &str| {
            let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
        };
        let envs = std::env::vars_os()
            .map(|(name, value)| [name.as_encoded_bytes(), value.as_encoded_bytes()].join(&b'='));
        Self {
            agent_version: AGENT_VERSION,
            hostname: read("/proc/sys/kernel/hostname"),
            kernel: KernelVersion::parse(&read("/proc/sys/kernel/osrelease")),
            has_btf: fs::exists("/sys/kernel/btf/vmlinux").unwrap_or(false),
            os_id: value("ID"),
            os_version: value("VERSION_ID"),
            envs: envs.collect(),
        }
    }

    fn is(&self, id: &str, version: &str) -> bool {
        let major = self.os_version.split('.').next().unwrap_or_default();
        self.os_id == id && (version.is_empty() || major == version)
    }
}

impl KernelVersion {
    /// From a release; what is missing is 0.
    pub fn parse(release: &str) -> Self {
        let (numbers, rest) = release.split_once('-').unwrap_or((release, ""));
        let mut numbers = numbers.split('.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..end].parse().unwrap_or(0)
        });
        let mut number = || numbers.next().unwrap_or(0);
        let (major, minor, patch) = (number(), number(), number());
        let (abi, flavor) = match rest.split_once('-') {
            Some((abi, flavor)) => (abi.parse().unwrap_or(0), flavor),
            None => (rest.parse().unwrap_or(0), ""),
        };
        Self { major, minor, patch, abi, flavor: flavor.to_owned() }
    }
}

/// A field of the host.
type Read = for<'a> fn(&'a HostModel) -> Value<'a>;

const FIELDS: &[(&str, Read)] = &[
    ("os", |_| text("linux")),
    ("os.id", |host| text(&host.os_id)),
    ("os.platform_id", |host| text(&host.os_id)),
    ("os.version_id", |host| text(&host.os_version)),
    ("os.is_amazon_linux", |host| Value::Bool(host.is("amzn", ""))),
    ("os.is_cos", |host| Value::Bool(host.is("cos", ""))),
    ("os.is_debian", |host| Value::Bool(host.is("debian", ""))),
    ("os.is_oracle", |host| Value::Bool(host.is("ol", ""))),
    ("os.is_rhel", |host| Value::Bool(host.is("rhel", ""))),
    ("os.is_rhel7", |host| Value::Bool(host.is("rhel", "7"))),
    ("os.is_rhel8", |host| Value::Bool(host.is("rhel", "8"))),
    ("os.is_sles", |host| Value::Bool(host.is("sles", ""))),
    ("os.is_sles12", |host| Value::Bool(host.is("sles", "12"))),
    ("os.is_sles15", |host| Value::Bool(host.is("sles", "15"))),
    ("kernel.version.major", |host| Value::Int(host.kernel.major)),
    ("kernel.version.minor", |host| Value::Int(host.kernel.minor)),
    ("kernel.version.patch", |host| Value::Int(host.kernel.patch)),
    ("kernel.version.abi", |host| Value::Int(host.kernel.abi)),
    ("kernel.version.flavor", |host| text(&host.kernel.flavor)),
    ("kernel.core.enabled", |host| Value::Bool(host.has_btf)),
    ("envs", |host| Value::Strs(&host.envs)),
    ("origin", |_| text("ebpfless")),
    ("hostname", |host| text(&host.hostname)),
];

fn text(text: &str) -> Value<'_> {
    Value::Str(text.as_bytes().into())
}

impl Registry for HostModel {
    type Field = Read;

    fn field(&self, name: &str) -> Option<FieldRef<Read>> {
        let (_, read) = FIELDS.iter().find(|(known, _)| *known == name)?;
        let (kind, array) = match read(self) {
            Value::Bool(_) => (Kind::Bool, false),
            Value::Int(_) => (Kind::Int, false),
            Value::Strs(_) => (Kind::Str(Text::Plain), true),
            _ => (Kind::Str(Text::Plain), false),
        };
        Some(FieldRef { field: *read, kind, array, iterator: None, event: None, cost: 5 })
    }

    fn constant(&self, name: &str) -> Option<Constant> {
        match name {
            "true" => Some(Constant::Bool(true)),
            "false" => Some(Constant::Bool(false)),
            _ => None,
        }
    }

    fn variable(&self, _: &str) -> Option<VariableRef> {
        None
    }

    fn nearest(&self, name: &str) -> Option<String> {
        nearest(name, FIELDS.iter().map(|(name, _)| *name)).map(str::to_owned)
    }
}

impl Context for HostModel {
    type Field = Read;

    fn value(&self, field: &Read, _: Option<usize>) -> Value<'_> {
        field(self)
    }

    fn elements(&self, _: &Read) -> usize {
        0
    }

    fn variable(&self, _: &str) -> Value<'_> {
        Value::Bool(false)
    }

    fn now(&self) -> i64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_versions() {
        let version = |major, minor, patch, abi, flavor: &str| KernelVersion {
            major,
            minor,
            patch,
            abi,
            flavor: flavor.into(),
        };
        assert_eq!(KernelVersion::parse("6.1.0-18-amd64"), version(6, 1, 0, 18, "amd64"));
        assert_eq!(KernelVersion::parse("5.15.0-1051-aws"), version(5, 15, 0, 1051, "aws"));
        assert_eq!(KernelVersion::parse("6.18.2"), version(6, 18, 2, 0, ""));
        assert_eq!(KernelVersion::parse("3.5rc1"), version(3, 5, 0, 0, ""));
        assert_eq!(KernelVersion::parse(""), KernelVersion::default());
    }
}
