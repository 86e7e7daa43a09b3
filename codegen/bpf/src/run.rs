//! Runs a program as the kernel would.

use crate::program::{Program, code, offset};

/// What a filter sees of a call: `struct seccomp_data` (linux/seccomp.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeccompData {
    /// Number of the call, with the ABI's number flag; `u32::MAX` is -1.
    pub nr: u32,
    /// `AUDIT_ARCH_*` of the ABI.
    pub arch: u32,
    /// Address of the instruction after the call.
    pub instruction_pointer: u64,
    /// Argument registers.
    pub args: [u64; 6],
}

impl SeccompData {
    /// The 32 bits at `at`, a multiple of 4 below 64.
    fn word(&self, at: u32) -> u32 {
        let long = |long: u64| if at.is_multiple_of(8) { long } else { long >> 32 } as u32;
        match at {
            offset::NUMBER => self.nr,
            offset::ARCH => self.arch,
            offset::IP..offset::ARGS => long(self.instruction_pointer),
            _ => self.args.get((at - offset::ARGS) as usize / 8).map_or(0, |arg| long(*arg)),
        }
    }
}

/// What `program` answers to a call: the action (see [`crate::action`]) with its data.
#[must_use]
pub fn run(program: &Program, data: &SeccompData) -> u32 {
    let mut rest = program.instructions();
    let mut accumulator = 0;
    while let Some((instruction, behind)) = rest.split_first() {
        let k = instruction.k;
        let branch = |holds| usize::from(if holds { instruction.jt } else { instruction.jf });
        let mut skip = 0;
        match instruction.code {
            code::LOAD => accumulator = data.word(k),
            code::AND => accumulator &= k,
            code::JUMP => skip = k as usize,
            code::IF_EQUAL => skip = branch(accumulator == k),
            code::IF_GREATER => skip = branch(accumulator > k),
            code::IF_AT_LEAST => skip = branch(accumulator >= k),
            code::IF_ANY => skip = branch(accumulator & k != 0),
            _ => return k,
        }
        rest = &behind[skip..];
    }
    unreachable!("a verified program ends in a return")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_data() {
        let args = std::array::from_fn(|arg| 0x20_0000_0010 + arg as u64 * 0x1_0000_0001);
        let ip = 0x31_0000_0030;
        let data = SeccompData { nr: 1, arch: 2, instruction_pointer: ip, args };
        let words: Vec<_> = (0..64).step_by(4).map(|at| data.word(at)).collect();
        #[rustfmt::skip]
        let expect = [
            1, 2, 0x30, 0x31,
            0x10, 0x20, 0x11, 0x21, 0x12, 0x22, 0x13, 0x23, 0x14, 0x24, 0x15, 0x25,
        ];
        assert_eq!(words, expect);
    }
}
