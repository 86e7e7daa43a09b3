//! Stops, traps, signals and deaths in the middle of everything.

use crate::wrap::{fixture, logged, same, text};

fn part(name: &str) {
    let fixture = fixture("stops");
    same(&[&fixture.program, name]);
}

#[test]
fn a_parent_sees_its_child_stop_and_continue() {
    part("group");
}

#[test]
fn breakpoints_and_signals_are_the_applications() {
    part("trap");
}

#[test]
fn filters_of_the_application_come_first() {
    part("filter");
}

#[test]
fn calls_go_on_under_a_storm_of_signals() {
    part("storm");
}

#[test]
fn tasks_may_be_killed_at_any_moment() {
    part("killed");
}

#[test]
fn a_child_made_to_be_untraced_is_traced() {
    let fixture = fixture("stops");
    let (lines, output) = logged(&["--exit"], &[&fixture.program, "untraced"]);
    assert_eq!(text(&output.stdout), "child: Success\n");
    assert!(lines.iter().any(|line| line.starts_with("fork ")), "{lines:?}");
}
