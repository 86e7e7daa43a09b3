use std::fs;
use std::path::{Path, PathBuf};

use sentrace_tests::{Ended, ended, sentrace};
use serde_json::Value;
use tempfile::TempDir;

/// A policy in a directory of its own.
struct Policy {
    _directory: TempDir,
    path: PathBuf,
}

fn policy(rules: &str) -> Policy {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("test.policy");
    fs::write(&path, format!("rules:\n{rules}")).expect("a file");
    Policy { _directory: directory, path }
}

const READS: &str = r#"
  - id: reads_passwd
    description: Somebody reads the users
    expression: open.file.path == "/etc/passwd" && process.file.name == "cat"
"#;

fn run(policy: &Path, options: &[&str], script: &str) -> Ended {
    let mut command = sentrace();
    command.arg("run").arg("--policy").arg(policy).args(options);
    ended(command.args(["--", "sh", "-c", script]))
}

/// Lines of JSON among others.
fn json(lines: &str) -> Vec<Value> {
    let lines = lines.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn alerts_for_people() {
    let policy = policy(READS);
    let ended = run(&policy.path, &[], "cat /etc/passwd >/dev/null; cat /etc/group; exit 3");
    assert_eq!(ended.code, Some(3));
    assert_eq!(ended.stdout, fs::read_to_string("/etc/group").expect("the file"));
    let lines: Vec<_> = ended.stderr.lines().collect();
    let [first, second, third] = lines.as_slice() else { panic!("{}", ended.stderr) };
    assert_eq!(*first, "ALERT reads_passwd: Somebody reads the users");
    assert!(second.ends_with(" open path=/etc/passwd flags=O_RDONLY"), "{second}");
    assert!(third.starts_with("  cat[") && third.contains(" cat /etc/passwd < sh["), "{third}");
}

#[test]
fn alerts_for_programs() {
    let policy = policy(READS);
    let script = "cat /etc/passwd >/dev/null; echo mine";
    let ended = run(&policy.path, &["--json", "-"], script);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains("mine\n"));
    let alerts = json(&ended.stdout);
    let [alert] = alerts.as_slice() else { panic!("{}", ended.stdout) };
    let text = |place: &str| alert.pointer(place).and_then(Value::as_str).unwrap_or_default();
    assert_eq!(text("/agent/rule_id"), "reads_passwd");
    assert_eq!(text("/agent/policy_name"), "test.policy");
    assert_eq!(text("/title"), "Somebody reads the users");
    assert_eq!(text("/evt/name"), "open");
    assert_eq!(text("/evt/outcome"), "Success");
    assert_eq!(text("/file/path"), "/etc/passwd");
    assert_eq!(alert["file"]["flags"], serde_json::json!(["O_RDONLY"]));
    assert_eq!(text("/process/comm"), "cat");
    assert_eq!(alert["process"]["args"], serde_json::json!(["/etc/passwd"]));
    assert_eq!(text("/process/ancestors/0/comm"), "sh");
}

#[test]
fn all_events_in_a_file() {
    let policy = policy(READS);
    let file = policy.path.with_file_name("events.json");
    let path = file.to_str().expect("UTF-8");
    let script = "cat /etc/passwd >/dev/null; mkdir /nonexistent/x; exit 4";
    for round in 1..=2 {
        let ended = run(&policy.path, &["--events", "--json", path], script);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(4), ""));
        assert!(!ended.stderr.contains("ALERT"), "{}", ended.stderr);
        let lines = fs::read_to_string(&file).expect("the file");
        let all = json(&lines);
        assert_eq!(all.len(), lines.lines().count());
        // Alerts are lines of their own.
        let (alerts, events): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|line| line["agent"]["rule_id"].is_string());
        assert_eq!(alerts.len(), round);
        let numbers: Vec<_> = events.iter().map(|of| of["sentrace"]["sequence"].clone()).collect();
        let each = numbers.len() / round;
        assert_eq!(numbers[..each], (1..=each).map(Value::from).collect::<Vec<_>>());
        let count = |name: &str| events.iter().filter(|of| of["evt"]["name"] == name).count();
        assert_eq!((count("exec") / round, count("fork") / round), (3, 2));
        assert_eq!(count("exit") / round, 3);
        let last = events.last().expect("events");
        assert_eq!(last["exit"], serde_json::json!({"cause": "EXITED", "code": 4}));
    }
}

#[test]
fn secrets_are_not_shown() {
    let script = "env PGPASSWORD=hunter2 true --token=hunter2 --password hunter2";
    let policy = policy(READS);
    for options in [&["--events"][..], &["--events", "--json", "-"]] {
        let ended = run(&policy.path, options, script);
        let text = format!("{}{}", ended.stdout, ended.stderr);
        let shown = text.lines().find(|line| line.contains("hunter2"));
        assert_eq!(shown, None, "{options:?}");
        assert!(text.contains("exec"), "{options:?}");
    }
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let policy = policy(READS);
    let script = "f=$(printf '/tmp/\\033[2J\\nALERT \\377'); : 2>/dev/null <\"$f\"; exec \"$0\"";
    let ended = run(&policy.path, &["--events"], script);
    let control = |c: char| c.is_control() && c != '\n';
    let lines = ended.stderr.lines().filter(|line| !line.starts_with("sh: "));
    for line in lines {
        assert!(!line.contains(control) && !line.starts_with("ALERT"), "{line:?}");
    }
}

#[test]
fn policies_with_errors() {
    let wrong = "  - id: wrong\n    expression: open.file.pth == \"/etc/passwd\"\n";
    let policy = policy(&format!("{READS}{wrong}"));
    let script = "cat /etc/passwd >/dev/null; echo ran";
    let ended = run(&policy.path, &[], script);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "ran\n"));
    assert!(ended.stderr.contains("test.policy:7:17"), "{}", ended.stderr);
    assert!(ended.stderr.contains("did you mean `open.file.path`?"), "{}", ended.stderr);
    assert!(ended.stderr.contains("ALERT reads_passwd"), "{}", ended.stderr);
    let ended = run(&policy.path, &["--strict"], script);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(125), ""));
}

#[test]
fn policies_that_are_not_there() {
    let empty = tempfile::tempdir().expect("a directory");
    let cases = [
        (Path::new("/nonexistent.policy"), "/nonexistent.policy: "),
        (empty.path(), "no *.policy files"),
        (Path::new("/bin/sh"), "/bin/sh: "),
    ];
    for (path, message) in cases {
        let ended = run(path, &[], "echo ran");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(125), ""), "{path:?}");
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
    }
}

#[test]
fn a_directory_of_policies() {
    let first = policy(READS);
    let directory = first.path.parent().expect("a directory");
    let other = "rules:\n  - id: runs_cat\n    expression: exec.file.name == \"cat\"\n";
    fs::write(directory.join("b.policy"), other).expect("a file");
    fs::write(directory.join("notes.txt"), "not: [a policy").expect("a file");
    let ended = run(directory, &[], "cat /etc/passwd >/dev/null");
    let alerts: Vec<_> = ended.stderr.lines().filter(|line| line.starts_with("ALERT")).collect();
    assert_eq!(alerts, ["ALERT runs_cat", "ALERT reads_passwd: Somebody reads the users"]);
}
