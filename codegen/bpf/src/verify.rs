//! What the kernel demands of a filter.

use crate::program::{Instruction, MAX_INSTRUCTIONS, code, offset};

/// Why the kernel would refuse a program (with `EINVAL`), and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is empty.
    #[error("no instructions")]
    Empty,
    /// It has more than [`MAX_INSTRUCTIONS`].
    #[error("{0} instructions, at most {MAX_INSTRUCTIONS} are allowed")]
    TooLong(usize),
    /// An operation that filters of this crate do not have.
    #[error("instruction {0}: unknown operation")]
    Operation(usize),
    /// A jump beyond the end.
    #[error("instruction {0}: jump beyond the end")]
    Jump(usize),
    /// A load that is not aligned or not within `struct seccomp_data`.
    #[error("instruction {0}: load from nowhere")]
    Load(usize),
    /// The last instruction answers nothing.
    #[error("the last instruction does not return")]
    End,
}

/// Checks a program as the kernel does when it is installed (`bpf_check_classic` in
/// net/core/filter.c, `seccomp_check_filter` in kernel/seccomp.c), but allows only the operations
/// that this crate emits. What passes ends: jumps only lead forward, and all stay inside.
///
/// # Errors
/// The first instruction that is not allowed, and why.
pub fn verify(program: &[Instruction]) -> Result<(), Invalid> {
    if program.is_empty() {
        return Err(Invalid::Empty);
    }
    if program.len() > MAX_INSTRUCTIONS {
        return Err(Invalid::TooLong(program.len()));
    }
    for (at, instruction) in program.iter().enumerate() {
        let behind = program.len() - at - 1;
        let reaches = |skip: u32| (skip as usize) < behind;
        match instruction.code {
            code::LOAD if !instruction.k.is_multiple_of(4) || instruction.k >= offset::END => {
                return Err(Invalid::Load(at));
            }
            code::JUMP if !reaches(instruction.k) => return Err(Invalid::Jump(at)),
            code::IF_EQUAL | code::IF_GREATER | code::IF_AT_LEAST | code::IF_ANY
                if !reaches(instruction.jt.into()) || !reaches(instruction.jf.into()) =>
            {
                return Err(Invalid::Jump(at));
            }
            code::LOAD | code::AND | code::JUMP | code::RETURN => {}
            code::IF_EQUAL | code::IF_GREATER | code::IF_AT_LEAST | code::IF_ANY => {}
            _ => return Err(Invalid::Operation(at)),
        }
    }
    match program.last() {
        Some(last) if last.code == code::RETURN => Ok(()),
        _ => Err(Invalid::End),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_refuses() {
        let op = |code, jt, jf, k| Instruction { code, jt, jf, k };
        let ret = op(code::RETURN, 0, 0, 0);
        #[rustfmt::skip]
        let table = [
            (vec![], Err(Invalid::Empty)),
            (vec![ret], Ok(())),
            (vec![ret; 4096], Ok(())),
            (vec![ret; 4097], Err(Invalid::TooLong(4097))),
            (vec![op(code::LOAD, 0, 0, 60), ret], Ok(())),
            (vec![op(code::LOAD, 0, 0, 64), ret], Err(Invalid::Load(0))),
            (vec![op(code::LOAD, 0, 0, 2), ret], Err(Invalid::Load(0))),
            (vec![op(code::JUMP, 0, 0, 0), ret], Ok(())),
            (vec![op(code::JUMP, 0, 0, 1), ret], Err(Invalid::Jump(0))),
            (vec![op(code::JUMP, 0, 0, u32::MAX), ret], Err(Invalid::Jump(0))),
            (vec![op(code::IF_ANY, 1, 0, 0), ret], Err(Invalid::Jump(0))),
            (vec![ret, op(code::IF_EQUAL, 0, 1, 0), ret], Err(Invalid::Jump(1))),
            (vec![op(code::IF_GREATER, 1, 0, 0), ret, ret], Ok(())),
            (vec![ret, op(code::AND, 0, 0, 0)], Err(Invalid::End)),
            (vec![op(0x28, 0, 0, 0), ret], Err(Invalid::Operation(0))),
        ];
        for (program, expect) in table {
            assert_eq!(verify(&program), expect, "{program:?}");
        }
    }
}
