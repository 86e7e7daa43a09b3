//! What `syscalls.yaml` says.

use std::path::Path;

use sentrace_yaml::{Node, Value, parse};

/// By wire id.
pub(super) const ABIS: [&str; 5] = ["amd64", "arm64", "i386", "arm", "x32"];

/// A name and its values.
pub(super) struct Entry {
    pub(super) name: String,
    /// The value in terms of the kernel.
    pub(super) c: String,
    /// By ABI; `None` where there is no such name.
    pub(super) values: Vec<Option<i64>>,
}

/// Families whose names the kernel's headers do not have.
const NOT_IN_C: [&str; 11] = [
    "compressions",
    "dns_classes",
    "dns_rcodes",
    "dns_types",
    "executable_abis",
    "executable_architectures",
    "file_types",
    "icmp_types",
    "linkages",
    "network_directions",
    "session_types",
];

/// All names that stand for something in C.
pub(super) fn read() -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../syscalls.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let root = parse("syscalls.yaml", &text).unwrap();
    let mut entries = Vec::new();
    for section in ["flags", "enums", "constants"] {
        for (set, node) in root.get(section).unwrap().as_map().unwrap() {
            let set = set.as_str().unwrap();
            if NOT_IN_C.contains(&set) {
                continue;
            }
            for (mask, field) in node.get("fields").and_then(Node::as_map).unwrap_or_default() {
                let mask = mask.as_str().unwrap();
                // The mask of a set whose names rules do not know has a name of ours.
                if mask != mask.to_lowercase() {
                    entries.push(entry("masks", mask, field.get("mask").unwrap()));
                }
                entries.extend(values("fields", field));
            }
            entries.extend(values(set, node));
        }
    }
    entries
}

fn values(set: &str, node: &Node) -> Vec<Entry> {
    let values = node.get("values").and_then(Node::as_map).unwrap_or_default();
    values.iter().map(|(name, value)| entry(set, name.as_str().unwrap(), value)).collect()
}

fn entry(set: &str, name: &str, value: &Node) -> Entry {
    let c = match set {
        "errors" => format!("-{name}"),
        "capability" => format!("1LL << {name}"),
        "quotactl_cmd" => format!("(unsigned)QCMD({name}, 0)"),
        "bpf_helpers" => {
            format!("BPF_FUNC_{}", name.trim_start_matches("BPF_").to_lowercase())
        }
        "transport_protocols" => name.replacen("IP_PROTO_", "IPPROTO_", 1),
        _ => name.to_owned(),
    };
    let int = |node: &Node| node.as_int().map(|value| i64::try_from(value).unwrap());
    let values = match &value.value {
        Value::Int(_) => vec![int(value); ABIS.len()],
        _ => {
            let on = |abi: &&str| value.get(abi).or(value.get("default")).and_then(int);
            ABIS.iter().map(on).collect()
        }
    };
    Entry { name: name.to_owned(), c, values }
}
