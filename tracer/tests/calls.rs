//! Calls as text, as `examples/calls` writes them: against strace(1), and without a difference to
//! the application.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use programs::{example, fixture};

mod programs;

/// What a tracer writes to a file about a program.
fn traced(program: &str, tracer: PathBuf, options: &[&str]) -> Vec<String> {
    let [place, log] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let log = log.path().join("log");
    let mut command = Command::new(tracer);
    command.current_dir(&place).args(options).arg(&log).arg(program);
    assert!(command.status().expect("a tracer").success());
    let text = fs::read_to_string(log).expect("a log");
    text.lines().map(without_remarks).collect()
}

fn ours(program: &str) -> Vec<String> {
    traced(program, example("calls"), &["--log"])
}

fn theirs(program: &str) -> Vec<String> {
    traced(program, "strace".into(), &["-a1", "-v", "-o"])
}

/// The lines between the two marks of the fixture `arguments`.
fn marked(lines: Vec<String>) -> Vec<String> {
    let is_mark = |line: &String, mark| line.starts_with(&format!("chdir(\"/{mark}\")"));
    let lines = lines.into_iter().skip_while(|line| !is_mark(line, "begin"));
    lines.take_while(|line| !is_mark(line, "end")).skip(1).collect()
}

fn same(ours: &[String], theirs: &[String]) {
    let both = ours.iter().zip(theirs).filter(|(ours, theirs)| ours != theirs);
    let different: Vec<_> = both.map(|(ours, theirs)| format!("  {ours}\n  {theirs}\n")).collect();
    assert!(different.is_empty(), "ours and strace's:\n{}", different.join("\n"));
    assert_eq!(ours.len(), theirs.len());
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
    let [ours, theirs] = [ours, theirs].map(|tracer| marked(tracer(&fixture.program)));
    same(&ours, &theirs);
    let names: BTreeSet<_> = ours.iter().filter_map(|line| line.split('(').next()).collect();
    assert!(names.len() > 100, "{} calls", names.len());
}

#[test]
fn so_are_those_of_the_32_bit_abi() {
    let fixture = fixture("narrow");
    let is_call = |line: &String| !line.starts_with("execve(") && !line.starts_with("[ ");
    let [ours, theirs] = [ours, theirs]
        .map(|tracer| tracer(&fixture.program).into_iter().filter(is_call).collect::<Vec<_>>());
    same(&ours, &theirs);
    assert_eq!(ours.len(), 6);
}

/// All its calls stop, or those of all events.
#[test]
fn an_application_runs_as_if_nobody_looked() {
    let script = "seq 2000 | sort -rn | head -3; cat /nope; (exit 7); echo $?; \
        echo 'int main(void) { return 5; }' >it.c && cc -o it it.c && ./it; echo $?; rm it*; \
        python3 -c 'import subprocess as s, threading as t\n\
def run(n): s.run([\"true\"])\n\
a = [t.Thread(target=run, args=(n,)) for n in range(9)]\n\
[b.start() for b in a]; [b.join() for b in a]; print(s.check_output(\"id\"))'; kill -TERM $$";
    let command = ["bash", "-c", script];
    let run = |program: PathBuf, options: &[&str]| {
        let place = tempfile::tempdir().expect("a directory");
        let mut wrapped = Command::new(program);
        wrapped.current_dir(&place).args(options).output().expect("a process")
    };
    let plain = run("bash".into(), &command[1..]);
    for (name, options) in [
        ("calls", &["--log", "/dev/null"][..]),
        ("events", &["--log=/dev/null"]),
        ("events", &["--log=/dev/null", "--entry"]),
    ] {
        let traced = run(example(name), &[options, &command].concat());
        assert_eq!(traced.stdout, plain.stdout, "{name} {options:?}");
        assert_eq!(traced.stderr, plain.stderr, "{name} {options:?}");
        assert_eq!(traced.status.code(), Some(128 + 15), "{name} {options:?}");
    }
}
