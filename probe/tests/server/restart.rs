//! The real client: whatever happens to the server, nothing is lost or told twice.

use std::ops::RangeInclusive;
use std::sync::mpsc::channel;
use std::time::Duration;

use sentrace_probe::server::{ServerConfig, start};
use sentrace_schema::address::Address;
use sentrace_tracer::session::Sink;
use sentrace_tracer::transport::{Client, Config, Limits, QueueSink};

use super::tracer::{Log, Told, config, event, hello, next_fact};

/// Longer than anything takes; what ends before is not measured.
const PATIENCE: Duration = Duration::from_secs(60);

fn client(address: &Address, tracer: u64) -> Client {
    let (first_retry, longest_retry) = (Duration::from_millis(1), Duration::from_millis(20));
    let limits = Limits { first_retry, longest_retry, ..Limits::default() };
    Client::start(Config { address: address.clone(), hello: hello(tracer), limits }).unwrap()
}

fn push(sink: &mut QueueSink, sequences: RangeInclusive<u64>) {
    for sequence in sequences {
        sink.event(event(sequence));
    }
}

/// Two tracers report to a server that is stopped and started again in the midst of it.
fn restarts_under_load(config: ServerConfig) {
    const ROUNDS: u64 = 5;
    const EACH: u64 = 1000;
    let (log, told) = channel();
    let serve = |config: &ServerConfig| start(config.clone(), Log(log.clone())).unwrap();
    let mut server = serve(&config);
    let config = ServerConfig { listen: server.address().clone(), ..config };
    let clients = [1, 2].map(|tracer| client(server.address(), tracer));
    let mut sinks = clients.each_ref().map(Client::sink);
    let mut got = [Vec::new(), Vec::new()];
    let mut take = || {
        if let Told::Events(tracer, sequences) = next_fact(&told) {
            got[tracer.0 as usize - 1].extend(sequences);
        }
        got.each_ref().map(|got| got.last().copied())
    };
    for round in 0..ROUNDS {
        for sink in &mut sinks {
            push(sink, 2 * round * EACH + 1..=(2 * round + 1) * EACH);
        }
        take();
        for sink in &mut sinks {
            push(sink, (2 * round + 1) * EACH + 1..=(2 * round + 2) * EACH);
        }
        server.shutdown();
        server = serve(&config);
    }
    let all = 2 * ROUNDS * EACH;
    while take() != [Some(all); 2] {}
    for outcome in clients.map(|client| client.finish(PATIENCE)) {
        assert_eq!((outcome.undelivered, outcome.dropped), (0, 0));
    }
    drop((server, log));
    assert!(!told.iter().any(|told| matches!(told, Told::Events(..))));
    assert_eq!(got, [(); 2].map(|()| (1..=all).collect::<Vec<_>>()));
}

#[test]
fn a_server_that_is_restarted_over_tcp() {
    restarts_under_load(config());
}

#[test]
fn a_server_that_is_restarted_over_a_unix_socket() {
    let place = tempfile::tempdir().unwrap();
    restarts_under_load(ServerConfig::new(Address::Unix(place.path().join("probe"))));
}

#[test]
fn a_server_that_comes_late_gets_everything() {
    let place = tempfile::tempdir().unwrap();
    let address = Address::Unix(place.path().join("probe"));
    let client = client(&address, 1);
    assert_eq!(client.wanted(PATIENCE), None);
    push(&mut client.sink(), 1..=100);
    let (log, told) = channel();
    let _server = start(ServerConfig::new(address), Log(log)).unwrap();
    let mut got = Vec::new();
    while got.len() < 100 {
        if let Told::Events(_, sequences) = next_fact(&told) {
            got.extend(sequences);
        }
    }
    assert_eq!(got, (1..=100).collect::<Vec<_>>());
    assert_eq!(client.finish(PATIENCE).undelivered, 0);
}
