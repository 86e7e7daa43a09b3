//! What differs between the machines that the tracer itself runs on: where a register set holds
//! a call. The only place that asks for the target architecture.
//!
//! ABIs are rows of data; a machine meets those that [`abi_of`] finds by the audit arch. Register
//! sets are read only where the kernel does not tell a call by `PTRACE_GET_SYSCALL_INFO`
//! (before 5.3), and to change an argument.

use sentrace_schema::record::AbiDesc;

use crate::engine::AbiId;
use crate::memory::Memory;

#[cfg(target_arch = "aarch64")]
#[path = "aarch64.rs"]
mod machine;
#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod machine;

pub(crate) use machine::{DECIDES_RESTART_LATE, NATIVE_EXEC, OF_ONE_LENGTH};

/// The ABI of a call with the audit arch and the number that the kernel reported, and the number
/// without the ABI's flag. `None` if `table` has no such ABI.
///
/// Of the ABIs of one audit arch, the one whose flag the number has set is meant (x32), else the
/// one without a flag.
#[must_use]
pub fn abi_of(audit: u32, nr: u64, table: &[AbiDesc]) -> Option<(AbiId, u32)> {
    // The kernel looks at the low half of the register only.
    let nr = nr as u32;
    table
        .iter()
        .filter(|row| row.audit == audit && nr & row.number_flag == row.number_flag)
        .max_by_key(|row| row.number_flag)
        .map(|row| (AbiId(row.id), nr & !row.number_flag))
}

/// The number of clone(2) on the ABIs of an audit arch.
pub(crate) fn clone_number(audit: u32) -> Option<u32> {
    match audit {
        0xC000_003E => Some(56),
        0xC000_00B7 => Some(220),
        0x4000_0003 | 0x4000_0028 => Some(120),
        _ => None,
    }
}

/// A register set as the kernel hands it out: its layout depends on the width of the task.
#[derive(Debug, Clone)]
pub(crate) struct Registers {
    /// The set's bytes in native order, zero beyond `len`.
    pub(crate) words: [u64; 34],
    /// Length of the set in bytes.
    pub(crate) len: usize,
}

/// A call as the registers hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawCall {
    /// `AUDIT_ARCH_*`.
    pub(crate) audit: u32,
    /// Number with the ABI's flag.
    pub(crate) nr: u64,
    /// Argument registers.
    pub(crate) args: [u64; 6],
    /// Instruction pointer.
    pub(crate) ip: u64,
    /// Stack pointer.
    pub(crate) sp: u64,
}

/// Where a register set holds what; positions count registers of the set's width.
struct Layout {
    /// Number of registers in the set.
    registers: usize,
    /// Bytes in one: 4 or 8.
    width: usize,
    /// The audit arch of a program with such registers.
    audit: u32,
    nr: usize,
    args: [usize; 6],
    result: usize,
    ip: usize,
    sp: usize,
    /// A register that is 0 in a syscall-entry stop and 1 in a syscall-exit stop.
    phase: Option<usize>,
}

impl Registers {
    /// An empty set with room for every layout.
    pub(crate) fn new() -> Self {
        Self { words: [0; 34], len: 0 }
    }

    /// The call of a task in a syscall-entry or seccomp stop. `None` for a set of unknown layout.
    pub(crate) fn call(&self, memory: &dyn Memory) -> Option<RawCall> {
        let layout = self.layout()?;
        let ip = self.get(layout, layout.ip);
        Some(RawCall {
            audit: audit_at(ip, memory).unwrap_or(layout.audit),
            nr: self.get(layout, layout.nr),
            args: layout.args.map(|at| self.get(layout, at)),
            ip,
            sp: self.get(layout, layout.sp),
        })
    }

    /// What the call of a task in a syscall-exit stop returned.
    pub(crate) fn result(&self) -> Option<i64> {
        let layout = self.layout()?;
        let value = self.get(layout, layout.result);
        Some(if layout.width == 4 { i64::from(value as u32 as i32) } else { value as i64 })
    }

    /// What a call returned whose task has stopped on its way back to user mode; `ip` is the address
    /// after the call. `None` if it is about to be made again.
    pub(crate) fn result_of(&self, ip: u64) -> Option<i64> {
        let layout = self.layout()?;
        // Where the kernel has prepared that already, the address is that of the call.
        let is_behind = self.get(layout, layout.ip) == ip;
        self.result().filter(|result| is_behind && !matches!(result, -514..=-512 | -516))
    }

    /// Has a task that is behind a call, at `ip`, make it again. The call's audit arch must be one
    /// of [`OF_ONE_LENGTH`].
    pub(crate) fn enter_again(&mut self, ip: u64, nr: u64, first_argument: u64) {
        let Some(layout) = self.layout() else { return };
        let shares_register = layout.result == layout.args[0];
        let value = if shares_register { first_argument } else { nr };
        self.set(layout, layout.result, value);
        self.set(layout, layout.ip, ip.wrapping_sub(machine::CALL_LENGTH));
    }

    /// Whether the syscall stop is an exit stop, if the registers tell.
    pub(crate) fn at_exit(&self) -> Option<bool> {
        let layout = self.layout()?;
        layout.phase.map(|at| self.get(layout, at) == 1)
    }

    /// Sets the first argument of the call that a task has entered.
    pub(crate) fn set_first_argument(&mut self, value: u64) {
        if let Some(layout) = self.layout() {
            self.set(layout, layout.args[0], value);
        }
    }

    /// Sets what the call that a task is leaving returns.
    pub(crate) fn set_result(&mut self, value: i64) {
        if let Some(layout) = self.layout() {
            self.set(layout, layout.result, value as u64);
        }
    }

    fn layout(&self) -> Option<&'static Layout> {
        machine::LAYOUTS.iter().find(|layout| layout.registers * layout.width == self.len)
    }

    fn set(&mut self, layout: &Layout, at: usize, value: u64) {
        if layout.width == 8 {
            self.words[at] = value;
        } else {
            let mut bytes = self.words[at / 2].to_ne_bytes();
            bytes[at % 2 * 4..][..4].copy_from_slice(&(value as u32).to_ne_bytes());
            self.words[at / 2] = u64::from_ne_bytes(bytes);
        }
    }

    fn get(&self, layout: &Layout, at: usize) -> u64 {
        if layout.width == 8 {
            return self.words[at];
        }
        let bytes = self.words[at / 2].to_ne_bytes();
        let mut half = [0; 4];
        half.copy_from_slice(&bytes[at % 2 * 4..][..4]);
        u64::from(u32::from_ne_bytes(half))
    }
}

/// The audit arch that the instruction before `ip` calls, where it is not the program's.
fn audit_at(ip: u64, memory: &dyn Memory) -> Option<u32> {
    let mut instruction = [0; 2];
    let at = ip.checked_sub(2)?;
    if machine::FOREIGN_CALLS.is_empty() || memory.read(at, &mut instruction) != 2 {
        return None;
    }
    let found = machine::FOREIGN_CALLS.iter().find(|(bytes, _)| *bytes == instruction);
    found.map(|(_, audit)| *audit)
}

#[cfg(test)]
mod tests {
    use sentrace_schema::ABIS;

    use super::*;

    const AMD64: u32 = 0xC000_003E;
    const I386: u32 = 0x4000_0003;

    #[test]
    fn an_abi_is_an_audit_arch_and_a_flag() {
        let check = |audit, nr, expect: Option<(&str, u32)>| {
            let found = abi_of(audit, nr, &ABIS);
            let found = found.map(|(abi, nr)| (ABIS[usize::from(abi.0)].name, nr));
            assert_eq!(found, expect, "{audit:#x} {nr:#x}");
        };
        check(AMD64, 257, Some(("amd64", 257)));
        check(AMD64, 0x4000_0101, Some(("x32", 257)));
        check(I386, 5, Some(("i386", 5)));
        check(0xC000_00B7, 56, Some(("arm64", 56)));
        check(0x8000_0016, 5, None);
        // Junk in the upper half, and -1 as a debugger sets it to skip a call.
        check(AMD64, 0xdead_beef_0000_0101, Some(("amd64", 257)));
        check(AMD64, u64::MAX, Some(("x32", 0xBFFF_FFFF)));
    }

    struct NoMemory;
    impl Memory for NoMemory {
        fn read(&self, _: u64, _: &mut [u8]) -> usize {
            0
        }
    }

    #[test]
    fn arguments_are_found_and_set_in_every_layout() {
        for layout in machine::LAYOUTS {
            let len = layout.registers * layout.width;
            let mut registers = Registers { len, ..Registers::new() };
            registers.set_first_argument(0x1234);
            let call = registers.call(&NoMemory).unwrap();
            assert_eq!((call.args[0], call.audit), (0x1234, layout.audit));
            assert!(call.args[1..].iter().all(|arg| *arg == 0));
        }
        assert_eq!(Registers { len: 3, ..Registers::new() }.call(&NoMemory), None);
    }
}
