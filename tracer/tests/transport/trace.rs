//! `sentrace-tracer trace`: exit statuses, what the probe gets, and what the application notices.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};

use sentrace_schema::wire::{
    Capture, Event, EventInterest, Hello, Interest, Message, Mode, Welcome,
};
use sentrace_schema::{Payload, event as desc};

use super::probe::{Probe, welcome};

fn trace(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sentrace-tracer"));
    command.arg("trace").args(options).env_remove("SENTRACE_TOKEN");
    command
}

/// Begins to run a script that reports to a probe.
fn begin(probe: &Probe, options: &[&str], script: &str) -> Child {
    let mut command = trace(options);
    command.args(["--probe-addr", &probe.address.to_string(), "--", "/bin/sh", "-c", script]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs a script to its end without a probe.
fn alone(options: &[&str], script: &str) -> Output {
    let address = Probe::absent().address.to_string();
    let mut command = trace(options);
    command.args(["--probe-addr", &address, "--", "/bin/sh", "-c", script]).output().unwrap()
}

fn code(output: &Output) -> Option<i32> {
    assert_eq!(output.status.signal(), None);
    output.status.code()
}

/// Accepts a tracer, and takes all of its events. Its counters agree with them.
fn serve(probe: &Probe, interest: Interest) -> (Hello, Vec<Event>) {
    let (hello, events, last) = loop {
        let mut line = probe.accept();
        let hello = line.hello();
        line.send(&Message::Welcome(Welcome { interest: interest.clone(), ..welcome() }));
        // A guardian has the probe asked over a connection of its own.
        if let Some((events, last)) = line.serve_while_connected() {
            break (hello, events, last);
        }
    };
    assert_eq!((last.sequence, last.queued), (events.len() as u64, 0));
    assert!(last.stops > last.sequence && last.timestamp > 0);
    (hello, events)
}

fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.payload.event().name).collect()
}

#[test]
fn the_probe_is_told_who_and_what() {
    for probe in [Probe::tcp(), Probe::unix()] {
        let child = begin(&probe, &["--container-id", "c0ffee"], "/bin/cat /etc/passwd; exit 7");
        let (hello, events) = serve(&probe, Interest::Full);
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), Some(7));
        assert!(output.stdout.starts_with(b"root:"));
        assert_eq!(output.stderr, b"");
        assert_eq!((hello.mode, hello.container.as_slice()), (Mode::Wrapped, &b"c0ffee"[..]));
        assert_eq!(hello.argv, ["/bin/sh", "-c", "/bin/cat /etc/passwd; exit 7"].map(Vec::from));
        assert!(hello.pid_namespace > 0 && hello.tracer > 0);
        assert!(!hello.hostname.is_empty());
        let names = names(&events);
        assert_eq!((names.first(), names.last()), (Some(&"exec"), Some(&"exit")));
        let sequences: Vec<_> = events.iter().map(|event| event.header.sequence).collect();
        assert_eq!(sequences, (1..=events.len() as u64).collect::<Vec<_>>());
        let is_passwd = |event: &Event| matches!(&event.payload, Payload::Open(open) if open.file.path == b"/etc/passwd");
        assert!(events.iter().any(is_passwd));
    }
}

#[test]
fn only_what_the_probe_wants_is_reported() {
    let probe = Probe::tcp();
    let mkdir = desc("mkdir").unwrap().id;
    let interest = EventInterest { event: mkdir, capture: Capture::EntryAndExit };
    let child = begin(&probe, &[], "cat /etc/passwd; mkdir /dev/null/x");
    let (_, events) = serve(&probe, Interest::Events(vec![interest]));
    assert_eq!(code(&child.wait_with_output().unwrap()), Some(1));
    // ENOTDIR is no result that this event is reported for.
    assert_eq!(names(&events), [""; 0]);
    let place = tempfile::tempdir().unwrap();
    let script = format!("cat /etc/passwd; mkdir {}/x", place.path().display());
    let child = begin(&probe, &[], &script);
    let (_, events) = serve(&probe, Interest::Events(vec![interest]));
    assert_eq!(code(&child.wait_with_output().unwrap()), Some(0));
    assert_eq!(names(&events), ["mkdir"]);
}

#[test]
fn statuses_are_the_applications() {
    assert_eq!(code(&alone(&[], "exit 0")), Some(0));
    assert_eq!(code(&alone(&[], "exit 42")), Some(42));
    assert_eq!(code(&alone(&[], "kill -TERM $$")), Some(143));
    assert_eq!(code(&alone(&["--async"], "exit 3")), Some(3));
    assert_eq!(code(&alone(&["--disable-seccomp"], "exit 4")), Some(4));
}

#[test]
fn failures_have_statuses_of_their_own() {
    let run = |args: &[&str]| {
        let output = trace(args).output().unwrap();
        (code(&output).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let expect = [
        (&["--probe-addr=", "/no/such/program"][..], 127, "not found"),
        (&["--probe-addr=", "no-such-program"], 127, "not found"),
        (&["--probe-addr=", "/etc/passwd"], 126, "cannot be executed"),
        (&["--probe-addr=", "/"], 126, "cannot be executed"),
        (&["--probe-addr", "nonsense", "true"], 2, "HOST:PORT"),
        (&["--no-such-option", "true"], 2, "--no-such-option"),
        (&[], 2, "<CMD>"),
        (&["--token-file", "/no/token", "true"], 125, "/no/token"),
    ];
    for (args, status, text) in expect {
        let (code, stderr) = run(args);
        assert_eq!(code, status, "{args:?}");
        assert!(stderr.contains(text), "{stderr}");
    }
}

#[test]
fn a_missing_probe_is_told_and_nothing_else() {
    let output = alone(&[], "echo out; echo err >&2; exit 5");
    assert_eq!((code(&output), output.stdout.as_slice()), (Some(5), &b"out\n"[..]));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{stderr}");
    assert!(lines[0].contains("cannot connect"), "{stderr}");
    assert!(lines.contains(&"err"), "{stderr}");
    assert!(lines[2].contains("has not got all events undelivered="), "{stderr}");
}

#[test]
fn a_probe_that_hangs_or_refuses_does_not_keep_the_application() {
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let child = begin(&Probe::at(&hanging), &[], "exit 6");
    assert_eq!(code(&child.wait_with_output().unwrap()), Some(6));
    let probe = Probe::tcp();
    let child = begin(&probe, &[], "exit 7");
    // It may ask again.
    std::thread::spawn(move || {
        loop {
            let mut line = probe.accept();
            line.hello();
            line.send(&Message::Welcome(Welcome { refusal: b"no\x1b[31m".to_vec(), ..welcome() }));
        }
    });
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), Some(7));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(r"the probe refuses: no\x1b[31m"), "{stderr}");
}

#[test]
fn an_application_may_start_before_the_probe_answers() {
    let probe = Probe::tcp();
    let mut child = begin(&probe, &["--async"], "echo begun; read line; exit 8");
    // It has begun though nobody has answered.
    let mut begun = [0; 6];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut begun).unwrap();
    assert_eq!(&begun, b"begun\n");
    let (_, events) = serve(&probe, Interest::Events(Vec::new()));
    assert_eq!(code(&child.wait_with_output().unwrap()), Some(8));
    assert_eq!(names(&events).first(), Some(&"exec"));
}

#[test]
fn tokens_are_for_the_probe_and_not_for_the_application() {
    let probe = Probe::unix();
    let address = probe.address.to_string();
    let mut command = trace(&["--probe-addr", &address, "--", "/usr/bin/env"]);
    command.env("SENTRACE_TOKEN", "secret").env("OTHER", "kept").stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    let (hello, _) = serve(&probe, Interest::Events(Vec::new()));
    assert_eq!(hello.token, b"secret");
    let stdout = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(!stdout.contains("secret") && stdout.contains("OTHER=kept"), "{stdout}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "of a file\n").unwrap();
    let path = file.path().to_str().unwrap();
    let child = begin(&probe, &["--token-file", path], "true");
    let (hello, _) = serve(&probe, Interest::Events(Vec::new()));
    assert_eq!(hello.token, b"of a file");
    assert_eq!(code(&child.wait_with_output().unwrap()), Some(0));
}

#[test]
fn verbose_tracers_log_events_and_idle_options() {
    let output = trace(&["--probe-addr=", "--verbose", "--proc-scan-rate=1s", "--", "/bin/cat"])
        .arg("/etc/passwd")
        .env("DD_CWS_INSTRUMENTATION_STATS_DISABLED", "TRUE")
        .env("DD_CWS_INSTRUMENTATION_PROC_SCAN_DISABLED", "yes")
        .output();
    let stderr = String::from_utf8(output.unwrap().stderr).unwrap();
    for text in
        ["--proc-scan-rate has no effect", "--disable-stats has no effect", "open /etc/passwd"]
    {
        assert!(stderr.contains(text), "{text} in {stderr}");
    }
    // Only `true` switches something on.
    assert!(!stderr.contains("--disable-proc-scan"), "{stderr}");
}

#[test]
fn an_application_runs_as_who_it_shall() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let output = alone(&["--uid", "1000", "--gid=1001"], "id -u; id -g; id -G");
    assert_eq!(output.stdout, b"1000\n1001\n1001\n");
    let output = alone(&["--uid=-1", "--gid=-1"], "id -u; id -g");
    assert_eq!(output.stdout, b"0\n0\n");
}

#[test]
fn a_container_ends_with_its_application() {
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--mount-proc", "--fork"]);
    if !unshare.arg("true").status().is_ok_and(|status| status.success()) {
        return;
    }
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--mount-proc", "--fork"]).arg(env!("CARGO_BIN_EXE_sentrace-tracer"));
    // What stays behind would stay for ever.
    let script = "sleep infinity >/dev/null 2>&1 & exit 9";
    let output = unshare.args(["trace", "--probe-addr=", "--", "/bin/sh", "-c", script]).output();
    assert_eq!(code(&output.unwrap()), Some(9));
}
