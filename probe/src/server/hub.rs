//! What all connections have in common: the handler, and what is known of the tracers.

use std::collections::HashMap;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sentrace_schema::EVENTS;
use sentrace_schema::wire::{Event, Heartbeat, Hello, PROTOCOL, Welcome};
use tokio::sync::Notify;

use super::counters::Shared;
use super::{Handler, Peer, ServerConfig, TracerId};

/// Complaints about peers that are logged in a time.
const COMPLAINTS: (u32, Duration) = (60, Duration::from_secs(60));

pub(super) struct Hub {
    pub(super) config: ServerConfig,
    pub(super) counters: Arc<Shared>,
    handler: Box<dyn Handler>,
    tracers: HashMap<TracerId, Tracer>,
    /// How many peers were complained of since when.
    complaints: (u32, Instant),
}

/// What is known of a tracer.
struct Tracer {
    /// Highest sequence number that the handler has.
    acknowledged: u64,
    state: State,
}

enum State {
    /// It has this connection.
    Connected(Rc<Notify>),
    /// It has had none since then.
    Absent(Instant),
}

/// A tracer's connection: the one that counts is the latest.
pub(super) struct Ticket {
    pub(super) tracer: TracerId,
    /// Rings when the tracer has another connection.
    pub(super) replaced: Rc<Notify>,
}

/// The tracer has another connection.
pub(super) struct Replaced;

impl Hub {
    pub(super) fn new(
        config: ServerConfig,
        handler: Box<dyn Handler>,
        counters: Arc<Shared>,
    ) -> Self {
        let complaints = (0, Instant::now());
        Self { config, counters, handler, tracers: HashMap::new(), complaints }
    }

    /// Whether there may be another connection beside `count` others.
    pub(super) fn admits(&mut self, count: usize, peer: &Peer) -> bool {
        let admits = count < self.config.limits.connections;
        if admits {
            self.counters.count(|counters| counters.connections += 1);
        } else {
            self.complain(peer, &format_args!("there are {count} connections already"));
            self.counters.count(|counters| counters.too_many += 1);
        }
        admits
    }

    /// Logs why a peer's connection is closed. Not more than [`COMPLAINTS`]: peers that come again
    /// and again do not fill the log.
    pub(super) fn complain(&mut self, peer: &Peer, reason: &dyn Display) {
        let (most, time) = COMPLAINTS;
        if self.complaints.1.elapsed() >= time {
            self.complaints = (0, Instant::now());
        }
        self.complaints.0 = self.complaints.0.saturating_add(1);
        match self.complaints.0 {
            count if count < most => tracing::warn!(%peer, "closed: {reason}"),
            count if count == most => {
                tracing::warn!(%peer, "closed: {reason}; more of this is not logged for a minute");
            }
            _ => tracing::debug!(%peer, "closed: {reason}"),
        }
    }

    /// Lets a tracer in, or says why not.
    pub(super) fn hello(
        &mut self,
        mut hello: Hello,
        peer: &Peer,
    ) -> Result<(Ticket, Welcome), String> {
        if hello.protocol != PROTOCOL {
            let theirs = hello.protocol;
            return Err(format!("version {theirs} of the protocol; this probe has {PROTOCOL}"));
        }
        let token = std::mem::take(&mut hello.token);
        if self.config.token.as_ref().is_some_and(|expected| !is_same(expected, &token)) {
            return Err("wrong token".to_owned());
        }
        let tracer = TracerId(hello.tracer);
        if !self.tracers.contains_key(&tracer) {
            self.make_room()?;
        }
        let interest = self.handler.hello(tracer, &hello, peer)?;
        let replaced = Rc::new(Notify::new());
        let state = State::Connected(Rc::clone(&replaced));
        let entry = self.tracers.entry(tracer);
        let entry =
            entry.or_insert(Tracer { acknowledged: 0, state: State::Absent(Instant::now()) });
        if let State::Connected(before) = std::mem::replace(&mut entry.state, state) {
            before.notify_one();
        }
        let welcome = Welcome {
            protocol: PROTOCOL,
            refusal: Vec::new(),
            acknowledged: entry.acknowledged,
            events: EVENTS.len() as u16,
            interest,
        };
        Ok((Ticket { tracer, replaced }, welcome))
    }

    /// Handles what is new of a batch; answers up to which sequence number all is handled.
    pub(super) fn events(
        &mut self,
        ticket: &Ticket,
        mut events: Vec<Event>,
    ) -> Result<u64, Replaced> {
        let tracer = self.tracer(ticket)?;
        let count = events.len();
        let mut newest = tracer.acknowledged;
        events.retain(|event| {
            let is_new = event.header.sequence > newest;
            newest = newest.max(event.header.sequence);
            is_new
        });
        self.counters.count(|counters| {
            counters.events += events.len() as u64;
            counters.duplicates += (count - events.len()) as u64;
        });
        if !events.is_empty() {
            self.handler.events(ticket.tracer, events);
        }
        self.tracer(ticket)?.acknowledged = newest;
        Ok(newest)
    }

    /// Hands counters on; answers up to which sequence number all is handled, as a sign of life.
    pub(super) fn heartbeat(
        &mut self,
        ticket: &Ticket,
        heartbeat: Heartbeat,
    ) -> Result<u64, Replaced> {
        let acknowledged = self.tracer(ticket)?.acknowledged;
        self.handler.heartbeat(ticket.tracer, heartbeat);
        Ok(acknowledged)
    }

    /// The tracer has said goodbye.
    pub(super) fn goodbye(&mut self, ticket: &Ticket) {
        if self.tracer(ticket).is_ok() {
            self.tracers.remove(&ticket.tracer);
            self.handler.gone(ticket.tracer);
        }
    }

    /// The tracer has lost its connection, and may come back.
    pub(super) fn lost(&mut self, ticket: &Ticket) {
        if let Ok(tracer) = self.tracer(ticket) {
            tracer.state = State::Absent(Instant::now());
        }
    }

    /// Forgets tracers that have been absent for too long.
    pub(super) fn forget(&mut self, now: Instant) {
        let absence = self.config.limits.absence;
        let is_over = |since: Instant| now.saturating_duration_since(since) >= absence;
        let over = self.absent().filter(|(_, since)| is_over(*since)).map(|(tracer, _)| tracer);
        for tracer in over.collect::<Vec<_>>() {
            self.remove(tracer);
        }
    }

    /// Forgets the tracer that has been absent for longest, if there are too many.
    fn make_room(&mut self) -> Result<(), String> {
        if self.tracers.len() < self.config.limits.tracers {
            return Ok(());
        }
        let oldest = self.absent().min_by_key(|(_, since)| *since);
        let (tracer, _) = oldest.ok_or("there are too many tracers")?;
        self.remove(tracer);
        Ok(())
    }

    fn remove(&mut self, tracer: TracerId) {
        tracing::warn!(%tracer, "has not come back");
        self.tracers.remove(&tracer);
        self.counters.count(|counters| counters.lost += 1);
        self.handler.gone(tracer);
    }

    fn absent(&self) -> impl Iterator<Item = (TracerId, Instant)> {
        self.tracers.iter().filter_map(|(id, tracer)| match tracer.state {
            State::Absent(since) => Some((*id, since)),
            State::Connected(_) => None,
        })
    }

    /// The tracer of a connection, if that is the one that counts.
    fn tracer(&mut self, ticket: &Ticket) -> Result<&mut Tracer, Replaced> {
        match self.tracers.get_mut(&ticket.tracer) {
            Some(tracer) if matches!(&tracer.state, State::Connected(of) if Rc::ptr_eq(of, &ticket.replaced)) => {
                Ok(tracer)
            }
            _ => Err(Replaced),
        }
    }
}

/// Compares in a time that depends on the length only.
fn is_same(expected: &[u8], given: &[u8]) -> bool {
    let pairs = expected.iter().zip(given);
    let differences = pairs.fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
    expected.len() == given.len() && differences == 0
}
