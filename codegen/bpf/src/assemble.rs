//! An assembler that writes programs from their end to their beginning.
//!
//! Jumps of a filter lead forward only, so what a branch leads to is in place before the branch
//! itself. A branch skips at most 255 instructions; what is farther gets a stepping stone.

use crate::program::{Instruction, code};

/// A place in the program, counted from its end: where something has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label(usize);

/// The test of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum If {
    /// The accumulator equals the operand.
    Equal,
    /// The accumulator is the operand or more, unsigned.
    AtLeast,
    /// The accumulator has a bit of the operand.
    Any,
}

/// Most instructions that a branch can skip.
const NEAR: usize = u8::MAX as usize;

/// A program being written.
#[derive(Default)]
pub(crate) struct Assembler {
    /// The last instruction first.
    reversed: Vec<Instruction>,
}

impl Assembler {
    /// Answers `action`.
    pub(crate) fn answer(&mut self, action: u32) -> Label {
        let answer = Instruction { code: code::RETURN, jt: 0, jf: 0, k: action };
        let near = self.reversed.iter().rev().take(NEAR / 2).position(|other| *other == answer);
        match near {
            Some(back) => Label(self.reversed.len() - 1 - back),
            None => self.push(answer),
        }
    }

    /// Loads 32 bits of `struct seccomp_data` and goes on at `next`.
    pub(crate) fn load(&mut self, offset: u32, next: Label) -> Label {
        self.straight(code::LOAD, offset, next)
    }

    /// Clears all but the bits of `mask`, and goes on at `next`.
    pub(crate) fn and(&mut self, mask: u32, next: Label) -> Label {
        self.straight(code::AND, mask, next)
    }

    /// Goes on at `yes` or `no`; nothing is tested when they are the same.
    pub(crate) fn branch(&mut self, test: If, operand: u32, yes: Label, no: Label) -> Label {
        if yes == no {
            return yes;
        }
        let code = match test {
            If::Equal => code::IF_EQUAL,
            If::AtLeast => code::IF_AT_LEAST,
            If::Any => code::IF_ANY,
        };
        let (yes, no) = (self.near(yes), self.near(no));
        let (jt, jf) = (self.distance(yes) as u8, self.distance(no) as u8);
        self.push(Instruction { code, jt, jf, k: operand })
    }

    /// The program that begins at `entry`.
    pub(crate) fn finish(mut self, entry: Label) -> Vec<Instruction> {
        self.follow(entry);
        self.reversed.reverse();
        self.reversed
    }

    fn push(&mut self, instruction: Instruction) -> Label {
        self.reversed.push(instruction);
        Label(self.reversed.len() - 1)
    }

    fn straight(&mut self, code: u16, k: u32, next: Label) -> Label {
        self.follow(next);
        self.push(Instruction { code, jt: 0, jf: 0, k })
    }

    /// Makes sure that what is written next goes on at `target` when it does not jump.
    fn follow(&mut self, target: Label) {
        if self.distance(target) > 0 {
            self.stone(target);
        }
    }

    /// A place as good as `target` that a branch reaches, even if the branch's other target gets
    /// a stepping stone in between.
    fn near(&mut self, target: Label) -> Label {
        if self.distance(target) < NEAR { target } else { self.stone(target) }
    }

    /// Goes to `target` from anywhere: by an answer of its own, if `target` is one.
    fn stone(&mut self, target: Label) -> Label {
        let there = self.reversed[target.0];
        let skip = self.distance(target) as u32;
        let jump = Instruction { code: code::JUMP, jt: 0, jf: 0, k: skip };
        self.push(if there.code == code::RETURN { there } else { jump })
    }

    /// Instructions between what is written next and `target`.
    fn distance(&self, target: Label) -> usize {
        self.reversed.len() - 1 - target.0
    }
}
