use sentrace_schema::wire::TRUNCATED;
use sentrace_schema::{Payload, events, groups};

use super::*;
use crate::output::sample::{self, Sample, sample};

fn text(sample: &Sample, alert: Option<&Match>, look: Look) -> String {
    let mut out = Vec::new();
    let mut text = Text::new(&mut out, Scope::Everything, look);
    text.write(&sample.report(alert)).expect("a Vec takes everything");
    String::from_utf8(out).expect("UTF-8")
}

fn open(path: &[u8], retval: i64) -> Sample {
    let open = events::Open {
        file: sample::file(path),
        syscall_path: path.to_vec(),
        ..events::Open::default()
    };
    sample(sample::call(257, retval), Payload::Open(open.into()))
}

#[test]
fn events_are_lines() {
    let line = text(&open(b"/etc/shadow", -13), None, Look::PLAIN);
    assert_eq!(line, "22:45:00 42 sh open path=/etc/shadow flags=O_RDONLY = EACCES\n");
    let mut cut = open(b"/a b", 3);
    cut.event.header.marks = TRUNCATED;
    let line = text(&cut, None, Look::PLAIN);
    assert_eq!(line, "22:45:00 42 sh open path=\"/a b\" flags=O_RDONLY [truncated]\n");
    let addr = groups::Addr { ip: "192.0.2.1".parse().ok(), port: 80, family: 2, path: vec![] };
    let connect = Payload::Connect(events::Connect { addr, protocol: 6 }.into());
    let line = text(&sample(sample::call(42, 0), connect), None, Look::PLAIN);
    assert_eq!(
        line,
        "22:45:00 42 sh connect addr.ip=192.0.2.1 addr.port=80 protocol=IPPROTO_TCP\n"
    );
    let exec = events::Exec { process: sample::shell(), syscall_path: b"/bin/sh".to_vec() };
    let line = text(&sample(sample::life(), Payload::Exec(exec.into())), None, Look::PLAIN);
    assert_eq!(
        line,
        "22:45:00 42 sh exec program=/usr/bin/dash args=\"-c curl --token=******** http://x/\\xff\" syscall.path=/bin/sh\n"
    );
}

#[test]
fn alerts_say_what_and_who() {
    let alert = sample::alert("secrets_read", "Somebody reads the passwords");
    let lines = text(&open(b"/etc/shadow", 3), Some(&alert), Look::PLAIN);
    let expected = r#"ALERT secrets_read: Somebody reads the passwords (2 more held back)
  22:45:00 open path=/etc/shadow flags=O_RDONLY
  sh[42] sh -c "curl --token=******** http://x/\xff" < nginx[7]
"#;
    assert_eq!(lines, expected);
}

#[test]
fn colours_and_width() {
    let look = Look { paint: Painting::Ansi, width: None };
    let line = text(&open(b"/x", 3), None, look);
    assert!(line.contains("\x1b[36mopen\x1b[0m path=/x"), "{line}");
    for width in 0..80 {
        let look = Look { paint: Painting::Plain, width: Some(width) };
        for line in
            text(&open(b"/etc/\xc3\xa4", 3), Some(&sample::alert("rule", "description")), look)
                .lines()
        {
            assert!(line.chars().count() <= width.max(2), "{width}: {line}");
        }
    }
}

/// Neither files nor arguments nor what a policy says can act on the terminal.
#[test]
fn nothing_acts_on_the_terminal() {
    let evil = "/tmp/\x1b[2J\x1b]0;title\x07\u{9b}31m\r\nALERT fake\u{202e}";
    let mut process = sample::shell();
    process.comm = evil.into();
    process.argv = vec![evil.into()];
    process.file.path = evil.into();
    let exec = events::Exec { process, syscall_path: evil.into() };
    let alert = sample::alert(evil, evil);
    for sample in [open(evil.as_bytes(), 3), sample(sample::life(), Payload::Exec(exec.into()))] {
        for (alert, lines) in [(None, 1), (Some(&alert), 3)] {
            let text = text(&sample, alert, Look::PLAIN);
            assert_eq!(text.lines().count(), lines, "{text}");
            assert!(!text.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')));
        }
    }
}

#[test]
fn endless_values_are_cut() {
    let line = text(&open(&[b'x'; 4096], 3), None, Look::PLAIN);
    assert!(line.contains("x…") && line.len() < 1000, "{line}");
}

#[test]
fn many_arguments_are_cut() {
    let mut process = sample::shell();
    process.argv = vec![b"x".to_vec(); 5000];
    let exec = events::Exec { process, syscall_path: vec![] };
    let sample = sample(sample::life(), Payload::Exec(exec.into()));
    let lines = text(&sample, Some(&sample::alert("rule", "")), Look::PLAIN);
    let last = lines.lines().last().expect("three lines");
    assert!(last.ends_with(" x x … < nginx[7]") && last.len() < 200, "{last}");
}

/// A space of any kind does not end a value.
#[test]
fn values_cannot_look_like_others() {
    let line = text(&open("/a\u{2003}flags=O_RDONLY".as_bytes(), 3), None, Look::PLAIN);
    assert!(line.contains(" path=\"/a\u{2003}flags=O_RDONLY\" flags="), "{line}");
}
