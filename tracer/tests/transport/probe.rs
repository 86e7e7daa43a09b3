//! A probe that says what it is told to say.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use sentrace_schema::address::Address;
use sentrace_schema::record::Slot;
use sentrace_schema::wire::{Event, Header, Heartbeat, Hello, Message, PROTOCOL, Welcome};
use sentrace_schema::{EVENTS, Payload, event as desc};
use sentrace_tracer::transport::Client;
use tempfile::TempDir;

pub(crate) use super::line::Line;

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
        match &self.listener {
            Listener::Tcp(listener) => Line::new(listener.accept().unwrap().0),
            Listener::Unix { listener, .. } => Line::new(listener.accept().unwrap().0),
            Listener::Nobody => panic!("nobody listens"),
        }
    }

    /// Accepts a tracer.
    pub(crate) fn greet(&self) -> Line {
        let mut line = self.accept();
        line.hello();
        line.send(&Message::Welcome(welcome()));
        line
    }
}

impl Line {
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
                Some(Message::Heartbeat(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Takes and acknowledges all events up to the goodbye; with the last heartbeat.
    pub(crate) fn serve(&mut self) -> (Vec<Event>, Heartbeat) {
        self.serve_while_connected().expect("a goodbye")
    }

    /// The same; `None` if the connection ends without a goodbye.
    pub(crate) fn serve_while_connected(&mut self) -> Option<(Vec<Event>, Heartbeat)> {
        let (mut got, mut last) = (Vec::new(), Heartbeat::default());
        loop {
            match self.message() {
                Some(Message::Events(events)) => {
                    self.send(&Message::Ack(events.last().unwrap().header.sequence));
                    got.extend(events);
                }
                Some(Message::Heartbeat(beat)) => last = beat,
                Some(Message::Goodbye) => return Some((got, last)),
                None => return None,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Sequence numbers of all events that come while the client finishes.
    pub(crate) fn serve_to_the_end(mut self, client: Client) -> Vec<u64> {
        let finishing = std::thread::spawn(|| client.finish(PATIENCE));
        let (got, _) = self.serve();
        drop(self);
        assert_eq!(finishing.join().unwrap().undelivered, 0);
        sequences(&got)
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
