//! Filters made from wanted events, in the kernel.

use crate::engines::on_engines;
use crate::wrap::{Engine, fixture, text};

on_engines!(
    [notify Notify, ptrace Ptrace]
    conditions_are_tested_by_the_kernel
    only_wanted_calls_stop
    children_that_would_be_untraced_are_seen
);

/// Numbers of the calls that stop when `script` runs and `events` are wanted.
fn stops(engine: Engine, events: &str, script: &str) -> Vec<i64> {
    let (lines, output) =
        engine.logged_with(&[&format!("--events={events}")], &["sh", "-c", script]);
    assert!(output.status.success(), "{output:?}");
    let entries = lines.iter().filter_map(|line| line.strip_prefix("entry "));
    entries.map(|line| line.split(' ').nth(2).expect("a number").parse().expect("one")).collect()
}

/// rm(1) removes files and directories by the same call, with another flag.
fn conditions_are_tested_by_the_kernel(engine: Engine) {
    let script = "cd $(mktemp -d) && mkdir d && touch d/a d/b && rm -r d $PWD";
    let unlinkat = |events| {
        stops(engine, events, script).into_iter().filter(|nr| *nr == libc::SYS_unlinkat).count()
    };
    assert_eq!(unlinkat("unlink"), 2);
    assert_eq!(unlinkat("rmdir"), 2);
    assert_eq!(unlinkat("unlink,rmdir"), 4);
    assert_eq!(unlinkat("truncate"), 0);
}

/// Programs are mapped to be executed, and map much else.
fn only_wanted_calls_stop(engine: Engine) {
    let stops = stops(engine, "mmap", "cat /dev/null; true");
    assert!(stops.len() >= 2, "{stops:?}");
    assert!(stops.iter().all(|nr| *nr == libc::SYS_mmap), "{stops:?}");
}

/// No event is about clone(2), but its child would be lost. The notify engine has no need to see
/// it: it sees what such a child does.
fn children_that_would_be_untraced_are_seen(engine: Engine) {
    let fixture = fixture("stops");
    let (lines, output) = engine.logged_with(&["--events=unlink"], &[&fixture.program, "untraced"]);
    assert_eq!(text(&output.stdout), "child: Success\n");
    let is_told = lines.iter().any(|line| line.starts_with("fork "));
    assert_eq!(is_told, engine == Engine::Ptrace, "{lines:?}");
    let (lines, _) = engine.logged_with(&["--events=unlink"], &["sh", "-c", "true | cat"]);
    assert!(!lines.iter().any(|line| line.starts_with("entry ")), "{lines:?}");
}
