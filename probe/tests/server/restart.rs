//! The real client: whatever happens to the server, nothing is lost or told twice.

use std::sync::mpsc::channel;
use std::time::Duration;

use sentrace_probe::server::{Server, ServerConfig, start};
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

fn push(mut sink: QueueSink, count: u64) {
    for sequence in 1..=count {
        sink.event(event(sequence));
    }
}

/// Runs two tracers against a server that is stopped and started again whenever some more events
/// were told, and checks what was told.
fn restarts_under_load(config: ServerConfig) {
    let (log, told) = channel();
    let serve = |config: &ServerConfig| start(config.clone(), Log(log.clone())).unwrap();
    let mut server: Server = serve(&config);
    let config = ServerConfig { listen: server.address().clone(), ..config };
    let count = 6000;
    let clients = [1, 2].map(|tracer| client(server.address(), tracer));
    let finished = clients.map(|client| {
        std::thread::spawn(move || {
            push(client.sink(), count);
            client.finish(PATIENCE)
        })
    });
    let mut got = [Vec::new(), Vec::new()];
    let mut next_stop = 1000;
    while got.iter().any(|got| got.last() != Some(&count)) {
        if let Told::Events(tracer, sequences) = next_fact(&told) {
            got[tracer.0 as usize - 1].extend(sequences);
        }
        if got.iter().map(Vec::len).sum::<usize>() >= next_stop {
            next_stop += 2000;
            server.shutdown();
            server = serve(&config);
        }
    }
    assert!(next_stop > 3000);
    // Nothing is told after the end.
    drop((server, log));
    assert!(!told.iter().any(|told| matches!(told, Told::Events(..))));
    for (finished, got) in finished.into_iter().zip(got) {
        let outcome = finished.join().unwrap();
        assert_eq!((outcome.undelivered, outcome.dropped), (0, 0));
        assert_eq!(got, (1..=count).collect::<Vec<_>>());
    }
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
    push(client.sink(), 100);
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
