//! Programs and their instructions.

use crate::verify::{Invalid, verify};

/// Longest program that the kernel takes (`BPF_MAXINSNS`, linux/bpf_common.h).
pub const MAX_INSTRUCTIONS: usize = 4096;

/// An instruction: `struct sock_filter` (linux/filter.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to skip when the condition holds.
    pub jt: u8,
    /// Instructions to skip when it does not.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// The operations that occur, of those that linux/bpf_common.h has. `A` is the accumulator.
pub(crate) mod code {
    /// `A` = the 32 bits at offset `k` of `struct seccomp_data`.
    pub(crate) const LOAD: u16 = 0x20;
    /// `A` &= `k`.
    pub(crate) const AND: u16 = 0x54;
    /// Skip `k` instructions.
    pub(crate) const JUMP: u16 = 0x05;
    /// Skip `jt` instructions if `A` = `k`, else `jf`.
    pub(crate) const IF_EQUAL: u16 = 0x15;
    /// If `A` > `k`, unsigned.
    pub(crate) const IF_GREATER: u16 = 0x25;
    /// If `A` >= `k`, unsigned.
    pub(crate) const IF_AT_LEAST: u16 = 0x35;
    /// If `A` & `k` is not 0.
    pub(crate) const IF_ANY: u16 = 0x45;
    /// Answer `k`.
    pub(crate) const RETURN: u16 = 0x06;
}

/// Offsets in `struct seccomp_data` (linux/seccomp.h).
pub(crate) mod offset {
    /// The syscall number.
    pub(crate) const NUMBER: u32 = 0;
    /// `AUDIT_ARCH_*`.
    pub(crate) const ARCH: u32 = 4;
    /// The instruction pointer, 64 bits.
    pub(crate) const IP: u32 = 8;
    /// The first of six arguments of 64 bits.
    pub(crate) const ARGS: u32 = 16;
    /// Its size.
    pub(crate) const END: u32 = 64;
}

/// A program that the kernel takes: [`verify`] holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    instructions: Vec<Instruction>,
}

impl Program {
    /// A program of these instructions.
    ///
    /// # Errors
    /// As [`verify`].
    pub fn new(instructions: Vec<Instruction>) -> Result<Self, Invalid> {
        verify(&instructions)?;
        Ok(Self { instructions })
    }

    /// The instructions, for `struct sock_fprog`: between 1 and [`MAX_INSTRUCTIONS`].
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }
}

impl From<Program> for Vec<Instruction> {
    fn from(program: Program) -> Self {
        program.instructions
    }
}
