//! The transport alone: events in order and once, whatever the probe does.

use std::net::TcpListener;
use std::time::Duration;

use sentrace_schema::wire::{
    Capture, EventInterest, GAP, Heartbeat, Hello, Interest, Message, PROTOCOL, Welcome,
};
use sentrace_schema::{EVENTS, Payload, event as desc};
use sentrace_tracer::session::{Sink, Wanted};
use sentrace_tracer::transport::{Client, Config, Limits, Outcome, QueueSink};

use super::probe::{PATIENCE, Probe, event, sequences, welcome};

fn client(probe: &Probe, limits: Limits) -> Client {
    let hello = Hello { protocol: PROTOCOL, tracer: 7, ..Hello::default() };
    Client::start(Config { address: probe.address.clone(), hello, limits }).unwrap()
}

/// Short pauses, so that tests of reconnection do not wait.
fn limits() -> Limits {
    let (first_retry, longest_retry) = (Duration::from_millis(1), Duration::from_millis(20));
    Limits { first_retry, longest_retry, ..Limits::default() }
}

fn push(sink: &mut QueueSink, sequences: std::ops::RangeInclusive<u64>) {
    for sequence in sequences {
        sink.event(event("open", sequence, 100));
    }
}

/// Lets the client finish while `rest` plays the probe.
fn finish<T>(client: Client, rest: impl FnOnce() -> T) -> (Outcome, T) {
    let finishing = std::thread::spawn(|| client.finish(PATIENCE));
    let rest = rest();
    (finishing.join().unwrap(), rest)
}

#[test]
fn events_arrive_in_order_and_goodbye_is_last() {
    for probe in [Probe::tcp(), Probe::unix()] {
        let client = client(&probe, limits());
        let mut sink = client.sink();
        push(&mut sink, 1..=10_000);
        let mut line = probe.accept();
        let hello = line.hello();
        assert_eq!((hello.protocol, hello.tracer), (PROTOCOL, 7));
        line.send(&Message::Welcome(welcome()));
        let (outcome, (got, last)) = finish(client, || {
            let got = line.serve();
            assert_eq!(line.message(), None);
            got
        });
        assert_eq!(sequences(&got), (1..=10_000).collect::<Vec<_>>());
        assert_eq!((last.sequence, last.queued, last.dropped.as_slice()), (10_000, 0, &[][..]));
        assert_eq!((outcome.undelivered, outcome.dropped), (0, 0));
    }
}

#[test]
fn the_answer_may_come_in_pieces() {
    let probe = Probe::tcp();
    let client = client(&probe, limits());
    let mut line = probe.accept();
    line.hello();
    let interest = EventInterest { event: 3, capture: Capture::Entry };
    let interest = Interest::Events(vec![interest]);
    let welcome = Welcome { interest: interest.clone(), ..welcome() };
    for byte in Message::Welcome(welcome).encode().unwrap() {
        line.bytes(&[byte]);
    }
    assert_eq!(client.wanted(PATIENCE), Some(Wanted::from(&interest)));
    line.serve_to_the_end(client);
}

#[test]
fn without_a_probe_nothing_waits() {
    let probe = Probe::absent();
    let client = client(&probe, Limits::default());
    assert_eq!(client.wanted(PATIENCE), None);
    push(&mut client.sink(), 1..=3);
    assert_eq!(client.finish(PATIENCE).undelivered, 3);
}

#[test]
fn a_refusal_is_no_answer_but_may_be_withdrawn() {
    let probe = Probe::tcp();
    let client = client(&probe, limits());
    push(&mut client.sink(), 1..=3);
    let refusal = Welcome { refusal: b"wrong token".to_vec(), ..welcome() };
    let mut line = probe.accept();
    line.hello();
    line.send(&Message::Welcome(refusal));
    assert_eq!(client.wanted(PATIENCE), None);
    let line = probe.greet();
    assert_eq!(line.serve_to_the_end(client), [1, 2, 3]);
}

#[test]
fn other_versions_of_the_protocol_are_not_spoken() {
    let probe = Probe::tcp();
    let client = client(&probe, limits());
    let mut line = probe.accept();
    line.hello();
    line.send(&Message::Welcome(Welcome { protocol: PROTOCOL + 1, ..welcome() }));
    assert_eq!(client.wanted(PATIENCE), None);
    assert!(line.message().is_none());
}

#[test]
fn a_probe_that_talks_nonsense_is_left_and_tried_again() {
    let probe = Probe::tcp();
    let client = client(&probe, limits());
    push(&mut client.sink(), 1..=3);
    let ack = Message::Ack(1).encode().unwrap();
    let too_many_segments = [0xff; 64];
    for nonsense in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &too_many_segments, &ack] {
        let mut line = probe.accept();
        line.hello();
        line.bytes(nonsense);
        assert!(line.message().is_none());
    }
    let mut line = probe.greet();
    line.send(&Message::Goodbye);
    while line.message().is_some() {}
    let line = probe.greet();
    assert_eq!(line.serve_to_the_end(client), [1, 2, 3]);
}

#[test]
fn a_probe_that_never_reads_makes_nobody_wait() {
    let probe = Probe::tcp();
    let small = Limits { queue: 1 << 20, window: 256 << 10, ..limits() };
    let client = client(&probe, small);
    let mut line = probe.greet();
    let mut sink = client.sink();
    // 40 times what the queue takes.
    let total = 20_000;
    for sequence in 1..=total {
        let name = if sequence % 50 == 0 { "fork" } else { "open" };
        sink.event(event(name, sequence, 2000));
    }
    let (outcome, (got, Heartbeat { dropped, .. })) = finish(client, || line.serve());
    let count = |name: &str| dropped.get(usize::from(desc(name).unwrap().id)).copied();
    assert_eq!(outcome.dropped, dropped.iter().sum::<u64>());
    assert_eq!(got.len() as u64 + outcome.dropped, total);
    assert_eq!(outcome.undelivered, 0);
    // All forks together are less than the queue takes.
    assert_eq!(count("fork"), Some(0));
    assert!(count("open").unwrap() > 10_000);
    let sequences = sequences(&got);
    assert!(sequences.is_sorted_by(|a, b| a < b));
    let gap = sequences.windows(2).position(|pair| pair[1] != pair[0] + 1).unwrap();
    let marked = got[gap + 1..].iter().any(|event| event.header.marks & GAP != 0);
    assert!(marked);
}

#[test]
fn what_was_not_acknowledged_is_sent_again_and_nothing_else() {
    let probe = Probe::tcp();
    let client = client(&probe, limits());
    let mut sink = client.sink();
    push(&mut sink, 1..=1000);
    let mut line = probe.greet();
    while line.events().last() != Some(&1000) {}
    line.send(&Message::Ack(400));
    drop(line);
    push(&mut sink, 1001..=1500);
    let mut line = probe.accept();
    assert_eq!(line.hello().tracer, 7);
    line.send(&Message::Welcome(Welcome { acknowledged: 700, ..welcome() }));
    assert_eq!(line.serve_to_the_end(client), (701..=1500).collect::<Vec<_>>());
}

#[test]
fn a_probe_that_has_forgotten_gets_all_that_was_not_acknowledged() {
    let probe = Probe::unix();
    let client = client(&probe, limits());
    push(&mut client.sink(), 1..=1000);
    let mut line = probe.greet();
    let mut first = Vec::new();
    while first.last() != Some(&1000) {
        first.extend(line.events());
        line.send(&Message::Ack(500));
    }
    // It leaves in the middle of a message.
    line.bytes(&Message::Ack(600).encode().unwrap()[..9]);
    drop(line);
    let line = probe.greet();
    assert_eq!(line.serve_to_the_end(client), (501..=1000).collect::<Vec<_>>());
}

#[test]
fn a_window_bounds_what_is_on_its_way() {
    let probe = Probe::tcp();
    let heartbeat = Duration::from_millis(20);
    let (batch, window) = (10 << 10, 30 << 10);
    let client = client(&probe, Limits { batch, window, heartbeat, ..limits() });
    push(&mut client.sink(), 1..=1000);
    let mut line = probe.greet();
    let mut got = line.events();
    // Without acknowledgements nothing but heartbeats follows, sooner or later.
    let mut beats = 0;
    while beats < 3 {
        match line.message() {
            Some(Message::Events(events)) => {
                got.extend(sequences(&events));
                beats = 0;
            }
            _ => beats += 1,
        }
    }
    assert!(got.len() < 500, "{}", got.len());
    line.send(&Message::Ack(got.len() as u64));
    got.extend(line.serve_to_the_end(client));
    assert_eq!(got, (1..=1000).collect::<Vec<_>>());
}

#[test]
fn events_that_cannot_be_sent_are_counted() {
    let probe = Probe::tcp();
    let client = client(&probe, limits());
    let mut sink = client.sink();
    sink.event(event("open", 1, 10));
    sink.event(event("open", 2, 2 << 20));
    sink.event(event("connect", 3, 0));
    sink.event(event("open", 4, 10));
    let known = desc("connect").unwrap().id;
    let mut line = probe.accept();
    line.hello();
    line.send(&Message::Welcome(Welcome { events: known, ..welcome() }));
    let (outcome, (got, Heartbeat { dropped, .. })) = finish(client, || line.serve());
    assert_eq!(sequences(&got), [1, 4]);
    assert_eq!((outcome.undelivered, outcome.dropped), (0, 2));
    assert_eq!(dropped[usize::from(known)], 1);
    assert_eq!(dropped[usize::from(desc("open").unwrap().id)], 1);
}

#[test]
fn the_end_does_not_wait_for_a_probe_that_hangs() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let probe = Probe::at(&hanging);
    let client = client(&probe, limits());
    push(&mut client.sink(), 1..=3);
    assert_eq!(client.wanted(Duration::from_millis(1)), None);
    let outcome = client.finish(Duration::from_millis(50));
    assert_eq!(outcome.undelivered, 3);
}

#[test]
fn a_dropped_client_leaves() {
    let probe = Probe::tcp();
    let client = client(&probe, limits());
    let mut line = probe.greet();
    drop(client);
    while line.message().is_some() {}
}

#[test]
fn every_kind_of_event_can_be_sent() {
    let probe = Probe::tcp();
    let client = client(&probe, limits());
    let mut sink = client.sink();
    for (sequence, of) in (1..).zip(EVENTS.iter()) {
        assert!(Payload::empty(of.id).is_some());
        sink.event(event(of.name, sequence, 0));
    }
    let line = probe.greet();
    let all = (1..=EVENTS.len() as u64).collect::<Vec<_>>();
    assert_eq!(line.serve_to_the_end(client), all);
}
