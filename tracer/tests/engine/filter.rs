//! Filters made from wanted events, in the kernel.

use crate::wrap::{fixture, logged_with, text};

/// Numbers of the calls that stop when `script` runs and `events` are wanted.
fn stops(events: &str, script: &str) -> Vec<i64> {
    let (lines, output) = logged_with(&[&format!("--events={events}")], &["sh", "-c", script]);
    assert!(output.status.success(), "{output:?}");
    let entries = lines.iter().filter_map(|line| line.strip_prefix("entry "));
    entries.map(|line| line.split(' ').nth(2).expect("a number").parse().expect("one")).collect()
}

/// rm(1) removes files and directories by the same call, with another flag.
#[test]
fn conditions_are_tested_by_the_kernel() {
    let script = "cd $(mktemp -d) && mkdir d && touch d/a d/b && rm -r d $PWD";
    let unlinkat =
        |events| stops(events, script).into_iter().filter(|nr| *nr == libc::SYS_unlinkat).count();
    assert_eq!(unlinkat("unlink"), 2);
    assert_eq!(unlinkat("rmdir"), 2);
    assert_eq!(unlinkat("unlink,rmdir"), 4);
    assert_eq!(unlinkat("truncate"), 0);
}

/// Programs are mapped to be executed, and map much else.
#[test]
fn only_wanted_calls_stop() {
    let stops = stops("mmap", "cat /dev/null; true");
    assert!(stops.len() >= 2, "{stops:?}");
    assert!(stops.iter().all(|nr| *nr == libc::SYS_mmap), "{stops:?}");
}

/// No event is about clone(2), but its child would be lost.
#[test]
fn children_that_would_be_untraced_are_seen() {
    let fixture = fixture("stops");
    let (lines, output) = logged_with(&["--events=unlink"], &[&fixture.program, "untraced"]);
    assert_eq!(text(&output.stdout), "child: Success\n");
    assert!(lines.iter().any(|line| line.starts_with("fork ")), "{lines:?}");
    let (lines, _) = logged_with(&["--events=unlink"], &["sh", "-c", "true | cat"]);
    assert!(!lines.iter().any(|line| line.starts_with("entry ")), "{lines:?}");
}
