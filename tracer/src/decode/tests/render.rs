//! Calls as text.

use sentrace_schema::record::{MaskedDesc, NamedDesc, NamedValue, SetDesc, SetKind};

use super::super::render::{Style, entered, names};
use super::*;
use crate::memory::fake::{FakeMemory, PAGE};

const CWD: u64 = -100_i64 as u64;
const PATH: u64 = 3 * PAGE;
const LONG: u64 = 5 * PAGE;

fn line(call: &Call, memory: &FakeMemory, result: i64) -> String {
    entered(call, memory, Style::default()).returned(result, memory)
}

#[test]
fn texts() {
    let check = |bytes: &[u8], expect: &str| {
        let memory = FakeMemory::new().with(2 * PAGE - 3, bytes);
        let openat = call("i386", "openat", &[CWD, 2 * PAGE - 3, 0, 0]);
        let expect = format!("openat(AT_FDCWD, {expect}, O_RDONLY) = 3");
        assert_eq!(line(&openat, &memory, 3), expect);
    };
    check(b"/etc/passwd\0", r#""/etc/passwd""#);
    check(b"a\"b\\c\n\t\r\x0b\x0c\x01\x0018\0", r#""a\"b\\c\n\t\r\v\f\1""#);
    check(b"\x011\x018\xff\0", r#""\0011\18\377""#);
    check(&[b'x'; 5000], &format!("\"{}\"...", "x".repeat(4096)));
    // The mode counts when a file may be made.
    let unmapped = call("i386", "openat", &[5, 0xdead_0000_1000, 0, 0o644]);
    let expect = "openat(5, 0x1000, O_RDONLY) = -1 EACCES (Permission denied)";
    assert_eq!(line(&unmapped, &FakeMemory::new(), -13), expect);
    let null = call("amd64", "openat", &[5, 0, 0o100, 0o100_644]);
    let expect = "openat(5, NULL, O_RDONLY|O_CREAT, S_IFREG|0644) = -1 (errno 3000)";
    assert_eq!(line(&null, &FakeMemory::new(), -3000), expect);
}

#[test]
fn vectors_of_texts() {
    let memory = FakeMemory::new()
        .with_u32s(PAGE, &[PATH as u32, 0, LONG as u32, 0, 0, 0])
        .with(PATH, b"sh\0")
        .with(LONG, &[b'x'; 300]);
    let execve = call("amd64", "execve", &[PATH, PAGE, 0]);
    let cut = "x".repeat(256);
    let expect = format!("execve(\"sh\", [\"sh\", \"{cut}\"...], NULL) = 0");
    assert_eq!(line(&execve, &memory, 0), expect);
}

#[test]
fn structures_addresses_and_results() {
    let memory = FakeMemory::new()
        .with_u32s(PAGE, &[1, 0, 3, 0])
        .with(2 * PAGE, b"\x02\0\x1f\x90\x7f\0\0\x01\0\0\0\0\0\0\0\0")
        .with_u32s(3 * PAGE, &[16]);
    let check = |abi, name, args: &[u64], result, expect: &str| {
        assert_eq!(line(&call(abi, name, args), &memory, result), expect);
    };
    let expect = "setrlimit(RLIMIT_NOFILE, {rlim_cur=1, rlim_max=3}) = 0";
    check("amd64", "setrlimit", &[7, PAGE], 0, expect);
    let expect = "setrlimit(RLIMIT_NOFILE, {rlim_cur=1, rlim_max=0}) = 0";
    check("i386", "setrlimit", &[7, PAGE], 0, expect);
    let refused = "setrlimit(RLIMIT_NOFILE, 0x5ffc) = -1 EPERM (Operation not permitted)";
    check("amd64", "setrlimit", &[7, 6 * PAGE - 4], -1, refused);
    let inet = r#"{sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr("127.0.0.1")}"#;
    check("amd64", "connect", &[3, 2 * PAGE, 16], 0, &format!("connect(3, {inet}, 16) = 0"));
    check(
        "amd64",
        "connect",
        &[3, 2 * PAGE, 1],
        -22,
        "connect(3, 0x2000, 1) = -1 EINVAL (Invalid argument)",
    );
    // What the kernel writes is only there when it has.
    let accept = [3, 2 * PAGE, 3 * PAGE];
    check("amd64", "accept", &accept, 4, &format!("accept(3, {inet}, [16]) = 4"));
    let expect = "accept(3, 0x2000, [16]) = -1 EAGAIN (Resource temporarily unavailable)";
    check("amd64", "accept", &accept, -11, expect);
    let entered = entered(&call("amd64", "accept", &accept), &memory, Style::default());
    assert_eq!(entered.unfinished(), "accept(3, 0x2000, [16])");
    check(
        "arm64",
        "mmap",
        &[0, 4096, 0, 0x22, u64::MAX, 0],
        0x7000,
        "mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7000",
    );
    check("amd64", "kill", &[u64::MAX, 9], 0, "kill(-1, SIGKILL) = 0");
    check("amd64", "kill", &[1, 34], 0, "kill(1, SIGRT_2) = 0");
    check("i386", "truncate64", &[0, 0, 1], 0, "truncate64(NULL, 4294967296) = 0");
}

#[test]
fn flags_of_any_width() {
    let ruleset = FakeMemory::new().with_u64s(PAGE, &[3, 2, 1 << 40]);
    let check = |abi, name, args: &[u64], memory: &FakeMemory, expect: &str| {
        assert_eq!(line(&call(abi, name, args), memory, 0), expect, "{abi}");
    };
    for abi in ["amd64", "i386", "arm"] {
        let expect = "landlock_create_ruleset({handled_access_fs=LANDLOCK_ACCESS_FS_EXECUTE|\
            LANDLOCK_ACCESS_FS_WRITE_FILE, handled_access_net=LANDLOCK_ACCESS_NET_CONNECT_TCP, \
            scoped=0x10000000000}, 24, 0) = 0";
        check(abi, "landlock_create_ruleset", &[PAGE, 24, 0], &ruleset, expect);
    }
    // A pair of registers, where the ABI has narrow ones.
    let none = FakeMemory::new();
    let expect = "fanotify_mark(3, FAN_MARK_ADD, FAN_OPEN|FAN_ONDIR, AT_FDCWD, NULL) = 0";
    let cwd = u64::from((-100_i32).cast_unsigned());
    check("amd64", "fanotify_mark", &[3, 1, 0x4000_0020, cwd, 0], &none, expect);
    check("i386", "fanotify_mark", &[3, 1, 0x4000_0020, 0, cwd, 0], &none, expect);
    check("arm", "fanotify_mark", &[3, 1, 0x4000_0020, 0, cwd, 0], &none, expect);
    let polled = FakeMemory::new().with_u32s(PAGE, &[3, 0x10_0005]);
    let expect = "poll([{fd=3, events=POLLIN|POLLOUT, revents=POLLHUP}], 1, -1) = 0";
    check("amd64", "poll", &[PAGE, 1, u64::MAX], &polled, expect);
}

#[test]
fn calls_without_a_description() {
    let unknown = Call { abi: AbiId(0), nr: 999, args: [0, 1, 2, 3, 4, 5], ip: 0, sp: 0 };
    let expect = "syscall_0x3e7(0, 0x1, 0x2, 0x3, 0x4, 0x5) = -1 ENOSYS (Function not implemented)";
    assert_eq!(line(&unknown, &FakeMemory::new(), -38), expect);
    let memory = FakeMemory::new().with_u32s(PAGE, &[3, 0, 16]);
    let check = |number, expect: &str| {
        assert_eq!(line(&call("i386", "socketcall", &[number, PAGE]), &memory, 0), expect);
    };
    check(3, "connect(3, NULL, 16) = 0");
    check(77, "socketcall(0x4d, 0x1000) = 0");
}

const fn one(name: &'static str, value: i64) -> NamedDesc {
    NamedDesc { name, value: NamedValue::Same(value) }
}

const fn set(
    kind: SetKind,
    fields: &'static [MaskedDesc],
    values: &'static [NamedDesc],
) -> SetDesc {
    SetDesc { name: "", doc: "", kind, rules: true, fields, values }
}

#[test]
fn names_of_values() {
    static MODES: &[NamedDesc] = &[one("O_RDONLY", 0), one("O_WRONLY", 1), one("O_RDWR", 2)];
    static OPEN: SetDesc = set(
        SetKind::Flags,
        &[MaskedDesc { name: "O_ACCMODE", mask: 3, values: MODES }],
        &[
            one("O_CREAT", 0o100),
            one("O_DSYNC", 0o10000),
            NamedDesc {
                name: "O_DIRECTORY",
                value: NamedValue::PerAbi(&[Some(0o200_000), Some(0o40_000), None]),
            },
            one("O_SYNC", 0o4_010_000),
        ],
    );
    static PROT: SetDesc = set(SetKind::Flags, &[], &[one("PROT_NONE", 0), one("PROT_READ", 1)]);
    static WHENCE: SetDesc = set(SetKind::Enum, &[], &[one("SEEK_SET", 0), one("SEEK_CUR", 1)]);
    let check = |set, abi, bits: u64, expect: &str| {
        assert_eq!(names(AbiId(abi), set, bits.cast_signed(), bits), expect, "{bits:o}");
    };
    check(&OPEN, 0, 0, "O_RDONLY");
    check(&OPEN, 0, 0o102, "O_RDWR|O_CREAT");
    check(&OPEN, 0, 0o4_010_001, "O_WRONLY|O_SYNC");
    check(&OPEN, 0, 0o10_001, "O_WRONLY|O_DSYNC");
    check(&OPEN, 0, 0o200_003, "O_DIRECTORY|0x3");
    check(&OPEN, 1, 0o40_000, "O_RDONLY|O_DIRECTORY");
    check(&OPEN, 0, 0o40_000, "O_RDONLY|0x4000");
    check(&OPEN, 2, 0o40_000, "O_RDONLY|0x4000");
    check(&PROT, 0, 0, "PROT_NONE");
    check(&PROT, 0, 9, "PROT_READ|0x8");
    check(&PROT, 0, 8, "0x8");
    check(&WHENCE, 0, 1, "SEEK_CUR");
    check(&WHENCE, 0, 7, "7");
    check(&WHENCE, 0, 77, "0x4d");
}
