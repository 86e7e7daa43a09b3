//! Calls as text, as `examples/calls` writes them: against strace(1), and without a difference to
//! the application.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use programs::{Fixture, example, fixture};

mod programs;

/// What a program of tracing writes to a file about the fixture `arguments`, between its marks.
fn traced(fixture: &Fixture, tracer: PathBuf, options: &[&str]) -> Vec<String> {
    let [place, log] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let log = log.path().join("log");
    let log_option = match options {
        [] => vec![format!("--log={}", log.display())],
        _ => vec!["-o".into(), log.display().to_string()],
    };
    let mut command = Command::new(tracer);
    command.current_dir(&place).args(log_option).args(options).arg(&fixture.program);
    assert!(command.status().expect("a tracer").success());
    let text = fs::read_to_string(log).expect("a log");
    let is_mark = |line: &&str, mark| line.starts_with(&format!("chdir(\"/{mark}\")"));
    let lines = text.lines().skip_while(|line| !is_mark(line, "begin"));
    let lines: Vec<&str> = lines.take_while(|line| !is_mark(line, "end")).skip(1).collect();
    let pid = lines.iter().find_map(|line| line.strip_prefix("getpid() = ")).expect("a pid");
    lines.iter().map(|line| without_remarks(line).replace(pid, "PID")).collect()
}

/// A line of strace without what it adds for people: comments beside values that it has no name
/// for, and the meaning of results that are no error.
fn without_remarks(line: &str) -> String {
    let mut line = line.to_owned();
    while let Some((before, rest)) = line.split_once(" /* ") {
        let (_, after) = rest.split_once(" */").expect("the end of a comment");
        line = format!("{before}{after}");
    }
    match line.rsplit_once(") = ") {
        Some((call, result)) if !result.starts_with('-') => {
            let result = result.split(" (").next().unwrap_or_default();
            format!("{call}) = {result}")
        }
        _ => line,
    }
}

#[test]
fn arguments_are_what_strace_says() {
    let fixture = fixture("arguments");
    let ours = traced(&fixture, example("calls"), &[]);
    let theirs = traced(&fixture, "strace".into(), &["-a1", "-v"]);
    let both = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs);
    let different: Vec<_> = both.map(|(ours, theirs)| format!("  {ours}\n  {theirs}\n")).collect();
    assert!(different.is_empty(), "ours and strace's:\n{}", different.join("\n"));
    assert_eq!(ours.len(), theirs.len());
    let names: BTreeSet<_> = ours.iter().filter_map(|line| line.split('(').next()).collect();
    assert!(names.len() > 100, "{} calls", names.len());
}

/// Every call of a program stops twice.
#[test]
fn an_application_runs_as_if_nobody_looked() {
    let script = "seq 2000 | sort -rn | head -3; cat /nope; (exit 7); echo $?; \
        python3 -c 'import subprocess as s, threading as t\n\
def run(n): s.run([\"true\"])\n\
a = [t.Thread(target=run, args=(n,)) for n in range(9)]\n\
[b.start() for b in a]; [b.join() for b in a]; print(s.check_output(\"id\"))'; kill -TERM $$";
    let command = ["bash", "-c", script];
    let plain = Command::new(command[0]).args(&command[1..]).output().expect("a process");
    let mut calls = Command::new(example("calls"));
    let traced = calls.arg("--log=/dev/null").args(command).output().expect("a process");
    assert_eq!(traced.stdout, plain.stdout);
    assert_eq!(traced.stderr, plain.stderr);
    assert_eq!(traced.status.code(), Some(128 + 15));
}
