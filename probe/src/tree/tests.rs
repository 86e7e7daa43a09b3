//! Histories as tables: what happened, then who descends from whom and what it looks like.

use proptest::prelude::*;
use sentrace_schema::record::{Record, Value};

use super::*;

/// Something that happens to a process.
#[derive(Debug, Clone)]
enum Step {
    Fork(i32, i32),
    ForkSibling(i32, i32),
    Exec(i32, &'static str),
    Exit(i32),
    Touch(i32),
    SetUser(i32, i64),
    Fail(i32, i64),
    SetGroup(i32, i64),
    Capabilities(i32, i64),
    Rename(i32, &'static str),
    RenameThread(i32, &'static str),
    Enter(i32, &'static str),
    /// Seconds pass.
    Wait(u64),
}

use Step::*;

/// Nanoseconds between two steps.
const STEP: u64 = 1_000_000;

fn run(tree: &mut Tree, steps: &[Step]) {
    let mut time = 1_000_000_000_000;
    for step in steps {
        time += STEP;
        if let Wait(seconds) = step {
            time += seconds * 1_000_000_000;
        } else {
            tree.apply(&event(step, time));
        }
    }
}

fn event(step: &Step, timestamp: u64) -> Event {
    let fork =
        |child: i32, flags| Payload::Fork(Box::new(events::Fork { child: child.into(), flags }));
    let user = |uid| {
        let user_ids = groups::UserIds { uid, euid: uid, fsuid: uid, ..Default::default() };
        Payload::Setuid(Box::new(events::Setuid { user_ids }))
    };
    let rename = |name: &str| {
        let prctl = events::Prctl { option: PR_SET_NAME, new_name: name.into() };
        Payload::Prctl(Box::new(prctl))
    };
    let (pid, payload) = match *step {
        Fork(pid, child) => (pid, fork(child, 0)),
        ForkSibling(pid, child) => (pid, fork(child, CLONE_PARENT)),
        Exec(pid, name) => {
            let process = groups::Process {
                comm: name.into(),
                argv0: name.into(),
                file: groups::File { path: format!("/bin/{name}").into(), ..Default::default() },
                ..Default::default()
            };
            let exec = events::Exec { process, syscall_path: name.into() };
            (pid, Payload::Exec(Box::new(exec)))
        }
        Exit(pid) => (pid, Payload::Exit(Box::default())),
        Touch(pid) => (pid, Payload::Open(Box::default())),
        SetUser(pid, uid) | Fail(pid, uid) => (pid, user(uid)),
        SetGroup(pid, gid) => {
            let group_ids = groups::GroupIds { gid, egid: gid, fsgid: gid, ..Default::default() };
            (pid, Payload::Setgid(Box::new(events::Setgid { group_ids })))
        }
        Capabilities(pid, set) => {
            let capability_sets = groups::CapabilitySets { cap_effective: set, cap_permitted: set };
            (pid, Payload::Capset(Box::new(events::Capset { capability_sets })))
        }
        Rename(pid, name) | RenameThread(pid, name) => (pid, rename(name)),
        Enter(pid, path) => {
            let file = groups::File { path: path.into(), ..Default::default() };
            (pid, Payload::Chdir(Box::new(events::Chdir { file, ..Default::default() })))
        }
        Wait(_) => unreachable!("no event"),
    };
    let tid = if matches!(step, RenameThread(..)) { pid + 1 } else { pid };
    let retval = if matches!(step, Fail(..)) { -1 } else { 0 };
    Event { header: Header { timestamp, pid, tid, retval, ..Header::default() }, payload }
}

/// `7 ls <- 5 sh <- 1 init`: pid and name of a process and its ancestors.
fn line(tree: &Tree, pid: i32) -> String {
    let Some(entry) = tree.get(pid) else { return "none".into() };
    let name = |entry: &Entry| {
        let process = entry.process();
        let name = String::from_utf8_lossy(&process.image().argv0).into_owned();
        format!("{} {name}", process.rest().pid).trim_end().to_owned()
    };
    std::iter::once(name(entry))
        .chain(entry.ancestors().map(|entry| name(&entry)))
        .collect::<Vec<_>>()
        .join(" <- ")
}

#[test]
fn lines_of_descent() {
    let check = |steps: &[Step], pid: i32, expect: &str| {
        let mut tree = Tree::default();
        run(&mut tree, steps);
        assert_eq!(line(&tree, pid), expect, "{steps:?}");
    };
    check(&[], 1, "none");
    check(&[Exec(1, "init")], 1, "1 init");
    check(&[Exec(1, "init"), Fork(1, 5)], 5, "5 init <- 1 init");
    check(&[Exec(1, "init"), Fork(1, 5), Exec(5, "sh")], 5, "5 sh <- 1 init");
    // An exec has no influence on the line, neither one's own nor the maker's.
    check(&[Exec(1, "a"), Exec(1, "b"), Exec(1, "c")], 1, "1 c");
    check(&[Exec(1, "a"), Fork(1, 5), Exec(1, "b")], 5, "5 a <- 1 a");
    check(&[Exec(1, "a"), Fork(1, 5), Exec(1, "b"), Fork(1, 6)], 6, "6 b <- 1 b");
    // The line stays when those above have gone.
    let orphan = [Exec(1, "a"), Fork(1, 5), Exec(5, "b"), Fork(5, 9), Exec(9, "c"), Exit(5)];
    check(&orphan, 9, "9 c <- 5 b <- 1 a");
    check(&orphan, 5, "none");
    // A pid is used again.
    let reused = [orphan.as_slice(), &[Fork(1, 5), Exec(5, "new")]].concat();
    check(&reused, 9, "9 c <- 5 b <- 1 a");
    check(&reused, 5, "5 new <- 1 a");
    check(&[Exec(1, "a"), Fork(1, 5), Exec(5, "b"), Fork(1, 5)], 5, "5 a <- 1 a");
    // A late event does not bring anybody back; a much later one is somebody else's.
    check(&[Exec(5, "a"), Exit(5), Touch(5)], 5, "none");
    check(&[Exec(5, "a"), Exit(5), Wait(5), Touch(5)], 5, "5");
    check(&[Exec(5, "a"), Exit(5), Exec(5, "b")], 5, "5 b");
    // Who asked for a sibling made it.
    check(&[Exec(1, "a"), Fork(1, 5), Exec(5, "b"), ForkSibling(5, 6)], 6, "6 b <- 5 b <- 1 a");
    // Events of a child overtake its fork.
    check(&[Exec(1, "a"), Touch(5), Fork(1, 5)], 5, "5 a <- 1 a");
    check(&[Exec(1, "a"), Exec(5, "b"), Fork(1, 5)], 5, "5 b <- 1 a");
    check(&[Exec(1, "a"), Exec(5, "b"), Fork(5, 6), Fork(1, 5)], 6, "6 b <- 5 b <- 1 a");
    check(&[Exec(1, "a"), Exec(5, "b"), Wait(5), Fork(1, 5)], 5, "5 a <- 1 a");
    // Nobody is its own ancestor.
    check(&[Fork(5, 5)], 5, "5");
    check(&[Fork(5, 6), Fork(6, 5)], 5, "5");
    check(&[Fork(5, 0), Fork(5, -3)], 5, "5");
}

#[test]
fn changes_within_an_image() {
    let check = |steps: &[Step], pid: i32, field: &str, expect: &str| {
        let mut tree = Tree::default();
        run(&mut tree, steps);
        let process = tree.get(pid).unwrap().process();
        let index = process.desc().field(field).unwrap();
        let got = match process.get(index) {
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Bytes(value) => String::from_utf8_lossy(value).into_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(got, expect, "{field} after {steps:?}");
    };
    check(&[SetUser(1, 7)], 1, "uid", "7");
    check(&[SetUser(1, 7)], 1, "fsuid", "7");
    check(&[Fail(1, 7)], 1, "euid", "0");
    check(&[SetGroup(1, 8)], 1, "egid", "8");
    check(&[Capabilities(1, 9)], 1, "cap_effective", "9");
    check(&[Enter(1, "/tmp"), Enter(1, "")], 1, "cwd", "/tmp");
    check(&[Rename(1, "x")], 1, "comm", "x");
    check(&[Rename(1, "0123456789abcdefgh")], 1, "comm", "0123456789abcde");
    check(&[Exec(1, "a"), RenameThread(1, "x")], 1, "comm", "a");
    // Capabilities follow the user ids.
    check(&[Capabilities(1, 9), SetUser(1, 7)], 1, "cap_effective", "0");
    check(&[Capabilities(1, 9), SetUser(1, 7)], 1, "cap_permitted", "0");
    check(&[SetUser(1, 7), Capabilities(1, 9), SetUser(1, 8)], 1, "cap_effective", "9");
    // A child has what its maker had, and goes its own way.
    check(&[SetUser(1, 7), Fork(1, 5)], 5, "uid", "7");
    check(&[SetUser(1, 7), Fork(1, 5), SetUser(5, 8)], 1, "uid", "7");
    check(&[Fork(1, 5), SetUser(1, 7)], 5, "uid", "0");
    check(&[Exec(1, "a"), Fork(1, 5)], 5, "argv0", "a");
    check(&[Fork(1, 5)], 5, "ppid", "1");
    check(&[Fork(1, 5), ForkSibling(5, 6)], 6, "ppid", "1");
    check(&[Fork(1, 5)], 5, "is_thread", "true");
    check(&[Fork(1, 5), Exec(5, "a")], 5, "is_thread", "false");
    check(&[Fork(1, 5), Exec(5, "a")], 5, "is_exec", "true");
    check(&[Fork(1, 5), Exec(5, "a")], 5, "ppid", "1");
    // An exec that the tracer could not look at changes neither ids nor directory.
    check(&[SetUser(1, 7), Exec(1, "a")], 1, "uid", "7");
    check(&[Enter(1, "/tmp"), Exec(1, "a")], 1, "cwd", "/tmp");
    check(&[Rename(1, "x"), Exec(1, "a")], 1, "comm", "a");
    check(&[Exec(1, "a")], 1, "created_at", "1000001000000");
    check(&[Exec(1, "a"), Fork(1, 5)], 5, "created_at", "1000002000000");
}

/// What the tracer read after the exec counts: the program may be set-user-ID.
#[test]
fn exec_with_a_snapshot() {
    let mut tree = Tree::default();
    run(&mut tree, &[SetUser(1, 7), Fork(1, 5)]);
    let container = groups::Container { id: b"c".to_vec(), ..Default::default() };
    let exec = |timestamp: u64, euid: i64| {
        let process = groups::Process {
            euid,
            created_at: 5,
            container: container.clone(),
            ..Default::default()
        };
        let exec = events::Exec { process, ..Default::default() };
        let header = Header { pid: 5, tid: 5, timestamp, ..Header::default() };
        Event { header, payload: Payload::Exec(Box::new(exec)) }
    };
    let first = tree.apply(&exec(2_000_000_000_000, 3));
    assert_eq!((first.process().rest().uid, first.process().rest().euid), (0, 3));
    assert_eq!(first.process().rest().container.created_at, 2_000_000_000_000);
    let second = tree.apply(&exec(3_000_000_000_000, 0));
    assert_eq!(second.process().rest().container.created_at, 2_000_000_000_000);
    assert_eq!(first.process().rest().euid, 3, "an image that is over stays what it was");
    assert_eq!(second.parent().unwrap().process().rest().pid, 1);
}

#[test]
fn scans() {
    let process = |pid: i64, ppid: i64, name: &str| groups::Process {
        pid,
        ppid,
        argv0: name.into(),
        created_at: 1,
        ..Default::default()
    };
    let mut tree = Tree::default();
    run(&mut tree, &[Exec(5, "known")]);
    // In any order, with a cycle, with what is known, with nonsense.
    tree.scan(vec![
        process(9, 7, "c"),
        process(7, 1, "b"),
        process(5, 1, "other"),
        process(1, 0, "a"),
        process(20, 21, "x"),
        process(21, 20, "y"),
        process(30, 30, "z"),
        process(0, 1, "zero"),
        process(-1, 1, "minus"),
        process(i64::MAX, 1, "max"),
    ]);
    assert_eq!(tree.len(), 7);
    assert_eq!(line(&tree, 9), "9 c <- 7 b <- 1 a");
    assert_eq!(line(&tree, 5), "5 known");
    assert_eq!(line(&tree, 20), "20 x <- 21 y");
    assert_eq!(line(&tree, 21), "21 y");
    assert_eq!(line(&tree, 30), "30 z");
}

/// Each process makes the next and ends: the line may not grow for ever, nor may its end be a
/// recursion.
#[test]
fn endless_lines() {
    let mut tree = Tree::default();
    let mut steps = Vec::new();
    for pid in 1..20_000 {
        steps.extend([Fork(pid, pid + 1), Exit(pid)]);
    }
    run(&mut tree, &steps);
    let last = tree.get(20_000).unwrap();
    assert_eq!(last.ancestors().count(), ANCESTORS_MAX);
    assert!(tree.len() <= ENDED_MAX + 2);
    assert!(Arc::strong_count(&tree.census) < 2 * ENDED_MAX + 2 * ANCESTORS_MAX);
    // Grown from below, by parents that become known later and later.
    let mut tree = Tree::default();
    let steps: Vec<Step> = (1..50_000).map(|pid| Fork(pid + 1, pid)).collect();
    run(&mut tree, &steps);
    drop(tree);
}

#[test]
fn bounds() {
    let mut tree = Tree::default();
    let events = |pids: std::ops::Range<i32>, time: u64| {
        pids.map(move |pid| event(&Touch(pid), time + u64::from(pid.unsigned_abs())))
    };
    let most = i32::try_from(ENTRIES_MAX).unwrap();
    events(1..most + 1, 1).for_each(|event| drop(tree.apply(&event)));
    assert_eq!(tree.len(), ENTRIES_MAX);
    // Those that were heard of lately stay.
    events(1..100, u64::from(u32::MAX)).for_each(|event| drop(tree.apply(&event)));
    events(most + 1..most + 2, 1).for_each(|event| drop(tree.apply(&event)));
    assert!(tree.len() < ENTRIES_MAX && tree.len() > ENTRIES_MAX / 2);
    assert!((1..100).all(|pid| tree.get(pid).is_some()));
    assert!(tree.get(most + 1).is_some() && tree.get(200).is_none());
}

/// What a forked child shares is not copied; ancestors give up what is big.
#[test]
fn big_images() {
    let mut tree = Tree::default();
    let process = groups::Process {
        argv: vec![vec![b'a'; 2000]; 3],
        envp: vec![vec![b'e'; 100]; 10],
        ..Default::default()
    };
    let exec = events::Exec { process, ..Default::default() };
    let header = Header { pid: 1, tid: 1, timestamp: 1, ..Header::default() };
    tree.apply(&Event { header, payload: Payload::Exec(Box::new(exec)) });
    run(&mut tree, &[Fork(1, 2), SetUser(2, 7), Enter(2, "/"), Exit(1)]);
    let (child, parent) = (tree.get(2).unwrap().process(), tree.get(2).unwrap().parent().unwrap());
    assert!(std::ptr::eq(child.image(), parent.process().image()));
    for pid in 10..10 + i32::try_from(ENDED_MAX).unwrap() {
        run(&mut tree, &[Touch(pid), Exit(pid)]);
    }
    let (parent, child) = (parent.process(), child.image());
    assert_eq!((parent.image().argv.len(), parent.image().args_truncated), (2, true));
    assert_eq!((parent.image().envp.len(), parent.image().envs_truncated), (10, false));
    assert_eq!((child.argv.len(), child.args_truncated), (3, false));
}

fn step() -> impl Strategy<Value = Step> {
    let pid = || 1..12i32;
    prop_oneof![
        4 => (pid(), pid()).prop_map(|(pid, child)| Fork(pid, child)),
        1 => (pid(), pid()).prop_map(|(pid, child)| ForkSibling(pid, child)),
        2 => pid().prop_map(|pid| Exec(pid, "x")),
        2 => pid().prop_map(Exit),
        1 => pid().prop_map(Touch),
        1 => (0..3u64).prop_map(Wait),
    ]
}

proptest! {
    /// Whatever happens: no cycles, no leaks, and every event has an entry of its pid.
    #[test]
    fn any_history(steps in prop::collection::vec(step(), 0..200)) {
        let mut tree = Tree::default();
        let census = Arc::downgrade(&tree.census);
        let mut time = 0;
        for step in &steps {
            time += STEP;
            match step {
                Wait(seconds) => time += seconds * 1_000_000_000,
                step => {
                    let event = event(step, time);
                    let entry = tree.apply(&event);
                    prop_assert_eq!(entry.process().rest().pid, i64::from(event.header.pid));
                }
            }
        }
        for pid in 1..12 {
            let line: Vec<_> = tree.get(pid).into_iter().flat_map(|entry| entry.ancestors()).collect();
            prop_assert!(line.len() < ANCESTORS_MAX);
        }
        drop(tree);
        prop_assert_eq!(census.strong_count(), 0);
    }
}
