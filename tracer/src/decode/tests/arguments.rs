//! Which register, how wide, with which sign.

use super::super::table::*;
use super::super::{Arguments, irregular};
use super::call;
use crate::engine::{AbiId, Call};
use crate::memory::Width;

const JUNK: u64 = 0xdead_beef_0000_0000;

fn value_of(call: &Call, name: &str) -> i64 {
    let arguments = Arguments::of(call).expect("a known call");
    arguments.value(arguments.index(name).expect("an argument"))
}

#[test]
fn upper_halves_do_not_count_for_int_types() {
    for abi in ["amd64", "arm64", "i386", "arm", "x32"] {
        let openat = call(abi, "openat", &[JUNK | 0xffff_ff9c, 8, JUNK | 0o1101, JUNK | 0o644]);
        assert_eq!(value_of(&openat, "dfd"), -100, "{abi}");
        assert_eq!(value_of(&openat, "flags"), 0o1101, "{abi}");
        assert_eq!(value_of(&openat, "mode"), 0o644, "{abi}");
        let kill = call(abi, "kill", &[JUNK | 0xffff_fff6, JUNK | 9]);
        assert_eq!((value_of(&kill, "pid"), value_of(&kill, "sig")), (-10, 9), "{abi}");
    }
    // `umode_t` has 16 bits.
    let openat = call("amd64", "openat", &[3, 8, 0, 0xffff_81ed]);
    assert_eq!(value_of(&openat, "mode"), 0o100_755);
}

#[test]
fn pointers_are_as_wide_as_registers() {
    let address = JUNK | 0x1234_5678;
    let check = |abi, expect: u64| {
        let openat = call(abi, "openat", &[0, address, 0, 0]);
        assert_eq!(value_of(&openat, "filename"), expect.cast_signed(), "{abi}");
    };
    check("amd64", address);
    check("arm64", address);
    // The kernel follows all of it, though programs have 32 bits.
    check("x32", address);
    check("i386", 0x1234_5678);
    check("arm", 0x1234_5678);
}

#[test]
fn pairs_of_registers() {
    let check = |abi, args: &[u64], expect| {
        assert_eq!(value_of(&call(abi, "truncate64", args), "length"), expect, "{abi} {args:x?}");
    };
    check("i386", &[0, JUNK | 0x8000_0001, JUNK | 2], 0x2_8000_0001);
    check("i386", &[0, 0xffff_fffe, 0xffff_ffff], -2);
    check("arm", &[0, JUNK | 7, JUNK | 0x8000_0001, JUNK | 2], 0x2_8000_0001);
}

#[test]
fn old_ids_are_narrow_where_the_abi_says_so() {
    let check = |abi, args: &[u64], expect: (i64, i64)| {
        let chown = call(abi, "chown", args);
        assert_eq!((value_of(&chown, "user"), value_of(&chown, "group")), expect, "{abi}");
    };
    check("amd64", &[0, JUNK | 70_000, JUNK | 0xffff_ffff], (70_000, -1));
    check("amd64", &[0, 0xffff, 4_000_000_000], (65_535, 4_000_000_000));
    check("i386", &[0, JUNK | 0x1_0005, JUNK | 0xffff], (5, -1));
}

#[test]
fn conditions_see_what_counts() {
    static VALUES: [PerAbi<u64>; 2] = [PerAbi(&[1]), PerAbi(&[u64::MAX - 9])];
    let kill = call("amd64", "kill", &[JUNK | 0xffff_fff6, 9]);
    let arguments = Arguments::of(&kill).expect("a known call");
    let check = |test, expect| {
        let condition = Condition { arg: 0, test };
        assert_eq!(arguments.holds(&condition), expect, "{condition:?}");
    };
    check(Test::Eq(PerAbi(&[u64::MAX - 9])), true);
    check(Test::Ne(PerAbi(&[u64::MAX - 9])), false);
    check(Test::Eq(PerAbi(&[10])), false);
    check(Test::AnyBits(PerAbi(&[6])), true);
    check(Test::AnyBits(PerAbi(&[9])), false);
    check(Test::AnyBits(PerAbi(&[1 << 40])), false);
    check(Test::NoBits(PerAbi(&[9])), true);
    check(Test::In(&VALUES), true);
    check(Test::In(&[]), false);
    check(Test::Eq(PerAbi(&[0, 1, 2, 3, 4])), false);
}

#[test]
fn numbers_find_their_call() {
    let check = |abi, nr, expect: Option<&str>| {
        let call = Call { abi: AbiId(abi), nr, args: [0; 6], ip: 0, sp: 0 };
        assert_eq!(Arguments::of(&call).map(|call| call.syscall.name), expect, "{abi} {nr}");
    };
    check(0, 257, Some("openat"));
    check(1, 56, Some("openat"));
    check(2, 295, Some("openat"));
    check(3, 0xf_0002, Some("cacheflush"));
    check(0, 0xf_0002, None);
    check(0, u32::MAX, None);
    check(5, 257, None);
    check(u16::MAX, 257, None);
}

#[test]
fn numbers_of_scalars() {
    let abi = AbiLayout { word: Width::W32, register: Width::W64, old_id: Width::W16 };
    let check = |scalar: Scalar, bits, expect| {
        assert_eq!(scalar.number(bits, scalar.width(&abi)), expect, "{scalar:?} {bits:#x}");
    };
    check(Scalar::Int, 0xffff_ffff, -1);
    check(Scalar::Uint, 0xffff_ffff, 0xffff_ffff);
    check(Scalar::Long, 0xffff_ffff, -1);
    check(Scalar::Ulong, JUNK | 0xffff_ffff, 0xffff_ffff);
    check(Scalar::KernelLong, u64::MAX, -1);
    check(Scalar::U64, u64::MAX, -1);
    check(Scalar::U8, 0x1ff, 0xff);
    check(Scalar::Uid, 0xffff_ffff, -1);
    check(Scalar::Uid, 0xffff_fffe, 0xffff_fffe);
    check(Scalar::OldGid, 0xffff, -1);
    check(Scalar::OldGid, 0x1_0000, 0);
}

#[test]
fn results() {
    let only = Results::Only { success: true, errors: &[1, 13] };
    let failures = Results::Only { success: false, errors: &[2] };
    let check = |result, expect: [bool; 3]| {
        let results = [&Results::All, &only, &failures];
        assert_eq!(results.map(|results| results.include(result)), expect, "{result}");
    };
    check(0, [true, true, false]);
    check(7, [true, true, false]);
    check(-1, [true, true, false]);
    check(-13, [true, true, false]);
    check(-2, [true, false, true]);
    check(-4095, [true, false, false]);
    // An address of a 32-bit program, sign-extended.
    check(-0x0800_0000, [true, true, false]);
    check(i64::MIN, [true, true, false]);
}

/// Calls in disguise end where no call is.
#[test]
fn what_carries_no_call() {
    let memory = crate::memory::fake::FakeMemory::new();
    for number in [0, 21, JUNK, u64::MAX] {
        let socketcall = call("i386", "socketcall", &[number, 0]);
        assert!(Arguments::meant(&socketcall, &memory).is_none(), "{number}");
    }
    let arguments = Arguments::of(&call("i386", "old_mmap", &[8])).expect("a known call");
    let mmap = irregular::old_mmap(&arguments, &memory).expect("mmap");
    assert_eq!((mmap.syscall.name, mmap.value(4)), ("mmap", 0));
}
