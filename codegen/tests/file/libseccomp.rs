//! libseccomp's tables, by its program scmp_sys_resolver (Debian's package seccomp).

use std::process::Command;

use super::{Numbers, PRIVATE, X32, compare, model};

/// An ABI, libseccomp's name of it, and the numbers that it may have.
const ABIS: [(&str, &str); 5] = [
    ("amd64", "x86_64"),
    ("arm64", "aarch64"),
    ("i386", "x86"),
    ("arm", "arm"),
    ("x32", "x32"),
];

/// Numbers that a call may have.
fn candidates(abi: &str) -> impl Iterator<Item = u32> {
    let own = match abi {
        "x32" => X32..X32 + 64,
        "arm" => PRIVATE..PRIVATE + 16,
        _ => 0..0,
    };
    (0..X32).chain(own)
}

fn resolve(arch: &str, number: u32) -> Option<String> {
    let output = Command::new("scmp_sys_resolver").args(["-a", arch, &number.to_string()]).output();
    let output = output.expect("the program scmp_sys_resolver: install the package seccomp");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let name = String::from_utf8(output.stdout).expect("text").trim().to_owned();
    (name != "UNKNOWN").then_some(name)
}

#[test]
fn numbers() {
    let model = model();
    for (abi, arch) in ABIS {
        let flag = model.abis.iter().find(|known| known.name == abi).expect("an ABI").number_flag;
        let theirs: Numbers =
            candidates(abi).filter_map(|nr| Some((nr, resolve(arch, nr | flag)?))).collect();
        assert!(theirs.len() > 250, "{abi}: only {} calls", theirs.len());
        compare(&model, abi, &theirs);
    }
}
