//! Stops, traps, signals and deaths in the middle of everything.

use std::collections::HashSet;

use crate::wrap::{Engine, fixture, on_every_engine, text};

on_every_engine!(
    a_parent_sees_its_child_stop_and_continue,
    breakpoints_and_signals_are_the_applications,
    filters_of_the_application_come_first,
    calls_go_on_under_a_storm_of_signals,
    tasks_may_be_killed_at_any_moment,
    calls_that_wait_end_as_they_would,
    thousands_of_threads_end_at_once,
    a_child_made_to_be_untraced_is_traced,
    every_call_returns_before_the_next_between_stops_and_signals,
);

fn part(engine: Engine, name: &str) {
    let fixture = fixture("stops");
    engine.same(&[&fixture.program, name]);
}

fn a_parent_sees_its_child_stop_and_continue(engine: Engine) {
    part(engine, "group");
}

fn breakpoints_and_signals_are_the_applications(engine: Engine) {
    part(engine, "trap");
}

fn filters_of_the_application_come_first(engine: Engine) {
    part(engine, "filter");
}

fn calls_go_on_under_a_storm_of_signals(engine: Engine) {
    part(engine, "storm");
}

fn tasks_may_be_killed_at_any_moment(engine: Engine) {
    part(engine, "killed");
}

fn calls_that_wait_end_as_they_would(engine: Engine) {
    part(engine, "waits");
}

fn thousands_of_threads_end_at_once(engine: Engine) {
    part(engine, "many");
}

fn a_child_made_to_be_untraced_is_traced(engine: Engine) {
    let fixture = fixture("stops");
    let (lines, output) = engine.logged(&["--exit"], &[&fixture.program, "untraced"]);
    assert_eq!(text(&output.stdout), "child: Success\n");
    assert!(lines.iter().any(|line| line.starts_with("fork ")), "{lines:?}");
}

fn every_call_returns_before_the_next_between_stops_and_signals(engine: Engine) {
    let fixture = fixture("stops");
    let (lines, output) = engine.logged(&["--exit"], &[&fixture.program, "execs"]);
    assert_eq!(text(&output.stdout), "ended with 0\n");
    let execs = lines.iter().filter(|line| line.starts_with("exec ")).count();
    assert_eq!(execs, 1 + 300);
    let mut inside = HashSet::new();
    for line in &lines {
        let mut words = line.split(' ');
        let (what, tid) = (words.next(), words.next());
        match what {
            Some("entry") => assert!(inside.insert(tid), "{line}"),
            Some("exit") => assert!(inside.remove(&tid), "{line}"),
            _ => {}
        }
    }
    assert_eq!(inside, HashSet::new());
}
