//! Events for somebody in the same process, who must not hold up the engine either.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sentrace_schema::wire::Event;

use super::queue::{Alarm, Queue};
use super::size;
use crate::session::Sink;

/// Bytes of events that are handed over at a time.
const BATCH: usize = 64 << 10;
/// How long events may wait for others: waking somebody costs more than handling an event, and
/// the engine pays it while a task is stopped.
const LATENCY: Duration = Duration::from_millis(2);

/// A queue that takes up to `limit` bytes of events.
#[must_use]
pub fn local(limit: usize) -> (LocalSink, LocalEvents) {
    let queue = Mutex::new(Queue::new(limit, BATCH));
    let shared = Arc::new(Shared { queue, filled: Condvar::new() });
    (LocalSink { shared: Arc::clone(&shared) }, LocalEvents { shared, is_flowing: false })
}

/// Where the session puts its events. Dropping it ends the queue.
#[derive(Debug)]
pub struct LocalSink {
    shared: Arc<Shared>,
}

/// The other end of the queue.
#[derive(Debug)]
pub struct LocalEvents {
    shared: Arc<Shared>,
    /// There have been events lately, so that more are to be expected.
    is_flowing: bool,
}

/// What became of the events of a queue.
#[derive(Debug, Clone)]
pub struct Backlog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is something, or there will be nothing more.
    filled: Condvar,
}

impl LocalSink {
    /// Counters that outlive the sink.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        Backlog { shared: Arc::clone(&self.shared) }
    }
}

impl Sink for LocalSink {
    fn event(&mut self, event: Event) {
        let size = size::of(&event);
        let wakes = self.shared.queue().push(event, size);
        if wakes {
            self.shared.filled.notify_one();
        }
    }
}

impl Drop for LocalSink {
    fn drop(&mut self) {
        self.shared.queue().end(Instant::now());
        self.shared.filled.notify_one();
    }
}

/// The oldest events, in their order; waits for some, and after each answer for `LATENCY` or a
/// batch. Ends when the sink is gone and all has been taken.
impl Iterator for LocalEvents {
    type Item = Vec<Event>;

    fn next(&mut self) -> Option<Vec<Event>> {
        let mut queue = self.shared.queue();
        if self.is_flowing && queue.bytes() < BATCH && queue.deadline().is_none() {
            queue.set_alarm(Alarm::Batch);
            let wait = self.shared.filled.wait_timeout(queue, LATENCY);
            queue = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        loop {
            let batch = queue.take();
            self.is_flowing = !batch.events.is_empty();
            if self.is_flowing {
                return Some(batch.events);
            }
            if queue.deadline().is_some() {
                return None;
            }
            queue.set_alarm(Alarm::Event);
            queue = self.shared.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Backlog {
    /// Events that have not been taken.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.shared.queue().undelivered()
    }

    /// Events that the queue could not take.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.queue().dropped().iter().sum()
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use sentrace_schema::wire::Header;
    use sentrace_schema::{Payload, event as desc};

    use super::*;

    fn event(sequence: u64) -> Event {
        let payload = Payload::empty(desc("open").unwrap().id).unwrap();
        Event { header: Header { sequence, ..Header::default() }, payload }
    }

    fn sequences(batches: impl Iterator<Item = Vec<Event>>) -> Vec<u64> {
        batches.flatten().map(|event| event.header.sequence).collect()
    }

    #[test]
    fn events_arrive_in_order_until_the_sink_is_gone() {
        let (mut sink, events) = local(1 << 20);
        let taker = std::thread::spawn(|| sequences(events));
        (1..=1000).for_each(|sequence| sink.event(event(sequence)));
        let backlog = sink.backlog();
        drop(sink);
        assert_eq!(taker.join().unwrap(), (1..=1000).collect::<Vec<_>>());
        assert_eq!((backlog.waiting(), backlog.dropped()), (0, 0));
    }

    #[test]
    fn what_nobody_takes_is_dropped_and_counted() {
        let limit = 10 * size::of(&event(1));
        let (mut sink, events) = local(limit);
        (1..=25).for_each(|sequence| sink.event(event(sequence)));
        let backlog = sink.backlog();
        assert_eq!((backlog.waiting(), backlog.dropped()), (10, 15));
        drop(sink);
        assert_eq!(sequences(events), (1..=10).collect::<Vec<_>>());
    }
}
