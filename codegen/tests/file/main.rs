//! `syscalls.yaml` against what others know of the same calls.
//!
//! - `headers`: numbers, and layouts of structures, in the kernel's headers
//! - `libseccomp`: numbers in libseccomp
//! - `events`: what must hold on every ABI

mod events;
mod headers;
mod libseccomp;

use std::collections::BTreeMap;
use std::path::Path;

use sentrace_codegen::model::Model;

/// The calls of an ABI, by number.
type Numbers = BTreeMap<u32, String>;

/// The first of the numbers that x32 has to itself.
const X32: u32 = 512;
/// The first of arm's private numbers (`__ARM_NR_BASE`).
const PRIVATE: u32 = 0xf0000;

/// Calls that came later than others with higher numbers.
const LATE: [&str; 2] = ["uprobe", "uretprobe"];

fn model() -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../syscalls.yaml");
    let text = std::fs::read_to_string(&path).expect("syscalls.yaml");
    sentrace_codegen::load("syscalls.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The calls of an ABI under the names that everybody else has for them.
fn numbers(model: &Model, abi: &str) -> Numbers {
    let abi = model.abis.iter().position(|known| known.name == abi).expect("an ABI");
    let calls = model.syscalls.iter().filter_map(|call| Some((call.nr[abi]?, &call.name)));
    let calls = calls.map(|(nr, name)| match name.as_str() {
        "old_mmap" => (nr, "mmap".into()),
        name => (nr, name.into()),
    });
    calls.collect()
}

/// Checks the calls of an ABI against another's, in both directions. Theirs may be older: what
/// follows the last number that they know is not compared.
fn compare(model: &Model, abi: &str, theirs: &Numbers) {
    let ours = numbers(model, abi);
    let range = |nr: u32| [0, X32, PRIVATE].into_iter().rfind(|first| *first <= nr);
    let is_known = |nr: &u32| theirs.keys().any(|last| range(*last) == range(*nr) && nr <= last);
    let is_late = |name: Option<&String>| name.is_some_and(|name| LATE.contains(&name.as_str()));
    let mut differences = vec![];
    for nr in ours.keys().chain(theirs.keys().filter(|nr| !ours.contains_key(nr))) {
        let (ours, theirs) = (ours.get(nr), theirs.get(nr));
        if ours != theirs && is_known(nr) && !(theirs.is_none() && is_late(ours)) {
            differences.push(format!("{nr}: {ours:?} here, {theirs:?} there"));
        }
    }
    assert!(differences.is_empty(), "{abi}\n{}", differences.join("\n"));
}
