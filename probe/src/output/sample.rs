//! Events for tests, with the processes that they are about.

use std::sync::Arc;

use sentrace_schema::wire::{Event, Header, NO_SYSCALL};
use sentrace_schema::{Payload, abi, event, events, groups};

use super::{Origin, Report};
use crate::actions::KillReport;
use crate::rules::{Match, PolicyInfo, Rule};
use crate::secl::Owned;
use crate::tree::{Entry, Tree};

/// 2026-11-24T22:45:00 in ns since the epoch.
pub(super) const START: u64 = 1_795_560_300_000_000_000;

/// An event and the process that it is about.
pub(super) struct Sample {
    pub(super) event: Event,
    pub(super) entry: Arc<Entry>,
    origin: Origin,
    pub(super) actions: Vec<KillReport>,
}

impl Sample {
    pub(super) fn report<'a>(&'a self, alert: Option<&'a Match>) -> Report<'a> {
        let received = self.event.header.timestamp + 1500;
        Report {
            event: &self.event,
            entry: &self.entry,
            origin: &self.origin,
            received,
            alert,
            matches: alert.map(std::slice::from_ref).unwrap_or_default(),
            actions: &self.actions,
        }
    }
}

/// An event of process 42, which is `sh -c` of a web server.
pub(super) fn sample(header: Header, payload: Payload) -> Sample {
    let mut tree = Tree::default();
    let life = |pid, nr| Header { pid, tid: pid, timestamp: START + nr, nr: NO_SYSCALL, ..header };
    let fork = |child| Payload::Fork(events::Fork { child, flags: 17 }.into());
    let exec = |process| {
        let syscall_path = b"/bin/sh".to_vec();
        Payload::Exec(events::Exec { process, syscall_path }.into())
    };
    let past = [(life(7, 1), exec(nginx())), (life(7, 2), fork(42)), (life(42, 3), exec(shell()))];
    for (header, payload) in past {
        tree.apply(&Event { header, payload });
    }
    let header = Header { pid: 42, tid: 43, timestamp: START + 123_456_789, sequence: 4, ..header };
    let event = Event { header, payload };
    let entry = tree.apply(&event);
    let (engine, hostname) = (b"ptrace".to_vec(), b"web-1".to_vec());
    let origin = Origin { tracer: 0xabc, engine, hostname, pid_namespace: 0, uid: None };
    Sample { event, entry, origin, actions: Vec::new() }
}

/// The header of a call of the ABI `amd64`.
pub(super) fn call(nr: u32, retval: i64) -> Header {
    let abi = abi("amd64").map_or(0, |abi| abi.id);
    Header { nr, retval, abi, ..Header::default() }
}

/// The header of what the engine reports.
pub(super) fn life() -> Header {
    Header { nr: NO_SYSCALL, ..Header::default() }
}

pub(super) fn file(path: &[u8]) -> groups::File {
    groups::File {
        path: path.to_vec(),
        user: b"root".to_vec(),
        group: b"shadow".to_vec(),
        gid: 42,
        mode: 0o100_640,
        inode: 12345,
        modification_time: 1_700_000_000_123_456_789,
        filesystem: b"ext4".to_vec(),
        ..groups::File::default()
    }
}

/// A rule's alert.
pub(super) fn alert(id: &str, description: &str) -> Match {
    let policy = PolicyInfo { name: "default.policy".into(), version: "3".into() };
    let rule = Rule {
        id: id.into(),
        version: "1.2".into(),
        description: description.into(),
        tags: [("tactic".to_owned(), "access".to_owned())].into(),
        product_tags: Vec::new(),
        expression: r#"open.file.path == "/etc/shadow""#.into(),
        event: "open".into(),
        policy: Arc::new(policy),
        silent: false,
        every: None,
        limiter_token: Vec::new(),
        group_id: String::new(),
        priority: 0,
    };
    Match {
        rule: Arc::new(rule),
        is_alert: true,
        suppressed: 2,
        variables: vec![("seen".into(), Owned::Int(3))],
        actions: Vec::new(),
    }
}

/// An empty payload of an event.
pub(super) fn empty(name: &str) -> Payload {
    let event = event(name).unwrap_or_else(|| panic!("no event {name}"));
    Payload::empty(event.id).expect("every event has a payload")
}

pub(super) fn shell() -> groups::Process {
    groups::Process {
        comm: b"sh".to_vec(),
        argv0: b"sh".to_vec(),
        argv: vec![b"-c".to_vec(), b"curl --token=abc123 http://x/\xff".to_vec()],
        envp: vec![b"PATH=/bin".to_vec(), b"DB_PASSWORD=hunter2".to_vec()],
        file: groups::File { path: b"/usr/bin/dash".to_vec(), ..file(b"") },
        uid: 33,
        user: b"www-data".to_vec(),
        gid: 33,
        group: b"www-data".to_vec(),
        euid: 33,
        euser: b"www-data".to_vec(),
        auid: 4_294_967_295,
        created_at: 1,
        cwd: b"/".to_vec(),
        container: groups::Container { id: b"c0ffee".to_vec(), ..groups::Container::default() },
        ..groups::Process::default()
    }
}

fn nginx() -> groups::Process {
    groups::Process {
        ppid: 1,
        comm: b"nginx".to_vec(),
        argv0: b"nginx".to_vec(),
        file: file(b"/usr/sbin/nginx"),
        created_at: 1,
        ..groups::Process::default()
    }
}
