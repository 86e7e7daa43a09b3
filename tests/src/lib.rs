//! What end-to-end tests share: they run the built programs as users do, and link none of them, so
//! that no test waits for another's children.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::sync::OnceLock;

/// The program `sentrace`, built as these tests are, in an environment that says nothing to it.
///
/// # Panics
/// It cannot be built.
pub fn sentrace() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(PROGRAM.get_or_init(|| build("sentrace-probe", "sentrace")));
    for (name, _) in std::env::vars_os() {
        let is_ours = name.to_string_lossy().starts_with("SENTRACE_");
        // Cargo's library path may be one that a rule is about.
        if is_ours || ["RUST_LOG", "NO_COLOR", "LD_LIBRARY_PATH"].iter().any(|told| name == *told) {
            command.env_remove(name);
        }
    }
    command
}

/// What a program did that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit status; `None` when a signal killed it.
    pub code: Option<i32>,
    /// What it wrote.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

/// Runs a command to its end.
///
/// # Panics
/// It cannot be started.
pub fn ended(command: &mut Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// The exit status as a shell reports it: 128 and more for signals.
pub fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

/// Builds a program of the workspace in the profile of these tests, and answers where it is.
fn build(package: &str, program: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--package", package, "--bin", program]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(cargo.status().expect("cargo starts").success(), "{program} cannot be built");
    // target/PROFILE/deps/system-HASH
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent).expect("cargo's directories");
    profile.join(program)
}
