//! Which events somebody needs. The filter and the session both ask here, so that what stops is
//! what is reported.

use sentrace_bpf::{CompileError, Program};
use sentrace_schema::EVENTS;
use sentrace_schema::wire::{Capture, EventInterest, Interest};

use crate::filter;

/// The wanted events, and how much of their calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// By wire id.
    captures: Vec<Option<Capture>>,
}

impl Wanted {
    /// All events, with their results.
    #[must_use]
    pub fn all() -> Self {
        Self { captures: vec![Some(Capture::EntryAndExit); EVENTS.len()] }
    }

    /// No event.
    #[must_use]
    pub fn nothing() -> Self {
        Self { captures: vec![None; EVENTS.len()] }
    }

    /// The same without events that a probe does not know
    /// ([`Welcome::events`](sentrace_schema::wire::Welcome::events)).
    #[must_use]
    pub fn known(mut self, events: u16) -> Self {
        self.captures.truncate(events.into());
        self
    }

    /// For a process of the same program.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let byte = |capture: &Option<Capture>| match capture {
            None => 0,
            Some(Capture::Entry) => 1,
            Some(Capture::EntryAndExit) => 2,
        };
        self.captures.iter().map(byte).collect()
    }

    /// What [`Wanted::to_bytes`] gave.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let capture = |byte: &u8| match byte {
            1 => Some(Capture::Entry),
            2 => Some(Capture::EntryAndExit),
            _ => None,
        };
        Self { captures: bytes.iter().map(capture).collect() }
    }

    /// How much is wanted of an event (by wire id); `None`: it is not wanted.
    #[must_use]
    pub fn capture(&self, event: u16) -> Option<Capture> {
        self.captures.get(usize::from(event)).copied().flatten()
    }

    /// Whether an event (by wire id) is wanted.
    #[must_use]
    pub fn contains(&self, event: u16) -> bool {
        self.capture(event).is_some()
    }

    /// The filter that gives the answer `action` to calls that may become a wanted event; see
    /// [`filter::program`].
    ///
    /// # Errors
    /// As there.
    pub fn filter(&self, action: u32) -> Result<Program, CompileError> {
        filter::program(&|event| self.contains(event), action)
    }
}

impl From<&Interest> for Wanted {
    /// Events without a description here are left out. Of an event that is named twice, the
    /// larger capture counts.
    fn from(interest: &Interest) -> Self {
        let Interest::Events(events) = interest else { return Self::all() };
        let mut wanted = Self::nothing();
        for EventInterest { event, capture } in events {
            if let Some(place) = wanted.captures.get_mut(usize::from(*event))
                && *place != Some(Capture::EntryAndExit)
            {
                *place = Some(*capture);
            }
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interest_is_what_it_names() {
        use Capture::{Entry, EntryAndExit};
        let events = [(3, Entry), (4, EntryAndExit), (4, Entry), (5, Entry), (5, EntryAndExit)];
        let events = events.map(|(event, capture)| EventInterest { event, capture });
        let interest = |events: &[EventInterest]| Interest::Events(events.to_vec());
        let wanted = Wanted::from(&interest(&events));
        let captures = [2, 3, 4, 5, 6].map(|event| wanted.capture(event));
        assert_eq!(captures, [None, Some(Entry), Some(EntryAndExit), Some(EntryAndExit), None]);
        assert_eq!(Wanted::from_bytes(&wanted.to_bytes()), wanted);
        let stranger = EventInterest { event: u16::MAX, capture: Entry };
        assert_eq!(Wanted::from(&interest(&[stranger])), Wanted::nothing());
        assert_eq!(Wanted::from(&Interest::Full), Wanted::all());
        let known = wanted.known(4);
        assert!(known.contains(3) && !known.contains(4));
    }
}
