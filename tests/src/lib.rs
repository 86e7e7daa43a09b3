//! What end-to-end tests share: the built programs.
//!
//! Tests run them as a user does and never link them, so that no test waits for another's
//! children.

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::LazyLock;

/// The program `sentrace`, built if need be.
pub fn sentrace() -> Command {
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| built("sentrace-probe", "sentrace"));
    Command::new(&*PATH)
}

/// The slim program `sentrace-tracer`, built if need be.
pub fn sentrace_tracer() -> Command {
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| built("sentrace-tracer", "sentrace-tracer"));
    Command::new(&*PATH)
}

/// The exit status as a shell reports it: 128 and more for signals.
pub fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

/// A program of the workspace, of the profile that the tests have.
fn built(package: &str, program: &str) -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--package", package, "--bin", program]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status();
    assert!(built.is_ok_and(|built| built.success()), "{program} does not build");
    // target/PROFILE/deps/TEST
    let test = env::current_exe().expect("the path of this test");
    let path = test.ancestors().nth(2).map(|profile: &Path| profile.join(program));
    path.expect("tests are in a target directory")
}
