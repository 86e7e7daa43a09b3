//! Signals, group stops, traps and terminals are the application's own.

use sentrace_tests::{ended, quiet, sentrace};

use crate::both::{ENGINES, Program};
use crate::fixtures::source;

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

/// Calls return `EINTR`, or are restarted, as signal(7) says.
#[test]
fn calls_that_block_and_are_interrupted() {
    Program::fixture("blocked", &[]).everywhere(|_, events| {
        assert_eq!(events.count("accept"), 1, "one succeeds, once");
    });
}

/// A shell with job control at a terminal: it is traced, or the job that it starts is.
#[test]
fn terminals() {
    let shell = ["bash", "--norc", "--noprofile", "--noediting", "-i"];
    let seen = |job: &str, tracer: &[&str]| {
        let mut python = quiet("python3");
        let ended = ended(python.arg(source("terminal.py")).arg(job).args(tracer).args(shell));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    };
    let untraced = seen("cat", &[]);
    assert!(untraced.contains("Stopped") && untraced.ends_with("ended 3\n"), "{untraced}");
    for engine in ENGINES {
        let sentrace = sentrace();
        let program = sentrace.get_program().to_str().unwrap();
        let run = [&[program, "run"][..], engine.options, &["--json", "/dev/null", "--"]].concat();
        assert_eq!(seen("cat", &run), untraced, "a shell under {}", engine.name);
        let job = [&run[..], &["cat"]].concat().join(" ");
        assert_eq!(seen(&job, &[]), untraced, "a job under {}", engine.name);
    }
}

/// A timer that runs when the program is executed goes on: `alarm 1; exec` limits its time.
#[test]
fn an_alarm_that_was_set_before() {
    let alarm = "import os, signal, sys; signal.alarm(1); os.execvp(sys.argv[1], sys.argv[1:])";
    let program = Program::new(["sleep", "600"]).within(["python3", "-c", alarm]);
    program.everywhere(|_, _| ());
}
