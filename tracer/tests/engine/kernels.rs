//! Kernels that lack what the engine would rather use.

use std::process::{Command, Output};

use crate::wrap::{Engine, assert_same, fixture};

/// Kernels of `fixtures/oldkernel`, and what runs there: on the last two, every call stops in any
/// case.
const KERNELS: [(&str, Engine); 6] = [
    ("5.2", Engine::Ptrace),
    ("5.2", Engine::Every),
    ("4.6", Engine::Ptrace),
    ("4.6", Engine::Every),
    ("container", Engine::Ptrace),
    ("3.4", Engine::Ptrace),
];

/// A command under an engine on a kernel: `oldkernel`'s path and kernel, or this machine's.
fn run(kernel: Option<(&str, &str)>, engine: Engine, options: &[&str], command: &[&str]) -> Output {
    let wrap = engine.wrap(options);
    let mut outer = match kernel {
        Some((old, kernel)) => {
            let mut outer = Command::new(old);
            outer.arg(kernel).arg(wrap.get_program());
            outer
        }
        None => Command::new(wrap.get_program()),
    };
    outer.args(wrap.get_args()).args(command).env("LC_ALL", "C").env_remove("LD_LIBRARY_PATH");
    outer.output().expect("a process")
}

/// What is told of a command, and its output.
fn logged_on(
    kernel: Option<(&str, &str)>,
    engine: Engine,
    command: &[&str],
) -> (Vec<String>, Output) {
    let place = tempfile::tempdir().expect("a directory");
    let log = place.path().join("log");
    let option = format!("--log={}", log.display());
    let output = run(kernel, engine, &["--exit", &option], command);
    let lines = std::fs::read_to_string(log).expect("a log");
    (lines.lines().map(without_numbers).collect(), output)
}

/// Process ids and addresses differ from run to run.
fn without_numbers(line: &str) -> String {
    let word =
        |word: &str| if word.parse::<u32>().is_ok_and(|n| n > 300) { "N" } else { word }.into();
    line.split(' ').map(word).collect::<Vec<String>>().join(" ")
}

#[test]
fn older_kernels_tell_the_same() {
    let old = fixture("oldkernel");
    let command = ["cat", "/etc/passwd", "/nope"];
    let (expect, output) = logged_on(None, Engine::Ptrace, &command);
    assert!(expect.iter().any(|line| line.contains("/etc/passwd")), "{expect:?}");
    for (kernel, engine) in KERNELS {
        let (lines, same) = logged_on(Some((&old.program, kernel)), engine, &command);
        assert_same(&same, &output, &format!("{kernel} {engine:?}"));
        // Where waitid(2) cannot look first, a zombie is gone when its end is told.
        let lines: Vec<_> = lines.iter().map(|line| line.replace("false", "true")).collect();
        assert_eq!(lines, expect, "{kernel} {engine:?}");
    }
}

/// Stops of all kinds come between entries and exits that look alike.
#[test]
fn applications_run_the_same_on_older_kernels() {
    let [old, stops, threads] = ["oldkernel", "stops", "threads"].map(fixture);
    let part = |name| vec![stops.program.as_str(), name];
    let commands =
        [part("group"), part("trap"), part("storm"), part("killed"), vec![&threads.program]];
    for command in &commands {
        let plain = Command::new(command[0]).args(&command[1..]).output().expect("a process");
        for (kernel, engine) in KERNELS {
            let traced = run(Some((&old.program, kernel)), engine, &["--exit"], command);
            assert_same(&traced, &plain, &format!("{kernel} {engine:?} {command:?}"));
        }
    }
}
