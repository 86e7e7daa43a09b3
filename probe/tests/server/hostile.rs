//! Peers that break the protocol lose their connection, and nobody else notices.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sentrace_probe::server::{Limits, Server, ServerConfig, TracerId};
use sentrace_schema::address::Address;
use sentrace_schema::frame::MAX_FRAME;
use sentrace_schema::wire::{Heartbeat, Hello, Message, Welcome};

use super::tracer::{Line, Told, config, events, hello, limited, next_fact, serve};

/// Sends bytes and waits for the end of the connection.
fn attack(server: &Server, bytes: &[u8]) {
    let mut line = Line::open(server);
    line.bytes(bytes);
    while line.message().is_some() {}
}

fn with_hello(message: &Message) -> Vec<u8> {
    [Message::Hello(hello(99)), message.clone()].map(|message| message.encode().unwrap()).concat()
}

#[test]
fn nonsense_ends_its_connection_and_no_other() {
    let (server, told) = serve(config());
    let (mut first, _) = Line::greet(&server, 1);
    let (mut second, _) = Line::greet(&server, 2);
    let attacks = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        vec![0xff; 100],
        // One segment of 2 GiB.
        [0, 0, 0, 0, 0xff, 0xff, 0xff, 0x0f].to_vec(),
        // An empty message.
        [0, 0, 0, 0, 0, 0, 0, 0].to_vec(),
        // A pointer outside of the message.
        [&[0, 0, 0, 0, 1, 0, 0, 0][..], &[0xfc, 0xff, 0xff, 0x7f, 9, 0, 9, 0]].concat(),
        events([1]).encode().unwrap(),
        Message::Goodbye.encode().unwrap(),
        with_hello(&Message::Hello(hello(98))),
        with_hello(&Message::Welcome(Welcome::default())),
        with_hello(&Message::Ack(7)),
    ];
    for (sequence, attack_) in (1..).zip(&attacks) {
        attack(&server, attack_);
        assert_eq!(server.counters().malformed, sequence, "{attack_:x?}");
        assert_eq!(first.events([sequence]), sequence);
        assert_eq!(second.events([sequence]), sequence);
        assert_eq!(next_fact(&told), Told::Events(TracerId(1), vec![sequence]));
        assert_eq!(next_fact(&told), Told::Events(TracerId(2), vec![sequence]));
    }
}

#[test]
fn random_bytes_and_mutated_messages_do_no_harm() {
    let (server, told) = serve(config());
    let (mut good, _) = Line::greet(&server, 1);
    let talk = [with_hello(&events(1..40)), Message::Goodbye.encode().unwrap()].concat();
    let mutation = (0..talk.len(), any::<u8>());
    let attacks = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..500),
        prop::collection::vec(mutation, 1..8).prop_map(move |mutations| {
            let mut talk = talk.clone();
            mutations.into_iter().for_each(|(index, byte)| talk[index] = byte);
            talk
        }),
    ];
    let mut runner = TestRunner::deterministic();
    for sequence in 1..=200 {
        let bytes = attacks.new_tree(&mut runner).unwrap().current();
        Line::open(&server).bytes(&bytes);
        assert_eq!(good.events([sequence]), sequence, "after {bytes:x?}");
    }
    let of_good = |told: &Told| matches!(told, Told::Events(TracerId(1), _));
    assert_eq!(told.try_iter().filter(of_good).count(), 200);
}

#[test]
fn who_says_no_hello_is_not_waited_for() {
    let answer = Duration::from_millis(20);
    let (server, _told) = serve(limited(Limits { answer, ..Limits::default() }));
    assert_eq!(Line::open(&server).message(), None);
    let mut torn = Line::open(&server);
    torn.bytes(&Message::Hello(hello(1)).encode().unwrap()[..20]);
    assert_eq!(torn.message(), None);
    assert_eq!(server.counters().late, 2);
}

#[test]
fn who_says_nothing_any_more_is_not_waited_for() {
    let idle = Duration::from_millis(20);
    let (server, _told) = serve(limited(Limits { idle, ..Limits::default() }));
    let (mut line, _) = Line::greet(&server, 1);
    assert_eq!(line.message(), None);
    assert_eq!(server.counters().late, 1);
}

#[test]
fn who_takes_no_answer_is_not_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let address = Address::Unix(place.path().join("probe"));
    // Long enough for the hello, which has the same limit.
    let limits = Limits { answer: Duration::from_secs(1), ..Limits::default() };
    let (server, _told) = serve(ServerConfig { limits, ..ServerConfig::new(address) });
    let (mut line, _) = Line::greet(&server, 1);
    let heartbeat = Message::Heartbeat(Heartbeat::default()).encode().unwrap();
    while line.bytes(&heartbeat) {}
    assert_eq!(server.counters().late, 1);
}

#[test]
fn a_hello_has_a_limit() {
    let (server, _told) = serve(config());
    let long = Hello { argv: vec![vec![b'x'; 1000]; 500], ..hello(1) };
    attack(&server, &Message::Hello(long).encode().unwrap());
    // A message that never ends is not waited for.
    let words = (MAX_FRAME / 8) as u32;
    let endless = [&[0; 4][..], &words.to_le_bytes(), &vec![0; 100 << 10]].concat();
    attack(&server, &endless);
    assert_eq!(server.counters().malformed, 2);
}

#[test]
fn there_is_a_limit_to_connections() {
    let (server, _told) = serve(limited(Limits { connections: 2, ..Limits::default() }));
    let (mut first, _) = Line::greet(&server, 1);
    let (_second, _) = Line::greet(&server, 2);
    assert_eq!(Line::open(&server).message(), None);
    assert_eq!(server.counters().too_many, 1);
    first.send(&Message::Goodbye);
    assert_eq!(first.message(), None);
    // The place may be free a moment later than the connection is closed.
    let again = || {
        let mut line = Line::open(&server);
        line.bytes(&Message::Hello(hello(3)).encode().unwrap());
        line.message()
    };
    while !matches!(again(), Some(Message::Welcome(_))) {}
}
