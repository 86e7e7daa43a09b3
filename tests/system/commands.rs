use std::fs;
use std::process::Stdio;

use sentrace_tests::{Ended, ended, sentrace};
use serde_json::Value;

fn run(args: &str) -> Ended {
    ended(sentrace().args(args.split_whitespace()))
}

#[test]
fn wrong_command_lines() {
    let cases = [
        "",
        "nothing",
        "run",
        "run --evnts -- true",
        "run --json",
        "run --interest some -- true",
        "filter --abi pdp11",
        "filter --abi arm --machine x86_64",
        "filter --events opne",
        "probe --listen nowhere",
        "trace --probe-addr nowhere -- true",
    ];
    for args in cases {
        let ended = run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{args}");
        assert!(!ended.stderr.is_empty(), "{args}");
    }
    assert!(run("filter --events opne").stderr.contains("did you mean `open`?"));
}

/// Every command is listed with a line that says what it does, and its long help has examples.
#[test]
fn help() {
    let short = run("-h");
    let commands = short.stdout.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<_> = commands.take_while(|line| !line.is_empty()).collect();
    let named = |name: &str| commands.iter().any(|line| line.trim().starts_with(name));
    for name in ["run", "trace", "probe", "policy check", "syscalls", "events", "filter", "config"]
    {
        let first = name.split(' ').next().unwrap_or_default();
        assert!(named(first), "{name}: {}", short.stdout);
        let (brief, long) = (run(&format!("{name} -h")), run(&format!("{name} --help")));
        assert_eq!((brief.code, long.code), (Some(0), Some(0)));
        assert!(long.stdout.contains("Examples:\n"), "{name}");
        assert!(brief.stdout.len() < long.stdout.len(), "{name}");
    }
    assert!(run("--version").stdout.starts_with("sentrace "));
}

#[test]
fn system_calls() {
    let call = run("syscalls openat");
    assert!(call.stdout.starts_with("openat(dfd: dirfd, filename: path(dfd), "), "{}", call.stdout);
    assert!(call.stdout.contains("amd64 257, arm64 56, i386 295, arm 322, x32 257"));
    assert!(run("syscalls --abi arm 322").stdout.starts_with("openat("));
    let all = run("syscalls --abi i386");
    assert!(all.stdout.lines().count() > 400, "{} calls", all.stdout.lines().count());
    assert!(all.stdout.lines().any(|line| line.starts_with("   1  exit(error_code: int)")));
    let json: Value = serde_json::from_str(&run("syscalls --json openat").stdout).expect("JSON");
    assert_eq!(json[0]["numbers"]["arm"], 322);
    for (args, message) in [
        ("syscalls opnat", "did you mean `openat`?"),
        ("syscalls 99999", "no call with the number 99999"),
    ] {
        let ended = run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
    }
}

#[test]
fn events() {
    let all = run("events");
    assert!(all.stdout.lines().any(|line| line.starts_with("open ")), "{}", all.stdout);
    let open = run("events open").stdout;
    for part in ["openat2", "EACCES", "open.file.path ", "open.retval "] {
        assert!(open.contains(part), "{part}: {open}");
    }
    let json: Value = serde_json::from_str(&run("events --json").stdout).expect("JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(all.stdout.lines().count()));
    assert!(run("events opne").stderr.contains("did you mean `open`?"));
}

#[test]
fn filters() {
    let listing = run("filter --events connect").stdout;
    assert!(listing.starts_with("   0  load arch\n"), "{listing}");
    assert!(listing.contains("return trace") && listing.contains("return allow"));
    let explained = run("filter --abi amd64 --events connect,rmdir --explain").stdout;
    for line in [
        "    42  connect                   connect",
        "   263  unlinkat                  rmdir if flag & AT_REMOVEDIR",
    ] {
        assert!(explained.lines().any(|known| known == line), "{explained}");
    }
    let policy = tempfile::NamedTempFile::with_suffix(".policy").expect("a file");
    let rules = "rules:\n  - id: no_listening\n    expression: bind.addr.port > 0\n";
    fs::write(policy.path(), rules).expect("a file");
    let mut command = sentrace();
    let explained = ended(command.args(["filter", "--explain", "--policy"]).arg(policy.path()));
    let mut who = explained.stdout.lines().filter(|line| line.trim().starts_with("bind "));
    assert!(who.any(|line| line.ends_with(" no_listening")), "{explained:?}");
    assert!(run("filter --machine aarch64 --all").stdout.contains("; arm64"));
}

#[test]
fn policies() {
    let file = tempfile::NamedTempFile::with_suffix(".policy").expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    let check = |rules: &str| {
        fs::write(path, format!("rules:\n{rules}")).expect("a file");
        run(&format!("policy check {path}"))
    };
    let right = check("  - id: right\n    expression: open.retval == EACCES\n");
    assert_eq!((right.code, right.stderr.as_str()), (Some(0), ""));
    assert_eq!(right.stdout, "1 rules, 0 errors, 0 warnings\n");
    let wrong = check("  - id: wrong\n    expression: open.retval == EACCESS\n");
    assert_eq!(wrong.code, Some(1));
    assert_eq!(wrong.stdout, "0 rules, 1 errors, 0 warnings\n");
    assert!(wrong.stderr.contains(&format!("{path}:3:32")), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("did you mean `EACCES`?"), "{}", wrong.stderr);
}

#[test]
fn configuration() {
    let defaults = run("config").stdout;
    assert!(defaults.contains("  ebpfless:\n    enabled: true\n"), "{defaults}");
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    fs::write(path, "runtime_security_config: {ebpfless: {socket: a:1}}\n").expect("a file");
    let mut command = sentrace();
    let shown = ended(command.args(["config", "--config", path]).env("SENTRACE_STRICT", "true"));
    assert!(shown.stdout.contains("socket: a:1\n") && shown.stdout.contains("strict: true\n"));
    fs::write(path, "sentrace: {stritc: true}\n").expect("a file");
    let wrong = run(&format!("config --config {path}"));
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(1), ""));
    let message = format!("{path}:1:12: unknown key `stritc` (did you mean `strict`?)");
    assert!(wrong.stderr.contains(&message), "{}", wrong.stderr);
    assert_eq!(run("config --config /nonexistent").code, Some(1));
}

/// `sentrace syscalls | head -1`
#[test]
fn a_reader_that_has_enough() {
    let mut command = sentrace();
    let mut child = command.arg("syscalls").stdout(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}
