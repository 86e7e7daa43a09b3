//! What a server has seen.

use std::sync::{Mutex, PoisonError};

/// Numbers since the start of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that were closed at once because there were too many.
    pub too_many: u64,
    /// Hellos that were turned away: the wrong token or protocol, or the handler's decision.
    pub refused: u64,
    /// Connections that were closed because the peer broke the protocol.
    pub malformed: u64,
    /// Connections that were closed because the peer took too long.
    pub late: u64,
    /// Events that were handed to the handler.
    pub events: u64,
    /// Events that had been handled before.
    pub duplicates: u64,
    /// Tracers that went away without a goodbye and did not come back.
    pub lost: u64,
}

/// Counters that other threads read.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<Counters>);

impl Shared {
    pub(super) fn get(&self) -> Counters {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Counters)) {
        count(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
