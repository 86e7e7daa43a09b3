use std::fs;

use sentrace_tests::{ended, sentrace};
use serde_json::Value;

use crate::probe::{Probe, address};

const READS: &str = r#"
  - id: reads_passwd
    expression: open.file.path == "/etc/passwd" && process.ancestors.file.name in ["sh", "dash", "bash"]
"#;

#[test]
fn alerts_of_several_applications() {
    let probe = Probe::start(sentrace, READS, &[]);
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
    let probe = Probe::start(sentrace, READS, &["--events"]);
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
