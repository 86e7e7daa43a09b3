//! Events that wait to be sent: bounded, with a policy for what is dropped.

use std::collections::VecDeque;
use std::time::Instant;

use sentrace_schema::wire::{Event, GAP, MAX_EVENTS};

/// What the engine's side has queued, and what the worker tells it.
#[derive(Debug)]
pub(super) struct Queue {
    /// Bytes that events may take, the ones on their way included.
    limit: usize,
    /// Bytes of a batch.
    batch: usize,
    /// Forks, executions and ends of processes.
    life: VecDeque<Queued>,
    /// All other events.
    data: VecDeque<Queued>,
    /// Bytes of both.
    bytes: usize,
    /// Number and bytes of events that were sent but not acknowledged, which the worker keeps.
    in_flight: (u64, usize),
    /// Sequence number of the newest event.
    newest: u64,
    /// Events that were dropped, by wire id.
    dropped: Vec<u64>,
    /// Whether the event before the next one was dropped.
    gap: bool,
    /// Bytes at which the worker wants to be woken.
    alarm: usize,
    /// When the worker has to have finished.
    end: Option<Instant>,
}

#[derive(Debug)]
struct Queued {
    event: Event,
    size: usize,
}

/// What is worth waking the worker for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alarm {
    /// Any event.
    Event,
    /// A whole batch.
    Batch,
    /// Nothing.
    Never,
}

/// Events that are sent as one message.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// In the order of their sequence numbers.
    pub(super) events: Vec<Event>,
    /// Memory that they take.
    pub(super) bytes: usize,
}

impl Queue {
    pub(super) fn new(limit: usize, batch: usize) -> Self {
        Self {
            limit,
            batch,
            life: VecDeque::new(),
            data: VecDeque::new(),
            bytes: 0,
            in_flight: (0, 0),
            newest: 0,
            dropped: Vec::new(),
            gap: false,
            alarm: usize::MAX,
            end: None,
        }
    }

    /// Takes an event of `size` bytes, or drops it or others. True when the worker is to be woken.
    pub(super) fn push(&mut self, mut event: Event, size: usize) -> bool {
        self.newest = event.header.sequence;
        let desc = event.payload.event();
        while desc.by_engine && !self.has_room(size) {
            let Some(least) = self.data.pop_back() else { break };
            self.bytes -= least.size;
            self.count_dropped(least.event.payload.event().id);
        }
        if !self.has_room(size) {
            self.count_dropped(desc.id);
            return false;
        }
        if std::mem::take(&mut self.gap) {
            event.header.marks |= GAP;
        }
        self.bytes += size;
        let queue = if desc.by_engine { &mut self.life } else { &mut self.data };
        queue.push_back(Queued { event, size });
        let wakes = self.bytes >= self.alarm;
        if wakes {
            self.alarm = usize::MAX;
        }
        wakes
    }

    /// The oldest events, up to a batch.
    pub(super) fn take(&mut self) -> Batch {
        let mut batch = Batch::default();
        while batch.bytes < self.batch && batch.events.len() < MAX_EVENTS {
            let sequence = |queue: &VecDeque<Queued>| Some(queue.front()?.event.header.sequence);
            let queue = match (sequence(&self.life), sequence(&self.data)) {
                (Some(life), Some(data)) if data < life => &mut self.data,
                (None, _) => &mut self.data,
                _ => &mut self.life,
            };
            let Some(Queued { event, size }) = queue.pop_front() else { break };
            batch.bytes += size;
            batch.events.push(event);
        }
        self.bytes -= batch.bytes;
        batch
    }

    /// Tells what the worker has sent and keeps until it is acknowledged.
    pub(super) fn set_in_flight(&mut self, events: u64, bytes: usize) {
        self.in_flight = (events, bytes);
    }

    /// Tells when the worker is to be woken, which the next push that does so forgets.
    pub(super) fn set_alarm(&mut self, alarm: Alarm) {
        self.alarm = match alarm {
            Alarm::Event => 1,
            Alarm::Batch => self.batch,
            Alarm::Never => usize::MAX,
        };
    }

    /// Counts a dropped event by its wire id. The next event says that there is a gap.
    pub(super) fn count_dropped(&mut self, id: u16) {
        self.dropped.resize(self.dropped.len().max(usize::from(id) + 1), 0);
        self.dropped[usize::from(id)] += 1;
        self.gap = true;
    }

    /// No more events come; the worker has to finish until then.
    pub(super) fn end(&mut self, deadline: Instant) {
        self.end = Some(deadline);
    }

    /// When the worker has to have finished, if it has to.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.end
    }

    /// Bytes that wait to be sent.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sequence number of the newest event.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Dropped events by wire id; shorter when the rest is 0.
    pub(super) fn dropped(&self) -> &[u64] {
        &self.dropped
    }

    /// Number of events that were taken and not acknowledged.
    pub(super) fn undelivered(&self) -> u64 {
        (self.life.len() + self.data.len()) as u64 + self.in_flight.0
    }

    fn has_room(&self, size: usize) -> bool {
        self.bytes + self.in_flight.1 + size <= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentrace_schema::Payload;
    use sentrace_schema::event as desc;
    use sentrace_schema::wire::Header;

    /// Room for ten events of a size of 10; a batch is three.
    fn queue() -> Queue {
        Queue::new(100, 30)
    }

    fn push(queue: &mut Queue, sequence: u64, name: &str) -> bool {
        let payload = Payload::empty(desc(name).unwrap().id).unwrap();
        let header = Header { sequence, ..Header::default() };
        queue.push(Event { header, payload }, 10)
    }

    /// Sequence numbers of all batches, and whether each event says that there is a gap.
    fn drain(queue: &mut Queue) -> Vec<Vec<(u64, bool)>> {
        let batch = || Some(queue.take().events).filter(|events| !events.is_empty());
        let of = |event: &Event| (event.header.sequence, event.header.marks & GAP != 0);
        std::iter::from_fn(batch).map(|events| events.iter().map(of).collect()).collect()
    }

    fn dropped(queue: &Queue, name: &str) -> u64 {
        let id = usize::from(desc(name).unwrap().id);
        queue.dropped().get(id).copied().unwrap_or_default()
    }

    #[test]
    fn events_of_both_kinds_leave_in_order_and_in_batches() {
        let mut queue = queue();
        for (sequence, name) in (1..).zip(["exec", "open", "open", "fork", "open", "exit", "exit"])
        {
            push(&mut queue, sequence, name);
        }
        let sequences = [&[1, 2, 3][..], &[4, 5, 6], &[7]];
        let expect = sequences.map(|batch| batch.iter().map(|of| (*of, false)).collect::<Vec<_>>());
        assert_eq!(drain(&mut queue), expect);
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_full_queue_drops_new_data_and_says_so_in_the_next_event() {
        let mut queue = queue();
        for sequence in 1..=12 {
            push(&mut queue, sequence, "open");
        }
        assert_eq!(dropped(&queue, "open"), 2);
        queue.take();
        push(&mut queue, 13, "open");
        push(&mut queue, 14, "open");
        let rest = drain(&mut queue).concat();
        assert_eq!(rest.last_chunk(), Some(&[(10, false), (13, true), (14, false)]));
    }

    #[test]
    fn life_cycle_events_replace_data() {
        let mut queue = queue();
        push(&mut queue, 1, "exec");
        for sequence in 2..=10 {
            push(&mut queue, sequence, "open");
        }
        for sequence in 11..=19 {
            push(&mut queue, sequence, "fork");
        }
        assert_eq!((dropped(&queue, "open"), dropped(&queue, "fork")), (9, 0));
        push(&mut queue, 20, "exit");
        assert_eq!((dropped(&queue, "exec"), dropped(&queue, "exit")), (0, 1));
        let left = drain(&mut queue).concat();
        let sequences: Vec<_> = left.iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(sequences, [1, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
        assert!(left[1].1);
    }

    #[test]
    fn what_is_on_its_way_takes_room() {
        let mut queue = queue();
        queue.set_in_flight(9, 90);
        push(&mut queue, 10, "open");
        push(&mut queue, 11, "exec");
        assert_eq!((dropped(&queue, "open"), dropped(&queue, "exec")), (1, 0));
        push(&mut queue, 12, "exec");
        assert_eq!(dropped(&queue, "exec"), 1);
        assert_eq!(queue.undelivered(), 10);
    }

    #[test]
    fn an_alarm_rings_once() {
        let mut queue = queue();
        assert!(!push(&mut queue, 1, "open"));
        queue.set_alarm(Alarm::Event);
        assert!(push(&mut queue, 2, "open"));
        assert!(!push(&mut queue, 3, "open"));
        drain(&mut queue);
        queue.set_alarm(Alarm::Batch);
        let rings: Vec<_> = (4..9).map(|sequence| push(&mut queue, sequence, "open")).collect();
        assert_eq!(rings, [false, false, true, false, false]);
    }
}
