//! A probe that tests start, and applications that report to it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// A probe that listens on a socket in a directory of its own.
pub(crate) struct Probe {
    program: Box<dyn Fn() -> Command>,
    directory: TempDir,
    child: Child,
}

impl Probe {
    /// Starts it with rules and options, and waits until it listens.
    pub(crate) fn start(
        program: impl Fn() -> Command + 'static,
        rules: &str,
        options: &[&str],
    ) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let policy = directory.path().join("test.policy");
        fs::write(&policy, format!("rules:\n{rules}")).expect("a file");
        let mut command = program();
        command.args(["probe", "-v", "--listen", &address(directory.path()), "--policy"]);
        command.arg(policy).args(options).arg("--json").arg(directory.path().join("json"));
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut lines = stderr.lines().map(|line| line.expect("text"));
        assert!(lines.any(|line| line.contains("listening")), "it does not listen");
        // Read on, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { program: Box::new(program), directory, child }
    }

    /// An application that reports to it.
    pub(crate) fn trace(&self, script: &str) -> Command {
        let mut command = (self.program)();
        command.args(["trace", "--probe-addr", &address(self.directory.path())]);
        command.args(["--", "sh", "-c", script]);
        command
    }

    /// Ends it, and reads what it has written.
    pub(crate) fn end(mut self) -> Vec<Value> {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid"));
        kill(pid, Signal::SIGTERM).expect("it runs");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
        let lines = fs::read_to_string(self.directory.path().join("json")).expect("the file");
        lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

/// Where a probe in a directory listens.
pub(crate) fn address(directory: &Path) -> String {
    format!("unix:{}", directory.join("socket").display())
}
