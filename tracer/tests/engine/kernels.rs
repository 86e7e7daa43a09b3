//! Kernels that lack what the engine would rather use.

use std::process::Command;

use crate::wrap::{Engine, calls, fixture, text};

/// What is told of a command, by an engine on a kernel without newer calls.
fn logged_on(kernel: Option<&str>, command: &[&str]) -> (Vec<String>, String) {
    let place = tempfile::tempdir().expect("a directory");
    let log = place.path().join("log");
    let wrap = Engine::Ptrace.wrap(&[]);
    let old = fixture("oldkernel");
    let mut outer = match kernel {
        Some(kernel) => {
            let mut outer = Command::new(&old.program);
            outer.arg(kernel).arg(wrap.get_program());
            outer
        }
        None => Command::new(wrap.get_program()),
    };
    outer.arg(format!("--trap={}", calls())).args(["--exit"]);
    let log_option = format!("--log={}", log.display());
    let output = outer
        .arg(log_option)
        .args(command)
        .env("LC_ALL", "C")
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .expect("a process");
    let lines = std::fs::read_to_string(log).expect("a log");
    (lines.lines().map(without_numbers).collect(), text(&output.stdout))
}

/// Process ids and addresses differ from run to run.
fn without_numbers(line: &str) -> String {
    let word =
        |word: &str| if word.parse::<u32>().is_ok_and(|n| n > 300) { "N" } else { word }.into();
    line.split(' ').map(word).collect::<Vec<String>>().join(" ")
}

#[test]
fn older_kernels_tell_the_same() {
    let command = ["cat", "/etc/passwd", "/nope"];
    let (expect, output) = logged_on(None, &command);
    assert!(expect.iter().any(|line| line.contains("/etc/passwd")), "{expect:?}");
    for kernel in ["5.2", "4.6"] {
        let (lines, same) = logged_on(Some(kernel), &command);
        assert_eq!(same, output, "{kernel}");
        // Where waitid(2) cannot look first, a zombie is gone when its end is told.
        let lines: Vec<_> = lines.iter().map(|line| line.replace("false", "true")).collect();
        assert_eq!(lines, expect, "{kernel}");
    }
}
