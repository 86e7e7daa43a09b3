//! The filter that an application gets: what somebody wants to see, and the calls of life.

use sentrace_bpf::{self as bpf, Instruction, Program, SeccompData, action};

use super::life::{self, Life};
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
    /// supervisor's answer, except those that must not. `None` if they do not fit into a program.
    pub(crate) fn filter(&self) -> Option<Vec<Instruction>> {
        // An unknown architecture is the interest's to decide.
        let sections = life::sections(|life| match life {
            Life::Exec | Life::Begin => action::USER_NOTIF,
            Life::Untouchable => UNTOUCHABLE,
        });
        let mut filter: Vec<_> = bpf::compile(&sections, action::ALLOW).ok()?.into();
        let behind = filter.len();
        for (at, instruction) in filter.iter_mut().enumerate() {
            match (instruction.code, instruction.k) {
                (RETURN, UNTOUCHABLE) => instruction.k = action::ALLOW,
                (RETURN, action::ALLOW) if self.0.is_some() => {
                    let k = u32::try_from(behind - at - 1).ok()?;
                    *instruction = Instruction { code: JUMP, jt: 0, jf: 0, k };
                }
                _ => {}
            }
        }
        let interest = self.0.iter().flat_map(Program::instructions);
        filter.extend(interest.map(|instruction| {
            let traces = instruction.code == RETURN && action::of(instruction.k) == action::TRACE;
            let k = if traces { action::USER_NOTIF } else { instruction.k };
            Instruction { k, ..*instruction }
        }));
        Some(filter)
    }
}

/// The answer to calls that must not be stopped, until the others have been told where to go.
const UNTOUCHABLE: u32 = action::TRACE;

#[cfg(test)]
mod tests {
    use sentrace_schema::EVENTS;

    use super::*;
    use crate::filter;

    fn notification(audit: u32, nr: u32) -> Notification {
        Notification { id: 0, tid: 0, audit, nr, ip: 0, args: [0; 6] }
    }

    /// Every number of every architecture: what is wanted, what is life, and nothing else.
    #[test]
    fn a_call_waits_if_it_is_wanted_or_of_life() {
        for count in [0, 1, EVENTS.len()] {
            let wanted = |id: u16| EVENTS.iter().take(count).any(|event| event.id == id);
            let program = filter::program(&wanted, action::TRACE).expect("a program");
            let interest = Interest::new(program.instructions()).expect("an interest");
            let filter = Program::new(interest.filter().expect("a filter")).expect("a program");
            for arch in [0xC000_003E, 0xC000_00B7, 0x4000_0003, 0x4000_0028, 7] {
                for nr in (0..600).chain(0x4000_0000..0x4000_0258).chain([u32::MAX]) {
                    let data = SeccompData { nr, arch, ..SeccompData::default() };
                    let waits = bpf::run(&filter, &data) == action::USER_NOTIF;
                    let expect = match life::of(arch, nr) {
                        Some(Life::Exec | Life::Begin) => true,
                        Some(Life::Untouchable) => false,
                        None => interest.has(&notification(arch, nr)),
                    };
                    assert_eq!(waits, expect, "{arch:#x} {nr:#x}");
                }
            }
        }
    }

    #[test]
    fn no_interest_is_life_alone() {
        let interest = Interest::new(&[]).expect("an interest");
        let (audit, [execve, _]) = crate::arch::NATIVE_EXEC;
        assert!(!interest.has(&notification(audit, execve as u32)));
        let filter = Program::new(interest.filter().expect("a filter")).expect("a program");
        let answer = |nr| bpf::run(&filter, &SeccompData { nr, arch: audit, ..Default::default() });
        assert_eq!(answer(execve as u32), action::USER_NOTIF);
        assert_eq!(answer(libc::SYS_openat as u32), action::ALLOW);
        assert_eq!(answer(libc::SYS_clone as u32), action::ALLOW);
    }
}
