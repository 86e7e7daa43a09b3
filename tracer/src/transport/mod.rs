//! Events on their way to a probe.
//!
//! The engine's side is a [`QueueSink`], which never waits: it puts events into a queue with a
//! bound, and counts what the queue cannot take. A thread of its own connects to the probe, sends
//! what is queued in batches, keeps what was not acknowledged, and connects again when the
//! connection is lost. Then what the probe has not got is sent again, so that nothing is lost that
//! the queue can hold; the probe drops what it knows by the sequence number.
//!
//! Forks, executions and ends of processes are worth more than other events: without them, who
//! did something is not known. They are dropped only when the queue holds nothing else.

mod backoff;
mod connection;
mod flight;
mod local;
mod queue;
mod size;
mod worker;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::eventfd::{EfdFlags, EventFd};
use sentrace_schema::address::Address;
use sentrace_schema::wire::{Event, Hello};

use crate::session::{Counters, Sink, Wanted};
pub use backoff::random;
pub use local::{Backlog, LocalEvents, LocalSink, local};
use queue::Queue;
use worker::Worker;

/// Where events go, and as whom.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the probe listens.
    pub address: Address,
    /// First message of every connection.
    pub hello: Hello,
    /// Bounds in space and time.
    pub limits: Limits,
}

/// Bounds in space and time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of memory for events that wait to be sent or acknowledged.
    pub queue: usize,
    /// Bytes of events that may be on their way, not yet acknowledged.
    pub window: usize,
    /// Bytes of events that are sent without waiting for more.
    pub batch: usize,
    /// How long an event waits for others to make a batch.
    pub delay: Duration,
    /// Time between two heartbeats.
    pub heartbeat: Duration,
    /// How long the probe may take for its answer to the hello.
    pub answer: Duration,
    /// How long a probe may say nothing, not even to a heartbeat, before it is given up.
    pub silence: Duration,
    /// Pause after the first attempt to connect; it doubles with every further one.
    pub first_retry: Duration,
    /// Longest pause between attempts, and the one after a refusal.
    pub longest_retry: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 16 << 20,
            window: 1 << 20,
            batch: 64 << 10,
            delay: Duration::from_millis(1),
            heartbeat: Duration::from_secs(5),
            answer: Duration::from_secs(5),
            silence: Duration::from_secs(30),
            first_retry: Duration::from_millis(100),
            longest_retry: Duration::from_secs(10),
        }
    }
}

/// The way to a probe, until it is dropped.
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
    first: Receiver<Option<Wanted>>,
    done: Receiver<()>,
}

/// What became of the events when a [`Client`] has finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Events that the probe has not acknowledged, though some of them may have reached it.
    pub undelivered: u64,
    /// Events that the queue could not take.
    pub dropped: u64,
}

impl Client {
    /// Begins to connect.
    ///
    /// # Errors
    /// The system lacks a resource.
    pub fn start(config: Config) -> io::Result<Self> {
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let queue = Mutex::new(Queue::new(config.limits.queue, config.limits.batch));
        let shared = Arc::new(Shared { queue, wake, counters: OnceLock::new() });
        let (answer, first) = sync_channel(1);
        let (end, done) = sync_channel(1);
        let worker = Worker::new(config, Arc::clone(&shared), answer);
        std::thread::Builder::new().name("transport".into()).spawn(move || {
            worker.run();
            let _ = end.send(());
        })?;
        Ok(Self { shared, first, done })
    }

    /// Where the session puts its events.
    #[must_use]
    pub fn sink(&self) -> QueueSink {
        QueueSink { shared: Arc::clone(&self.shared) }
    }

    /// Waits for the probe's first answer: what it asks for. `None` as soon as it is known that
    /// there is no probe or that it refuses, at the latest after `patience`.
    #[must_use]
    pub fn wanted(&self, patience: Duration) -> Option<Wanted> {
        self.first.recv_timeout(patience).ok().flatten()
    }

    /// Reports counters of the session in heartbeats.
    pub fn observe(&self, counters: Arc<Counters>) {
        // A client has one session.
        let _ = self.shared.counters.set(counters);
    }

    /// Sends what is queued, and says goodbye. Gives up after `patience`, or at once if there is
    /// no probe.
    pub fn finish(self, patience: Duration) -> Outcome {
        self.shared.queue().end(Instant::now() + patience);
        self.shared.wake();
        // A worker that waits for a name server ends with the process.
        if self.done.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            tracing::debug!("the probe has not taken all events in time");
        }
        let queue = self.shared.queue();
        Outcome { undelivered: queue.undelivered(), dropped: queue.dropped().iter().sum() }
    }
}

impl Drop for Client {
    /// Ends the worker.
    fn drop(&mut self) {
        self.shared.queue().end(Instant::now());
        self.shared.wake();
    }
}

/// A sink that queues events for a probe. It takes events in the order of their sequence numbers.
#[derive(Debug)]
pub struct QueueSink {
    shared: Arc<Shared>,
}

impl Sink for QueueSink {
    fn event(&mut self, event: Event) {
        let size = size::of(&event);
        let wakes = self.shared.queue().push(event, size);
        if wakes {
            self.shared.wake();
        }
    }
}

/// What the engine's side and the worker have in common.
#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// Ends the worker's wait.
    wake: EventFd,
    /// What the session counts.
    counters: OnceLock<Arc<Counters>>,
}

impl Shared {
    /// The queue, which nobody holds for longer than it takes to move some events.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // It fails only when the worker has been woken very often and has not looked.
        let _ = self.wake.write(1);
    }
}
