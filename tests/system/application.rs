use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sentrace_tests::{ended, sentrace};

/// A shell script under `sentrace run`.
fn run(script: &str) -> Command {
    let mut command = sentrace();
    command.args(["run", "--", "sh", "-c", script]);
    command
}

#[test]
fn exit_statuses_are_the_applications() {
    for code in [0, 1, 2, 125, 126, 127, 255] {
        assert_eq!(ended(&mut run(&format!("exit {code}"))).code, Some(code));
    }
    for (signal, code) in [("TERM", 143), ("KILL", 137), ("SEGV", 139)] {
        let script = format!("ulimit -c 0; kill -{signal} $$");
        assert_eq!(ended(&mut run(&script)).code, Some(code), "{signal}");
    }
}

#[test]
fn programs_that_cannot_be_started() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = directory.path().join("text");
    fs::write(&text, "no program").expect("a file");
    fs::set_permissions(&text, fs::Permissions::from_mode(0o644)).expect("a mode");
    let cases = [("no-such-program", 127), (text.to_str().expect("UTF-8"), 126), ("/", 126)];
    for (program, code) in cases {
        let ended = ended(sentrace().args(["run", "--", program]));
        assert_eq!(ended.code, Some(code), "{program}");
        assert!(ended.stderr.contains(program), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn standard_streams_are_the_applications() {
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let mut child = sentrace()
        .args(["run", "--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = bytes.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("no panic").expect("all is read");
    assert!(output.stdout == bytes, "{} bytes", output.stdout.len());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let both = ended(&mut run("echo out; echo err >&2"));
    assert_eq!((both.stdout.as_str(), both.stderr.as_str()), ("out\n", "err\n"));
}

#[test]
fn signals_are_handed_on() {
    let script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let mut child = run(script).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    stdout.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    let pid = Pid::from_raw(child.id().try_into().expect("a pid"));
    kill(pid, Signal::SIGTERM).expect("it runs");
    assert_eq!(child.wait().expect("it ends").code(), Some(7));
}

/// Nobody reads what is reported: the application ends nevertheless, and so do we.
#[test]
fn a_reader_that_does_not_read() {
    let script = "i=0; while [ $i -lt 300 ]; do : </etc/passwd; i=$((i + 1)); done; exit 5";
    let mut command = sentrace();
    command.args(["run", "--events", "--json", "-", "--", "sh", "-c", script]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.as_mut().expect("the program starts");
    assert_eq!(child.wait().expect("it ends").code(), Some(5));
    let mut stderr = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("text");
    assert!(stderr.contains("the output takes nothing"), "{stderr}");
}

/// Nor does it matter whether there is anybody to read.
#[test]
fn a_reader_that_is_gone() {
    let mut command = sentrace();
    command.args(["run", "--events", "--", "sh", "-c", "sleep 0.2; cat /etc/passwd; exit 5"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.as_mut().expect("the program starts");
    drop(child.stderr.take());
    let mut stdout = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut stdout).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(5));
    assert_eq!(stdout, fs::read_to_string("/etc/passwd").expect("the file"));
}

#[test]
fn a_watched_application_cannot_be_watched_twice() {
    let mut command = sentrace();
    let inner = command.get_program().to_owned();
    let options = ["run", "--engine", "ptrace", "--"];
    command.args(options).arg(inner).args(options).args(["echo", "x"]);
    let ended = ended(&mut command);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(125), ""));
    assert!(ended.stderr.contains("cannot trace"), "{}", ended.stderr);
}
