//! What people and other programs see of events and alerts.
//!
//! An [`Output`] is told of every event that it wants and of every alert. `json` writes them as
//! objects for programs, `text` as lines for people. Both walk the descriptors of the records
//! (`layout`): no event has code of its own here, and a field is printed at the place that
//! `syscalls.yaml` gives it.

mod escape;
pub mod json;
mod layout;
#[cfg(test)]
mod sample;
mod scrub;
pub mod text;
mod time;

use std::io;
use std::sync::Arc;

use sentrace_schema::wire::Event;

use crate::actions::KillReport;
use crate::rules::Match;
use crate::tree::Entry;

/// Which events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that a rule is about.
    Alerts,
    /// All of them, and once more for each rule.
    Everything,
}

/// Where events and alerts go.
pub trait Output: Send {
    /// Whether it wants events that no rule is about.
    fn wants_events(&self) -> bool;

    /// Takes an event by itself, or as what a rule raises an alert on.
    ///
    /// # Errors
    /// It cannot be written. The output may be told of more nevertheless.
    fn write(&mut self, report: &Report<'_>) -> io::Result<()>;
}

/// An event with what is known about it.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What happened.
    pub event: &'a Event,
    /// The process that it is about.
    pub entry: &'a Arc<Entry>,
    /// Who saw it.
    pub origin: &'a Origin,
    /// When it arrived here, in ns since the epoch.
    pub received: u64,
    /// Why it is reported, if for a rule.
    pub alert: Option<&'a Match>,
    /// The rules that it matches.
    pub matches: &'a [Match],
    /// What the alert's rule did to processes.
    pub actions: &'a [KillReport],
}

/// Who saw an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Tells tracers apart.
    pub tracer: u64,
    /// How it catches calls: `ptrace`, …
    pub engine: Vec<u8>,
    /// Name of its machine or container.
    pub hostname: Vec<u8>,
    /// Inode of the pid namespace in which its pids are meant; 0 when unknown.
    pub pid_namespace: u64,
    /// User id of a tracer that is known by its Unix socket.
    pub uid: Option<u32>,
}

/// Text for a terminal or a log: nothing in it moves the cursor, ends the line, or changes colours
/// or the direction of writing.
pub fn printable(text: &[u8]) -> String {
    let mut out = String::new();
    escape::terminal(&mut out, text);
    out
}
