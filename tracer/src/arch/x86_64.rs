//! x86-64: `user_regs_struct` and `user_regs_struct32` (arch/x86/include/asm/user_64.h, user32.h).

use super::Layout;

/// Whether the kernel looks at the result of an interrupted call after the task has stopped for
/// `PTRACE_INTERRUPT`, to decide whether the call is made again.
pub(crate) const DECIDES_RESTART_LATE: bool = true;

/// Audit arch of programs of the tracer's own kind, and their numbers of execve and execveat.
pub(crate) const NATIVE_EXEC: (u32, [u64; 2]) =
    (0xC000_003E, [libc::SYS_execve as u64, libc::SYS_execveat as u64]);

/// Bytes of the instruction that makes a call: `syscall`, `int $0x80`; behind `sysenter` the kernel
/// returns to an `int $0x80`.
pub(super) const CALL_LENGTH: u64 = 2;

/// Audit archs of tasks whose calls all have that length.
pub(crate) const OF_ONE_LENGTH: &[u32] = &[0xC000_003E, 0x4000_0003];

/// `int $0x80` calls the i386 ABI from any program.
pub(super) const FOREIGN_CALLS: &[([u8; 2], u32)] = &[([0xcd, 0x80], 0x4000_0003)];

pub(super) const LAYOUTS: &[Layout] = &[
    Layout {
        registers: 27,
        width: 8,
        audit: 0xC000_003E,
        nr: 15,
        args: [14, 13, 12, 7, 9, 8],
        result: 10,
        ip: 16,
        sp: 19,
        phase: None,
    },
    Layout {
        registers: 17,
        width: 4,
        audit: 0x4000_0003,
        nr: 11,
        args: [0, 1, 2, 3, 4, 5],
        result: 6,
        ip: 12,
        sp: 15,
        phase: None,
    },
];
