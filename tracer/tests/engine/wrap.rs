//! Runs commands under `examples/wrap`.

use std::fs;
use std::process::{Command, Output};

pub(crate) use crate::engines::{Engine, on_every_engine};
use crate::programs::example;
pub(crate) use crate::programs::fixture;

/// Numbers of calls on this machine.
pub(crate) fn calls() -> String {
    let numbers = [
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_openat,
        libc::SYS_clone,
        libc::SYS_clone3,
        libc::SYS_chdir,
        libc::SYS_accept,
    ];
    numbers.map(|nr| nr.to_string()).join(",")
}

impl Engine {
    /// `wrap` with options.
    pub(crate) fn wrap(self, options: &[&str]) -> Command {
        let mut command = Command::new(example("wrap"));
        command.args(self.options());
        command.arg(format!("--trap={}", calls())).args(options);
        command
    }

    /// What a command does untraced, traced at entries, and traced at entries and exits.
    pub(crate) fn thrice(self, command: &[&str]) -> [Output; 3] {
        let run = |mut wrapper: Command, command: &[&str]| {
            wrapper.args(command).output().expect("a process")
        };
        let plain = run(Command::new(command[0]), &command[1..]);
        [plain, run(self.wrap(&[]), command), run(self.wrap(&["--exit"]), command)]
    }

    /// Holds what a command does traced against what it does untraced.
    pub(crate) fn same(self, command: &[&str]) {
        let [plain, entries, exits] = self.thrice(command);
        for traced in [entries, exits] {
            assert_same(&traced, &plain, &format!("{command:?}"));
        }
    }

    /// The lines that `wrap` logs for a command, and its output.
    pub(crate) fn logged(self, options: &[&str], command: &[&str]) -> (Vec<String>, Output) {
        let trap = format!("--trap={}", calls());
        self.logged_with(&[&[trap.as_str()], options].concat(), command)
    }

    /// As [`logged`], with nothing trapped but what the options say.
    pub(crate) fn logged_with(self, options: &[&str], command: &[&str]) -> (Vec<String>, Output) {
        let place = tempfile::tempdir().expect("a directory");
        let log = place.path().join("log");
        let option = format!("--log={}", log.display());
        let mut wrap = Command::new(example("wrap"));
        wrap.args(self.options());
        let output = wrap.arg(option).args(options).args(command).output().expect("a process");
        let lines = fs::read_to_string(log).expect("a log").lines().map(str::to_owned).collect();
        (lines, output)
    }
}

/// Holds an output and status against those without a tracer.
pub(crate) fn assert_same(traced: &Output, plain: &Output, what: &str) {
    assert_eq!(text(&traced.stdout), text(&plain.stdout), "{what}");
    assert_eq!(text(&traced.stderr), text(&plain.stderr), "{what}");
    let signal = std::os::unix::process::ExitStatusExt::signal(&plain.status);
    let expect = plain.status.code().or(signal.map(|signal| 128 + signal));
    assert_eq!(traced.status.code(), expect, "{what}");
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
