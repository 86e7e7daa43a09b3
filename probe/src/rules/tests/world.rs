//! Rules, a process tree, and events in words:
//!
//! * processes: `/usr/sbin/nginx > uid=33 container.id=c1 /bin/sh -c 'id; ls'` is a shell that nginx
//!   made; what stands before the path are fields of the process (times as `10s-ago`);
//! * events: `open file.path=/etc/shadow flags=O_RDWR|O_CREAT` is the type and its fields.

use sentrace_schema::record::{Record, Slot, Ty};
use sentrace_schema::wire::{Event, Header};
use sentrace_schema::{Payload, events, groups};

use super::*;
use crate::fields::{Fields, Host};
use crate::secl::{Constant, Registry};
use crate::tree::Tree;

pub(super) const SECOND: u64 = 1_000_000_000;

pub(super) struct World {
    pub(super) rules: RuleSet,
    tree: Tree,
    host: Host,
    /// Time of the next event in ns.
    pub(super) now: u64,
    pids: i32,
}

impl World {
    /// The rules of a policy, in which nothing may be wrong.
    pub(super) fn new(policy: &str) -> Self {
        let (rules, diagnostics) = load(&[source("test.policy", policy)], &host());
        let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{}", errors[0]);
        Self::of(rules)
    }

    pub(super) fn of(rules: RuleSet) -> Self {
        let (tree, host) = (Tree::default(), Host::default());
        Self { rules, tree, host, now: 1000 * SECOND, pids: 100 }
    }

    /// Goes on much later on another machine: nothing runs, and all rules may alert.
    pub(super) fn renew(&mut self) {
        (self.tree, self.pids) = (Tree::default(), 100);
        self.now += 7200 * SECOND;
    }

    /// Starts processes, each made by the one before; the pid of the last, and what its exec
    /// matched.
    pub(super) fn start(&mut self, chain: &str) -> (i32, Vec<Match>) {
        let mut parent = None;
        let mut last = (0, Vec::new());
        for process in chain.split(" > ") {
            let pid = match parent {
                Some(parent) => self.fork(parent),
                None => self.new_pid(),
            };
            last = (pid, self.exec(pid, process));
            parent = Some(pid);
        }
        last
    }

    pub(super) fn fork(&mut self, parent: i32) -> i32 {
        let child = self.new_pid();
        self.apply(parent, Payload::Fork(events::Fork { child: child.into(), flags: 0 }.into()));
        child
    }

    pub(super) fn exec(&mut self, pid: i32, process: &str) -> Vec<Match> {
        let process = [10, 100].iter().fold(process.to_owned(), |text, seconds| {
            text.replace(&format!("={seconds}s-ago"), &format!("={}", self.now - seconds * SECOND))
        });
        let mut exec = events::Exec { process: self::process(&process), ..Default::default() };
        exec.syscall_path = exec.process.file.path.clone();
        self.apply(pid, Payload::Exec(exec.into()))
    }

    /// An event of a process.
    pub(super) fn event(&mut self, pid: i32, event: &str) -> Vec<Match> {
        self.apply(pid, payload(event))
    }

    fn apply(&mut self, pid: i32, payload: Payload) -> Vec<Match> {
        let header = Header { pid, tid: pid, timestamp: self.now, ..Header::default() };
        let event = Event { header, payload };
        let entry = self.tree.apply(&event);
        self.rules.evaluate(&event, &entry, &self.host)
    }

    fn new_pid(&mut self) -> i32 {
        self.pids += 1;
        self.pids
    }
}

/// Ids of the rules that alert.
pub(super) fn alerts(matches: &[Match]) -> Vec<&str> {
    matches.iter().filter(|m| m.is_alert).map(|m| m.rule.id.as_str()).collect()
}

fn process(text: &str) -> groups::Process {
    let words = words(text);
    let at = words.iter().position(|word| word.starts_with('/'));
    let at = at.unwrap_or_else(|| panic!("no program in {text}"));
    let path = &words[at];
    let name = path.rsplit('/').next().unwrap();
    let mut process = groups::Process {
        comm: name.bytes().take(15).collect(),
        argv0: name.into(),
        argv: words[at + 1..].iter().map(|word| word.clone().into_bytes()).collect(),
        ..groups::Process::default()
    };
    process.file.mode = 0o100_755;
    process.file.path = path.as_str().into();
    for field in &words[..at] {
        let (name, value) = field.split_once('=').unwrap_or_else(|| panic!("{field} in {text}"));
        set(&mut process, name, value);
    }
    process
}

fn payload(text: &str) -> Payload {
    let words = words(text);
    let event = sentrace_schema::event(&words[0]).unwrap_or_else(|| panic!("{text}"));
    let mut payload = Payload::empty(event.id).unwrap();
    for field in &words[1..] {
        let (name, value) = field.split_once('=').unwrap();
        set(payload.record_mut(), name, value);
    }
    payload
}

/// Sets a field of a record by its name in rules.
fn set(record: &mut dyn Record, name: &str, value: &str) {
    let desc = record.desc();
    if let Some(index) = desc.field(name) {
        return match record.get_mut(index) {
            Slot::Bool(slot) => *slot = value == "true",
            Slot::Int(slot) => *slot = int(value),
            Slot::Bytes(slot) => *slot = value.into(),
            Slot::List(slot) => *slot = value.split(',').map(Vec::from).collect(),
            Slot::Ints(slot) => *slot = value.split(',').map(int).collect(),
            Slot::Ip(slot) => *slot = Some(value.parse().unwrap()),
            Slot::Record(_) => panic!("{name} is a group"),
        };
    }
    let group =
        desc.fields.iter().enumerate().filter(|(_, field)| matches!(field.ty, Ty::Group(_)));
    let inner = group.filter_map(|(index, field)| {
        let rest = match field.name {
            "" => name,
            prefix => name.strip_prefix(prefix)?.strip_prefix('.')?,
        };
        Some((index, field.name.len(), rest))
    });
    let Some((index, _, rest)) = inner.max_by_key(|(_, len, _)| *len) else {
        panic!("{} has no field {name}", desc.name);
    };
    let Slot::Record(record) = record.get_mut(index) else { panic!("{name}") };
    set(record, rest, value);
}

/// Numbers (in octal with a leading 0) and constants, joined by `|`.
fn int(text: &str) -> i64 {
    let one = |part: &str| match Fields::default().constant(part) {
        Some(Constant::Int(value)) => value,
        _ if part.len() > 1 && part.starts_with('0') => i64::from_str_radix(part, 8).unwrap(),
        _ => part.parse().unwrap_or_else(|_| panic!("{part} is no number")),
    };
    text.split('|').map(one).fold(0, |all, part| all | part)
}

/// Words of a line; those with blanks stand in single quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in text.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
