//! Messages to frames and back.

use super::value::{limited, strings, write_strings};
use super::{
    Capture, Error, Event, EventInterest, Header, Heartbeat, Hello, Interest, MAX_EVENTS, MAX_LIST,
    Message, Mode, Welcome,
};
use crate::convert::{read_payload, write_payload};
use crate::events_capnp as wire;
use crate::frame::{self, Frame};

/// Puts messages together from bytes as they come. Kinds of messages that only newer versions know
/// are passed over.
#[derive(Debug, Default)]
pub struct Decoder {
    frames: frame::Decoder,
}

impl Decoder {
    /// Takes bytes from the front of `input`, up to the end of a message: call it until it returns
    /// `None` (then `input` is empty). After an error the stream has no meaning any more.
    ///
    /// # Errors
    /// As [`frame::Decoder::feed`] and [`Message::decode`].
    pub fn feed(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        while let Some(frame) = self.frames.feed(input)? {
            match Message::decode(frame) {
                Err(Error::UnknownMessage(_)) => {}
                message => return message.map(Some),
            }
        }
        Ok(None)
    }

    /// Whether the stream stands between two messages, so that its end here is no loss.
    #[must_use]
    pub fn is_between_messages(&self) -> bool {
        self.frames.is_between_frames()
    }
}

impl Message {
    /// The message as a frame.
    ///
    /// # Errors
    /// When it exceeds a limit: [`MAX_EVENTS`], [`MAX_LIST`], [`frame::MAX_FRAME`].
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut builder = capnp::message::Builder::new_default();
        let mut root = builder.init_root::<wire::message::Builder<'_>>();
        match self {
            Message::Hello(hello) => write_hello(hello, root.init_hello())?,
            Message::Welcome(welcome) => write_welcome(welcome, root.init_welcome())?,
            Message::Events(events) => {
                let count = limited("a batch of events", events.len(), MAX_EVENTS)?;
                let mut list = root.init_events(count);
                for (index, event) in (0..).zip(events) {
                    write_event(event, list.reborrow().get(index))?;
                }
            }
            Message::Ack(sequence) => root.set_ack(*sequence),
            Message::Heartbeat(heartbeat) => write_heartbeat(heartbeat, root.init_heartbeat())?,
            Message::Goodbye => root.set_goodbye(()),
        }
        Ok(frame::encode(&builder)?)
    }

    /// The message of a frame.
    ///
    /// # Errors
    /// When the frame is no message of the schema, exceeds a limit, or holds what only newer
    /// versions know.
    pub fn decode(frame: Frame) -> Result<Message, Error> {
        let reader = frame.reader();
        let root = reader.get_root::<wire::message::Reader<'_>>()?;
        use wire::message::Which;
        Ok(match root.which().map_err(|unknown| Error::UnknownMessage(unknown.0))? {
            Which::Hello(hello) => Message::Hello(read_hello(hello?)?),
            Which::Welcome(welcome) => Message::Welcome(read_welcome(welcome?)?),
            Which::Events(events) => {
                let events = events?;
                limited("a batch of events", events.len() as usize, MAX_EVENTS)?;
                Message::Events(events.iter().map(read_event).collect::<Result<_, _>>()?)
            }
            Which::Ack(sequence) => Message::Ack(sequence),
            Which::Heartbeat(heartbeat) => Message::Heartbeat(read_heartbeat(heartbeat?)?),
            Which::Goodbye(()) => Message::Goodbye,
        })
    }
}

fn write_event(event: &Event, mut to: wire::event::Builder<'_>) -> Result<(), Error> {
    let mut header = to.reborrow().init_header();
    header.set_sequence(event.header.sequence);
    header.set_timestamp(event.header.timestamp);
    header.set_pid(event.header.pid);
    header.set_tid(event.header.tid);
    header.set_retval(event.header.retval);
    header.set_marks(event.header.marks);
    header.set_abi(event.header.abi);
    header.set_nr(event.header.nr);
    write_payload(&event.payload, to)
}

fn read_event(from: wire::event::Reader<'_>) -> Result<Event, Error> {
    let header = from.get_header()?;
    let header = Header {
        sequence: header.get_sequence(),
        timestamp: header.get_timestamp(),
        pid: header.get_pid(),
        tid: header.get_tid(),
        retval: header.get_retval(),
        marks: header.get_marks(),
        abi: header.get_abi(),
        nr: header.get_nr(),
    };
    Ok(Event { header, payload: read_payload(from)? })
}

fn write_hello(hello: &Hello, mut to: wire::hello::Builder<'_>) -> Result<(), Error> {
    to.set_protocol(hello.protocol);
    to.set_version(&hello.version);
    to.set_tracer(hello.tracer);
    to.set_mode(match hello.mode {
        Mode::Wrapped => wire::Mode::Wrapped,
        Mode::Attached => wire::Mode::Attached,
    });
    to.set_engine(&hello.engine);
    to.set_pid_namespace(hello.pid_namespace);
    to.set_hostname(&hello.hostname);
    to.set_container(&hello.container);
    to.set_token(&hello.token);
    write_strings(&hello.argv, |length| to.init_argv(length))
}

fn read_hello(from: wire::hello::Reader<'_>) -> Result<Hello, Error> {
    Ok(Hello {
        protocol: from.get_protocol(),
        version: from.get_version()?.to_vec(),
        tracer: from.get_tracer(),
        mode: match from.get_mode().map_err(capnp::Error::from)? {
            wire::Mode::Wrapped => Mode::Wrapped,
            wire::Mode::Attached => Mode::Attached,
        },
        engine: from.get_engine()?.to_vec(),
        pid_namespace: from.get_pid_namespace(),
        hostname: from.get_hostname()?.to_vec(),
        container: from.get_container()?.to_vec(),
        argv: strings(from.get_argv()?)?,
        token: from.get_token()?.to_vec(),
    })
}

fn write_welcome(welcome: &Welcome, mut to: wire::welcome::Builder<'_>) -> Result<(), Error> {
    to.set_protocol(welcome.protocol);
    to.set_refusal(&welcome.refusal);
    to.set_acknowledged(welcome.acknowledged);
    to.set_events(welcome.events);
    let mut interest = to.init_interest();
    match &welcome.interest {
        Interest::Full => interest.set_full(()),
        Interest::Events(events) => {
            let count = limited("an interest", events.len(), MAX_LIST)?;
            let mut list = interest.init_events(count);
            for (index, event) in (0..).zip(events) {
                let mut entry = list.reborrow().get(index);
                entry.set_event(event.event);
                entry.set_capture(match event.capture {
                    Capture::Entry => wire::Capture::Entry,
                    Capture::EntryAndExit => wire::Capture::EntryAndExit,
                });
            }
        }
    }
    Ok(())
}

fn read_welcome(from: wire::welcome::Reader<'_>) -> Result<Welcome, Error> {
    Ok(Welcome {
        protocol: from.get_protocol(),
        refusal: from.get_refusal()?.to_vec(),
        acknowledged: from.get_acknowledged(),
        events: from.get_events(),
        interest: read_interest(from.get_interest()?)?,
    })
}

fn read_interest(from: wire::interest::Reader<'_>) -> Result<Interest, Error> {
    use wire::interest::Which;
    match from.which().map_err(capnp::Error::from)? {
        Which::Full(()) => Ok(Interest::Full),
        Which::Events(events) => {
            let events = events?;
            limited("an interest", events.len() as usize, MAX_LIST)?;
            let entry = |from: wire::event_interest::Reader<'_>| {
                let capture = match from.get_capture().map_err(capnp::Error::from)? {
                    wire::Capture::Entry => Capture::Entry,
                    wire::Capture::EntryAndExit => Capture::EntryAndExit,
                };
                Ok(EventInterest { event: from.get_event(), capture })
            };
            Ok(Interest::Events(events.iter().map(entry).collect::<Result<_, Error>>()?))
        }
    }
}

fn write_heartbeat(
    heartbeat: &Heartbeat,
    mut to: wire::heartbeat::Builder<'_>,
) -> Result<(), Error> {
    to.set_timestamp(heartbeat.timestamp);
    to.set_sequence(heartbeat.sequence);
    to.set_queued(heartbeat.queued);
    to.set_stops(heartbeat.stops);
    let mut dropped = to.init_dropped(limited("counters", heartbeat.dropped.len(), MAX_LIST)?);
    for (index, count) in (0..).zip(&heartbeat.dropped) {
        dropped.set(index, *count);
    }
    Ok(())
}

fn read_heartbeat(from: wire::heartbeat::Reader<'_>) -> Result<Heartbeat, Error> {
    let dropped = from.get_dropped()?;
    limited("counters", dropped.len() as usize, MAX_LIST)?;
    Ok(Heartbeat {
        timestamp: from.get_timestamp(),
        sequence: from.get_sequence(),
        queued: from.get_queued(),
        stops: from.get_stops(),
        dropped: dropped.iter().collect(),
    })
}
