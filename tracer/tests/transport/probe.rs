//! A probe that says what it is told to say.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use sentrace_schema::address::Address;
use sentrace_schema::record::Slot;
use sentrace_schema::wire::{Decoder, Event, Header, Hello, Message, PROTOCOL, Welcome};
use sentrace_schema::{EVENTS, Payload, event as desc};
use sentrace_tracer::transport::Client;
use tempfile::TempDir;

/// Longer than anything takes; what ends before is not measured.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Somewhere to connect to.
pub(crate) struct Probe {
    pub(crate) address: Address,
    listener: Listener,
}

enum Listener {
    Tcp(TcpListener),
    Unix { listener: UnixListener, _place: TempDir },
    Nobody,
}

impl Probe {
    pub(crate) fn tcp() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        Self { address, listener: Listener::Tcp(listener) }
    }

    pub(crate) fn unix() -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("probe");
        let listener = UnixListener::bind(&path).unwrap();
        Self { address: Address::Unix(path), listener: Listener::Unix { listener, _place: place } }
    }

    /// An address where nobody listens.
    pub(crate) fn absent() -> Self {
        let Self { address, .. } = Self::unix();
        Self { address, listener: Listener::Nobody }
    }

    /// Another's socket, which accepts nobody.
    pub(crate) fn at(listener: &TcpListener) -> Self {
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        Self { address, listener: Listener::Nobody }
    }

    pub(crate) fn accept(&self) -> Line {
        let stream: Box<dyn Stream> = match &self.listener {
            Listener::Tcp(listener) => Box::new(listener.accept().unwrap().0),
            Listener::Unix { listener, .. } => Box::new(listener.accept().unwrap().0),
            Listener::Nobody => panic!("nobody listens"),
        };
        Line { stream, decoder: Decoder::default(), rest: Vec::new(), dropped: Vec::new() }
    }
}

trait Stream: Read + Write + Send {}
impl Stream for TcpStream {}
impl Stream for UnixStream {}

/// A connection to a tracer.
pub(crate) struct Line {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    rest: Vec<u8>,
    /// The newest counters of dropped events.
    pub(crate) dropped: Vec<u64>,
}

impl Line {
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn send(&mut self, message: &Message) {
        self.bytes(&message.encode().unwrap());
    }

    /// The next message, `None` when the tracer has closed the connection.
    pub(crate) fn message(&mut self) -> Option<Message> {
        loop {
            let mut input = &self.rest[..];
            let message = self.decoder.feed(&mut input).unwrap();
            self.rest = input.to_vec();
            if message.is_some() {
                return message;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.rest.extend_from_slice(&buffer[..count]),
            }
        }
    }

    pub(crate) fn hello(&mut self) -> Hello {
        match self.message() {
            Some(Message::Hello(hello)) => hello,
            other => panic!("{other:?}"),
        }
    }

    /// Sequence numbers of the next batch.
    pub(crate) fn events(&mut self) -> Vec<u64> {
        loop {
            match self.message() {
                Some(Message::Events(events)) => return sequences(&events),
                Some(Message::Heartbeat(beat)) => self.dropped = beat.dropped,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Takes and acknowledges all events up to the goodbye.
    pub(crate) fn serve(&mut self) -> Vec<u64> {
        let mut got = Vec::new();
        loop {
            match self.message() {
                Some(Message::Events(events)) => {
                    got.extend(sequences(&events));
                    self.send(&Message::Ack(*got.last().unwrap()));
                }
                Some(Message::Heartbeat(beat)) => self.dropped = beat.dropped,
                Some(Message::Goodbye) => return got,
                other => panic!("{other:?}"),
            }
        }
    }

    /// The same while the client finishes.
    pub(crate) fn serve_to_the_end(mut self, client: Client) -> Vec<u64> {
        let finishing = std::thread::spawn(|| client.finish(PATIENCE));
        let got = self.serve();
        drop(self);
        assert_eq!(finishing.join().unwrap().undelivered, 0);
        got
    }
}

/// The answer that accepts.
pub(crate) fn welcome() -> Welcome {
    Welcome { protocol: PROTOCOL, events: EVENTS.len() as u16, ..Welcome::default() }
}

pub(crate) fn sequences(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.header.sequence).collect()
}

/// An event with some bytes in its first text, if it has one.
pub(crate) fn event(name: &str, sequence: u64, length: usize) -> Event {
    let mut payload = Payload::empty(desc(name).unwrap().id).unwrap();
    let record = payload.record_mut();
    for index in 0..record.desc().fields.len() {
        if let Slot::Bytes(text) = record.get_mut(index) {
            *text = vec![b'x'; length];
            break;
        }
    }
    Event { header: Header { sequence, ..Header::default() }, payload }
}
