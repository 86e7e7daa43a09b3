//! Threads, processes and programs: how they come and go.

use crate::wrap::{Engine, fixture, on_every_engine, text};

on_every_engine!(
    threads_run_execute_and_outlive_their_leader,
    processes_of_all_kinds_are_announced_before_they_run,
    a_daemon_is_traced_until_it_ends,
    a_storm_of_processes_is_followed,
);

fn threads_run_execute_and_outlive_their_leader(engine: Engine) {
    let fixture = fixture("threads");
    engine.same(&[&fixture.program]);
    let (lines, output) = engine.logged(&["--exit"], &[&fixture.program]);
    assert_eq!(text(&output.stdout), "opened 2000\nagain is leader\nafter the leader\n");
    assert_eq!(output.status.code(), Some(5));
    let count = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!(count("thread "), 200 + 20 + 1 + 1);
    assert_eq!(count("exec "), 2);
    // The second program was executed by a thread that was not the leader.
    let exec = lines.iter().rfind(|line| line.starts_with("exec ")).expect("a program");
    let [pid, former] = [1, 2].map(|at| exec.split(' ').nth(at).expect("a word"));
    assert_ne!(pid, former, "{exec}");
    assert_eq!(*lines.last().expect("a line"), format!("exited {pid} 5 true"));
    // The result of a call that executed a program is told of the leader.
    let exits = lines.iter().filter(|line| **line == format!("exit {pid} 0")).count();
    assert_eq!(exits, 2);
}

fn processes_of_all_kinds_are_announced_before_they_run(engine: Engine) {
    let script = "import os, subprocess\n\
        subprocess.run(['true'])\n\
        os.posix_spawnp('true', ['true'], os.environ); os.wait()\n\
        pid = os.fork()\n\
        if not pid: os._exit(3)\n\
        print(os.waitpid(pid, 0)[1] >> 8)\n";
    let (lines, output) = engine.logged(&[], &["python3", "-c", script]);
    assert_eq!(text(&output.stdout), "3\n");
    let word = |line: &str, at: usize| line.split(' ').nth(at).unwrap_or_default().to_owned();
    let mut known = vec![word(&lines[0], 1)];
    for line in &lines {
        assert!(known.contains(&word(line, 1)), "{line} of {known:?}");
        if line.starts_with("fork ") || line.starts_with("thread ") {
            known.push(word(line, 2));
        }
    }
    let kinds: Vec<_> = lines.iter().filter(|line| line.starts_with("fork ")).collect();
    assert!(kinds.iter().any(|line| line.ends_with("Vfork")), "{kinds:?}");
    assert!(kinds.iter().any(|line| line.ends_with("Fork")), "{kinds:?}");
    let ends = lines.iter().filter(|line| line.starts_with("exited ")).count();
    assert_eq!(ends, kinds.len() + 1);
}

fn a_daemon_is_traced_until_it_ends(engine: Engine) {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("file");
    let script = format!("(setsid sh -c 'sleep 0.3; : >{}; exit 1' &) ; exit 4", file.display());
    let (lines, output) = engine.logged(&["--exit"], &["sh", "-c", &script]);
    assert_eq!(output.status.code(), Some(4));
    let end = |line: &&String| line.starts_with("exited ");
    let ends: Vec<_> = lines.iter().filter(end).map(|line| line.split_once(' ')).collect();
    let first = lines[0].split(' ').nth(1).expect("a word");
    assert!(ends.last().and_then(|end| *end).expect("an end").1.ends_with("1 true"), "{ends:?}");
    assert!(ends.iter().any(|end| end.expect("an end").1 == format!("{first} 4 true")), "{ends:?}");
    let opened = lines.iter().any(|line| line.contains(&*file.to_string_lossy()));
    assert!(opened, "the daemon's file");
}

fn a_storm_of_processes_is_followed(engine: Engine) {
    let script = "f() { [ $1 = 0 ] || { f $(($1 - 1)) & f $(($1 - 1)) & wait; }; }; f 6; echo end";
    engine.same(&["sh", "-c", script]);
    let (lines, _) = engine.logged(&[], &["sh", "-c", script]);
    let count = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
    assert!(count("fork ") >= 126);
    assert_eq!(count("exited "), count("fork ") + 1);
}
