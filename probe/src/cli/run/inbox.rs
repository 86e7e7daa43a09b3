//! A pipeline in the engine's process: it works on a thread of its own, so that the engine never
//! waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use sentrace_probe::output::Origin;
use sentrace_probe::pipeline::Pipeline;
use sentrace_tracer::transport::{LocalSink, local};

/// Bytes of events that can wait; further ones are dropped.
const QUEUE: usize = 16 << 20;
/// How long the outputs may take nothing, at the end, before the rest is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// A pipeline at work.
pub(super) struct Inbox {
    thread: JoinHandle<()>,
    done: Receiver<()>,
    /// Events that it has handled.
    handled: Arc<AtomicU64>,
}

impl Inbox {
    /// Starts the thread; events go into the sink.
    pub(super) fn start(
        mut pipeline: Pipeline,
        origin: Origin,
    ) -> anyhow::Result<(Self, LocalSink)> {
        let (sink, events) = local(QUEUE);
        let (end, done) = bounded(0);
        let handled = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&handled);
        let work = move || {
            // Dropped when the work is done, and also when it fails.
            let _end: Sender<()> = end;
            let tracer = origin.tracer;
            pipeline.introduce(origin);
            for event in events.flatten() {
                pipeline.event(tracer, &event);
                count.fetch_add(1, Relaxed);
            }
        };
        let thread = Builder::new().name("probe".into()).spawn(work);
        Ok((Self { thread: thread.context("cannot start a thread")?, done, handled }, sink))
    }

    /// Waits until all events have been handled or the outputs take nothing more, and logs losses.
    pub(super) fn finish(self, sink: LocalSink) {
        let backlog = sink.backlog();
        drop(sink);
        let mut before = self.handled.load(Relaxed);
        while self.done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let now = self.handled.load(Relaxed);
            if now == before {
                let waiting = backlog.waiting();
                announce(format!("the output takes nothing: {waiting} events and more are lost"));
                return;
            }
            before = now;
        }
        if self.thread.join().is_err() {
            tracing::error!("the probe has failed; {} events are lost", backlog.waiting());
        }
        if backlog.dropped() > 0 {
            tracing::warn!("{} events were dropped: the probe did not keep up", backlog.dropped());
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
