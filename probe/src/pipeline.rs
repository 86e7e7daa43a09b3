//! From events to what people see: the process tree of each tracer, the rules, the outputs.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use sentrace_schema::wire::Event;

use crate::output::{Origin, Output, Report};
use crate::tree::Tree;

/// Takes the events of one or many tracers.
#[derive(Default)]
pub struct Pipeline {
    tracers: HashMap<u64, Tracer>,
    outputs: Vec<Destination>,
}

/// What is kept of a tracer.
#[derive(Default)]
struct Tracer {
    origin: Origin,
    tree: Tree,
}

/// An output, and whether it has failed before.
struct Destination {
    output: Box<dyn Output>,
    failing: bool,
}

impl Pipeline {
    /// Adds an output.
    #[must_use]
    pub fn to(mut self, output: Box<dyn Output>) -> Self {
        self.outputs.push(Destination { output, failing: false });
        self
    }

    /// A tracer has said who it is; what is known of its processes stays.
    pub fn introduce(&mut self, origin: Origin) {
        let tracer = self.tracers.entry(origin.tracer).or_default();
        tracer.origin = origin;
    }

    /// A tracer will not send events any more.
    pub fn forget(&mut self, tracer: u64) {
        self.tracers.remove(&tracer);
    }

    /// Takes an event of a tracer.
    pub fn event(&mut self, tracer: u64, event: &Event) {
        let received = now();
        let tracer = self.tracers.entry(tracer).or_default();
        let entry = tracer.tree.apply(event);
        let report = Report { event, entry: &entry, origin: &tracer.origin, received, alert: None };
        for destination in self.outputs.iter_mut().filter(|to| to.output.wants_events()) {
            destination.write(&report);
        }
    }
}

impl Destination {
    /// Writes; the first of a series of failures is logged.
    fn write(&mut self, report: &Report<'_>) {
        match self.output.write(report) {
            Ok(()) => self.failing = false,
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!("output is lost: {error}");
                }
            }
        }
    }
}

/// Nanoseconds since the epoch.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
