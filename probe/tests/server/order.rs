//! Events are told in order and once, also over several connections; tracers come and go.

use std::sync::mpsc::channel;
use std::time::Duration;

use sentrace_probe::server::{Limits, Peer, ServerConfig, TracerId, start};
use sentrace_schema::EVENTS;
use sentrace_schema::address::Address;
use sentrace_schema::wire::{Heartbeat, Hello, Interest, Message, PROTOCOL};

use super::tracer::{Line, Log, Told, config, events, hello, limited, next, next_fact, serve};

const A: TracerId = TracerId(1);
const B: TracerId = TracerId(2);

#[test]
fn a_tracer_is_heard_from_hello_to_goodbye() {
    let place = tempfile::tempdir().unwrap();
    let unix = ServerConfig::new(Address::Unix(place.path().join("probe")));
    for config in [config(), unix] {
        let (server, told) = serve(config);
        let mut line = Line::open(&server);
        let hello = Hello { hostname: b"here".to_vec(), token: b"not told".to_vec(), ..hello(1) };
        let welcome = line.hello(&hello);
        assert_eq!((welcome.protocol, welcome.acknowledged), (PROTOCOL, 0));
        assert_eq!((usize::from(welcome.events), welcome.interest), (EVENTS.len(), Interest::Full));
        let Told::Hello(A, told_hello, peer) = next(&told) else { panic!("no hello") };
        assert_eq!(told_hello, Hello { token: Vec::new(), ..hello });
        if let Peer::Unix { pid, .. } = peer {
            assert_eq!(pid, Some(std::process::id() as i32));
        }
        assert_eq!(line.events([1, 2, 3]), 3);
        assert_eq!(next(&told), Told::Events(A, vec![1, 2, 3]));
        let heartbeat = Heartbeat { stops: 9, dropped: vec![1, 2], ..Heartbeat::default() };
        line.send(&Message::Heartbeat(heartbeat.clone()));
        assert_eq!(next(&told), Told::Heartbeat(A, heartbeat));
        assert_eq!(line.message(), Some(Message::Ack(3)));
        line.send(&Message::Goodbye);
        assert_eq!(next(&told), Told::Gone(A));
        assert_eq!(line.message(), None);
    }
}

#[test]
fn messages_may_come_in_pieces() {
    let (server, told) = serve(config());
    let mut line = Line::open(&server);
    let mut bytes = Message::Hello(hello(1)).encode().unwrap();
    bytes.extend(events([1, 2]).encode().unwrap());
    bytes.extend(Message::Goodbye.encode().unwrap());
    for byte in bytes {
        assert!(line.bytes(&[byte]));
    }
    assert_eq!(next_fact(&told), Told::Events(A, vec![1, 2]));
    assert_eq!(next_fact(&told), Told::Gone(A));
}

#[test]
fn what_is_sent_again_is_told_once() {
    let (server, told) = serve(config());
    let (mut line, _) = Line::greet(&server, 1);
    assert_eq!(line.events(1..=5), 5);
    assert_eq!(line.events([3, 4, 5, 7, 6, 7]), 7);
    drop(line);
    let (mut line, welcome) = Line::greet(&server, 1);
    assert_eq!(welcome.acknowledged, 7);
    assert_eq!(line.events(5..=9), 9);
    assert_eq!(line.events(5..=9), 9);
    let (mut other, welcome) = Line::greet(&server, 2);
    assert_eq!(welcome.acknowledged, 0);
    assert_eq!(other.events(1..=2), 2);
    let facts: Vec<_> = (0..4).map(|_| next_fact(&told)).collect();
    let expect = [
        Told::Events(A, vec![1, 2, 3, 4, 5]),
        Told::Events(A, vec![7]),
        Told::Events(A, vec![8, 9]),
        Told::Events(B, vec![1, 2]),
    ];
    assert_eq!(facts, expect);
    let counters = server.counters();
    assert_eq!((counters.events, counters.duplicates), (10, 13));
}

#[test]
fn the_latest_connection_of_a_tracer_counts() {
    let (server, told) = serve(config());
    let (mut first, _) = Line::greet(&server, 1);
    assert_eq!(first.events([1]), 1);
    let (mut second, welcome) = Line::greet(&server, 1);
    assert_eq!(welcome.acknowledged, 1);
    assert_eq!(first.message(), None);
    assert_eq!(second.events([2]), 2);
    drop(first);
    assert_eq!(second.events([3]), 3);
    let facts: Vec<_> = (0..3).map(|_| next_fact(&told)).collect();
    assert_eq!(facts, [1, 2, 3].map(|sequence| Told::Events(A, vec![sequence])));
}

#[test]
fn who_does_not_come_back_is_gone() {
    let absence = Duration::ZERO;
    let (server, told) = serve(limited(Limits { absence, ..Limits::default() }));
    let (line, _) = Line::greet(&server, 1);
    drop(line);
    assert_eq!(next_fact(&told), Told::Gone(A));
    let (_line, welcome) = Line::greet(&server, 1);
    assert_eq!(welcome.acknowledged, 0);
    assert_eq!(server.counters().lost, 1);
}

#[test]
fn absent_tracers_make_room_and_present_ones_do_not() {
    let (server, told) = serve(limited(Limits { tracers: 2, ..Limits::default() }));
    let (mut first, _) = Line::greet(&server, 1);
    let (_second, _) = Line::greet(&server, 2);
    let mut third = Line::open(&server);
    assert_eq!(third.hello(&hello(3)).refusal, b"there are too many tracers");
    assert_eq!(third.message(), None);
    // A message out of place: a connection that has ended for sure, without a goodbye.
    first.send(&Message::Ack(1));
    assert_eq!(first.message(), None);
    let (_third, _) = Line::greet(&server, 3);
    assert_eq!(next_fact(&told), Told::Gone(A));
}

#[test]
fn only_who_knows_the_token_gets_in() {
    let (server, told) = serve(ServerConfig { token: Some(b"secret".to_vec()), ..config() });
    for token in ["", "secre", "secret!", "Secret", "secres"] {
        let mut line = Line::open(&server);
        let welcome = line.hello(&Hello { token: token.into(), ..hello(1) });
        assert_eq!(welcome.refusal, b"wrong token");
        assert_eq!(line.message(), None);
    }
    assert_eq!(server.counters().refused, 5);
    assert!(start(ServerConfig { token: Some(Vec::new()), ..config() }, Log(channel().0)).is_err());
    let welcome = Line::open(&server).hello(&Hello { token: b"secret".to_vec(), ..hello(1) });
    assert_eq!(welcome.refusal, b"");
    assert!(matches!(next(&told), Told::Hello(A, ..)));
}

#[test]
fn other_protocols_and_strangers_are_refused() {
    let (server, _told) = serve(config());
    let newer = Hello { protocol: PROTOCOL + 1, ..hello(1) };
    let stranger = Hello { hostname: b"stranger".to_vec(), ..hello(1) };
    let nobody = Hello { hostname: b"nobody".to_vec(), ..hello(1) };
    let refused = [
        (newer, "version 2 of the protocol"),
        (stranger, "not from here"),
        (nobody, "no reason given"),
    ];
    for (hello, reason) in refused {
        let mut line = Line::open(&server);
        let refusal = String::from_utf8(line.hello(&hello).refusal).unwrap();
        assert!(refusal.starts_with(reason), "{refusal}");
        assert_eq!(line.message(), None);
    }
}
