//! From events to what people see: the process tree of each tracer, the rules, the outputs.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use sentrace_schema::groups::Process;
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
    /// It has been said that not all actions of rules are performed.
    has_told: bool,
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

    /// Takes in processes of a tracer that it has not told of ([`Tree::scan`]).
    pub fn scan(&mut self, tracer: u64, processes: Vec<Process>) {
        self.tracers.entry(tracer).or_default().tree.scan(processes);
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
                if !act(&found.rule, action) && !std::mem::replace(&mut self.has_told, true) {
                    tracing::warn!(
                        rule = found.rule.id,
                        "actions other than log are not performed"
                    );
                }
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

/// Does what a rule asks for besides alerting; whether it could.
fn act(rule: &Rule, action: &ActionRequest) -> bool {
    let ActionRequest::Log { level, message } = action else { return false };
    let message = if message.is_empty() { "the rule matched" } else { message };
    let message = printable(message.as_bytes());
    match level {
        LogLevel::Trace => tracing::trace!(rule = rule.id, "{message}"),
        LogLevel::Debug => tracing::debug!(rule = rule.id, "{message}"),
        LogLevel::Info => tracing::info!(rule = rule.id, "{message}"),
        LogLevel::Warn => tracing::warn!(rule = rule.id, "{message}"),
        LogLevel::Error => tracing::error!(rule = rule.id, "{message}"),
    }
    true
}

/// Nanoseconds since the epoch.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use sentrace_schema::wire::Header;
    use sentrace_schema::{Payload, events, groups};

    use super::*;
    use crate::output::Scope;
    use crate::rules::{HostModel, Source, load};

    /// Notes what it is told: tracer, event, name of the process, rule.
    struct Notes {
        scope: Scope,
        lines: Arc<Mutex<Vec<String>>>,
        fails: bool,
    }

    impl Output for Notes {
        fn wants_events(&self) -> bool {
            self.scope == Scope::Everything
        }

        fn write(&mut self, report: &Report<'_>) -> io::Result<()> {
            if self.fails {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let comm = report.entry.process().rest().comm.clone();
            let comm = String::from_utf8(comm).unwrap();
            let rule = report.alert.map_or("-", |alert| &alert.rule.id);
            let event = report.event.payload.event().name;
            let line = format!("{} {event} {comm} {rule}", report.origin.tracer);
            self.lines.lock().unwrap().push(line);
            Ok(())
        }
    }

    const RULES: &str = "
rules:
  - {id: cat, expression: exec.file.name == \"cat\"}
  - {id: any, expression: exec.file.name != \"\"}
  - {id: exits, expression: exit.code > 2}
";

    fn pipeline() -> Pipeline {
        let source = Source { name: "test.policy".into(), text: RULES.into() };
        let (rules, diagnostics) = load(&[source], &HostModel::detect());
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        Pipeline::new(rules)
    }

    fn notes(scope: Scope, fails: bool) -> (Box<Notes>, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::default();
        (Box::new(Notes { scope, lines: Arc::clone(&lines), fails }), lines)
    }

    fn event(payload: Payload) -> Event {
        Event { header: Header { pid: 5, tid: 5, ..Header::default() }, payload }
    }

    fn exec(name: &str) -> Event {
        let file = groups::File { path: format!("/bin/{name}").into(), ..Default::default() };
        let process = groups::Process { comm: name.into(), file, ..Default::default() };
        event(Payload::Exec(events::Exec { process, syscall_path: vec![] }.into()))
    }

    #[test]
    fn outputs_are_told_what_they_want() {
        let (all, events) = notes(Scope::Everything, false);
        let (broken, _) = notes(Scope::Everything, true);
        let (some, alerts) = notes(Scope::Alerts, false);
        let mut pipeline = pipeline().to(broken).to(all).to(some);
        pipeline.event(0, &exec("cat"));
        pipeline.event(0, &event(Payload::Chdir(Default::default())));
        let expected = ["0 exec cat -", "0 exec cat cat", "0 exec cat any", "0 chdir cat -"];
        assert_eq!(*events.lock().unwrap(), expected);
        assert_eq!(*alerts.lock().unwrap(), ["0 exec cat cat", "0 exec cat any"]);
    }

    #[test]
    fn tracers_have_processes_of_their_own() {
        let (output, lines) = notes(Scope::Alerts, false);
        let mut pipeline = pipeline().to(output);
        for tracer in [1, 2] {
            pipeline.introduce(Origin { tracer, ..Origin::default() });
        }
        pipeline.event(1, &exec("ls"));
        pipeline.event(2, &exec("sh"));
        let exit = event(Payload::Exit(events::Exit { code: 3, ..Default::default() }.into()));
        pipeline.event(1, &exit);
        pipeline.forget(2);
        pipeline.event(2, &exit);
        let expected = ["1 exec ls any", "2 exec sh any", "1 exit ls exits", "0 exit  exits"];
        assert_eq!(*lines.lock().unwrap(), expected);
    }

    #[test]
    fn nothing_more_is_asked_for_than_is_needed() {
        let (some, _) = notes(Scope::Alerts, false);
        let (all, _) = notes(Scope::Everything, false);
        let wants = |pipeline: &Pipeline, name: &str| match pipeline.interest() {
            Interest::Full => true,
            Interest::Events(events) => {
                let id = sentrace_schema::event(name).unwrap().id;
                events.iter().any(|event| event.event == id)
            }
        };
        let pipeline = pipeline().to(some);
        assert!(wants(&pipeline, "exec") && !wants(&pipeline, "connect"));
        assert!(wants(&pipeline.to(all), "connect"));
    }
}
