//! From events to what people see: the process tree of each tracer, the rules, the outputs.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use sentrace_schema::wire::{Event, Heartbeat, Hello, Interest};

use crate::fields::Host;
use crate::output::{Origin, Output, Report, printable};
use crate::rules::{ActionRequest, LogLevel, Rule, RuleSet};
use crate::server::{Handler, Peer, TracerId};
use crate::tree::Tree;

/// Takes the events of one or many tracers.
#[derive(Default)]
pub struct Pipeline {
    rules: RuleSet,
    tracers: HashMap<u64, Tracer>,
    outputs: Vec<Destination>,
}

/// What is kept of a tracer.
#[derive(Default)]
struct Tracer {
    origin: Origin,
    host: Host,
    tree: Tree,
    /// Events that it says it has dropped.
    dropped: u64,
}

/// An output, and whether it has failed before.
struct Destination {
    output: Box<dyn Output>,
    failing: bool,
}

impl Pipeline {
    /// Evaluates rules; nothing is written yet.
    pub fn new(rules: RuleSet) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Adds an output.
    #[must_use]
    pub fn to(mut self, output: Box<dyn Output>) -> Self {
        self.outputs.push(Destination { output, failing: false });
        self
    }

    /// The events that the rules or an output need.
    pub fn interest(&self) -> Interest {
        let all = self.outputs.iter().any(|to| to.output.wants_events());
        if all { Interest::Full } else { self.rules.interest() }
    }

    /// A tracer has said who it is; what is known of its processes stays.
    pub fn introduce(&mut self, origin: Origin) {
        let tracer = self.tracers.entry(origin.tracer).or_default();
        tracer.host.hostname = String::from_utf8_lossy(&origin.hostname).into_owned();
        tracer.origin = origin;
    }

    /// A tracer will not send events any more.
    pub fn forget(&mut self, tracer: u64) {
        self.tracers.remove(&tracer);
    }

    /// Takes an event of a tracer: the outputs that want all events are told of it, then all of
    /// them of each rule that it matches.
    pub fn event(&mut self, tracer: u64, event: &Event) {
        let received = now();
        let Tracer { origin, host, tree, .. } = self.tracers.entry(tracer).or_default();
        let entry = tree.apply(event);
        let matches = self.rules.evaluate(event, &entry, host);
        let report = Report { event, entry: &entry, origin, received, alert: None };
        for destination in self.outputs.iter_mut().filter(|to| to.output.wants_events()) {
            destination.write(&report);
        }
        for found in &matches {
            if found.is_alert {
                let report = Report { alert: Some(found), ..report };
                self.outputs.iter_mut().for_each(|destination| destination.write(&report));
            }
            for action in &found.actions {
                act(&found.rule, action);
            }
        }
    }
}

/// The pipeline behind a server: every tracer is asked for what the rules and outputs need.
impl Handler for Pipeline {
    fn hello(&mut self, tracer: TracerId, hello: &Hello, _: &Peer) -> Result<Interest, String> {
        let (engine, hostname) = (hello.engine.clone(), hello.hostname.clone());
        self.introduce(Origin { tracer: tracer.0, engine, hostname });
        Ok(self.interest())
    }

    fn events(&mut self, tracer: TracerId, events: Vec<Event>) {
        for event in &events {
            self.event(tracer.0, event);
        }
    }

    fn heartbeat(&mut self, tracer: TracerId, heartbeat: Heartbeat) {
        let dropped: u64 =
            heartbeat.dropped.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let Some(known) = self.tracers.get_mut(&tracer.0) else { return };
        if dropped > known.dropped {
            tracing::warn!(%tracer, dropped, "the tracer drops events");
        }
        known.dropped = dropped;
    }

    fn gone(&mut self, tracer: TracerId) {
        self.forget(tracer.0);
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

/// Does what a rule asks for besides alerting, as far as that is possible here.
fn act(rule: &Rule, action: &ActionRequest) {
    let ActionRequest::Log { level, message } = action else {
        tracing::debug!(rule = rule.id, "actions other than log are not performed");
        return;
    };
    let message = if message.is_empty() { "the rule matched" } else { message };
    let message = printable(message.as_bytes());
    match level {
        LogLevel::Trace => tracing::trace!(rule = rule.id, "{message}"),
        LogLevel::Debug => tracing::debug!(rule = rule.id, "{message}"),
        LogLevel::Info => tracing::info!(rule = rule.id, "{message}"),
        LogLevel::Warn => tracing::warn!(rule = rule.id, "{message}"),
        LogLevel::Error => tracing::error!(rule = rule.id, "{message}"),
    }
}

/// Nanoseconds since the epoch.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
