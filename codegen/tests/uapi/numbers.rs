//! Numbers of calls against the kernel's headers and libseccomp, in both directions.

use std::collections::{BTreeMap, HashMap};

use sentrace_codegen::model::Model;

use super::table::model;
use super::{headers, libseccomp};

/// The calls of an ABI, by number.
pub(super) type Numbers = BTreeMap<u32, String>;

/// The first of the numbers that x32 has to itself.
pub(super) const X32: u32 = 512;
/// The first of arm's private numbers (`__ARM_NR_BASE`).
pub(super) const PRIVATE: u32 = 0xf0000;

/// Calls that an ABI got later than others with higher numbers.
const LATE: [&str; 3] = ["map_shadow_stack", "uprobe", "uretprobe"];

#[test]
fn numbers_are_those_of_the_kernel() {
    let model = model();
    for abi in &model.abis {
        compare(&model, &abi.name, &from_macros(&headers::of(&abi.name).syscalls()));
    }
}

#[test]
fn numbers_are_those_of_libseccomp() {
    let model = model();
    for abi in &model.abis {
        compare(&model, &abi.name, &libseccomp::numbers(&abi.name, abi.number_flag));
    }
}

/// Checks the calls of an ABI against another's. Theirs may be older: what follows the last
/// number that they know is not compared.
fn compare(model: &Model, abi: &str, theirs: &Numbers) {
    assert!(theirs.len() > 250, "{abi}: only {} calls", theirs.len());
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

/// The calls of an ABI under the names that everybody else has for them.
fn numbers(model: &Model, abi: &str) -> Numbers {
    let abi = model.abis.iter().position(|known| known.name == abi).unwrap();
    let calls = model.syscalls.iter().filter_map(|call| Some((call.nr[abi]?, &call.name)));
    let calls = calls.map(|(nr, name)| match name.as_str() {
        "old_mmap" => (nr, "mmap".into()),
        name => (nr, name.into()),
    });
    calls.collect()
}

/// What the macros of asm/unistd.h say.
fn from_macros(macros: &str) -> Numbers {
    let defines = macros.lines().filter_map(|line| line.strip_prefix("#define "));
    let defines: HashMap<&str, &str> =
        defines.filter_map(|define| define.split_once(' ')).collect();
    let calls = defines.iter().filter_map(|(name, value)| {
        let call = name.strip_prefix("__NR_").or_else(|| name.strip_prefix("__ARM_NR_"))?;
        let is_call = call.chars().all(|c| !c.is_ascii_uppercase())
            && !matches!(call, "syscalls" | "arch_specific_syscall");
        let is_second_name = value.starts_with("__NR_");
        (is_call && !is_second_name).then(|| (number(value, &defines), call.to_owned()))
    });
    calls.collect()
}

/// A sum of numbers and macros; without the bit of x32.
fn number(text: &str, defines: &HashMap<&str, &str>) -> u32 {
    let terms = text.split('+').map(|term| match term.trim().trim_matches(['(', ')']) {
        "__X32_SYSCALL_BIT" => 0,
        term => match term.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).unwrap(),
            None => term.parse().unwrap_or_else(|_| number(defines[term], defines)),
        },
    });
    terms.sum()
}
