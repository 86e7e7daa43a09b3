//! Which calls a filter lets through without looking at more than architecture and number.

use crate::action;
use crate::program::{Program, code, offset};

/// Whether a call is let through whatever its arguments, and Linux 5.11 and newer see that: when
/// the program is installed, they run it for every number with unknown arguments
/// (`seccomp_is_const_allow` in kernel/seccomp.c), and no longer for the calls that pass.
#[must_use]
pub fn const_allow(program: &Program, audit: u32, nr: u32) -> bool {
    let mut rest = program.instructions();
    let mut accumulator = 0;
    while let Some((instruction, behind)) = rest.split_first() {
        let k = instruction.k;
        let branch = |holds| usize::from(if holds { instruction.jt } else { instruction.jf });
        let mut skip = 0;
        match instruction.code {
            code::LOAD if k == offset::NUMBER => accumulator = nr,
            code::LOAD if k == offset::ARCH => accumulator = audit,
            code::LOAD => return false,
            code::AND => accumulator &= k,
            code::JUMP => skip = k as usize,
            code::IF_EQUAL => skip = branch(accumulator == k),
            code::IF_GREATER => skip = branch(accumulator > k),
            code::IF_AT_LEAST => skip = branch(accumulator >= k),
            code::IF_ANY => skip = branch(accumulator & k != 0),
            _ => return k == action::ALLOW,
        }
        rest = &behind[skip..];
    }
    false
}
