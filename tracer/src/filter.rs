//! The seccomp filter: which calls of an application stop, so that no wanted event is missed and
//! nothing else costs time.
//!
//! Everything derives from the tables that calls are decoded with ([`crate::decode`]): a call
//! stops on an ABI when, with its arguments, it would become a wanted event there. What only
//! memory tells (which call a `socketcall` carries) a filter cannot know; such calls stop when any
//! event is wanted.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use sentrace_bpf::interest::{self, Binding};
use sentrace_bpf::{self as bpf, Case, CompileError, Names, Op, Program, Section, Verdict};
use sentrace_schema::record::AbiDesc;
use sentrace_schema::{ABIS, EVENTS};

use crate::arch;
use crate::decode::table::{self, PerAbi, Slot, SyscallDesc, Test};
use crate::decode::{self, Arguments, NUMBERS};
use crate::engine::AbiId;
use crate::memory::Width;

/// The filter of this machine's ABIs. Calls that may become an event that is `wanted` (by wire
/// id) get the answer `action`, [`TRACE`](bpf::action::TRACE) for the ptrace engine, and so do
/// calls of an unknown architecture; all others are let through, except that the ptrace engine
/// also needs to see who makes children that would not be its tracees.
///
/// # Errors
/// There is more to test than a filter can hold. All events together are far from it.
pub fn program(wanted: &dyn Fn(u16) -> bool, action: u32) -> Result<Program, CompileError> {
    let mut sections = sections(std::env::consts::ARCH, wanted, action);
    if action == bpf::action::TRACE {
        sections.iter_mut().for_each(see_untraced);
    }
    bpf::compile(&sections, action)
}

/// Adds the rule that clone(2) with `CLONE_UNTRACED` stops: the engine takes the flag away. The
/// calls of a child without tracer would fail by the filter that it inherits.
fn see_untraced(section: &mut Section) {
    let Some(number) = arch::clone_number(section.audit) else { return };
    let untraced = Op::AnyBits(libc::CLONE_UNTRACED as u64);
    let condition = bpf::Condition { arg: 0, width: bpf::Width::U32, op: untraced };
    let case = Case { when: vec![condition].into(), action: bpf::action::TRACE };
    match section.rules.iter_mut().find(|(nr, _)| *nr == number) {
        Some((_, verdict)) => verdict.cases.insert(0, case),
        None => {
            let verdict = Verdict { cases: vec![case], otherwise: bpf::action::ALLOW };
            section.rules.push((number, verdict));
        }
    }
}

/// The rules of all ABIs that tracers on a machine (Rust's `target_arch`) meet, in the order of
/// their ids, the machine's own first.
#[must_use]
pub fn sections(machine: &str, wanted: &dyn Fn(u16) -> bool, action: u32) -> Vec<Section> {
    let abis = ABIS.iter().filter(|abi| abi.machine == machine);
    abis.map(|abi| section(abi, wanted, action)).collect()
}

/// The events that a call may become on an ABI, with what a filter can test of their conditions.
/// Empty when the ABI has no such call.
#[must_use]
pub fn bindings(abi: AbiId, nr: u32) -> Vec<Binding> {
    decode::numbered(abi, nr).map_or(Vec::new(), |syscall| of_call(abi, syscall))
}

fn of_call(abi: AbiId, syscall: &'static SyscallDesc) -> Vec<Binding> {
    // Where the arguments are does not depend on what they are.
    let arguments = Arguments::new(abi, syscall, [0; 6]);
    let carried = syscall.becomes.iter().flat_map(|becomes| {
        let events = EVENTS.iter().filter(|event| !event.by_engine);
        events.filter_map(|event| binding(&arguments, event.id, becomes.when, false))
    });
    let own = syscall.events.iter();
    let own = own.filter_map(|of| binding(&arguments, of.event, of.when, true));
    carried.chain(own).collect()
}

/// Names of ABIs and calls, for [`bpf::disassemble`].
pub struct CallNames;

impl Names for CallNames {
    fn arch(&self, audit: u32) -> Option<String> {
        let names: Vec<_> =
            ABIS.iter().filter(|abi| abi.audit == audit).map(|abi| abi.name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn call(&self, audit: u32, number: u32) -> Option<String> {
        let (abi, nr) = arch::abi_of(audit, number.into(), &ABIS)?;
        let name = decode::numbered(abi, nr)?.name;
        let abi = ABIS.iter().find(|row| row.id == abi.0)?;
        // Where an architecture has several ABIs, the name alone could be of either.
        Some(if abi.number_flag == 0 { name.into() } else { format!("{} {name}", abi.name) })
    }
}

fn section(abi: &AbiDesc, wanted: &dyn Fn(u16) -> bool, action: u32) -> Section {
    let numbers = NUMBERS.get(usize::from(abi.id)).copied().unwrap_or_default();
    let calls: Vec<_> = numbers.iter().map(|(nr, _)| (*nr, bindings(AbiId(abi.id), *nr))).collect();
    let calls = calls.iter().map(|(nr, bindings)| (*nr, bindings.as_slice()));
    interest::section(abi.audit, abi.number_flag, calls, wanted, action)
}

/// The call as an event under these conditions; `None` if they cannot hold on its ABI.
fn binding(
    arguments: &Arguments,
    event: u16,
    when: &[table::Condition],
    exact: bool,
) -> Option<Binding> {
    let mut conditions = Vec::new();
    for condition in when {
        match tested(arguments, condition) {
            Some(condition) => conditions.push(condition),
            // An argument that the call does not have on this ABI is 0.
            None if arguments.holds(condition) => {}
            None => return None,
        }
    }
    Some(Binding { event, when: Cow::Owned(conditions), exact })
}

/// A condition on an argument as one on registers; `None` if the call does not have it.
fn tested(arguments: &Arguments, condition: &table::Condition) -> Option<bpf::Condition> {
    let counts = arguments.width(condition.arg);
    let (arg, width) = match arguments.slot(condition.arg) {
        Slot::Absent => return None,
        Slot::Pair(low) if counts == Width::W64 => (low, bpf::Width::Pair),
        Slot::Pair(index) | Slot::One(index) => (index, width(counts)),
    };
    let on = |values: &PerAbi<u64>| values.on(arguments.abi);
    let op = match &condition.test {
        Test::AnyBits(bits) => Op::AnyBits(on(bits)),
        Test::NoBits(bits) => Op::NoBits(on(bits)),
        Test::Eq(value) => Op::Eq(on(value)),
        Test::Ne(value) => Op::Ne(on(value)),
        Test::In(values) => Op::In(values.iter().map(on).collect()),
    };
    Some(bpf::Condition { arg, width, op })
}

fn width(width: Width) -> bpf::Width {
    match width {
        Width::W8 => bpf::Width::U8,
        Width::W16 => bpf::Width::U16,
        Width::W32 => bpf::Width::U32,
        Width::W64 => bpf::Width::U64,
    }
}
