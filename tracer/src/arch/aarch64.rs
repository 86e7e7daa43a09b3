//! arm64: `user_pt_regs` (arch/arm64/include/uapi/asm/ptrace.h), and the registers of 32-bit tasks
//! (arch/arm64/kernel/ptrace.c).

use super::Layout;

/// Whether the kernel looks at the result of an interrupted call after the task has stopped for
/// `PTRACE_INTERRUPT`, to decide whether the call is made again.
pub(crate) const DECIDES_RESTART_LATE: bool = false;

/// Audit arch of programs of the tracer's own kind, and their numbers of execve and execveat.
pub(crate) const NATIVE_EXEC: (u32, [u64; 2]) =
    (0xC000_00B7, [libc::SYS_execve as u64, libc::SYS_execveat as u64]);

/// Bytes of the instruction that makes a call, `svc`.
pub(super) const CALL_LENGTH: u64 = 4;

/// Audit archs of tasks whose calls all have that length; those of 32 bits have shorter ones, too.
pub(crate) const OF_ONE_LENGTH: &[u32] = &[0xC000_00B7];

/// No instruction calls another ABI than the program's.
pub(super) const FOREIGN_CALLS: &[([u8; 2], u32)] = &[];

pub(super) const LAYOUTS: &[Layout] = &[
    Layout {
        registers: 34,
        width: 8,
        audit: 0xC000_00B7,
        nr: 8,
        args: [0, 1, 2, 3, 4, 5],
        result: 0,
        ip: 32,
        sp: 31,
        phase: Some(7),
    },
    Layout {
        registers: 18,
        width: 4,
        audit: 0x4000_0028,
        nr: 7,
        args: [0, 1, 2, 3, 4, 5],
        result: 0,
        ip: 15,
        sp: 13,
        phase: Some(12),
    },
];
