//! The thread that talks to the probe.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sentrace_schema::wire::{self, Heartbeat, Message, PROTOCOL, Welcome};

use super::backoff::Backoff;
use super::connection::{self, Connection, pause};
use super::flight::Flight;
use super::queue::{Alarm, Batch};
use super::{Config, Shared, size};
use crate::session::Wanted;

/// Why there is no connection, or no more.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    #[error(transparent)]
    Connection(#[from] connection::Error),
    #[error("the probe refuses: {0}")]
    Refused(String),
    #[error("the probe speaks version {0} of the protocol, not {PROTOCOL}")]
    Protocol(u32),
    #[error("the probe does not answer")]
    Silent,
    #[error("the probe sent a message out of place")]
    OutOfPlace,
}

impl From<wire::Error> for Failure {
    fn from(error: wire::Error) -> Self {
        Self::Connection(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Connection(error.into())
    }
}

/// How far a connection got.
enum End {
    /// Goodbye was said, or there is no more time.
    Finished,
    /// It was not accepted.
    NotAccepted(Failure),
    /// It was accepted, and then lost.
    Lost(Failure),
}

pub(super) struct Worker {
    config: Config,
    shared: Arc<Shared>,
    /// Takes the probe's first answer, once.
    first: SyncSender<Option<Wanted>>,
    flight: Flight,
    backoff: Backoff,
    /// Number of events that the probe knows; 0 before there has been one.
    known: u16,
    /// The last failure that was reported.
    reported: String,
}

impl Worker {
    pub(super) fn new(
        config: Config,
        shared: Arc<Shared>,
        first: SyncSender<Option<Wanted>>,
    ) -> Self {
        let backoff = Backoff::new(config.limits.first_retry, config.limits.longest_retry);
        let flight = Flight::default();
        Self { config, shared, first, flight, backoff, known: 0, reported: String::new() }
    }

    /// Serves until the end.
    pub(super) fn run(mut self) {
        loop {
            let before = self.deadline();
            let is_last = before.is_some() && !self.has_reason();
            match self.connect() {
                End::Finished => return,
                End::NotAccepted(failure) => {
                    self.report(&failure);
                    let _ = self.first.try_send(None);
                    if is_last {
                        return;
                    }
                }
                End::Lost(failure) => self.report(&failure),
            }
            if !self.rest(before) {
                return;
            }
        }
    }

    /// Whether the end of the application is worth keeping waiting for another attempt: there has
    /// been a probe, and it has not got everything.
    fn has_reason(&self) -> bool {
        self.known > 0 && self.shared.queue().undelivered() > 0
    }

    /// Pauses before another attempt, but not across the end of the application: `before` is the
    /// deadline that the last attempt knew. False: there is no more time for another.
    fn rest(&mut self, before: Option<Instant>) -> bool {
        self.shared.queue().set_alarm(Alarm::Never);
        let until = Instant::now() + self.backoff.pause();
        let until = before.map_or(until, |deadline| deadline.min(until));
        while Instant::now() < until && self.deadline() == before {
            if pause(None, &self.shared.wake, until).is_err() {
                return false;
            }
        }
        let deadline = self.deadline();
        if deadline != before {
            self.backoff.reset();
        }
        deadline.is_none_or(|deadline| deadline > Instant::now())
    }

    /// From the hello to the goodbye.
    fn connect(&mut self) -> End {
        let opened = Connection::open(&self.config.address).map_err(Failure::Connect);
        let greeted = opened.and_then(|mut connection| {
            let welcome = self.greet(&mut connection)?;
            Ok((connection, welcome))
        });
        let (mut connection, welcome) = match greeted {
            Ok(greeted) => greeted,
            Err(failure) => {
                if matches!(failure, Failure::Refused(_) | Failure::Protocol(_)) {
                    self.backoff.exhaust();
                }
                return End::NotAccepted(failure);
            }
        };
        tracing::info!(probe = %self.config.address, "connected");
        self.reported.clear();
        self.known = welcome.events;
        self.flight.rewind();
        self.acknowledge(welcome.acknowledged);
        let _ = self.first.try_send(Some(Wanted::from(&welcome.interest).known(welcome.events)));
        match self.serve(&mut connection) {
            Ok(()) => End::Finished,
            Err(failure) => {
                // The probe may have acknowledged something before it went.
                let _ = self.hear(&mut connection);
                End::Lost(failure)
            }
        }
    }

    /// Says hello, and waits for the answer.
    fn greet(&self, connection: &mut Connection) -> Result<Welcome, Failure> {
        connection.send(Message::Hello(self.config.hello.clone()).encode()?);
        let deadline = Instant::now() + self.config.limits.answer;
        let welcome = loop {
            connection.flush()?;
            match connection.receive()?.pop() {
                Some(Message::Welcome(welcome)) => break welcome,
                Some(_) => return Err(Failure::OutOfPlace),
                None => {}
            }
            let until = self.deadline().map_or(deadline, |end| end.min(deadline));
            if Instant::now() >= until {
                return Err(Failure::Silent);
            }
            connection.wait(&self.shared.wake, until)?;
        };
        if !welcome.refusal.is_empty() {
            return Err(Failure::Refused(welcome.refusal.escape_ascii().to_string()));
        }
        if welcome.protocol != PROTOCOL {
            return Err(Failure::Protocol(welcome.protocol));
        }
        Ok(welcome)
    }

    /// Sends events until the end.
    fn serve(&mut self, connection: &mut Connection) -> Result<(), Failure> {
        let mut times = Times::new();
        loop {
            if self.hear(connection)? > 0 {
                times.heard = Instant::now();
            }
            let now = Instant::now();
            let deadline = self.deadline();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(());
            }
            if now >= times.heard + self.config.limits.silence {
                return Err(Failure::Silent);
            }
            if connection.is_idle() {
                match self.next(now, deadline.is_some(), &mut times)? {
                    Next::Frame(frame) => connection.send(frame),
                    Next::Goodbye => {
                        connection.send(self.heartbeat()?);
                        connection.send(Message::Goodbye.encode()?);
                        connection.close(deadline.unwrap_or(now));
                        return Ok(());
                    }
                    Next::Nothing => {
                        let until = self.set_alarm(now, &mut times);
                        let until = deadline.map_or(until, |deadline| deadline.min(until));
                        connection.wait(&self.shared.wake, until)?;
                        continue;
                    }
                }
            }
            connection.flush()?;
            if !connection.is_idle() {
                self.shared.queue().set_alarm(Alarm::Never);
                let until = times.heard + self.config.limits.silence;
                let until = deadline.map_or(until, |deadline| deadline.min(until));
                connection.wait(&self.shared.wake, until)?;
            }
        }
    }

    /// Takes what the probe has said; answers how many messages.
    fn hear(&mut self, connection: &mut Connection) -> Result<usize, Failure> {
        let messages = connection.receive()?;
        for message in &messages {
            let Message::Ack(sequence) = message else { return Err(Failure::OutOfPlace) };
            self.acknowledge(*sequence);
        }
        Ok(messages.len())
    }

    /// What is to be sent next.
    fn next(&mut self, now: Instant, ending: bool, times: &mut Times) -> Result<Next, Failure> {
        while let Some(batch) = self.flight.resend() {
            if let Some(frame) = encode(batch, self.known, &self.shared) {
                return Ok(Next::Frame(frame));
            }
        }
        if now >= times.beat {
            times.beat = now + self.config.limits.heartbeat;
            return Ok(Next::Frame(self.heartbeat()?));
        }
        let queued = self.shared.queue().bytes();
        if queued == 0 {
            let is_done = ending && self.flight.is_empty();
            return Ok(if is_done { Next::Goodbye } else { Next::Nothing });
        }
        let is_due = ending || times.due.is_some_and(|due| due <= now);
        if self.has_room() && (is_due || queued >= self.config.limits.batch) {
            times.due = None;
            let mut batch = self.shared.queue().take();
            if let Some(frame) = encode(&mut batch, self.known, &self.shared) {
                self.flight.add(batch);
                self.tell_flight();
                return Ok(Next::Frame(frame));
            }
        }
        Ok(Next::Nothing)
    }

    /// Asks to be woken when there is something to send; answers until when there is nothing.
    fn set_alarm(&self, now: Instant, times: &mut Times) -> Instant {
        let limits = &self.config.limits;
        let until = times.beat.min(times.heard + limits.silence);
        let mut queue = self.shared.queue();
        if !self.has_room() {
            queue.set_alarm(Alarm::Never);
            return until;
        }
        if queue.bytes() == 0 {
            queue.set_alarm(Alarm::Event);
            return until;
        }
        queue.set_alarm(Alarm::Batch);
        until.min(*times.due.get_or_insert(now + limits.delay))
    }

    fn acknowledge(&mut self, sequence: u64) {
        let before = self.flight.events();
        self.flight.acknowledge(sequence);
        if self.flight.events() < before {
            self.backoff.reset();
        }
        self.tell_flight();
    }

    /// Counts what is on its way into what the queue may hold.
    fn tell_flight(&self) {
        self.shared.queue().set_in_flight(self.flight.events(), self.flight.bytes());
    }

    fn has_room(&self) -> bool {
        self.flight.bytes() < self.config.limits.window
    }

    fn deadline(&self) -> Option<Instant> {
        self.shared.queue().deadline()
    }

    fn heartbeat(&self) -> Result<Vec<u8>, wire::Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let queue = self.shared.queue();
        let heartbeat = Heartbeat {
            timestamp: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
            sequence: queue.newest(),
            queued: (queue.bytes() + self.flight.bytes()) as u64,
            stops: self.shared.counters.get().map_or(0, |counters| counters.stops()),
            dropped: queue.dropped().to_vec(),
        };
        drop(queue);
        Message::Heartbeat(heartbeat).encode()
    }

    /// Tells people, but not the same again and again.
    fn report(&mut self, failure: &Failure) {
        let text = failure.to_string();
        let probe = &self.config.address;
        if text == self.reported {
            tracing::debug!(%probe, "{text}");
        } else {
            tracing::warn!(%probe, "{text}; events wait");
            self.reported = text;
        }
    }
}

/// What is to be sent.
enum Next {
    Frame(Vec<u8>),
    /// Everything has been sent and acknowledged, and no more comes.
    Goodbye,
    Nothing,
}

/// When something happened or is to happen on a connection.
struct Times {
    /// The probe said something.
    heard: Instant,
    /// The next heartbeat; the first comes at once.
    beat: Instant,
    /// Events that wait are sent though they make no batch.
    due: Option<Instant>,
}

impl Times {
    fn new() -> Self {
        let now = Instant::now();
        Self { heard: now, beat: now, due: None }
    }
}

/// A batch as a message. Events that cannot be sent are dropped from it, and counted: those that
/// the probe does not know, and those that are larger than a message may be. `None`: nothing is
/// left.
fn encode(batch: &mut Batch, known: u16, shared: &Shared) -> Option<Vec<u8>> {
    batch.events.retain(|event| {
        let id = event.payload.event().id;
        let is_known = id < known;
        if !is_known {
            shared.queue().count_dropped(id);
        }
        is_known
    });
    while !batch.events.is_empty() {
        let message = Message::Events(std::mem::take(&mut batch.events));
        let encoded = message.encode();
        let Message::Events(events) = message else { return None };
        batch.events = events;
        match encoded {
            Ok(frame) => return Some(frame),
            Err(error) => {
                let indexes = 0..batch.events.len();
                let largest = indexes.max_by_key(|index| size::of(&batch.events[*index]))?;
                let event = batch.events.remove(largest);
                let desc = event.payload.event();
                tracing::warn!(event = desc.name, "cannot be sent: {error}");
                shared.queue().count_dropped(desc.id);
            }
        }
    }
    None
}
