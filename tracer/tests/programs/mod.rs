//! Programs that tests run: the examples, and fixtures in C.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Path of `examples/NAME`, built.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let target = test
        .ancestors()
        .find(|path| path.join("examples").is_dir())
        .expect("cargo built the examples");
    target.join("examples").join(name)
}

/// A built fixture, until it is dropped.
pub(crate) struct Fixture {
    _place: tempfile::TempDir,
    /// Path of the program.
    pub(crate) program: String,
}

/// Builds `tests/fixtures/NAME.c`.
pub(crate) fn fixture(name: &str) -> Fixture {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.c"));
    let place = tempfile::tempdir().expect("a directory");
    let program = place.path().join(name);
    let options = match name {
        // It needs nothing but a compiler that knows the ABI.
        "narrow" => "-nostdlib -static -ffreestanding -fno-pie -no-pie -fno-stack-protector",
        "arguments" => "-no-pie",
        _ => "-pthread",
    };
    let (compiler, machine) = match name {
        "narrow" if cfg!(target_arch = "aarch64") => ("arm-linux-gnueabihf-gcc", "-marm"),
        "narrow" => ("cc", "-m32"),
        _ => ("cc", "-O1"),
    };
    let mut cc = Command::new(compiler);
    cc.arg(machine)
        .args(["-O1", "-Wall"])
        .args(options.split(' '))
        .arg("-o")
        .arg(&program)
        .arg(source);
    assert!(cc.status().expect("a C compiler").success(), "cc {name}.c");
    let program = program.into_os_string().into_string().expect("a path in UTF-8");
    Fixture { _place: place, program }
}
