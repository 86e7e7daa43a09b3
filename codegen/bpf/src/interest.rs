//! From wanted events to rules: which calls become an event, and what a filter can know of that.

use std::borrow::Cow;

use crate::action;
use crate::rules::{Case, Condition, Section, Verdict};

/// A call as an event. Of the bindings of a call the first whose `when` holds decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Wire id of the event.
    pub event: u16,
    /// All must hold.
    pub when: Cow<'static, [Condition]>,
    /// Whether `when` is the whole truth. Otherwise it holds for more calls than become the
    /// event, because a filter cannot test what decides.
    pub exact: bool,
}

/// What to answer to a call: `trap` when it may become a wanted event, so that nothing is missed
/// where a filter cannot decide; otherwise the call is let through.
#[must_use]
pub fn verdict(bindings: &[Binding], wanted: &dyn Fn(u16) -> bool, trap: u32) -> Verdict {
    let case = |binding: &Binding| {
        let action = if wanted(binding.event) { trap } else { action::ALLOW };
        // An event that nobody wants hides those after it only when it is certain.
        let decides = binding.exact || action == trap;
        decides.then(|| Case { when: binding.when.clone(), action })
    };
    Verdict { cases: bindings.iter().filter_map(case).collect(), otherwise: action::ALLOW }
}

/// The rules of an ABI: a verdict for each call (number and bindings) that may become a wanted
/// event.
#[must_use]
pub fn section<'b>(
    audit: u32,
    number_flag: u32,
    calls: impl IntoIterator<Item = (u32, &'b [Binding])>,
    wanted: &dyn Fn(u16) -> bool,
    trap: u32,
) -> Section {
    let rules = calls.into_iter().filter_map(|(nr, bindings)| {
        let any = bindings.iter().any(|binding| wanted(binding.event));
        any.then(|| (nr, verdict(bindings, wanted, trap)))
    });
    Section { audit, number_flag, rules: rules.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Op, Width};

    /// unlinkat(2) with a flag is event 1, without it event 2; event 3 has a condition that a
    /// filter cannot test.
    fn verdict_for(wanted: &[u16], exact: bool, flag: u64) -> u32 {
        let condition = Condition { arg: 2, width: Width::U32, op: Op::AnyBits(0x200) };
        let when = Cow::Owned(vec![condition]);
        let bindings = [
            Binding { event: 1, when, exact },
            Binding { event: 2, when: Cow::Borrowed(&[]), exact: true },
            Binding { event: 3, when: Cow::Borrowed(&[]), exact: true },
        ];
        let wanted = |event| wanted.contains(&event);
        verdict(&bindings, &wanted, action::TRACE).action(&[0, 0, flag, 0, 0, 0])
    }

    #[test]
    fn the_first_binding_that_holds_decides() {
        let (trace, allow) = (action::TRACE, action::ALLOW);
        #[rustfmt::skip]
        let table = [
            // wanted, exact, the flag is set, it is not
            (vec![],     true,  allow, allow),
            (vec![1],    true,  trace, allow),
            (vec![2],    true,  allow, trace),
            (vec![1, 2], true,  trace, trace),
            (vec![3],    true,  allow, allow), // always hidden by 2
            (vec![1],    false, trace, allow),
            (vec![2],    false, trace, trace), // the flag does not exclude 2
        ];
        for (wanted, exact, set, unset) in table {
            assert_eq!(verdict_for(&wanted, exact, 0x200), set, "{wanted:?} {exact}");
            assert_eq!(verdict_for(&wanted, exact, 0), unset, "{wanted:?} {exact}");
        }
    }

    #[test]
    fn calls_of_unwanted_events_have_no_rule() {
        let binding = |event| [Binding { event, when: Cow::Borrowed(&[]), exact: true }];
        let (open, bind) = (binding(1), binding(2));
        let calls = [(2, open.as_slice()), (49, bind.as_slice()), (60, &[])];
        let section = section(0xC000_003E, 0, calls, &|event| event == 2, action::TRACE);
        assert_eq!(section.rules.iter().map(|(nr, _)| *nr).collect::<Vec<_>>(), [49]);
    }
}
