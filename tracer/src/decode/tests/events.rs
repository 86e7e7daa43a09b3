//! What a call becomes.

use sentrace_schema::wire::{PREDICTED, TOCTOU, TRUNCATED, UNREADABLE};
use sentrace_schema::{events, groups};

use super::*;
use crate::memory::fake::{FakeMemory, PAGE};

const PATH: u64 = 8 * PAGE - 4;
const CWD: u64 = -100_i64 as u64;
const EACCES: i64 = -13;

fn path() -> FakeMemory {
    FakeMemory::new().with(PATH, b"etc/passwd\0")
}

fn file(path: &str, inode: i64) -> groups::File {
    groups::File { path: path.into(), inode, ..groups::File::default() }
}

fn opened(name: &str) -> events::Open {
    let syscall_path = b"etc/passwd".to_vec();
    let [flags, file_destination_mode] = [0o1101, 0o644];
    events::Open { file: file(name, 1), flags, file_destination_mode, syscall_path }
}

#[test]
fn a_path_is_a_file_and_a_text() {
    for abi in ["amd64", "arm64", "i386", "arm", "x32"] {
        let openat = call(abi, "openat", &[5, PATH, 0o1101, 0o644]);
        check(&openat, &path(), 3, opened("fd:3"), 0);
        check(&openat, &path(), -1, opened("5:etc/passwd"), 0);
        let openat = call(abi, "openat", &[CWD, PATH, 0o1101, 0o644]);
        check(&openat, &path(), -13, opened("cwd:etc/passwd"), 0);
        assert_eq!(decode(&openat, &path(), &FakeWorld::default(), -2), None, "ENOENT");
    }
}

#[test]
fn what_cannot_be_read_is_marked() {
    let openat = |path| call("amd64", "openat", &[CWD, path, 0, 0]);
    let nothing = events::Open::default;
    check(&openat(0x1000), &FakeMemory::new(), EACCES, nothing(), UNREADABLE);
    check(&openat(u64::MAX), &FakeMemory::new(), EACCES, nothing(), UNREADABLE);
    // NULL is no path; what it means depends on the call.
    check(
        &openat(0),
        &FakeMemory::new(),
        EACCES,
        events::Open { file: file("cwd:", 1), ..nothing() },
        0,
    );

    let memory = FakeMemory::new().with(PATH, &[b'x'; 5000]);
    let text = "x".repeat(4096);
    let cut = events::Open {
        file: file(&format!("cwd:{text}"), 1),
        syscall_path: text.into(),
        ..nothing()
    };
    check(&openat(PATH), &memory, EACCES, cut, TRUNCATED);

    let memory = FakeMemory::new().with(PATH, b"last");
    let cut = events::Open { file: file("cwd:last", 1), syscall_path: b"last".into(), ..nothing() };
    check(&openat(PATH), &memory, EACCES, cut, UNREADABLE);
}

#[test]
fn a_file_that_the_call_makes_is_looked_up_again() {
    let mkdir = call("amd64", "mkdir", &[PATH, 0o755]);
    let after = |result| {
        let world = FakeWorld::default();
        world.missing.borrow_mut().push(b"etc/passwd".to_vec());
        let pending = entry(&mkdir, &path(), &world).expect("an event");
        world.missing.borrow_mut().clear();
        match pending.exit(result, &path(), &world).expect("an event").payload {
            Payload::Mkdir(mkdir) => mkdir.file.inode,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(after(0), 1);
    assert_eq!(after(-13), 0);
}

#[test]
fn memory_that_changes_during_the_call_is_marked() {
    let mkdir = call("amd64", "mkdir", &[PATH, 0o755]);
    let world = FakeWorld::default();
    let pending = || entry(&mkdir, &path(), &world).expect("an event");
    let marks = |memory: &FakeMemory| pending().exit(0, memory, &world).expect("an event").marks;
    assert_eq!(marks(&path()), 0);
    assert_eq!(marks(&path().with(PATH, b"tmp")), TOCTOU);
    assert_eq!(marks(&FakeMemory::new()), TOCTOU);
    let changed = path().with(PATH, b"tmp");
    match pending().exit(0, &changed, &world).expect("an event").payload {
        Payload::Mkdir(mkdir) => assert_eq!(mkdir.syscall_path, b"etc/passwd"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_waits_for_the_result() {
    let openat = call("amd64", "openat", &[5, PATH, 0o1101, 0o644]);
    let world = FakeWorld::default();
    let decoded = entry(&openat, &path(), &world).expect("an event").predicted(&path(), &world);
    assert_eq!(decoded, Decoded { payload: opened("5:etc/passwd").into(), marks: PREDICTED });
}

#[test]
fn the_first_event_whose_conditions_hold() {
    let text = b"etc/passwd".to_vec();
    let rmdir = call("amd64", "unlinkat", &[CWD, PATH, 0xffff_ffff_0000_0200]);
    let expect = events::Rmdir { file: file("cwd:etc/passwd!", 1), syscall_path: text.clone() };
    check(&rmdir, &path(), 0, expect, 0);
    let unlink = call("amd64", "unlinkat", &[7, PATH, 0xffff_ffff_0000_0000]);
    let expect = events::Unlink {
        file: file("7:etc/passwd!", 1),
        flags: 0,
        syscall_dirfd: 7,
        syscall_path: text,
    };
    check(&unlink, &path(), 0, expect, 0);
    let mmap = |prot| call("amd64", "mmap", &[0, 4096, prot, 0x22, u64::MAX, 0]);
    assert_eq!(decode(&mmap(3), &path(), &FakeWorld::default(), 0x1000), None);
    let expect = events::Mmap { file: file("", 0), protection: 5, flags: 0x22 };
    check(&mmap(5), &path(), 0x1000, expect, 0);
}

#[test]
fn names_of_ids_and_processes() {
    let chown = call("i386", "chown", &[PATH, 0, 0xffff]);
    let expect = events::Chown {
        file: file("cwd:etc/passwd", 1),
        file_destination_uid: 0,
        file_destination_user: b"user0".into(),
        file_destination_gid: -1,
        file_destination_group: vec![],
        syscall_path: b"etc/passwd".into(),
    };
    check(&chown, &path(), 0, expect, 0);
    let signal = |pid: i64| {
        let kill = call("arm", "kill", &[pid.cast_unsigned(), 9]);
        match decode(&kill, &path(), &FakeWorld::default(), 0).expect("an event").payload {
            Payload::Signal(signal) => (signal.pid, signal.target.pid, signal.target.comm),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(signal(12), (12, 12, b"other".into()));
    assert_eq!(signal(0), (0, 100, b"me".into()));
    assert_eq!(signal(-1), (-1, -1, b"other".into()));
}

#[test]
fn members_are_where_the_abi_has_them() {
    let memory = FakeMemory::new().with_u32s(PATH, &[1, 2, 3, 0x8000_0000]);
    let check_on = |abi, rlim_cur, rlim_max, target| {
        let setrlimit = call(abi, "setrlimit", &[7, PATH]);
        let target = groups::Process { pid: target, comm: b"me".into(), ..Default::default() };
        let expect = events::Setrlimit { resource: 7, rlim_cur, rlim_max, target };
        check(&setrlimit, &memory, 0, expect, 0);
    };
    check_on("amd64", 0x2_0000_0001, i64::MIN | 3, 100);
    check_on("x32", 0x2_0000_0001, i64::MIN | 3, 100);
    check_on("i386", 1, 2, 100);
    check_on("arm", 1, 2, 100);
    let setrlimit = call("amd64", "setrlimit", &[7, 9 * PAGE - 8]);
    let decoded = decode(&setrlimit, &memory, &FakeWorld::default(), 0).expect("an event");
    assert_eq!(decoded.marks, UNREADABLE);
}

#[test]
fn addresses_at_entry_and_exit() {
    let inet = b"\x02\0\x1f\x90\x7f\0\0\x01\0\0\0\0\0\0\0\0";
    let memory = FakeMemory::new().with(PATH, inet).with_u32s(PAGE, &[16]);
    let ip = Some([127, 0, 0, 1].into());
    let addr = groups::Addr { ip, port: 8080, family: 2, path: vec![] };
    let connect = |len| call("amd64", "connect", &[3, PATH, len]);
    let connected = |addr: &groups::Addr| events::Connect { addr: addr.clone(), protocol: 0 };
    check(&connect(16), &memory, 0, connected(&addr), 0);
    check(&connect(0xffff_ffff_0000_0010), &memory, 0, connected(&addr), 0);
    check(&connect(0), &memory, 0, connected(&groups::Addr::default()), 0);

    let accept = call("amd64", "accept", &[3, PATH, PAGE]);
    check(&accept, &memory, 4, events::Accept { addr: addr.clone() }, 0);
    let world = FakeWorld { peer: b"\x01\0\0bus".to_vec(), ..FakeWorld::default() };
    for args in [[3, PATH, PAGE], [3, 0, 0]] {
        let decoded = decode(&call("amd64", "accept", &args), &memory, &world, 4);
        let addr = groups::Addr { family: 1, path: b"@bus".into(), ..groups::Addr::default() };
        assert_eq!(decoded.expect("an event").payload, events::Accept { addr }.into());
    }

    // A pointer that leads nowhere, and a socketcall.
    let socketcall = call("i386", "socketcall", &[3, PAGE]);
    let memory = memory.with_u32s(PAGE, &[3, PATH as u32, 16]);
    check(&socketcall, &memory, 0, connected(&addr), 0);
    let memory = FakeMemory::new().with_u32s(PAGE, &[3, 0x1000_0000, 16]);
    check(&socketcall, &memory, 0, connected(&groups::Addr::default()), UNREADABLE);
}

#[test]
fn sources_in_rust() {
    // Header of version 3, then effective, permitted, inheritable twice.
    let memory = FakeMemory::new()
        .with_u32s(PAGE, &[0x2008_0522, 0])
        .with_u32s(2 * PAGE, &[1, 2, 4, 8, 16, 32]);
    let capset = |header, data| call("amd64", "capset", &[header, data]);
    let sets = |cap_effective, cap_permitted| events::Capset {
        capability_sets: groups::CapabilitySets { cap_effective, cap_permitted },
    };
    check(&capset(PAGE, 2 * PAGE), &memory, 0, sets(0x8_0000_0001, 0x10_0000_0002), 0);
    let old = memory.with_u32s(PAGE, &[0x1998_0330]);
    check(&capset(PAGE, 2 * PAGE), &old, 0, sets(1, 2), 0);
    check(&capset(PAGE, 9 * PAGE), &old, 0, sets(0, 0), UNREADABLE);

    let prctl = |option| call("arm64", "prctl", &[option, PATH]);
    let named = |option, name: &str| events::Prctl { option, new_name: name.into() };
    check(&prctl(15), &path(), 0, named(15, "etc/passwd"), 0);
    check(&prctl(22), &path(), 0, named(22, ""), 0);

    let user_ids = groups::UserIds { uid: 1, euid: 2, fsuid: 3, ..groups::UserIds::default() };
    check(&call("amd64", "setuid", &[2]), &path(), 0, events::Setuid { user_ids }, 0);

    let by_handle = call("amd64", "open_by_handle_at", &[3, PATH, 1]);
    let expect = events::Open { file: file("fd:9", 1), flags: 1, ..events::Open::default() };
    check(&by_handle, &path(), 9, expect, 0);
}
