//! libseccomp's tables, by its program scmp_sys_resolver.

use std::process::Command;

use super::numbers::{Numbers, PRIVATE, X32};

/// The calls of an ABI; `flag` is the bit that its numbers carry.
pub(super) fn numbers(abi: &str, flag: u32) -> Numbers {
    let (arch, own) = match abi {
        "amd64" => ("x86_64", 0..0),
        "arm64" => ("aarch64", 0..0),
        "i386" => ("x86", 0..0),
        "arm" => ("arm", PRIVATE..PRIVATE + 16),
        "x32" => ("x32", X32..X32 + 64),
        _ => panic!("libseccomp knows no `{abi}`"),
    };
    let all = (0..X32).chain(own);
    all.filter_map(|nr| Some((nr, resolve(arch, nr | flag)?))).collect()
}

fn resolve(arch: &str, number: u32) -> Option<String> {
    let output = Command::new("scmp_sys_resolver").args(["-a", arch, &number.to_string()]).output();
    let output = output.unwrap_or_else(|error| {
        panic!("scmp_sys_resolver: {error}: run packaging/apt-packages.sh")
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let name = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    (name != "UNKNOWN").then_some(name)
}
