//! What the interpreter answers is what the rules say.

use std::borrow::Cow;

use proptest::collection::vec;
use proptest::prelude::*;
use sentrace_bpf::{
    Case, Condition, Op, SeccompData, Section, Verdict, Width, action, compile, const_allow, run,
    verify,
};

use crate::samples::{I386, X32, X86_64, call, expected, sections};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn answers_are_those_of_the_rules(
        sections in sections(40),
        calls in vec(call(), 60),
    ) {
        let program = compile(&sections, action::TRACE).unwrap();
        prop_assert_eq!(verify(program.instructions()), Ok(()));
        for call in calls {
            let expect = expected(&sections, action::TRACE, &call);
            prop_assert_eq!(run(&program, &call), expect, "{:x?}", call);
            if const_allow(&program, call.arch, call.nr) {
                prop_assert_eq!(expect, action::ALLOW, "{:x?}", call);
            }
        }
    }

    /// Calls without a rule and those whose rule has nothing to test are free of cost.
    #[test]
    fn what_is_always_let_through_is_so_by_number(sections in sections(40)) {
        let program = compile(&sections, action::TRACE).unwrap();
        for (audit, flag) in [(X86_64, 0), (X86_64, X32), (I386, 0)] {
            let of_abi = |section: &&Section| {
                (section.audit, section.number_flag) == (audit, flag)
            };
            let rules = &sections.iter().find(of_abi).unwrap().rules;
            for nr in 0..610 {
                let verdict = rules.iter().find(|(other, _)| *other == nr).map(|(_, rule)| rule);
                let free = verdict.is_none_or(|verdict| {
                    let action = action::ALLOW;
                    verdict.otherwise == action && verdict.cases.iter().all(|case| case.action == action)
                });
                if free {
                    prop_assert!(const_allow(&program, audit, nr | flag), "{}", nr);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Sections that are longer than a branch reaches.
    #[test]
    fn long_programs(sections in sections(300), calls in vec(call(), 400)) {
        let program = compile(&sections, action::TRACE);
        prop_assume!(program.is_ok(), "too long");
        let program = program.unwrap();
        for call in calls {
            let expect = expected(&sections, action::TRACE, &call);
            prop_assert_eq!(run(&program, &call), expect, "{:x?}", call);
        }
    }
}

/// Every distance around the longest that a branch can skip.
#[test]
fn far_branches() {
    for size in (0..140).chain(240..270).chain(500..520) {
        let values = (0..size).map(|value| 3 * value).collect::<Vec<u64>>();
        let op = Op::In(Cow::Owned(values));
        let when = Cow::Owned(vec![Condition { arg: 1, width: Width::U64, op }]);
        let verdict = Verdict {
            cases: vec![Case { when, action: action::USER_NOTIF }],
            otherwise: action::TRACE,
        };
        let rules = vec![(5, Verdict::always(action::errno(1))), (7, verdict)];
        let sections = [Section { audit: I386, number_flag: 0, rules }];
        let program = compile(&sections, action::TRACE).unwrap();
        for nr in 4..9 {
            for value in 0..3 * size + 3 {
                let args = [0, value, 0, 0, 0, 0];
                let call = SeccompData { nr, arch: I386, args, ..SeccompData::default() };
                let expect = expected(&sections, action::TRACE, &call);
                assert_eq!(run(&program, &call), expect, "{size} {call:?}");
            }
        }
    }
}
