//! The program, as it is run.

use std::path::Path;
use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sentrace-codegen"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    command.args(args).current_dir(root).output().expect("the program")
}

#[test]
fn every_output() {
    let check = |output: &str, expect: &str| {
        let Output { status, stdout, .. } = run(&[output]);
        let stdout = String::from_utf8(stdout).expect("text");
        assert!(status.success() && stdout.contains(expect), "{output}: {stdout:.500}");
    };
    check("check", "\n57 events\n");
    check("list", "\n257\t56\t295\t322\t257\topenat\topen\n");
    check("decoders", "pub static OPENAT: SyscallDesc");
    check("records", "pub struct Open {");
    check("conversions", "open_event");
    check("schema", "struct OpenEvent {");
    check("docs", "\n## open\n");
    check("json", "\"name\": \"openat\"");
    let committed = include_str!("../../schema/events.capnp");
    assert_eq!(String::from_utf8_lossy(&run(&["schema"]).stdout), committed);
}

#[test]
fn errors() {
    let bad = "codegen/tests/errors/loops.yaml";
    let Output { status, stdout, stderr } = run(&["json", "--file", bad]);
    assert_eq!((status.code(), stdout.len()), (Some(1), 0));
    let stderr = String::from_utf8(stderr).expect("text");
    assert_eq!(stderr.lines().count(), 3, "{stderr}");
    let first = format!("{bad}:3:30: the group `again` contains itself\n");
    assert!(stderr.starts_with(&first), "{stderr}");
    let missing = run(&["--file", "no/such.yaml"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).starts_with("no/such.yaml: "));
    assert_eq!(run(&["everything"]).status.code(), Some(2));
}
