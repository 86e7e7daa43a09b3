use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sentrace_tests::{ended, sentrace};
use serde_json::Value;
use tempfile::TempDir;

/// A probe that listens on a socket in a directory of its own.
struct Probe {
    directory: TempDir,
    child: Child,
}

impl Probe {
    /// Starts it with rules and options, and waits until it listens.
    fn start(rules: &str, options: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let policy = directory.path().join("test.policy");
        fs::write(&policy, format!("rules:\n{rules}")).expect("a file");
        let mut command = sentrace();
        command.args(["probe", "-v", "--listen", &address(directory.path()), "--policy"]);
        command.arg(policy).args(options).arg("--json").arg(directory.path().join("json"));
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut lines = stderr.lines().map(|line| line.expect("text"));
        assert!(lines.any(|line| line.contains("listening")), "it does not listen");
        // Read on, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { directory, child }
    }

    /// An application that reports to it.
    fn trace(&self, script: &str) -> Command {
        let mut command = sentrace();
        command.args(["trace", "--probe-addr", &address(self.directory.path())]);
        command.args(["--", "sh", "-c", script]);
        command
    }

    /// Ends it, and reads what it has written.
    fn end(mut self) -> Vec<Value> {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid"));
        kill(pid, Signal::SIGTERM).expect("it runs");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
        let lines = fs::read_to_string(self.directory.path().join("json")).expect("the file");
        lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

fn address(directory: &Path) -> String {
    format!("unix:{}", directory.join("socket").display())
}

const READS: &str = r#"
  - id: reads_passwd
    expression: open.file.path == "/etc/passwd" && process.ancestors.file.name in ["sh", "dash", "bash"]
"#;

#[test]
fn alerts_of_several_applications() {
    let probe = Probe::start(READS, &[]);
    let traced: Vec<_> = (1..=3)
        .map(|code| probe.trace(&format!("cat /etc/passwd >/dev/null; exit {code}")).spawn())
        .collect();
    for (child, code) in traced.into_iter().zip(1..) {
        assert_eq!(child.expect("it starts").wait().expect("it ends").code(), Some(code));
    }
    let alerts = probe.end();
    assert_eq!(alerts.len(), 3, "{alerts:?}");
    let tracers: std::collections::HashSet<_> =
        alerts.iter().map(|alert| alert["sentrace"]["tracer"].to_string()).collect();
    assert_eq!(tracers.len(), 3);
    for alert in &alerts {
        assert_eq!(alert["agent"]["rule_id"], "reads_passwd");
        assert_eq!(alert["process"]["args"], serde_json::json!(["/etc/passwd"]));
        let engine = &alert["sentrace"]["engine"];
        assert!(engine == "notify" || engine == "ptrace", "{engine}");
    }
}

#[test]
fn all_events() {
    let probe = Probe::start(READS, &["--events"]);
    assert_eq!(ended(&mut probe.trace("mkdir /nonexistent/x 2>/dev/null; exit 4")).code, Some(4));
    let events = probe.end();
    let sequences: Vec<_> =
        events.iter().map(|event| event["sentrace"]["sequence"].clone()).collect();
    assert_eq!(sequences, (1..=events.len()).map(Value::from).collect::<Vec<_>>());
    let last = events.last().expect("events");
    assert_eq!(last["exit"]["code"], 4);
}

#[test]
fn applications_run_without_a_probe() {
    let nobody = tempfile::tempdir().expect("a directory");
    let mut command = sentrace();
    command.args(["trace", "--probe-addr", &address(nobody.path()), "--", "sh", "-c", "exit 6"]);
    assert_eq!(ended(&mut command).code, Some(6));
}

#[test]
fn a_probe_that_cannot_start() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    fs::write(path, "runtime_security_config: {ebpfless: {enabled: false}}").expect("a file");
    let off = ended(sentrace().args(["probe", "--config", path]));
    assert_eq!(off.code, Some(1));
    assert!(off.stderr.contains("the probe is disabled"), "{}", off.stderr);
    let taken = ended(sentrace().args(["probe", "--listen", "unix:/nonexistent/socket"]));
    assert_eq!(taken.code, Some(1));
    assert!(taken.stderr.contains("cannot listen on unix:/nonexistent/socket"), "{}", taken.stderr);
}
