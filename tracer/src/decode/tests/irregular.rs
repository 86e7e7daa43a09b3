//! Calls that are an event with some arguments only, and those whose arguments mean something else
//! than they say.

use sentrace_schema::{Payload, events, groups};

use super::*;
use crate::memory::fake::{FakeMemory, PAGE};

const TEXT: u64 = 8 * PAGE - 4;

fn text(text: &str) -> FakeMemory {
    FakeMemory::new().with(TEXT, text.as_bytes()).with(PAGE, b"/mnt\0")
}

fn payload(call: &Call, memory: &dyn Memory, result: i64) -> Payload {
    decode(call, memory, &FakeWorld::default(), result).expect("an event").payload
}

#[test]
fn which_calls_are_events() {
    let memory = text("text\0").with_u64s(2 * PAGE, &[0; 8]);
    let event = |name: &str, args: &[u64]| {
        let events = ["amd64", "x32", "i386", "arm", "arm64"].map(|abi| {
            let syscall = syscall(name).expect("a call");
            let abi_id = sentrace_schema::abi(abi).expect("an ABI").id;
            let numbers = crate::decode::NUMBERS[usize::from(abi_id)];
            numbers.iter().any(|(_, call)| std::ptr::eq(*call, syscall)).then(|| {
                let decoded = decode(&call(abi, name, args), &memory, &FakeWorld::default(), 0);
                decoded.map(|decoded| decoded.payload.event().name)
            })
        });
        let mut events = events.into_iter().flatten();
        let first = events.next().expect("an ABI that has the call");
        assert!(events.all(|event| event == first), "{name} differs between ABIs");
        first
    };
    let some = 2 * PAGE;
    assert_eq!(event("prlimit64", &[0, 7, some, 0]), Some("setrlimit"));
    assert_eq!(event("prlimit64", &[0, 7, 0, some]), None);
    assert_eq!(event("mmap2", &[0, 1, 3, 2, 5, 0]), None);
    assert_eq!(event("mmap2", &[0, 1, 4, 2, 5, 0]), Some("mmap"));
    assert_eq!(event("mprotect", &[0, 1, 3]), None);
    assert_eq!(event("mprotect", &[0, 1, 7]), Some("mprotect"));
    assert_eq!(event("pkey_mprotect", &[0, 1, 4, 1]), Some("mprotect"));
    assert_eq!(event("mknod", &[TEXT, 0o010_644, 0]), Some("mknod"));
    assert_eq!(event("mknod", &[TEXT, 0o020_644, 0x103]), Some("mknod"));
    assert_eq!(event("mknodat", &[3, TEXT, 0o060_644, 0x103]), Some("mknod"));
    assert_eq!(event("mknodat", &[3, TEXT, 0o140_644, 0]), Some("mknod"));
    assert_eq!(event("mknodat", &[3, TEXT, 0o100_644, 0]), Some("open"));
    assert_eq!(event("mknodat", &[3, TEXT, 0o644, 0]), Some("open"));
    assert_eq!(event("unlinkat", &[3, TEXT, 0x200]), Some("rmdir"));
    assert_eq!(event("unlinkat", &[3, TEXT, 0]), Some("unlink"));
    assert_eq!(event("open_tree", &[3, TEXT, 0]), None);
    assert_eq!(event("open_tree", &[3, TEXT, 0x8001]), Some("mount"));
    assert_eq!(event("open_tree_attr", &[3, TEXT, 0x8000, 0, 0]), None);
    assert_eq!(event("open_tree_attr", &[3, TEXT, 0x8000, some, 32]), Some("mount_setattr"));
    assert_eq!(event("open_tree_attr", &[3, TEXT, 0x8001, some, 32]), Some("mount"));
    assert_eq!(event("kill", &[1, 0]), Some("signal"));
    assert_eq!(event("memfd_secret", &[0]), Some("memfd_create"));
    assert_eq!(event("uselib", &[TEXT]), Some("open"));
}

#[test]
fn anonymous_memory_has_no_file() {
    let mmap = |flags| call("amd64", "mmap", &[0, 4096, 5, flags, 7, 0]);
    let path = |flags| match payload(&mmap(flags), &FakeMemory::new(), 0x1000) {
        Payload::Mmap(mmap) => mmap.file.path,
        other => panic!("{other:?}"),
    };
    assert_eq!(path(2), b"fd:7");
    assert_eq!(path(0x22), b"");
}

#[test]
fn what_is_mounted_is_a_path_or_whatever_the_file_system_likes() {
    let source = |name: &str, flags| {
        let mount = call("arm64", "mount", &[TEXT, PAGE, 0, flags, 0]);
        match payload(&mount, &text(&format!("{name}\0")), 0) {
            Payload::Mount(mount) => {
                assert_eq!(mount.mountpoint_path, b"cwd:/mnt");
                assert_eq!(mount.syscall_source_path, name.as_bytes());
                String::from_utf8(mount.source_path).expect("text")
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(source("proc", 0), "proc");
    assert_eq!(source("host:/share", 0x400), "host:/share");
    assert_eq!(source("/dev/sda1", 0), "cwd:/dev/sda1");
    assert_eq!(source("here", 0x1000), "cwd:here");
    assert_eq!(source("here", 0x2000), "cwd:here");
}

#[test]
fn a_file_is_renamed_to_what_is_there_afterwards() {
    let rename = call("amd64", "renameat", &[3, TEXT, 4, PAGE]);
    let world = FakeWorld::default();
    world.missing.borrow_mut().push(b"/mnt".to_vec());
    let memory = text("old\0");
    let pending = entry(&rename, &memory, &world).expect("an event");
    world.missing.borrow_mut().clear();
    match pending.exit(0, &memory, &world).expect("an event").payload {
        Payload::Rename(rename) => {
            assert_eq!(rename.file.path, b"3:old!");
            assert_eq!(
                (rename.file_destination.path, rename.file_destination.inode),
                (b"4:/mnt!".into(), 1)
            );
            assert_eq!(rename.syscall_destination_path, b"/mnt");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_that_open_connections() {
    const FASTOPEN: u64 = 0x2000_0000;
    let addr = groups::Addr { family: 1, path: b"/bus".into(), ..groups::Addr::default() };
    let connect = events::Connect { addr, protocol: 0 };
    let unix = FakeMemory::new().with(TEXT, b"\x01\0/bus");

    let sendto = |flags| call("amd64", "sendto", &[3, 0, 0, flags, TEXT, 6]);
    check(&sendto(FASTOPEN), &unix, 0, connect.clone(), 0);
    assert_eq!(decode(&sendto(0), &unix, &FakeWorld::default(), 0), None);

    let unix = unix.with_u64s(PAGE, &[TEXT, 6]).with_u32s(2 * PAGE, &[TEXT as u32, 6]);
    check(&call("amd64", "sendmsg", &[3, PAGE, FASTOPEN]), &unix, 0, connect.clone(), 0);
    check(&call("x32", "sendmsg", &[3, 2 * PAGE, FASTOPEN]), &unix, 0, connect.clone(), 0);
    check(&call("arm", "sendmsg", &[3, 2 * PAGE, FASTOPEN]), &unix, 0, connect, 0);
    let nobody = events::Connect::default();
    check(
        &call("arm", "sendmsg", &[3, 4 * PAGE, FASTOPEN]),
        &unix.with_u32s(4 * PAGE, &[0, 6]),
        0,
        nobody,
        0,
    );
}

#[test]
fn shared_memory_that_is_executable() {
    const SHM_EXEC: u64 = 0o100000;
    let nothing = FakeMemory::new();
    let shared = events::Mmap { protection: 4, flags: 1, ..events::Mmap::default() };
    check(&call("arm", "shmat", &[1, 0, SHM_EXEC]), &nothing, 0, shared.clone(), 0);
    // The lower half of the first argument says which call, the upper half is a version.
    let ipc = |which, flags| call("i386", "ipc", &[which, 1, flags, PAGE, 0, 0]);
    check(&ipc(21, SHM_EXEC), &nothing, 0, shared.clone(), 0);
    check(&ipc(0xffff_0015, SHM_EXEC), &nothing, 0, shared, 0);
    let none = |call| assert_eq!(decode(&call, &nothing, &FakeWorld::default(), 0), None);
    none(ipc(21, 0o10000));
    none(ipc(23, SHM_EXEC));
    none(ipc(20, SHM_EXEC));
    none(ipc(0x115, SHM_EXEC));
    none(call("arm", "shmat", &[1, 0, 0o10000]));
}

#[test]
fn filters_of_sockets() {
    // ldh [12]; jeq #0x800, l2, l3; ret #0x40000; ret #0x0
    let filter = [0x28, 12, 0x0100_0015, 0x800, 6, 0x40000, 6, 0];
    let memory = FakeMemory::new()
        .with_u32s(PAGE, &filter)
        .with_u64s(2 * PAGE, &[4, PAGE])
        .with_u32s(3 * PAGE, &[4, PAGE as u32])
        .with_u64s(4 * PAGE, &[600, 8 * PAGE])
        .with_u32s(8 * PAGE, &[6; 1200]);
    let option = |abi, level, name, at| {
        let setsockopt = call(abi, "setsockopt", &[3, level, name, at, 16]);
        match payload(&setsockopt, &memory, 0) {
            Payload::Setsockopt(setsockopt) => setsockopt.socket_filter,
            other => panic!("{other:?}"),
        }
    };
    let expect = groups::SocketFilter {
        filter_len: 4,
        is_filter_truncated: false,
        filter_instructions:
            b"l0: ldh [12]\nl1: jeq #0x800, l2, l3\nl2: ret #0x40000\nl3: ret #0x0".into(),
        // sha256sum(1) of the bytes above
        filter_hash: b"595fbeb764d7f29e00c4c242b6f38c18992b1818aa53ef42b19915455eee76f4".into(),
        used_immediates: vec![0, 0x800, 0x40000],
    };
    assert_eq!(option("amd64", 1, 26, 2 * PAGE), expect);
    assert_eq!(option("arm64", 1, 51, 2 * PAGE), expect);
    assert_eq!(option("i386", 1, 26, 3 * PAGE), expect);
    let long = option("amd64", 1, 26, 4 * PAGE);
    assert_eq!((long.filter_len, long.is_filter_truncated), (600, true));
    assert_eq!(long.filter_instructions.split(|byte| *byte == b'\n').count(), 512);
    assert_eq!(option("amd64", 6, 26, 2 * PAGE), groups::SocketFilter::default());
    assert_eq!(option("amd64", 1, 2, 2 * PAGE), groups::SocketFilter::default());
}

#[test]
fn protection_before_the_call() {
    let protection =
        |name: &str, args: &[u64]| match payload(&call("arm64", name, args), &FakeMemory::new(), 0)
        {
            Payload::Mprotect(mprotect) => (mprotect.vm_protection, mprotect.req_protection),
            other => panic!("{other:?}"),
        };
    assert_eq!(protection("mprotect", &[3 * PAGE, PAGE, 5]), (3, 5));
    assert_eq!(protection("pkey_mprotect", &[PAGE, PAGE, 4, 1]), (1, 4));
}

#[test]
fn parameters_of_modules_that_are_cut() {
    let is_cut = |len: usize| {
        let memory = FakeMemory::new().with(PAGE, &vec![b'a'; len]).with(PAGE + len as u64, b"\0");
        match payload(&call("amd64", "finit_module", &[3, PAGE, 0]), &memory, 0) {
            Payload::LoadModule(module) => module.args_truncated,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([1, 4096, 4097].map(is_cut), [false, false, true]);
}

#[test]
fn flags_of_the_two_ways_to_load_a_kernel() {
    let flags =
        |name: &str, args: &[u64]| match payload(&call("amd64", name, args), &FakeMemory::new(), 0)
        {
            Payload::Kexec(kexec) => (kexec.flags, kexec.file_flags),
            other => panic!("{other:?}"),
        };
    assert_eq!(flags("kexec_load", &[0, 0, 0, 1]), (1, 0));
    assert_eq!(flags("kexec_file_load", &[3, 4, 0, 0, 2]), (0, 2));
}
