//! As the first process of a container, `run` and `trace` do what its first process has to do.

use std::process::Command;

use sentrace_tests::{Ended, ended, quiet, sentrace};

use crate::both::ENGINES;
use crate::fixtures::fixture;

/// A new PID namespace, whose first process is what follows.
const CONTAINER: [&str; 6] =
    ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];

/// Commands that put a tracer before an application; there is no probe.
fn tracers() -> Vec<Vec<&'static str>> {
    let mut tracers = Vec::new();
    for engine in ENGINES {
        let run = [&["run"][..], engine.options, &["--json", "/dev/null"]];
        let trace = [&["trace"][..], engine.options, &["--probe-addr", "unix:/nonexistent/socket"]];
        tracers.extend([run.concat(), trace.concat()]);
    }
    tracers
}

fn contained() -> Command {
    let mut unshare = quiet(CONTAINER[0]);
    unshare.args(&CONTAINER[1..]);
    unshare
}

/// What the fixture does as the first process, and behind each of the tracers.
fn first(args: &[&str]) -> (Ended, Vec<Ended>) {
    let program = fixture("first");
    let alone = ended(contained().arg(&program).args(args));
    let behind = |tracer: Vec<&str>| {
        let mut unshare = contained();
        unshare.arg(sentrace().get_program()).args(tracer).arg("--").arg(&program).args(args);
        ended(&mut unshare)
    };
    (alone, tracers().into_iter().map(behind).collect())
}

/// All that can be handed on: 49 signals, sent to process 1.
#[test]
fn every_signal_is_handed_on() {
    let (alone, behind) = first(&["signals"]);
    assert_eq!(alone.stdout.split(' ').filter(|word| word.parse::<i32>().is_ok()).count(), 49);
    for traced in behind {
        assert_eq!((traced.code, traced.stdout), (Some(0), alone.stdout.clone()));
    }
}

/// None is left as a zombie while the application runs.
#[test]
fn orphans_are_reaped() {
    let (alone, behind) = first(&["orphans"]);
    assert_eq!(alone.stdout, "left 0\n");
    for traced in behind {
        assert_eq!((traced.code, traced.stdout.as_str()), (Some(0), "left 0\n"));
    }
}

/// The container ends with its application, whatever else lives in it.
#[test]
fn the_container_ends_with_the_applications_status() {
    for (argument, code) in [("0", 0), ("7", 7), ("255", 255), ("-15", 143), ("-9", 137)] {
        for traced in first(&["status", argument]).1 {
            assert_eq!(traced.code, Some(code), "{argument}: {traced:?}");
        }
    }
}
