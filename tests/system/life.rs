//! Threads and processes live, execute programs and end as they do untraced.

use serde_json::Value;

use crate::both::Program;

fn is_exit(event: &Value, code: i64) -> bool {
    event["exit"]["cause"] == "EXITED" && event["exit"]["code"] == code
}

/// Among them a program that a thread executes while 20 others block, and a leader that ends
/// before its threads.
#[test]
fn threads() {
    Program::fixture("threads", &[]).everywhere(|_, events| {
        assert_eq!(events.count("exec"), 2);
        assert_eq!(events.count("exit"), 1);
        assert!(events.any("exit", |event| is_exit(event, 5)));
    });
}

#[test]
fn tasks_killed_at_any_moment() {
    Program::fixture("stops", &["killed"]).everywhere(|_, events| {
        let killed = events.find("exit", |event| event["exit"]["cause"] == "SIGNALED");
        assert_eq!(killed.filter(|event| event["exit"]["code"] == 9).count(), 100);
    });
}

/// A child that is made with `CLONE_UNTRACED` is traced, and its calls do not fail.
#[test]
fn a_child_that_asks_not_to_be_traced() {
    Program::fixture("stops", &["untraced"]).everywhere(|_, events| {
        assert_eq!((events.count("fork"), events.count("exit")), (1, 2));
    });
}
