//! The promise of `syscalls.yaml`: an event that is added there, and nowhere else, is trapped,
//! decoded, sent, usable in rules, printed and documented.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::probe::Probe;

/// An event that nobody has yet, with fields of several types.
const EVENT: &str = "
  lock:
    id: ID
    category: file
    doc: A file was locked
    fields:
      0: {name: file, type: file, from: fd, doc: the file}
      1: {name: operation, type: flock_op, from: cmd, doc: what flock(2) was asked for}
      2: {name: descriptor, type: int, from: fd, doc: its descriptor}
";

const RULES: &str = r#"
  - id: exclusive_lock
    description: somebody locks
    expression: lock.file.name == "lockfile" && lock.operation & LOCK_EX > 0 && lock.retval >= 0
  - id: shared_lock
    expression: lock.file.name == "lockfile" && lock.operation & LOCK_SH > 0
"#;

#[test]
fn an_event_needs_the_yaml_file_alone() {
    let dir = TempDir::new().unwrap();
    let workspace = dir.path().join("workspace");
    copy(&root(), &workspace);
    add(&workspace.join("syscalls.yaml"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("adding");
    let cargo = |args: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(args).current_dir(&workspace).env("CARGO_TARGET_DIR", &target);
        ran(cargo.env("CARGO_NET_OFFLINE", "true"))
    };
    cargo(&["build", "--package", "sentrace-probe"]);
    let sentrace = target.join("debug/sentrace");

    let policy = dir.path().join("lock.policy");
    fs::write(&policy, format!("rules:\n{RULES}")).unwrap();
    let lines = locking(&sentrace, dir.path(), &policy, "embedded", &["--events"]);
    let event = lines.iter().find(|line| line["evt"]["name"] == "lock").expect("the event");
    assert_eq!(event["lock"]["operation"], serde_json::json!(["LOCK_EX"]), "{event}");
    assert!(event["lock"]["descriptor"].as_u64().is_some_and(|fd| fd > 2), "{event}");
    assert!(event["file"]["path"].as_str().unwrap().ends_with("/lockfile"), "{event}");
    assert_eq!(fired(&lines), ["exclusive_lock"]);
    // Trapped for the rule's sake alone.
    let lines = locking(&sentrace, dir.path(), &policy, "alone", &[]);
    assert_eq!(fired(&lines), ["exclusive_lock"]);

    // On the wire.
    let program = sentrace.clone();
    let probe = Probe::start(move || Command::new(&program), RULES, &[]);
    ran(probe.trace("flock --shared lockfile true").current_dir(dir.path()));
    let lines = probe.end();
    assert_eq!(fired(&lines), ["shared_lock"]);
    assert_eq!(lines[0]["lock"]["operation"], serde_json::json!(["LOCK_SH"]));

    let shown = text(ran(Command::new(&sentrace).args(["events", "lock"])));
    for part in ["A file was locked", "lock.operation", "flock"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let generator = ["run", "--quiet", "--package", "sentrace-codegen", "--"];
    let schema = text(cargo(&[&generator[..], &["schema"]].concat()));
    assert!(schema.contains("struct LockEvent {") && schema.contains("operation @1"), "the wire");
    let docs = text(cargo(&[&generator[..], &["docs"]].concat()));
    assert!(docs.contains("lock.operation"), "the reference");
}

/// What is written about a program that locks a file.
fn locking(sentrace: &Path, dir: &Path, policy: &Path, name: &str, options: &[&str]) -> Vec<Value> {
    let json = dir.join(name);
    let mut run = Command::new(sentrace);
    run.arg("run").args(options).arg("--policy").arg(policy).arg("--json").arg(&json);
    ran(run.args(["--", "flock", "--exclusive", "lockfile", "true"]).current_dir(dir));
    let lines = fs::read_to_string(json).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rules that raised alerts.
fn fired(lines: &[Value]) -> Vec<String> {
    let rules = lines.iter().filter_map(|line| line["agent"]["rule_id"].as_str());
    rules.filter(|rule| !rule.is_empty()).map(str::to_owned).collect()
}

/// Adds the event, and binds flock(2) to it.
fn add(spec: &Path) {
    let text = fs::read_to_string(spec).unwrap();
    let (before, syscalls) = text.split_once("\nsyscalls:\n").expect("the section syscalls");
    let events = &before[before.find("\nevents:\n").expect("the section events")..];
    let ids = events.lines().filter_map(|line| line.strip_prefix("    id: "));
    let next = ids.filter_map(|id| id.parse::<u16>().ok()).max().expect("an event") + 1;
    let event = EVENT.replace("ID", &next.to_string());
    let bind = |line: &str| match line.strip_suffix('}') {
        Some(entry) if line.starts_with("  flock: {") => format!("{entry}, event: lock}}"),
        _ => line.to_owned(),
    };
    let syscalls: Vec<String> = syscalls.lines().map(bind).collect();
    let text = format!("{}\n{event}\nsyscalls:\n{}\n", before.trim_end(), syscalls.join("\n"));
    fs::write(spec, text).unwrap();
}

/// Copies the sources of the workspace.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == "target" || name == ".git" {
            continue;
        }
        let (source, copy) = (entry.path(), to.join(&name));
        if entry.file_type().unwrap().is_dir() {
            self::copy(&source, &copy);
        } else {
            fs::copy(&source, &copy).unwrap();
        }
    }
}

/// The workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn ran(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    output
}

fn text(output: Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}
