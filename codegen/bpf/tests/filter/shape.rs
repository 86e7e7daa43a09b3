//! Sizes, errors, and what the kernel may keep in its bitmap.

use std::borrow::Cow;

use sentrace_bpf::{
    Case, CompileError, Condition, Invalid, Op, Program, SeccompData, Section, Verdict, Width,
    action, compile, const_allow, run,
};

use crate::samples::{I386, X32, X86_64};

fn section(rules: Vec<(u32, Verdict)>) -> Section {
    Section { audit: X86_64, number_flag: 0, rules }
}

fn traced(numbers: impl IntoIterator<Item = u32>) -> Vec<(u32, Verdict)> {
    numbers.into_iter().map(|nr| (nr, Verdict::always(action::TRACE))).collect()
}

fn when(arg: u8, width: Width, op: Op, action: u32) -> Case {
    Case { when: Cow::Owned(vec![Condition { arg, width, op }]), action }
}

#[test]
fn unknown_architectures_stop_and_the_number_minus_one_does_not() {
    let program = compile(&[section(traced([0, 1]))], action::TRACE).unwrap();
    let ask = |arch, nr| run(&program, &SeccompData { nr, arch, ..SeccompData::default() });
    assert_eq!(ask(X86_64, 1), action::TRACE);
    assert_eq!(ask(X86_64, 2), action::ALLOW);
    assert_eq!(ask(X86_64, u32::MAX), action::ALLOW);
    assert_eq!(ask(X86_64, X32), action::ALLOW);
    assert_eq!(ask(I386, 2), action::TRACE);
    assert_eq!(ask(0, u32::MAX), action::TRACE);
}

#[test]
fn nothing_to_test_makes_a_short_program() {
    let sizes = [
        (vec![], 2),
        (vec![section(vec![])], 4),
        (vec![section(vec![]), Section { audit: I386, ..Section::default() }], 5),
        (vec![section(traced([])), Section { number_flag: X32, ..section(vec![]) }], 4),
    ];
    for (sections, size) in sizes {
        let program = compile(&sections, action::TRACE).unwrap();
        assert_eq!(program.instructions().len(), size, "{sections:?}");
    }
}

#[test]
fn conditions_that_decide_nothing_are_not_tested() {
    let (trace, allow) = (action::TRACE, action::ALLOW);
    let same = Verdict {
        cases: vec![when(0, Width::U32, Op::Eq(1), allow), when(1, Width::U32, Op::Ne(1), allow)],
        otherwise: allow,
    };
    let never = Verdict {
        cases: vec![
            when(0, Width::U32, Op::AnyBits(1 << 32), trace),
            when(0, Width::U64, Op::In(Cow::Borrowed(&[])), trace),
        ],
        otherwise: allow,
    };
    let always = Verdict {
        cases: vec![
            when(0, Width::U32, Op::NoBits(1 << 32), allow),
            when(0, Width::U32, Op::Eq(1), trace),
        ],
        otherwise: trace,
    };
    let program = compile(&[section(vec![(1, same), (3, never), (5, always)])], trace).unwrap();
    assert_eq!(program.instructions().len(), 4);
    assert!((0..8).all(|nr| const_allow(&program, X86_64, nr)));
}

#[test]
fn calls_with_conditions_leave_the_others_in_the_bitmap() {
    let executable = when(2, Width::U64, Op::AnyBits(4), action::TRACE);
    let mmap = Verdict { cases: vec![executable], otherwise: action::ALLOW };
    let program = compile(&[section(vec![(9, mmap), (257, Verdict::always(action::TRACE))])], 0);
    let program = program.unwrap();
    let constant: Vec<_> = (0..600).filter(|nr| !const_allow(&program, X86_64, *nr)).collect();
    assert_eq!(constant, [9, 257]);
    assert!(!const_allow(&program, I386, 0));
}

#[test]
fn depth_is_that_of_a_balanced_tree() {
    let compiled = |numbers| compile(&[section(traced(numbers))], action::TRACE).unwrap();
    // 401 ranges: two loads, the architecture, 9 tests (one more where a half is odd), the answer.
    let lonely = compiled((0..200).map(|nr| 2 * nr + 1).collect::<Vec<_>>());
    assert!(longest_path(&lonely) <= 13, "{}", longest_path(&lonely));
    let neighbours = compiled((100..500).collect());
    assert_eq!(longest_path(&neighbours), 6);
}

/// Most instructions that an answer takes.
fn longest_path(program: &Program) -> usize {
    let instructions = program.instructions();
    let mut steps = vec![0; instructions.len()];
    for (at, instruction) in instructions.iter().enumerate().rev() {
        let after = |skip: usize| steps[at + 1 + skip];
        steps[at] = 1 + match instruction.code {
            0x06 => 0,
            0x05 => after(instruction.k as usize),
            0x20 | 0x54 => after(0),
            _ => after(instruction.jt.into()).max(after(instruction.jf.into())),
        };
    }
    steps[0]
}

#[test]
fn what_cannot_be_compiled() {
    let trace = || Verdict::always(action::TRACE);
    let argument = |arg, width| Verdict {
        cases: vec![when(arg, width, Op::Eq(1), action::TRACE)],
        otherwise: action::ALLOW,
    };
    let x32 = |rules| Section { audit: X86_64, number_flag: X32, rules };
    let many: Vec<_> = (0..3000).collect();
    let set = Op::In(Cow::Owned(many.iter().map(|number| number << 32 | number).collect()));
    let long =
        Verdict { cases: vec![when(0, Width::U64, set, action::TRACE)], otherwise: action::ALLOW };
    let table = [
        (
            vec![section(vec![(3, trace()), (3, trace())])],
            CompileError::Duplicate { audit: X86_64, number: 3 },
        ),
        (
            vec![section(vec![(X32 | 3, trace())]), x32(vec![(3, trace())])],
            CompileError::Duplicate { audit: X86_64, number: X32 | 3 },
        ),
        (vec![section(vec![(u32::MAX, trace())])], CompileError::NoCall { audit: X86_64 }),
        (vec![section(vec![(1, argument(6, Width::U8))])], CompileError::NoArgument { arg: 6 }),
        (vec![section(vec![(1, argument(5, Width::Pair))])], CompileError::NoArgument { arg: 5 }),
    ];
    for (sections, expect) in table {
        assert_eq!(compile(&sections, action::TRACE), Err(expect));
    }
    let error = compile(&[section(vec![(1, long)])], action::TRACE).unwrap_err();
    assert!(matches!(error, CompileError::Program(Invalid::TooLong(4097..))), "{error}");
}
