//! The calls of a task's life: what the engine has to see of every application, whatever the
//! events that somebody wants.

use std::borrow::Cow;

use sentrace_bpf::{Condition, Op, Section, Verdict, Width};
use sentrace_bpf::{Case, action};

/// What a call may do to the life of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// Execute a program.
    Exec,
    /// Make a process.
    Fork,
    /// Make a process or a thread: clone3(2), which has its flags in memory.
    Clone3,
    /// End the process.
    Exit,
}

/// Whether the calls that end a process are to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exits {
    /// The kernel tells how a process ended when it has.
    Told,
    /// exit_group(2) says how (Linux before 6.15).
    Asked,
}

/// The numbers of an ABI.
struct Row {
    /// `AUDIT_ARCH_*`.
    audit: u32,
    /// The ABI's number flag.
    flag: u32,
    execve: u32,
    execveat: u32,
    /// fork and vfork, where there are such calls.
    forks: &'static [u32],
    clone: u32,
    clone3: u32,
    exit_group: u32,
}

#[cfg(target_arch = "x86_64")]
const ROWS: &[Row] = &[
    Row {
        audit: 0xC000_003E,
        flag: 0,
        execve: 59,
        execveat: 322,
        forks: &[57, 58],
        clone: 56,
        clone3: 435,
        exit_group: 231,
    },
    Row {
        audit: 0xC000_003E,
        flag: 0x4000_0000,
        execve: 520,
        execveat: 545,
        forks: &[57, 58],
        clone: 56,
        clone3: 435,
        exit_group: 231,
    },
    Row {
        audit: 0x4000_0003,
        flag: 0,
        execve: 11,
        execveat: 358,
        forks: &[2, 190],
        clone: 120,
        clone3: 435,
        exit_group: 252,
    },
];

#[cfg(target_arch = "aarch64")]
const ROWS: &[Row] = &[
    Row {
        audit: 0xC000_00B7,
        flag: 0,
        execve: 221,
        execveat: 281,
        forks: &[],
        clone: 220,
        clone3: 435,
        exit_group: 94,
    },
    Row {
        audit: 0x4000_0028,
        flag: 0,
        execve: 11,
        execveat: 387,
        forks: &[2, 190],
        clone: 120,
        clone3: 435,
        exit_group: 248,
    },
];

/// What a call does to life, by audit arch and number (with the ABI's flag).
pub(super) fn of(audit: u32, nr: u32) -> Option<Life> {
    let row = ROWS.iter().filter(|row| row.audit == audit && nr & row.flag == row.flag);
    let row = row.max_by_key(|row| row.flag)?;
    let nr = nr & !row.flag;
    if nr == row.execve || nr == row.execveat {
        Some(Life::Exec)
    } else if nr == row.clone || row.forks.contains(&nr) {
        Some(Life::Fork)
    } else if nr == row.clone3 {
        Some(Life::Clone3)
    } else {
        (nr == row.exit_group).then_some(Life::Exit)
    }
}

/// The rules of a filter that answers `trap` to the calls of life. clone(2) of a thread is none.
pub(super) fn sections(exits: Exits, trap: u32) -> Vec<Section> {
    let always = |nr: u32| (nr, Verdict::always(trap));
    let thread = Condition {
        arg: 0,
        width: Width::U32,
        op: Op::AnyBits(libc::CLONE_THREAD as u64),
    };
    let let_through = Case { when: Cow::Owned(vec![thread]), action: action::ALLOW };
    let section = |row: &Row| {
        let mut rules = vec![always(row.execve), always(row.execveat), always(row.clone3)];
        rules.extend(row.forks.iter().copied().map(always));
        rules.push((row.clone, Verdict { cases: vec![let_through.clone()], otherwise: trap }));
        if exits == Exits::Asked {
            rules.push(always(row.exit_group));
        }
        Section { audit: row.audit, number_flag: row.flag, rules }
    };
    ROWS.iter().map(section).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch;
    use crate::decode;
    use sentrace_schema::ABIS;

    /// Those that the tables have, too, are the same there.
    #[test]
    fn numbers_are_those_of_the_tables() {
        for row in ROWS {
            let (abi, _) = arch::abi_of(row.audit, row.flag.into(), &ABIS).expect("an ABI");
            let check = |nr: u32, names: &[&str]| {
                if let Some(call) = decode::numbered(abi, nr) {
                    assert!(names.contains(&call.name), "{} {nr}", call.name);
                }
            };
            check(row.execve, &["execve"]);
            check(row.execveat, &["execveat"]);
            check(row.clone, &["clone"]);
            check(row.clone3, &["clone3"]);
            check(row.exit_group, &["exit_group"]);
            row.forks.iter().for_each(|nr| check(*nr, &["fork", "vfork"]));
        }
    }
}
