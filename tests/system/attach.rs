use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sentrace_tests::{ended, sentrace};
use serde_json::Value;
use tempfile::TempDir;

use crate::probe::Probe;

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(120), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A shell that waits for the end of its input before it runs a script.
fn shell(script: &str) -> Child {
    let script = format!("while read line; do :; done; {script}");
    Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).spawn().expect("a shell")
}

/// Ends the input of a process, and waits for its end.
fn finish(mut child: Child) -> Option<i32> {
    drop(child.stdin.take());
    child.wait().expect("it ends").code()
}

/// `sentrace attach` that writes events to a file.
struct Attached {
    directory: TempDir,
    child: Child,
}

impl Attached {
    fn start(options: &[&str], rules: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let policy = directory.path().join("test.policy");
        fs::write(&policy, format!("rules:\n{rules}")).expect("a file");
        let mut command = sentrace();
        command.args(["attach", "--events", "--policy"]).arg(&policy);
        command.arg("--json").arg(directory.path().join("json")).args(options);
        let child = command.stderr(Stdio::inherit()).spawn().expect("it starts");
        Self { directory, child }
    }

    /// What has been written; a line that is being written is left out.
    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.path().join("json")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    fn until_found(&self, pid: u32) {
        until("it is found", || self.lines().iter().any(|line| is_found(line, pid)));
    }

    fn leave(&self) {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid"));
        kill(pid, Signal::SIGTERM).expect("it runs");
    }

    /// Its status, and all that it has written.
    fn end(mut self) -> (Option<i32>, Vec<Value>) {
        let status = self.child.wait().expect("it ends");
        (status.code(), self.lines())
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_found(event: &Value, pid: u32) -> bool {
    let marks = event["sentrace"]["marks"].as_array();
    let is_marked = marks.is_some_and(|marks| marks.contains(&"found".into()));
    event["evt"]["name"] == "exec" && event["process"]["pid"] == pid && is_marked
}

const RULES: &str = r#"
  - id: reads_passwd
    expression: open.file.path == "/etc/passwd" && process.ancestors.pid == process.ppid
  - id: executes
    expression: exec.file.name != ""
"#;

fn alerts<'e>(lines: &'e [Value], rule: &str) -> Vec<&'e Value> {
    lines.iter().filter(|line| line["agent"]["rule_id"] == rule).collect()
}

#[test]
fn what_a_process_does_after_it_was_attached_to() {
    let child = shell("cat /etc/passwd >/dev/null; exit 3");
    let pid = child.id();
    let attached = Attached::start(&["--pid", &pid.to_string()], RULES);
    attached.until_found(pid);
    assert_eq!(finish(child), Some(3));
    let (status, lines) = attached.end();
    assert_eq!(status, Some(0));
    let alert = alerts(&lines, "reads_passwd");
    let [alert] = alert.as_slice() else { panic!("{alert:?}") };
    assert_eq!(alert["process"]["comm"], "cat");
    // The process that was found is known with its arguments, and so are its ancestors.
    let parents = alert["process"]["ancestors"].as_array().expect("ancestors");
    assert_eq!(parents[0]["pid"], pid);
    assert!(parents[0]["args"][1].as_str().expect("a script").contains("cat /etc/passwd"));
    assert_eq!(parents[1]["pid"], std::process::id());
    // To be found is not to be executed.
    let executed = alerts(&lines, "executes");
    assert_eq!(executed.len(), 1, "{executed:?}");
    assert_eq!(lines.last().expect("events")["exit"]["code"], 3);
}

#[test]
fn a_process_that_is_started_again_is_followed() {
    let place = tempfile::tempdir().expect("a directory");
    let program = place.path().join("followed");
    fs::copy(fs::canonicalize("/bin/cat").expect("cat(1)"), &program).expect("a copy");
    let path = program.to_str().expect("UTF-8");
    for options in [["--exe", path, "--follow"], ["--name", "^followed$", "--follow"]] {
        let attached = Attached::start(&options, RULES);
        let mut pids = Vec::new();
        for _ in 0..3 {
            let child = Command::new(&program).stdin(Stdio::piped()).spawn().expect("it starts");
            let pid = child.id();
            attached.until_found(pid);
            assert_eq!(finish(child), Some(0));
            let is_end = |line: &Value| line["process"]["pid"] == pid && line["exit"].is_object();
            until("its end is seen", || attached.lines().iter().any(is_end));
            pids.push(pid);
        }
        attached.leave();
        let (status, lines) = attached.end();
        assert_eq!(status, Some(0));
        for pid in pids {
            assert_eq!(lines.iter().filter(|line| is_found(line, pid)).count(), 1);
        }
    }
}

#[test]
fn a_process_that_reports_to_a_probe() {
    let probe = Probe::start(sentrace, RULES, &["--events"]);
    let child = shell("cat /etc/passwd >/dev/null; exit 3");
    let mut tracer = probe.attach(child.id()).spawn().expect("it starts");
    until("it is found", || probe.written().contains("\"found\""));
    until("it is watched", || is_traced(child.id()));
    assert_eq!(finish(child), Some(3));
    assert_eq!(tracer.wait().expect("it ends").code(), Some(0));
    let lines = probe.end();
    assert_eq!(alerts(&lines, "reads_passwd").len(), 1);
    assert_eq!(alerts(&lines, "executes").len(), 1);
}

fn is_traced(pid: u32) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"));
    status
        .expect("it runs")
        .lines()
        .any(|line| line.strip_prefix("TracerPid:\t").is_some_and(|tracer| tracer != "0"))
}

#[test]
fn nothing_to_attach_to() {
    let cases: [(&[&str], i32, &str); 5] = [
        (&[], 2, "--pid"),
        (&["--name", "("], 2, "--name"),
        (&["--pid", "2147483647"], 125, "no such process"),
        (&["--name", "^no such name$"], 125, "--follow waits"),
        (&["--pid", "1", "--follow"], 125, "--follow needs"),
    ];
    for (options, code, message) in cases {
        let ended = ended(sentrace().arg("attach").args(options));
        assert_eq!(ended.code, Some(code), "{options:?}");
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
    }
}
