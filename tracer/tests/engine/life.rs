//! Threads, processes and programs: how they come and go.

use crate::wrap::{fixture, logged, same, text};

#[test]
fn threads_run_execute_and_outlive_their_leader() {
    let (_place, program) = fixture("threads");
    let program = program.to_str().unwrap();
    same(&[program]);
    let (lines, output) = logged(&["--exit"], &[program]);
    assert_eq!(text(&output.stdout), "opened 2000\nagain is leader\nafter the leader\n");
    assert_eq!(output.status.code(), Some(5));
    let count = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!(count("thread "), 200 + 20 + 1 + 1);
    assert_eq!(count("exec "), 2);
    // The second program was executed by a thread that was not the leader.
    let exec = lines.iter().rfind(|line| line.starts_with("exec ")).unwrap();
    let [pid, former] = [1, 2].map(|at| exec.split(' ').nth(at).unwrap());
    assert_ne!(pid, former, "{exec}");
    assert_eq!(*lines.last().unwrap(), format!("exited {pid} 5 true"));
    // The result of a call that executed a program is told of the leader.
    let exits = lines.iter().filter(|line| **line == format!("exit {pid} 0")).count();
    assert_eq!(exits, 2);
}
