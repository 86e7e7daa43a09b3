//! However much there is to remember, it stays within bounds.

use sentrace_schema::wire::Header;
use sentrace_schema::{events, groups};

use super::*;
use crate::secl::{Kind, Text};
use crate::tree::Tree;

const HOW: How = How { append: true, size: 10_000, expires: u64::MAX };

fn store(scope: Scope) -> Store {
    let mut store = Store::default();
    let ty = VariableRef { kind: Kind::Str(Text::Plain), array: true };
    let (default_value, private, inherited) = (None, false, true);
    store.declare("v".into(), Declared { scope, ty, default_value, private, inherited });
    store
}

fn exec(pid: i32, cgroup: &str) -> Event {
    let process = groups::Process {
        created_at: 1,
        cgroup: groups::Cgroup { id: cgroup.into(), ..groups::Cgroup::default() },
        ..groups::Process::default()
    };
    let exec = events::Exec { process, ..events::Exec::default() };
    let header = Header { pid, tid: pid, timestamp: 1, ..Header::default() };
    Event { header, payload: Payload::Exec(exec.into()) }
}

fn text(number: usize) -> Owned {
    Owned::Str(format!("{number}{}", "x".repeat(10_000)).into_bytes())
}

#[test]
fn those_with_most_are_forgotten() {
    let mut store = store(Scope::Cgroup);
    let mut tree = Tree::default();
    let small = tree.apply(&exec(1, "small"));
    store.set("v", text(0), HOW, &Subject::new(&small, 1), None);
    for group in 0..20 {
        let entry = tree.apply(&exec(2, &format!("big{group}")));
        for number in 0..1000 {
            store.set("v", text(number), HOW, &Subject::new(&entry, 1), None);
        }
        assert!(store.bytes <= BYTES_MAX);
    }
    assert!(store.cgroups.len() < 20);
    assert!(!store.shown(&Subject::new(&small, 1)).is_empty());
    let sum = store.cgroups.values().map(|values| values.bytes).sum::<usize>();
    assert_eq!(store.bytes, sum);
}

#[test]
fn groups_that_are_quiet_are_forgotten() {
    let mut store = store(Scope::Cgroup);
    let mut tree = Tree::default();
    for group in 0..10_000 {
        let entry = tree.apply(&exec(1, &format!("{group}")));
        store.set("v", Owned::Str(b"x".to_vec()), HOW, &Subject::new(&entry, group), None);
    }
    assert_eq!(store.cgroups.len(), GROUPS_MAX);
    assert!(store.cgroups.contains_key(&b"9999"[..]));
}

/// Values go with their processes, unless children still see them.
#[test]
fn processes_that_are_gone_are_forgotten() {
    let mut store = store(Scope::Process);
    let mut tree = Tree::default();
    let first = tree.apply(&exec(1, ""));
    store.set("v", text(0), HOW, &Subject::new(&first, 1), None);
    for _ in 0..10_000 {
        let event = exec(2, "");
        let entry = tree.apply(&event);
        store.before(&event, &entry);
        store.set("v", text(1), HOW, &Subject::new(&entry, 1), None);
    }
    assert!(store.processes.len() < 200, "{}", store.processes.len());
    assert_eq!(store.by_pid.len(), 2);
    // Another tracer has a process of the same number.
    let mut other = Tree::default();
    let event = exec(1, "");
    let stranger = other.apply(&event);
    store.before(&event, &stranger);
    assert!(store.shown(&Subject::new(&stranger, 1)).is_empty());
    drop((stranger, other));
    assert!(!store.shown(&Subject::new(&first, 1)).is_empty());
    drop((first, tree));
    store.sweep();
    assert_eq!((store.processes.len(), store.by_pid.len(), store.bytes), (0, 0, 0));
}
