//! The crate linux-raw-sys, generated from the kernel's headers by bindgen: as a rule newer than
//! the headers that distributions install. Its source has all architectures.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Verdict;
use super::table::Entry;

/// The bindings of one ABI.
pub(super) struct Bindings(HashMap<String, i64>);

/// Reads the bindings of an ABI.
pub(super) fn of(abi: &str) -> Bindings {
    let folder = match abi {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        "i386" => "x86",
        other => other,
    };
    let mut values = HashMap::new();
    for file in std::fs::read_dir(source().join(folder)).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        values.extend(text.lines().filter_map(constant));
    }
    Bindings(values)
}

/// `pub const NAME: u32 = 1;`, or `NAME = 1,` in an enumeration.
fn constant(line: &str) -> Option<(String, i64)> {
    let (name, value) = match line.strip_prefix("pub const ") {
        Some(constant) => {
            let (name, rest) = constant.split_once(": ")?;
            (name, rest.split_once(" = ")?.1.strip_suffix(';')?)
        }
        None => line.trim_start().strip_suffix(',')?.split_once(" = ")?,
    };
    Some((name.to_owned(), value.parse().ok()?))
}

/// Where cargo keeps the source of the crate.
fn source() -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .arg(format!("--filter-platform={}-unknown-linux-gnu", std::env::consts::ARCH))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let package = packages.find(|package| package["name"] == "linux-raw-sys").unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    manifest.parent().unwrap().join("src")
}

impl Bindings {
    /// The version of Linux that they are of.
    pub(super) fn version(&self) -> String {
        let code = self.0["LINUX_VERSION_CODE"];
        format!("{}.{}", code >> 16, code >> 8 & 0xff)
    }

    /// The values of one ABI against the bindings, which have no expressions.
    pub(super) fn compare(&self, abi: usize, table: &[&Entry]) -> Verdict {
        let mut verdict = Verdict::default();
        for Entry { name, c, values } in table.iter().copied() {
            let shift = c.strip_prefix("1LL << ");
            let Some(value) = self.0.get(shift.unwrap_or(c).trim_start_matches('-')) else {
                verdict.lacking.insert(name.clone());
                continue;
            };
            let value = if shift.is_some() { 1 << value } else { *value };
            let value = if c.starts_with('-') { -value } else { value };
            match values[abi] {
                Some(known) if known == value => verdict.agreed += 1,
                // An `int` with all bits up to the sign.
                Some(known) if known == i64::from(value as u32) && value < 0 => verdict.agreed += 1,
                Some(known) => verdict.wrong.push(format!("{name} is {known}, not {value}")),
                None => verdict.wrong.push(format!("{name} is there: {value}")),
            }
        }
        verdict
    }
}
