//! Batches that were sent and not acknowledged.

use std::collections::VecDeque;

use super::queue::Batch;

/// Batches in the order of their sequence numbers.
#[derive(Debug, Default)]
pub(super) struct Flight {
    batches: VecDeque<Batch>,
    /// How many of them were sent on this connection.
    sent: usize,
    bytes: usize,
}

impl Flight {
    /// Keeps a batch that is being sent.
    pub(super) fn add(&mut self, batch: Batch) {
        debug_assert_eq!(self.sent, self.batches.len());
        self.bytes += batch.bytes;
        self.batches.push_back(batch);
        self.sent = self.batches.len();
    }

    /// Forgets what the probe has: all events up to `sequence`.
    pub(super) fn acknowledge(&mut self, sequence: u64) {
        while let Some(batch) = self.batches.front_mut() {
            if batch.events.last().is_some_and(|event| event.header.sequence > sequence) {
                // What is left of it still counts as a whole.
                batch.events.retain(|event| event.header.sequence > sequence);
                break;
            }
            self.bytes -= batch.bytes;
            self.sent = self.sent.saturating_sub(1);
            self.batches.pop_front();
        }
    }

    /// The connection is a new one: everything is to be sent again.
    pub(super) fn rewind(&mut self) {
        self.sent = 0;
    }

    /// The next batch to be sent again.
    pub(super) fn resend(&mut self) -> Option<&mut Batch> {
        let batch = self.batches.get_mut(self.sent)?;
        self.sent += 1;
        Some(batch)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of events.
    pub(super) fn events(&self) -> u64 {
        self.batches.iter().map(|batch| batch.events.len() as u64).sum()
    }

    /// Whether the probe has everything.
    pub(super) fn is_empty(&self) -> bool {
        self.batches.iter().all(|batch| batch.events.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentrace_schema::Payload;
    use sentrace_schema::wire::{Event, Header};

    fn batch(sequences: std::ops::Range<u64>) -> Batch {
        let payload = || Payload::empty(0).unwrap();
        let header = |sequence| Header { sequence, ..Header::default() };
        let event = |sequence| Event { header: header(sequence), payload: payload() };
        Batch { events: sequences.map(event).collect(), bytes: 10 }
    }

    fn resent(flight: &mut Flight) -> Vec<u64> {
        let mut sequences = Vec::new();
        while let Some(batch) = flight.resend() {
            sequences.extend(batch.events.iter().map(|event| event.header.sequence));
        }
        sequences
    }

    #[test]
    fn what_is_not_acknowledged_is_sent_again() {
        let mut flight = Flight::default();
        flight.add(batch(1..4));
        flight.add(batch(4..7));
        flight.add(batch(9..12));
        assert_eq!(resent(&mut flight), []);
        flight.acknowledge(3);
        assert_eq!((flight.bytes(), flight.events()), (20, 6));
        assert_eq!(resent(&mut flight), []);
        flight.rewind();
        flight.acknowledge(5);
        assert_eq!(resent(&mut flight), [6, 9, 10, 11]);
        flight.acknowledge(8);
        assert_eq!((flight.bytes(), flight.events()), (10, 3));
        flight.acknowledge(u64::MAX);
        assert!(flight.is_empty());
        assert_eq!(flight.bytes(), 0);
    }
}
