//! What tracer and probe tell each other.
//!
//! Both begin with a [`Hello`] and a [`Welcome`]. Then the tracer sends events in batches, and a
//! [`Heartbeat`] now and then; the probe acknowledges the highest sequence number that it has
//! taken over. What was not acknowledged is sent again after a reconnection, and the probe drops
//! what it knows by (tracer, sequence).

mod codec;
pub(crate) mod value;

pub use codec::Decoder;
use thiserror::Error;

use crate::{Payload, frame};

/// Version of the protocol. A change that older peers cannot ignore raises it.
pub const PROTOCOL: u32 = 1;

/// Mark: a path, string or vector was longer than what is kept.
pub const TRUNCATED: u32 = 1;
/// Mark: memory of the process could not be read, so that fields are missing.
pub const UNREADABLE: u32 = 2;
/// Mark: the result was not taken from the kernel but predicted.
pub const PREDICTED: u32 = 4;
/// Mark: memory of the process changed during the call, so that the kernel may have seen
/// something else.
pub const TOCTOU: u32 = 8;
/// Mark: events before this one were lost.
pub const GAP: u32 = 16;
/// The marks by name, for people.
pub const MARKS: [(u32, &str); 5] = [
    (TRUNCATED, "truncated"),
    (UNREADABLE, "unreadable"),
    (PREDICTED, "predicted"),
    (TOCTOU, "toctou"),
    (GAP, "gap"),
];

/// [`Header::nr`] of events that the engine itself reports.
pub const NO_SYSCALL: u32 = u32::MAX;

/// Largest number of events in a message.
pub const MAX_EVENTS: usize = 4096;
/// Largest number of entries in any other list.
pub const MAX_LIST: usize = 4096;

/// Why a message cannot be encoded or decoded.
#[derive(Debug, Error)]
pub enum Error {
    /// The frame exceeds a limit.
    #[error(transparent)]
    Frame(#[from] frame::Error),
    /// Not a message of the schema, or one that exceeds a limit of Cap'n Proto.
    #[error("malformed message: {0}")]
    Malformed(#[from] capnp::Error),
    /// A kind of message that only newer versions know, by its number.
    #[error("message of the unknown kind {0}")]
    UnknownMessage(u16),
    /// An event that only newer versions know, by its wire id.
    #[error("event with the unknown id {0}")]
    UnknownEvent(u16),
    /// A list is too long.
    #[error("{what} with {count} entries, more than {limit}")]
    TooMany {
        /// What the list is.
        what: &'static str,
        /// How long it is.
        count: usize,
        /// How long it may be.
        limit: usize,
    },
    /// An IP address of neither 4 nor 16 bytes.
    #[error("an IP address of {0} bytes")]
    Address(usize),
}

/// One frame of a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// From the tracer, first.
    Hello(Hello),
    /// From the probe, in answer to [`Hello`].
    Welcome(Welcome),
    /// From the tracer.
    Events(Vec<Event>),
    /// From the probe: it has all events up to this sequence number.
    Ack(u64),
    /// From the tracer.
    Heartbeat(Heartbeat),
    /// From the tracer: nothing follows.
    Goodbye,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What every event has.
    pub header: Header,
    /// What this kind of event has.
    pub payload: Payload,
}

/// What every event has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// Number of the event in its tracer, from 1, without gaps unless events were dropped.
    pub sequence: u64,
    /// Nanoseconds since the epoch.
    pub timestamp: u64,
    /// Thread group id as the tracer sees it.
    pub pid: i32,
    /// Thread id as the tracer sees it.
    pub tid: i32,
    /// Result of the call; negative error number on failure.
    pub retval: i64,
    /// [`TRUNCATED`], [`UNREADABLE`], [`PREDICTED`], [`TOCTOU`], [`GAP`].
    pub marks: u32,
    /// Index into [`crate::ABIS`].
    pub abi: u16,
    /// Number of the call on that ABI, or [`NO_SYSCALL`].
    pub nr: u32,
}

/// First message of a tracer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hello {
    /// [`PROTOCOL`] of the tracer.
    pub protocol: u32,
    /// Version of the tracer's program, for people.
    pub version: Vec<u8>,
    /// Tells tracers apart: random, the same after a reconnection.
    pub tracer: u64,
    /// How the application came to be traced.
    pub mode: Mode,
    /// Name of the engine, for people: `notify`, `ptrace`, …
    pub engine: Vec<u8>,
    /// Inode of the pid namespace in which pids are meant; 0 when unknown.
    pub pid_namespace: u64,
    /// Name of the machine or container.
    pub hostname: Vec<u8>,
    /// Container id, empty outside of containers.
    pub container: Vec<u8>,
    /// Arguments of the application (of the first process, when attached).
    pub argv: Vec<Vec<u8>>,
    /// Shared secret, empty when none is configured.
    pub token: Vec<u8>,
}

/// How an application came to be traced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// The tracer started it.
    #[default]
    Wrapped,
    /// It ran before.
    Attached,
}

/// Answer of the probe to [`Hello`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Welcome {
    /// [`PROTOCOL`] of the probe.
    pub protocol: u32,
    /// Why the tracer is turned away; empty when it is accepted.
    pub refusal: Vec<u8>,
    /// Highest sequence number that the probe has from this tracer, 0 for none.
    pub acknowledged: u64,
    /// Number of events that the probe knows: a tracer sends no others.
    pub events: u16,
    /// What the tracer is asked to report.
    pub interest: Interest,
}

/// What a tracer is asked to report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Interest {
    /// All events, with their results.
    #[default]
    Full,
    /// These events and no others.
    Events(Vec<EventInterest>),
}

/// An event that the probe needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventInterest {
    /// Wire id of the event.
    pub event: u16,
    /// How much of the call is needed.
    pub capture: Capture,
}

/// How much of a call is needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Capture {
    /// The arguments.
    #[default]
    Entry,
    /// The arguments and the result.
    EntryAndExit,
}

/// Sign of life with counters, all of them since the start of the tracer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// Nanoseconds since the epoch.
    pub timestamp: u64,
    /// Sequence number of the newest event.
    pub sequence: u64,
    /// Bytes that wait to be sent.
    pub queued: u64,
    /// Stops of traced threads.
    pub stops: u64,
    /// Events that were dropped, by wire id; shorter when the rest is 0.
    pub dropped: Vec<u64>,
}
