//! The way of events from the engine to a pipeline in the same process.
//!
//! The engine never waits: events go into a queue with a bound, and what does not fit is dropped,
//! counted, and reported at the end. The pipeline works on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use sentrace_probe::output::Origin;
use sentrace_probe::pipeline::Pipeline;
use sentrace_schema::wire::{Event, GAP};
use sentrace_tracer::session::Sink;

/// Events that can wait.
const QUEUE_MAX: usize = 16_384;
/// Places that only forks, executions and ends of processes may take: without them it is not known
/// who does something.
const RESERVED: usize = 2048;
/// How long an output may take no event, at the end, before the rest is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// A pipeline at work.
pub(super) struct Inbox {
    thread: JoinHandle<()>,
    done: Receiver<()>,
    handled: Arc<AtomicU64>,
}

/// Where the engine puts events.
pub(super) struct InboxSink {
    queue: Sender<Event>,
    sent: u64,
    dropped: u64,
    gap: bool,
}

impl Inbox {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system lacks a resource.
    pub(super) fn start(
        mut pipeline: Pipeline,
        origin: Origin,
    ) -> anyhow::Result<(Self, InboxSink)> {
        let (queue, events) = bounded::<Event>(QUEUE_MAX);
        let (end, done) = bounded(0);
        let handled = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&handled);
        let work = move || {
            // Dropped when the work is done, and also when it fails.
            let _end: Sender<()> = end;
            let tracer = origin.tracer;
            pipeline.introduce(origin);
            for event in events {
                pipeline.event(tracer, &event);
                count.fetch_add(1, Relaxed);
            }
        };
        let thread = Builder::new().name("probe".into()).spawn(work);
        let thread = thread.context("cannot start a thread")?;
        let sink = InboxSink { queue, sent: 0, dropped: 0, gap: false };
        Ok((Self { thread, done, handled }, sink))
    }

    /// Waits until all events have been handled, or nothing moves any more, and logs losses.
    pub(super) fn finish(self, sink: InboxSink) {
        let InboxSink { queue, sent, dropped, .. } = sink;
        drop(queue);
        let mut before = self.handled.load(Relaxed);
        while self.done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let now = self.handled.load(Relaxed);
            if now == before {
                announce(format!("{} events could not be written in time", sent - now));
                return;
            }
            before = now;
        }
        if self.thread.join().is_err() {
            let lost = sent - self.handled.load(Relaxed);
            tracing::error!("the probe has failed; {lost} events are lost");
        }
        if dropped > 0 {
            tracing::warn!("{dropped} events were dropped: the probe did not keep up");
        }
    }
}

/// Logs what may have nobody to read it either.
fn announce(message: String) {
    let (end, done) = bounded::<()>(0);
    let log = Builder::new().spawn(move || {
        let _end = end;
        tracing::warn!("{message}");
    });
    if log.is_ok() {
        let _ = done.recv_timeout(Duration::from_secs(1));
    }
}

impl Sink for InboxSink {
    fn event(&mut self, mut event: Event) {
        let is_full = self.queue.len() >= QUEUE_MAX - RESERVED;
        if is_full && !event.payload.event().by_engine {
            self.drop_one();
            return;
        }
        if self.gap {
            event.header.marks |= GAP;
        }
        match self.queue.try_send(event) {
            Ok(()) => {
                self.sent += 1;
                self.gap = false;
            }
            Err(_) => self.drop_one(),
        }
    }
}

impl InboxSink {
    fn drop_one(&mut self) {
        self.dropped += 1;
        self.gap = true;
    }
}
