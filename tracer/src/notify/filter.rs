//! The filter that an application gets: what somebody wants to see, and the calls of life.

use sentrace_bpf::{self as bpf, Instruction, Program, SeccompData, action};

use super::life::{self, Exits};
use crate::sys::notify::Notification;

/// `BPF_RET | BPF_K` and `BPF_JMP | BPF_JA` (linux/bpf_common.h).
const RETURN: u16 = 0x06;
const JUMP: u16 = 0x05;

/// Which calls somebody wants to see: a filter that answers `RET_TRACE` to them.
#[derive(Debug)]
pub(crate) struct Interest(Option<Program>);

impl Interest {
    /// The interest of a filter for the ptrace engine; an empty one wants nothing. `None` if it
    /// is no program that the kernel would take.
    pub(crate) fn new(filter: &[Instruction]) -> Option<Self> {
        if filter.is_empty() {
            return Some(Self(None));
        }
        Program::new(filter.to_vec()).ok().map(|program| Self(Some(program)))
    }

    /// Whether the call is one that somebody wants to see.
    pub(super) fn has(&self, call: &Notification) -> bool {
        let Some(program) = &self.0 else { return false };
        let &Notification { nr, audit: arch, ip: instruction_pointer, args, .. } = call;
        let data = SeccompData { nr, arch, instruction_pointer, args };
        action::of(bpf::run(program, &data)) == action::TRACE
    }

    /// The filter to install: calls that somebody wants to see and calls of life wait for the
    /// supervisor's answer. `None` if they do not fit into a program.
    pub(super) fn filter(&self, exits: Exits) -> Option<Vec<Instruction>> {
        let trap = action::USER_NOTIF;
        // An unknown architecture is the interest's to decide.
        let sections = life::sections(exits, trap);
        let mut filter: Vec<_> = bpf::compile(&sections, action::ALLOW).ok()?.into();
        let Some(interest) = &self.0 else { return Some(filter) };
        let behind = filter.len();
        for (at, instruction) in filter.iter_mut().enumerate() {
            if instruction.code == RETURN && instruction.k == action::ALLOW {
                let k = u32::try_from(behind - at - 1).ok()?;
                *instruction = Instruction { code: JUMP, jt: 0, jf: 0, k };
            }
        }
        filter.extend(interest.instructions().iter().map(|instruction| {
            let traces = instruction.code == RETURN && action::of(instruction.k) == action::TRACE;
            if traces { Instruction { k: trap, ..*instruction } } else { *instruction }
        }));
        Some(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter;
    use sentrace_schema::EVENTS;

    fn notification(audit: u32, nr: u32, args: [u64; 6]) -> Notification {
        Notification { id: 0, tid: 0, audit, nr, ip: 0, args }
    }

    /// Every number of every architecture: what is wanted, what is life, and nothing else.
    #[test]
    fn a_call_waits_if_it_is_wanted_or_of_life() {
        let thread = [libc::CLONE_THREAD as u64, 0, 0, 0, 0, 0];
        for wanted in [0, 1, EVENTS.len()] {
            let wanted = |id: u16| EVENTS.iter().take(wanted).any(|event| event.id == id);
            let program = filter::program(&wanted, action::TRACE).expect("a program");
            let interest = Interest::new(program.instructions()).expect("an interest");
            for exits in [Exits::Told, Exits::Asked] {
                let filter = interest.filter(exits).expect("a filter");
                let filter = Program::new(filter).expect("a program");
                for audit in [0xC000_003E, 0xC000_00B7, 0x4000_0003, 0x4000_0028, 7] {
                    for nr in (0..600).chain(0x4000_0000..0x4000_0258).chain([u32::MAX]) {
                        for args in [[0; 6], thread] {
                            let call = notification(audit, nr, args);
                            let data = SeccompData { nr, arch: audit, args, ..Default::default() };
                            let waits = bpf::run(&filter, &data) == action::USER_NOTIF;
                            let of_life = match life::of(audit, nr) {
                                Some(life::Life::Fork) => args != thread || !is_clone(audit, nr),
                                Some(life::Life::Exit) => exits == Exits::Asked,
                                life => life.is_some(),
                            };
                            let expect = of_life || interest.has(&call);
                            assert_eq!(waits, expect, "{audit:#x} {nr:#x} {args:?} {exits:?}");
                        }
                    }
                }
            }
        }
    }

    fn is_clone(audit: u32, nr: u32) -> bool {
        crate::arch::clone_number(audit) == Some(nr & !0x4000_0000)
    }

    #[test]
    fn no_interest_is_life_alone() {
        let interest = Interest::new(&[]).expect("an interest");
        let call = notification(0xC000_003E, 59, [0; 6]);
        assert!(!interest.has(&call));
        assert!(interest.filter(Exits::Told).is_some_and(|filter| filter.len() > 10));
    }
}
