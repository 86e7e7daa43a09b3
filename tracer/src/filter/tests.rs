//! Filters of every ABI against what decoding finds in the same calls.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sentrace_bpf::{SeccompData, action, compile, const_allow, run};

use super::*;
use crate::decode::SYSCALLS;
use crate::decode::table::ArgDesc;
use crate::engine::Call;
use crate::memory::fake::mix;

/// Numbers worth a look: the tables', those between and behind them, and the private ones of
/// 32-bit ARM.
fn numbers() -> impl Iterator<Item = u32> {
    (0..1024).chain(0xf_0000..0xf_0008).chain([0x7fff_ffff])
}

/// The machines that have an ABI.
fn machines() -> BTreeSet<&'static str> {
    ABIS.iter().map(|abi| abi.machine).collect()
}

/// Whether a call may become a wanted event, as decoding sees its registers.
fn may_be_wanted(call: &Call, wanted: &dyn Fn(u16) -> bool) -> bool {
    let Some(arguments) = Arguments::of(call) else { return false };
    match &arguments.syscall.becomes {
        Some(becomes) if arguments.hold(becomes.when) => {
            EVENTS.iter().any(|event| !event.by_engine && wanted(event.id))
        }
        _ => {
            let mut bindings = arguments.syscall.events.iter();
            let binding = bindings.find(|binding| arguments.hold(binding.when));
            binding.is_some_and(|binding| wanted(binding.event))
        }
    }
}

/// Values that the conditions of a call turn on, with their neighbours and with junk above.
fn edges(abi: AbiId, nr: u32) -> Vec<u64> {
    const JUNK: u64 = 0xdead_beef_0000_0000;
    let mut edges = vec![0, u64::MAX];
    for binding in bindings(abi, nr) {
        for condition in binding.when.iter() {
            let values = match &condition.op {
                Op::Eq(value) | Op::Ne(value) | Op::AnyBits(value) | Op::NoBits(value) => {
                    vec![*value]
                }
                Op::In(values) => values.to_vec(),
            };
            for value in values {
                let near = [value, value ^ 1, value.wrapping_add(1), value.wrapping_sub(1), !value];
                edges.extend(near.into_iter().flat_map(|value| [value, value ^ JUNK]));
            }
        }
    }
    edges
}

/// Whether the conditions of a call hold for these registers, as the filter tests them.
fn is_matched(abi: AbiId, syscall: &'static SyscallDesc, args: &[u64; 6]) -> bool {
    let bindings = of_call(abi, syscall);
    bindings.iter().any(|binding| binding.when.iter().all(|condition| condition.holds(args)))
}

/// Every test on every type, in registers, pairs and nowhere.
#[test]
fn conditions_on_any_argument() {
    use table::{Binding, Condition, Dir, Scalar::*, Shapes, Slot::*, Type};
    const VALUE: PerAbi<u64> = PerAbi(&[0xffff_ffff_ffff_ff9c]);
    const ZERO: PerAbi<u64> = PerAbi(&[0]);
    let types = [
        Type::Scalar(Int),
        Type::Scalar(Mode),
        Type::Scalar(Ulong),
        Type::Scalar(U64),
        Type::Scalar(OldUid),
        Type::String,
    ];
    let tests = [
        || Test::Eq(VALUE),
        || Test::Ne(VALUE),
        || Test::Ne(ZERO),
        || Test::AnyBits(VALUE),
        || Test::NoBits(VALUE),
        || Test::In(&[ZERO, VALUE]),
    ];
    let shapes = [
        Shapes::InOrder,
        Shapes::PerAbi(&[&[One(5)], &[One(2)], &[Pair(4)], &[Pair(2)], &[Absent]]),
    ];
    for ty in types {
        for (test, shapes) in
            tests.into_iter().flat_map(|test| shapes.map(|shapes| (test(), shapes)))
        {
            let name = format!("{ty:?} {test:?} {shapes:?}");
            let when = Box::leak(Box::new([Condition { arg: 0, test }]));
            let event = Box::leak(Box::new([Binding { event: 0, when, sources: &[] }]));
            let args = Box::leak(Box::new([ArgDesc { name: "it", ty, dir: Dir::In }]));
            let syscall = SyscallDesc { name: "any", args, shapes, becomes: None, events: event };
            let syscall = Box::leak(Box::new(syscall));
            for abi in ABIS.iter().map(|abi| AbiId(abi.id)) {
                let one = Arguments::new(abi, syscall, [0; 6]);
                if one.width(0).bytes() > one.layout().register.bytes()
                    && matches!(one.slot(0), One(_))
                {
                    continue; // 64 bits do not fit.
                }
                for seed in 0..200 {
                    let values = [0, u64::MAX, 0xffff_ff9c, 0xff9c, 0xffff_ffff, 0x1_0000_0000];
                    let registers = std::array::from_fn(|register| {
                        values[mix(seed << 8 | register as u64) as usize % values.len()]
                    });
                    let expect = Arguments::new(abi, syscall, registers).hold(when);
                    assert_eq!(
                        is_matched(abi, syscall, &registers),
                        expect,
                        "{name} {abi:?} {registers:x?}"
                    );
                }
            }
        }
    }
}

/// Compares all answers of the filters for `wanted` with what decoding says; `seed` chooses the
/// arguments. Answers how many calls stopped.
fn compare(wanted: &dyn Fn(u16) -> bool, seed: u64) -> usize {
    let mut stopped = 0;
    for machine in machines() {
        let program = compile(&sections(machine, wanted, action::TRACE), action::TRACE).unwrap();
        for abi in ABIS.iter().filter(|abi| abi.machine == machine) {
            for nr in numbers() {
                let edges = edges(AbiId(abi.id), nr);
                for turn in 0..if edges.len() > 2 { 24 } else { 1 } {
                    let args = std::array::from_fn(|arg| {
                        let mixed = mix(seed ^ turn << 8 ^ u64::from(nr) << 16 ^ arg as u64);
                        edges[mixed as usize % edges.len()]
                    });
                    let call = Call { abi: AbiId(abi.id), nr, args, ip: 0, sp: 0 };
                    let data = SeccompData {
                        nr: nr | abi.number_flag,
                        arch: abi.audit,
                        args,
                        ..SeccompData::default()
                    };
                    let expect =
                        if may_be_wanted(&call, wanted) { action::TRACE } else { action::ALLOW };
                    assert_eq!(run(&program, &data), expect, "{} {nr} {args:x?}", abi.name);
                    stopped += usize::from(expect == action::TRACE);
                }
            }
        }
    }
    stopped
}

#[test]
fn nothing_is_wanted() {
    assert_eq!(compare(&|_| false, 0), 0);
}

#[test]
fn one_event_is_wanted() {
    for event in &EVENTS {
        let stopped = compare(&|id| id == event.id, 1);
        let is_bound = SYSCALLS
            .iter()
            .any(|syscall| syscall.events.iter().any(|binding| binding.event == event.id));
        assert!(stopped > 0 || !is_bound, "{}", event.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn some_events_are_wanted(seed: u64, chosen: u64) {
        compare(&|event| mix(chosen ^ u64::from(event)) & 1 == 0, seed);
    }
}

#[test]
fn other_architectures_stop() {
    for (machine, foreign) in [("x86_64", 0xC000_00B7), ("aarch64", 0xC000_003E)] {
        let program = compile(&sections(machine, &|_| true, action::TRACE), action::TRACE).unwrap();
        let data = SeccompData { nr: 39, arch: foreign, ..SeccompData::default() };
        assert_eq!(run(&program, &data), action::TRACE);
    }
}

/// All events at once: what has no event costs no more than a look into the kernel's bitmap, and
/// there is room in the program for many more.
#[test]
fn everything_is_wanted() {
    for machine in machines() {
        let sections = sections(machine, &|_| true, action::TRACE);
        assert_eq!(sections.len(), ABIS.iter().filter(|abi| abi.machine == machine).count());
        let program = compile(&sections, action::TRACE).unwrap();
        assert!(program.instructions().len() < 1500, "{}", program.instructions().len());
        for abi in ABIS.iter().filter(|abi| abi.machine == machine) {
            for nr in numbers() {
                let is_free = const_allow(&program, abi.audit, nr | abi.number_flag);
                assert_eq!(is_free, bindings(AbiId(abi.id), nr).is_empty(), "{} {nr}", abi.name);
            }
        }
    }
}

#[test]
fn listings_name_abis_and_calls() {
    let id = EVENTS.iter().find(|event| event.name == "unlink").unwrap().id;
    let sections = sections("x86_64", &|event| event == id, action::TRACE);
    let listing = bpf::disassemble(&compile(&sections, action::TRACE).unwrap(), &CallNames);
    for expect in ["; amd64, x32\n", "; i386\n", "; unlinkat\n", "; x32 unlinkat\n", "if & 0x200"] {
        assert!(listing.contains(expect), "{expect}\n{listing}");
    }
}

#[test]
fn this_machine_has_a_filter() {
    let program = program(&|_| true, action::USER_NOTIF).unwrap();
    assert!(program.instructions().len() > 10);
}
