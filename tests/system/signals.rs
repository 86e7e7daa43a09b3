//! Signals, group stops, traps and terminals are the application's own.

use crate::both::Program;

#[test]
fn a_child_is_stopped_and_continued() {
    Program::fixture("stops", &["group"]).everywhere(|_, _| ());
}

/// Breakpoints, SIGTRAP, real-time signals.
#[test]
fn traps_are_the_applications() {
    Program::fixture("stops", &["trap"]).everywhere(|_, events| {
        assert!(events.any("exit", |event| event["exit"]["code"] == 5));
    });
}

#[test]
fn calls_go_on_under_a_storm_of_signals() {
    Program::fixture("stops", &["storm"]).everywhere(|_, events| {
        assert!(
            events.find("open", |event| event["file"]["path"] == "/etc/passwd").count() >= 2000
        );
    });
}
