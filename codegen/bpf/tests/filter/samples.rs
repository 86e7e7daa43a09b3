//! Random rules, and calls that lie at their edges.

use std::borrow::Cow;
use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use sentrace_bpf::{Case, Condition, Op, SeccompData, Section, Verdict, Width, action};

/// x86-64, with the numbers of x32 beside it.
pub(crate) const X86_64: u32 = 0xC000_003E;
/// i386.
pub(crate) const I386: u32 = 0x4000_0003;
/// The bit in the numbers of x32.
pub(crate) const X32: u32 = 0x4000_0000;

/// Values whose halves, signs and neighbours are easily confused.
const VALUES: &[u64] = &[
    0,
    1,
    4,
    0xff,
    0x100,
    0x1_0001,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ff9c,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0001,
    0x4_0000_0004,
    0x8000_0000_0000_0000,
    0xffff_ffff_0000_0000,
    0xffff_ffff_ffff_ff9c,
    u64::MAX,
];

/// A value at an edge, or any.
pub(crate) fn value() -> impl Strategy<Value = u64> {
    prop_oneof![8 => select(VALUES), 1 => any::<u64>()]
}

/// Argument registers.
pub(crate) fn args() -> impl Strategy<Value = [u64; 6]> {
    prop::array::uniform6(value())
}

fn condition() -> impl Strategy<Value = Condition> {
    let op = prop_oneof![
        value().prop_map(Op::Eq),
        value().prop_map(Op::Ne),
        value().prop_map(Op::AnyBits),
        value().prop_map(Op::NoBits),
        vec(value(), 0..5).prop_map(|values| Op::In(Cow::Owned(values))),
    ];
    let width = select(&[Width::U8, Width::U16, Width::U32, Width::U64, Width::Pair][..]);
    (0..6_u8, width, op).prop_map(|(arg, width, op)| {
        let arg = if width == Width::Pair { arg.min(4) } else { arg };
        Condition { arg, width, op }
    })
}

/// A verdict of some of `actions`.
pub(crate) fn verdict(actions: &'static [u32]) -> impl Strategy<Value = Verdict> {
    let case = (vec(condition(), 0..4), select(actions))
        .prop_map(|(when, action)| Case { when: Cow::Owned(when), action });
    prop_oneof![
        (vec(case, 0..4), select(actions))
            .prop_map(|(cases, otherwise)| Verdict { cases, otherwise }),
        select(actions).prop_map(Verdict::always),
    ]
}

/// Rules for `numbers`, most of them close together.
pub(crate) fn rules(
    numbers: std::ops::Range<u32>,
    most: usize,
    actions: &'static [u32],
) -> impl Strategy<Value = BTreeMap<u32, Verdict>> {
    btree_map(numbers, verdict(actions), 0..most)
}

/// Sections of the ABIs of x86-64.
pub(crate) fn sections(most: usize) -> impl Strategy<Value = Vec<Section>> {
    const ACTIONS: &[u32] = &[
        action::ALLOW,
        action::TRACE,
        action::with_data(action::TRACE, 7),
        action::USER_NOTIF,
        action::errno(38),
    ];
    let section = move |audit, number_flag| {
        rules(0..600, most, ACTIONS).prop_map(move |rules| Section {
            audit,
            number_flag,
            rules: rules.into_iter().collect(),
        })
    };
    (section(X86_64, 0), section(X86_64, X32), section(I386, 0))
        .prop_map(|(amd64, x32, i386)| vec![amd64, x32, i386])
}

/// A call, mostly one that has or neighbours a rule.
pub(crate) fn call() -> impl Strategy<Value = SeccompData> {
    let arch = prop_oneof![4 => select(&[X86_64, I386][..]), 1 => any::<u32>()];
    let flag = select(&[0, X32][..]);
    let nr = prop_oneof![20 => 0..602_u32, 1 => select(&[u32::MAX, i32::MAX as u32][..])];
    (arch, flag, nr, any::<u64>(), args()).prop_map(
        |(arch, flag, nr, instruction_pointer, args)| SeccompData {
            nr: nr | flag,
            arch,
            instruction_pointer,
            args,
        },
    )
}

/// What the rules say to a call, read as they are documented.
pub(crate) fn expected(sections: &[Section], trap: u32, call: &SeccompData) -> u32 {
    if sections.iter().all(|section| section.audit != call.arch) {
        return trap;
    }
    for section in sections.iter().filter(|section| section.audit == call.arch) {
        for (nr, verdict) in &section.rules {
            if nr + section.number_flag == call.nr {
                return answer(verdict, &call.args);
            }
        }
    }
    action::ALLOW
}

fn answer(verdict: &Verdict, args: &[u64; 6]) -> u32 {
    for case in &verdict.cases {
        if case.when.iter().all(|condition| holds(condition, args)) {
            return case.action;
        }
    }
    verdict.otherwise
}

fn holds(condition: &Condition, args: &[u64; 6]) -> bool {
    let register = args[usize::from(condition.arg)];
    let cut = |value: u64| match condition.width {
        Width::U8 => u64::from(value as u8),
        Width::U16 => u64::from(value as u16),
        Width::U32 => u64::from(value as u32),
        Width::U64 | Width::Pair => value,
    };
    let value = match condition.width {
        Width::Pair => {
            let high = args[usize::from(condition.arg) + 1] as u32;
            u64::from(high) * 0x1_0000_0000 + u64::from(register as u32)
        }
        _ => cut(register),
    };
    match &condition.op {
        Op::Eq(operand) => value == cut(*operand),
        Op::Ne(operand) => value != cut(*operand),
        Op::AnyBits(bits) => value & cut(*bits) != 0,
        Op::NoBits(bits) => value & cut(*bits) == 0,
        Op::In(operands) => operands.iter().any(|operand| cut(*operand) == value),
    }
}
