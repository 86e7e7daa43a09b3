//! Events with random contents, made from their descriptors.

use std::net::IpAddr;

use sentrace_schema::record::{Record, Slot};
use sentrace_schema::wire::{Event, Header};
use sentrace_schema::{EVENTS, Payload};

/// Random bytes that are used up from the front; zeros follow.
pub(crate) struct Tape<'a>(pub(crate) &'a [u8]);

impl Tape<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn int(&mut self) -> i64 {
        // Small numbers are as interesting as large ones.
        let length = usize::from(self.byte() % 9);
        (0..length).fold(0, |number, _| number << 8 | i64::from(self.byte()))
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.byte() % 24;
        (0..length).map(|_| self.byte()).collect()
    }

    fn list<T>(&mut self, one: impl Fn(&mut Self) -> T) -> Vec<T> {
        let length = self.byte() % 5;
        (0..length).map(|_| one(self)).collect()
    }

    fn ip(&mut self) -> Option<IpAddr> {
        match self.byte() % 3 {
            0 => None,
            1 => Some(std::array::from_fn::<u8, 4, _>(|_| self.byte()).into()),
            _ => Some(std::array::from_fn::<u8, 16, _>(|_| self.byte()).into()),
        }
    }
}

/// An event of this kind.
pub(crate) fn event(id: u16, tape: &mut Tape<'_>) -> Event {
    let header = Header {
        sequence: tape.int() as u64,
        timestamp: tape.int() as u64,
        pid: tape.int() as i32,
        tid: tape.int() as i32,
        retval: tape.int(),
        marks: tape.int() as u32,
        abi: tape.int() as u16,
        nr: tape.int() as u32,
    };
    let mut payload = Payload::empty(id).unwrap();
    fill(payload.record_mut(), tape);
    Event { header, payload }
}

/// One event of every kind.
pub(crate) fn events(tape: &mut Tape<'_>) -> Vec<Event> {
    EVENTS.iter().map(|desc| event(desc.id, tape)).collect()
}

fn fill(record: &mut dyn Record, tape: &mut Tape<'_>) {
    for index in 0..record.desc().fields.len() {
        match record.get_mut(index) {
            Slot::Bool(value) => *value = tape.byte() % 2 == 1,
            Slot::Int(value) => *value = tape.int(),
            Slot::Bytes(value) => *value = tape.bytes(),
            Slot::List(value) => *value = tape.list(Tape::bytes),
            Slot::Ints(value) => *value = tape.list(Tape::int),
            Slot::Ip(value) => *value = tape.ip(),
            Slot::Record(inner) => fill(inner, tape),
        }
    }
}
