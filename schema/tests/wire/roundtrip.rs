use proptest::prelude::*;
use sentrace_schema::frame::Decoder;
use sentrace_schema::wire::{
    Capture, Error, EventInterest, Heartbeat, Hello, Interest, Message, Mode, Welcome,
};
use sentrace_schema::{EVENTS, Payload, events, groups};

use crate::random::{self, Tape};

/// All messages in a stream.
pub(crate) fn decode(mut stream: &[u8]) -> Result<Vec<Message>, Error> {
    let mut decoder = Decoder::default();
    let mut messages = Vec::new();
    while let Some(frame) = decoder.feed(&mut stream)? {
        messages.push(Message::decode(frame)?);
    }
    Ok(messages)
}

fn check(message: Message) {
    let frame = message.encode().unwrap();
    assert_eq!(decode(&frame).unwrap(), [message]);
}

/// One message of every kind.
pub(crate) fn messages() -> Vec<Message> {
    vec![
        Message::Hello(Hello {
            protocol: 1,
            version: b"0.1.0".to_vec(),
            tracer: 0x1234_5678_9abc_def0,
            mode: Mode::Attached,
            engine: b"notify".to_vec(),
            pid_namespace: 4026531836,
            hostname: b"web-1".to_vec(),
            container: b"c0ffee".to_vec(),
            argv: vec![b"/bin/sh".to_vec(), b"".to_vec(), b"\xff\x00".to_vec()],
            token: b"secret".to_vec(),
        }),
        Message::Hello(Hello::default()),
        Message::Welcome(Welcome {
            protocol: 1,
            refusal: b"".to_vec(),
            acknowledged: 7,
            events: EVENTS.len() as u16,
            interest: Interest::Events(vec![
                EventInterest { event: 3, capture: Capture::Entry },
                EventInterest { event: 4, capture: Capture::EntryAndExit },
            ]),
        }),
        Message::Welcome(Welcome { refusal: b"token".to_vec(), ..Welcome::default() }),
        Message::Events(vec![]),
        Message::Events(random::events(&mut Tape(&[7; 10_000]))),
        Message::Ack(u64::MAX),
        Message::Heartbeat(Heartbeat {
            timestamp: 1,
            sequence: 2,
            queued: 3,
            stops: 4,
            dropped: vec![0, 5],
        }),
        Message::Goodbye,
    ]
}

#[test]
fn messages_of_every_kind() {
    messages().into_iter().for_each(check);
}

#[test]
fn payloads_know_their_event() {
    let open = events::Open {
        file: groups::File { path: b"/etc/shadow".to_vec(), ..Default::default() },
        ..Default::default()
    };
    let payload = Payload::from(open);
    assert_eq!(payload.event().name, "open");
    assert!(matches!(payload, Payload::Open(open) if open.file.path == b"/etc/shadow"));
}

#[test]
fn a_stream_in_pieces() {
    let messages = messages();
    let stream: Vec<u8> = messages.iter().flat_map(|m| m.encode().unwrap()).collect();
    for size in [1, 2, 3, 7, 8, 64, 4096] {
        let mut decoder = Decoder::default();
        let mut decoded = Vec::new();
        for mut piece in stream.chunks(size) {
            while let Some(frame) = decoder.feed(&mut piece).unwrap() {
                decoded.push(Message::decode(frame).unwrap());
            }
            assert!(piece.is_empty());
        }
        assert!(decoder.is_between_frames());
        assert_eq!(decoded, messages, "pieces of {size} bytes");
    }
}

#[test]
fn a_stream_that_ends_early() {
    let stream = Message::Ack(1).encode().unwrap();
    for length in 1..stream.len() {
        let mut decoder = Decoder::default();
        assert!(decoder.feed(&mut &stream[..length]).unwrap().is_none());
        assert!(!decoder.is_between_frames(), "after {length} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_event_with_random_contents(tape in prop::collection::vec(any::<u8>(), 0..20_000)) {
        check(Message::Events(random::events(&mut Tape(&tape))));
    }
}
