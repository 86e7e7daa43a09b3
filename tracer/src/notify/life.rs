//! The calls of a task's life: those that the engine has to see, and those that it must not.
//!
//! A signal may make a call return `EINTR` that waits to be received as a notification, where its
//! handler lacks `SA_RESTART`. Most calls may fail so; a call that makes or ends a process may
//! not (a shell says "Cannot fork", a process does not end). So these are never stopped, and a
//! new process is seen at the first call that it makes in its C library's fork(3):
//! set_robust_list(2) of glibc, whose result nobody looks at, or set_tid_address(2) of musl, which
//! has all signals blocked there.

use sentrace_bpf::{Section, Verdict};

/// What a call does to the life of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// It executes a program.
    Exec,
    /// It is the first of a new task, or of a new program.
    Begin,
    /// It makes or ends a task, or ends a signal's handler.
    Untouchable,
}

/// The numbers of an ABI.
struct Row {
    /// `AUDIT_ARCH_*`.
    audit: u32,
    /// The ABI's number flag.
    flag: u32,
    /// execve, execveat.
    execs: &'static [u32],
    /// set_tid_address, set_robust_list.
    begins: &'static [u32],
    /// fork, vfork, clone, clone3, exit, exit_group, sigreturn, rt_sigreturn, restart_syscall.
    untouchable: &'static [u32],
}

#[cfg(target_arch = "x86_64")]
const ROWS: &[Row] = &[
    Row {
        audit: 0xC000_003E,
        flag: 0,
        execs: &[59, 322],
        begins: &[218, 273],
        untouchable: &[57, 58, 56, 435, 60, 231, 15, 219],
    },
    Row {
        audit: 0xC000_003E,
        flag: 0x4000_0000,
        execs: &[520, 545],
        begins: &[218, 530],
        untouchable: &[57, 58, 56, 435, 60, 231, 513, 219],
    },
    Row {
        audit: 0x4000_0003,
        flag: 0,
        execs: &[11, 358],
        begins: &[258, 311],
        untouchable: &[2, 190, 120, 435, 1, 252, 119, 173, 0],
    },
];

#[cfg(target_arch = "aarch64")]
const ROWS: &[Row] = &[
    Row {
        audit: 0xC000_00B7,
        flag: 0,
        execs: &[221, 281],
        begins: &[96, 99],
        untouchable: &[220, 435, 93, 94, 139, 128],
    },
    Row {
        audit: 0x4000_0028,
        flag: 0,
        execs: &[11, 387],
        begins: &[256, 338],
        untouchable: &[2, 190, 120, 435, 1, 248, 119, 173, 0],
    },
];

/// What a call does to life, by audit arch and number (with the ABI's flag).
pub(super) fn of(audit: u32, nr: u32) -> Option<Life> {
    let rows = ROWS.iter().filter(|row| row.audit == audit && nr & row.flag == row.flag);
    let row = rows.max_by_key(|row| row.flag)?;
    let nr = nr & !row.flag;
    let all =
        [(row.execs, Life::Exec), (row.begins, Life::Begin), (row.untouchable, Life::Untouchable)];
    all.iter().find(|(numbers, _)| numbers.contains(&nr)).map(|(_, life)| *life)
}

/// The rules of a filter that answers as told to the calls of life.
pub(super) fn sections(answer: impl Fn(Life) -> u32) -> Vec<Section> {
    let section = |row: &Row| {
        let rules = |numbers: &[u32], life: Life| {
            let verdict = Verdict::always(answer(life));
            numbers.iter().map(|nr| (*nr, verdict.clone())).collect::<Vec<_>>()
        };
        let mut all = rules(row.execs, Life::Exec);
        all.extend(rules(row.begins, Life::Begin));
        all.extend(rules(row.untouchable, Life::Untouchable));
        Section { audit: row.audit, number_flag: row.flag, rules: all }
    };
    ROWS.iter().map(section).collect()
}

#[cfg(test)]
mod tests {
    use sentrace_schema::ABIS;

    use super::*;
    use crate::{arch, decode};

    /// Calls that the tables have, too, have the same numbers there.
    #[test]
    fn numbers_are_those_of_the_tables() {
        for row in ROWS {
            let (abi, _) = arch::abi_of(row.audit, row.flag.into(), &ABIS).expect("an ABI");
            let check = |numbers: &[u32], names: &[&str]| {
                for nr in numbers {
                    let name = decode::numbered(abi, *nr).map(|call| call.name);
                    assert!(name.is_none_or(|name| names.contains(&name)), "{name:?} {nr}");
                }
            };
            check(row.execs, &["execve", "execveat"]);
            check(row.begins, &["set_tid_address", "set_robust_list"]);
            let makes = ["fork", "vfork", "clone", "clone3", "exit", "exit_group"];
            let others = ["sigreturn", "rt_sigreturn", "restart_syscall"];
            check(row.untouchable, &[makes.as_slice(), &others].concat());
        }
    }
}
