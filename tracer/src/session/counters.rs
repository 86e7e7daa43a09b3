//! What a session has counted, to be read from other threads.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use sentrace_schema::EVENTS;
use sentrace_schema::wire::Heartbeat;

use crate::guardian::Numbers;

/// Counters since the session began. They only grow.
#[derive(Debug)]
pub struct Counters {
    stops: AtomicU64,
    unknown: AtomicU64,
    sequence: AtomicU64,
    /// Where others left off, and will go on.
    numbers: Numbers,
    events: Vec<AtomicU64>,
}

impl Counters {
    pub(super) fn new(numbers: Numbers) -> Self {
        let events = EVENTS.iter().map(|_| AtomicU64::new(0)).collect();
        let [stops, unknown, sequence] = [(); 3].map(|()| AtomicU64::new(0));
        Self { stops, unknown, sequence, numbers, events }
    }

    /// Stops of traced threads, of whatever kind.
    #[must_use]
    pub fn stops(&self) -> u64 {
        self.stops.load(Relaxed)
    }

    /// Calls whose ABI or number nothing is known of; they ran on unseen.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown.load(Relaxed)
    }

    /// Sequence number of the newest event: the number of events reported, or lost with a supervisor
    /// before.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        match &self.numbers.board {
            Some(board) => board.sequence(),
            None => self.sequence.load(Relaxed),
        }
    }

    /// Events reported, by wire id.
    #[must_use]
    pub fn events(&self) -> Vec<u64> {
        self.events.iter().map(|count| count.load(Relaxed)).collect()
    }

    /// A sign of life with what is counted here; what waits and what was dropped, its sender
    /// knows.
    #[must_use]
    pub fn heartbeat(&self) -> Heartbeat {
        Heartbeat {
            timestamp: super::now(),
            sequence: self.sequence(),
            stops: self.stops(),
            ..Heartbeat::default()
        }
    }

    pub(super) fn count_stop(&self) {
        self.stops.fetch_add(1, Relaxed);
    }

    pub(super) fn count_unknown(&self) {
        self.unknown.fetch_add(1, Relaxed);
    }

    /// Counts an event and answers its sequence number.
    pub(super) fn count_event(&self, event: u16) -> u64 {
        if let Some(count) = self.events.get(usize::from(event)) {
            count.fetch_add(1, Relaxed);
        }
        match &self.numbers.board {
            Some(board) => board.count_event(),
            None => self.sequence.fetch_add(1, Relaxed) + 1,
        }
    }
}
