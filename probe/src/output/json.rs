//! Events and alerts as JSON: one object a line, in the shape of docs/json.md.

mod host;
#[cfg(test)]
mod tests;
mod value;

use std::io::{self, Write};

use nix::errno::Errno;
use sentrace_schema::ABIS;
use sentrace_schema::record::{Category, Record};
use sentrace_schema::wire::{MARKS, NO_SYSCALL};
use sentrace_tracer::decode;
use sentrace_tracer::engine::AbiId;

use super::layout::{self, Layout, What};
use super::time::Rfc3339;
use super::{Output, Report, Scope, escape};
use crate::actions::KillReport;
use crate::rules::{Match, Rule};
use crate::tree::Process;

pub use host::Agent;

/// So long may a line become by ancestors, in bytes; further ones are left out, and counted.
const LINE_MAX: usize = 1 << 20;
/// So many ancestors are written.
const ANCESTORS_MAX: usize = 200;

/// Writes JSON lines, each with one call of `write`.
#[derive(Debug)]
pub struct Json<W> {
    to: W,
    scope: Scope,
    agent: Agent,
    line: Vec<u8>,
}

impl<W: Write> Json<W> {
    /// Writes to `to`.
    pub fn new(to: W, scope: Scope, agent: Agent) -> Self {
        Self { to, scope, agent, line: Vec::new() }
    }
}

impl<W: Write + Send> Output for Json<W> {
    fn wants_events(&self) -> bool {
        self.scope == Scope::Everything
    }

    fn write(&mut self, report: &Report<'_>) -> io::Result<()> {
        self.line.clear();
        Object::write(&mut self.line, |object| event(object, report, &self.agent));
        self.line.push(b'\n');
        self.to.write_all(&self.line)
    }
}

/// A JSON object that is being written.
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
}

impl Object<'_> {
    fn write(out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        members(&mut Object { out });
        out.push(b'}');
    }

    /// A key, behind which a value must follow. Keys are constants that need no escapes.
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A key from outside, behind which a value must follow.
    fn name(&mut self, name: &[u8]) -> &mut Vec<u8> {
        self.comma();
        escape::json(self.out, name);
        self.out.push(b':');
        self.out
    }

    fn comma(&mut self) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
    }

    /// Text, if it is not empty.
    fn text(&mut self, key: &str, text: &[u8]) {
        if !text.is_empty() {
            escape::json(self.key(key), text);
        }
    }

    fn number(&mut self, key: &str, number: impl Into<i128>) {
        let number = number.into();
        value::number(self.key(key), number);
    }

    /// A list, if it is not empty.
    fn list<T>(
        &mut self,
        key: &str,
        items: impl Iterator<Item = T>,
        write: impl FnMut(&mut Vec<u8>, T),
    ) {
        let mut items = items.peekable();
        if items.peek().is_some() {
            value::array(self.key(key), items, write);
        }
    }

    /// The fields of a record as an object, if any of them says something.
    fn part(&mut self, key: &str, layout: &Layout, record: &dyn Record, abi: u16) {
        let start = self.out.len();
        let mut says = false;
        self.object(key, |object| says = object.record(layout, record, abi));
        if !says {
            self.out.truncate(start);
        }
    }

    fn object(&mut self, key: &str, members: impl FnOnce(&mut Object<'_>)) {
        Object::write(self.key(key), members);
    }

    /// The fields of a record at their places; whether any of them says something.
    fn record(&mut self, layout: &Layout, record: &dyn Record, abi: u16) -> bool {
        let mut says = false;
        for node in layout.nodes() {
            let start = self.out.len();
            let said = match &node.what {
                What::Field(field) => {
                    let item = field.read(record);
                    let is_empty = item.is_empty(field.own);
                    if node.always || !is_empty {
                        value::item(self.key(node.key), &item, field, abi);
                    }
                    !is_empty
                }
                What::Object(inner) => {
                    let mut said = false;
                    self.object(node.key, |object| said = object.record(inner, record, abi));
                    if !said && !node.always {
                        self.out.truncate(start);
                    }
                    said
                }
            };
            says |= said;
        }
        says
    }
}

/// Everything about an event.
fn event(object: &mut Object<'_>, report: &Report<'_>, agent: &Agent) {
    let header = &report.event.header;
    let payload = &report.event.payload;
    let desc = payload.event();
    escape::json(object.key("date"), Rfc3339(header.timestamp).to_string().as_bytes());
    object.object("evt", |evt| {
        evt.text("name", desc.name.as_bytes());
        evt.text("category", category(desc.category).as_bytes());
        evt.text("outcome", outcome(header.retval).as_bytes());
        evt.list("matched_rules", report.matches.iter(), matched);
        if let Some(alert) = report.alert {
            context(evt, alert);
        }
    });
    if let Some(alert) = report.alert {
        escape::json(object.key("title"), alert.rule.description.as_bytes());
    }
    object.object("agent", |object| {
        if let Some(alert) = report.alert {
            rule(object, &alert.rule);
        }
        object.list("rule_actions", report.actions.iter(), kill);
        agent.write(object);
    });
    if let Some(layout) = layout::event(desc.id) {
        object.record(layout, payload.record(), header.abi);
    }
    let acting = report.entry.process();
    if layout::is_process(desc)
        && let Some(executable) = layout::process().object("executable")
    {
        object.part("file", executable, &acting, header.abi);
    }
    process(object, report, &acting);
    for part in ["container", "cgroup"] {
        if let Some(layout) = layout::process().object(part) {
            object.part(part, layout, &acting, header.abi);
        }
    }
    object.object("sentrace", |sentrace| own(sentrace, report));
}

fn process(object: &mut Object<'_>, report: &Report<'_>, acting: &Process) {
    let header = &report.event.header;
    object.object("process", |process| {
        process.record(layout::process(), acting, header.abi);
        process.number("tid", header.tid);
        if let Some(ended) = report.entry.ended() {
            escape::json(process.key("exit_time"), Rfc3339(ended).to_string().as_bytes());
        }
        let ancestor = |object: &mut Object<'_>, of: &Process| {
            object.record(layout::process(), of, header.abi);
        };
        if let Some(parent) = report.entry.parent() {
            process.object("parent", |object| ancestor(object, &parent.process()));
        }
        let mut left = report.entry.ancestors();
        let out = process.key("ancestors");
        out.push(b'[');
        for of in left.by_ref().take(ANCESTORS_MAX) {
            if out.last() != Some(&b'[') {
                out.push(b',');
            }
            Object::write(out, |object| ancestor(object, &of.process()));
            if out.len() > LINE_MAX {
                break;
            }
        }
        out.push(b']');
        let left = left.count();
        if left > 0 {
            process.number("ancestors_omitted", left as u64);
        }
    });
}

fn context(evt: &mut Object<'_>, alert: &Match) {
    if !alert.variables.is_empty() {
        evt.object("variables", |variables| {
            for (name, value) in &alert.variables {
                value::owned(variables.name(name.as_bytes()), value);
            }
        });
    }
    evt.object("rule_context", |context| {
        context.text("expression", alert.rule.expression.as_bytes());
    });
}

fn rule(agent: &mut Object<'_>, rule: &Rule) {
    escape::json(agent.key("rule_id"), rule.id.as_bytes());
    agent.text("rule_version", rule.version.as_bytes());
    escape::json(agent.key("policy_name"), rule.policy.name.as_bytes());
    agent.text("policy_version", rule.policy.version.as_bytes());
    if !rule.tags.is_empty() {
        agent.object("rule_tags", |tags| {
            for (name, value) in &rule.tags {
                escape::json(tags.name(name.as_bytes()), value.as_bytes());
            }
        });
    }
}

fn matched(out: &mut Vec<u8>, found: &Match) {
    let rule = &found.rule;
    Object::write(out, |object| {
        escape::json(object.key("id"), rule.id.as_bytes());
        object.text("version", rule.version.as_bytes());
        escape::json(object.key("policy_name"), rule.policy.name.as_bytes());
        object.text("policy_version", rule.policy.version.as_bytes());
        let tags = rule.tags.iter().map(|(name, value)| format!("{name}:{value}"));
        object.list("tags", tags, |out, tag| escape::json(out, tag.as_bytes()));
    });
}

fn kill(out: &mut Vec<u8>, report: &KillReport) {
    let time = |object: &mut Object<'_>, key, time: Option<u64>| {
        if let Some(time) = time.filter(|time| *time > 0) {
            escape::json(object.key(key), Rfc3339(time).to_string().as_bytes());
        }
    };
    Object::write(out, |object| {
        object.text("type", b"kill");
        object.text("signal", report.signal_name().as_bytes());
        object.text("scope", report.scope.name().as_bytes());
        object.text("status", report.status.name().as_bytes());
        object.text("disarmer_type", report.status.disarmer().unwrap_or_default().as_bytes());
        object.text("reason", report.reason.as_bytes());
        time(object, "created_at", Some(report.created_at));
        time(object, "detected_at", Some(report.detected_at));
        time(object, "killed_at", report.killed_at);
        time(object, "exited_at", report.exited_at);
    });
}

/// What the reference does not have.
fn own(sentrace: &mut Object<'_>, report: &Report<'_>) {
    let header = &report.event.header;
    sentrace.text("engine", &report.origin.engine);
    sentrace.text("hostname", &report.origin.hostname);
    if header.nr != NO_SYSCALL {
        if let Some(abi) = ABIS.get(usize::from(header.abi)) {
            sentrace.text("abi", abi.name.as_bytes());
        }
        sentrace.number("nr", header.nr);
        if let Some(syscall) = decode::numbered(AbiId(header.abi), header.nr) {
            sentrace.text("syscall", syscall.name.as_bytes());
        }
    }
    if report.origin.tracer != 0 {
        sentrace.text("tracer", format!("{:016x}", report.origin.tracer).as_bytes());
    }
    if report.event.payload.event().retval {
        sentrace.number("retval", header.retval);
    }
    sentrace.number("sequence", header.sequence);
    let marks = MARKS.iter().filter(|(bit, _)| header.marks & bit != 0);
    sentrace.list("marks", marks, |out, (_, name)| escape::json(out, name.as_bytes()));
    sentrace.number("latency_ns", report.received.saturating_sub(header.timestamp));
    if let Some(alert) = report.alert.filter(|alert| alert.suppressed > 0) {
        sentrace.number("suppressed", alert.suppressed);
    }
}

fn category(category: Category) -> &'static str {
    match category {
        Category::File => "File Activity",
        Category::Process => "Process Activity",
        Category::Kernel => "Kernel Activity",
        Category::Network => "Network Activity",
    }
}

fn outcome(retval: i64) -> &'static str {
    const REFUSED: [i64; 2] = [-(Errno::EACCES as i64), -(Errno::EPERM as i64)];
    match retval {
        _ if decode::table::is_success(retval) => "Success",
        _ if REFUSED.contains(&retval) => "Refused",
        _ => "Error",
    }
}
