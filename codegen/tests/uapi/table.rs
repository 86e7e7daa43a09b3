//! What `syscalls.yaml` says.

use std::path::Path;

use sentrace_codegen::model::{Model, Named};

/// A name and its values.
pub(super) struct Entry {
    pub(super) name: String,
    /// The value in terms of C.
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

/// The file as the generator reads it.
pub(super) fn model() -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../syscalls.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    sentrace_codegen::load("syscalls.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// All names that stand for something in C.
pub(super) fn entries(model: &Model) -> Vec<Entry> {
    let mut entries = Vec::new();
    for set in &model.sets {
        for field in &set.fields {
            // The mask of a set whose names rules do not know has a name of ours.
            if set.rules {
                let values = vec![Some(field.mask.cast_signed()); model.abis.len()];
                entries.push(Entry { name: field.name.clone(), c: field.name.clone(), values });
            }
            entries.extend(field.values.iter().map(|named| entry("", named)));
        }
        entries.extend(set.values.iter().map(|named| entry(&set.name, named)));
    }
    let mut families = model.families.clone();
    families.retain(|family| !NOT_IN_C.contains(&family.name.as_str()));
    for family in &families {
        entries.extend(family.values.iter().map(|named| entry(&family.name, named)));
    }
    entries
}

fn entry(set: &str, Named { name, values }: &Named) -> Entry {
    let c = match set {
        "errors" => format!("-{name}"),
        "capability" => format!("1LL << {name}"),
        "quotactl_cmd" => format!("(unsigned)QCMD({name}, 0)"),
        "bpf_helpers" => {
            format!("BPF_FUNC_{}", name.trim_start_matches("BPF_").to_lowercase())
        }
        "transport_protocols" => name.replacen("IP_PROTO_", "IPPROTO_", 1),
        _ => name.clone(),
    };
    Entry { name: name.clone(), c, values: values.clone() }
}
