use std::fs;
use std::os::unix::fs::PermissionsExt;

use sentrace_tests::{ended, sentrace};
use serde_json::Value;

use crate::probe::Probe;

const KILLS: &str = r#"
  - id: no_long_sleep
    expression: exec.file.name == "sleep" && exec.args == "1001"
    actions:
      - kill: {signal: SIGKILL}
"#;

/// The second sleep would outlast every test if it were not killed.
const SCRIPT: &str = "sleep 0; echo $?; sleep 1001; echo $?; cat /dev/null; echo $?";

fn check(alerts: &[Value]) {
    let [alert] = alerts else { panic!("{alerts:?}") };
    let [action] = alert["agent"]["rule_actions"].as_array().expect("actions").as_slice() else {
        panic!("{alert}")
    };
    assert_eq!(action["type"], "kill");
    assert_eq!((&action["signal"], &action["scope"]), (&"SIGKILL".into(), &"process".into()));
    assert_eq!(action["status"], "performed", "{action}");
    assert!(action["killed_at"].as_str() >= action["detected_at"].as_str(), "{action}");
    assert_eq!(alert["evt"]["matched_rules"][0]["id"], "no_long_sleep");
}

#[test]
fn a_marked_process_is_killed_and_no_other() {
    let directory = tempfile::tempdir().expect("a directory");
    let (policy, json) = (directory.path().join("p.policy"), directory.path().join("json"));
    fs::write(&policy, format!("rules:\n{KILLS}")).expect("a file");
    let mut command = sentrace();
    command.arg("run").arg("--policy").arg(policy).arg("--json").arg(&json);
    let ended = ended(command.args(["--", "sh", "-c", SCRIPT]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "0\n137\n0\n"));
    let lines = fs::read_to_string(json).expect("the file");
    let alerts: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    check(&alerts);
}

#[test]
fn a_probe_kills_processes_of_its_tracers() {
    let probe = Probe::start(sentrace, KILLS, &[]);
    let ended = ended(&mut probe.trace(SCRIPT));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "0\n137\n0\n"));
    check(&probe.end());
}

/// A signal that is ignored: what is counted is how many programs a rule would hit.
#[test]
fn a_rule_that_hits_too_many_programs_is_disarmed() {
    let rule = r#"
  - id: wide
    expression: exec.file.name =~ "marked*"
    actions:
      - kill: {signal: SIGURG}
"#;
    let directory = tempfile::tempdir().expect("a directory");
    for number in 1..=7 {
        let program = directory.path().join(format!("marked{number}"));
        fs::write(&program, "#!/bin/sh\n").expect("a file");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("our file");
    }
    let probe = Probe::start(sentrace, rule, &[]);
    let script =
        format!("for n in 1 2 3 4 5 6 7; do {}/marked$n; done", directory.path().display());
    assert_eq!(ended(&mut probe.trace(&script)).code, Some(0));
    let alerts = probe.end();
    let actions: Vec<&Value> =
        alerts.iter().map(|alert| &alert["agent"]["rule_actions"][0]).collect();
    assert_eq!(actions.len(), 7, "{alerts:?}");
    // Those that are allowed may have ended before the signal.
    let is_disarmed = |action: &Value| action["status"] == "rule_disarmed";
    assert_eq!(actions.iter().position(|action| is_disarmed(action)), Some(5), "{actions:?}");
    assert!(actions[5..].iter().all(|action| is_disarmed(action)), "{actions:?}");
    assert_eq!(actions[6]["disarmer_type"], "executable");
}
