//! A tracer that says what it is told to say, and a handler that writes down what it is told.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use sentrace_probe::server::{Handler, Limits, Peer, Server, ServerConfig, TracerId, start};
use sentrace_schema::Payload;
use sentrace_schema::address::Address;
use sentrace_schema::wire::{
    Event, Header, Heartbeat, Hello, Interest, Message, PROTOCOL, Welcome,
};

pub(crate) use super::line::Line;

/// Longer than anything takes; what ends before is not measured.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a handler was told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    Hello(TracerId, Hello, Peer),
    Events(TracerId, Vec<u64>),
    Heartbeat(TracerId, Heartbeat),
    Gone(TracerId),
}

/// A handler that passes on what it is told.
#[derive(Clone)]
pub(crate) struct Log(pub(crate) Sender<Told>);

impl Handler for Log {
    fn hello(&mut self, tracer: TracerId, hello: &Hello, peer: &Peer) -> Result<Interest, String> {
        match hello.hostname.as_slice() {
            b"stranger" => return Err("not from here".into()),
            b"nobody" => return Err(String::new()),
            _ => {}
        }
        let _ = self.0.send(Told::Hello(tracer, hello.clone(), peer.clone()));
        Ok(Interest::Full)
    }

    fn events(&mut self, tracer: TracerId, events: Vec<Event>) {
        let sequences = events.iter().map(|event| event.header.sequence).collect();
        let _ = self.0.send(Told::Events(tracer, sequences));
    }

    fn heartbeat(&mut self, tracer: TracerId, heartbeat: Heartbeat) {
        let _ = self.0.send(Told::Heartbeat(tracer, heartbeat));
    }

    fn gone(&mut self, tracer: TracerId) {
        let _ = self.0.send(Told::Gone(tracer));
    }
}

pub(crate) fn config() -> ServerConfig {
    ServerConfig::new("localhost:0".parse().unwrap())
}

pub(crate) fn limited(limits: Limits) -> ServerConfig {
    ServerConfig { limits, ..config() }
}

pub(crate) fn serve(config: ServerConfig) -> (Server, Receiver<Told>) {
    let (log, told) = channel();
    (start(config, Log(log)).unwrap(), told)
}

/// The next thing that a handler is told.
pub(crate) fn next(told: &Receiver<Told>) -> Told {
    told.recv_timeout(PATIENCE).expect("something is told")
}

/// The same, without hellos and heartbeats.
pub(crate) fn next_fact(told: &Receiver<Told>) -> Told {
    loop {
        match next(told) {
            Told::Hello(..) | Told::Heartbeat(..) => {}
            fact => return fact,
        }
    }
}

impl Line {
    pub(crate) fn open(server: &Server) -> Self {
        match server.address() {
            Address::Unix(path) => Self::new(UnixStream::connect(path).unwrap()),
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).unwrap();
                stream.set_nodelay(true).unwrap();
                Self::new(stream)
            }
        }
    }

    /// A connection that was accepted, and the answer.
    pub(crate) fn greet(server: &Server, tracer: u64) -> (Self, Welcome) {
        let mut line = Self::open(server);
        let welcome = line.hello(&hello(tracer));
        assert_eq!(welcome.refusal, b"");
        (line, welcome)
    }

    /// Says hello, and gets an answer.
    pub(crate) fn hello(&mut self, hello: &Hello) -> Welcome {
        self.send(&Message::Hello(hello.clone()));
        match self.message() {
            Some(Message::Welcome(welcome)) => welcome,
            other => panic!("{other:?}"),
        }
    }

    /// Sends events, and gets an acknowledgement.
    pub(crate) fn events(&mut self, sequences: impl IntoIterator<Item = u64>) -> u64 {
        self.send(&events(sequences));
        match self.message() {
            Some(Message::Ack(sequence)) => sequence,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn hello(tracer: u64) -> Hello {
    Hello { protocol: PROTOCOL, tracer, ..Hello::default() }
}

pub(crate) fn events(sequences: impl IntoIterator<Item = u64>) -> Message {
    Message::Events(sequences.into_iter().map(event).collect())
}

pub(crate) fn event(sequence: u64) -> Event {
    let payload = Payload::empty((sequence % 40) as u16).unwrap();
    Event { header: Header { sequence, ..Header::default() }, payload }
}
