//! The program `capnp` (Debian package `capnproto`), which must be there, as the other side.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use sentrace_schema::wire::Message;

use crate::random::{self, Tape};
use crate::roundtrip::{decode, messages};

/// Output of `capnp COMMAND events.capnp Message`.
fn capnp(command: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("capnp")
        .args(command)
        .args(["events.capnp", "Message"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PWD", env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the Cap'n Proto compiler (package capnproto) runs");
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        // Closes the pipe when everything is written.
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "capnp {command:?}: {}", String::from_utf8_lossy(input));
    output.stdout
}

/// Events with contents that look random.
fn events(byte: impl Fn(u8) -> u8) -> Message {
    let tape: Vec<u8> =
        (0..60_000u32).map(|i| byte((i.wrapping_mul(2_654_435_761) >> 24) as u8)).collect();
    Message::Events(random::events(&mut Tape(&tape)))
}

#[test]
fn capnp_reads_and_writes_our_messages_as_text() {
    // Its reader of text stumbles over some brackets in strings.
    let letters = events(|byte| b'a' + byte % 26);
    for message in messages().into_iter().chain([letters]) {
        let text = capnp(&["decode"], &message.encode().unwrap());
        assert_eq!(decode(&capnp(&["encode"], &text)).unwrap(), [message]);
    }
}

#[test]
fn capnp_reads_and_writes_our_messages_as_json() {
    for message in messages().into_iter().chain([events(|byte| byte)]) {
        let json = capnp(&["convert", "binary:json"], &message.encode().unwrap());
        assert_eq!(decode(&capnp(&["convert", "json:binary"], &json)).unwrap(), [message]);
    }
}

#[test]
fn capnp_understands_what_we_mean() {
    let text = "( events = [ ( header = (sequence = 5, pid = -1, retval = -13, marks = 3), \
                open = ( file = (path = \"/etc/passwd\", mode = 33188), flags = 577 ) ) ] )";
    let messages = decode(&capnp(&["encode"], text.as_bytes())).unwrap();
    let [Message::Events(events)] = messages.as_slice() else { panic!("{messages:?}") };
    let header = events[0].header;
    assert_eq!((header.sequence, header.pid, header.retval, header.marks), (5, -1, -13, 3));
    let sentrace_schema::Payload::Open(open) = &events[0].payload else { panic!("{events:?}") };
    assert_eq!((open.file.path.as_slice(), open.file.mode), (&b"/etc/passwd"[..], 0o100644));
    assert_eq!(open.flags, 0o1101);
}

#[test]
fn addresses_have_4_or_16_bytes() {
    for (ip, expected) in [("\"\"", None), ("\"4444\"", None), ("\"55555\"", Some(5))] {
        let text = format!("( events = [ ( connect = ( addr = ( ip = {ip} ) ) ) ] )");
        let error =
            decode(&capnp(&["encode"], text.as_bytes())).err().map(|error| error.to_string());
        assert_eq!(error, expected.map(|length| format!("an IP address of {length} bytes")));
    }
}
