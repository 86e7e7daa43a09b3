//! Programs as text.

use std::fmt::Write;

use crate::action;
use crate::program::{Instruction, Program, code, offset};

/// Names for numbers in a listing.
pub trait Names {
    /// Name of an architecture (`AUDIT_ARCH_*`).
    fn arch(&self, audit: u32) -> Option<String>;
    /// Name of a call by its number with the number flag.
    fn call(&self, audit: u32, number: u32) -> Option<String>;
}

/// Lists a program, one instruction a line, each with its index; `->` says where it goes on when
/// that is not the next line. Numbers that have a name get it behind a semicolon.
#[must_use]
pub fn disassemble(program: &Program, names: &dyn Names) -> String {
    let instructions = program.instructions();
    let mut known = vec![None; instructions.len()];
    known[0] = Some(Known { held: Held::Nothing, audit: None });
    let mut listing = String::new();
    for (at, instruction) in instructions.iter().enumerate() {
        let here = known[at].unwrap_or_default();
        let text = text(at, instruction);
        let _ = match comment(instruction, here, names) {
            Some(name) => writeln!(listing, "{at:4}  {text:32}  ; {name}"),
            None => writeln!(listing, "{at:4}  {text}"),
        };
        for (next, fact) in successors(at, instruction, here) {
            if let Some(known) = known.get_mut(next) {
                *known = Some(known.map_or(fact, |other: Known| other.or(fact)));
            }
        }
    }
    listing
}

/// What is certain at an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Known {
    held: Held,
    /// Architecture of the call.
    audit: Option<u32>,
}

/// What the accumulator holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Held {
    #[default]
    Nothing,
    Arch,
    Number,
}

impl Known {
    /// What is certain if either is.
    fn or(self, other: Self) -> Self {
        let held = if self.held == other.held { self.held } else { Held::Nothing };
        Self { held, audit: self.audit.filter(|audit| other.audit == Some(*audit)) }
    }
}

fn successors(at: usize, instruction: &Instruction, here: Known) -> Vec<(usize, Known)> {
    let Instruction { code, jt, jf, k } = *instruction;
    let branches = |yes| vec![(at + 1 + usize::from(jt), yes), (at + 1 + usize::from(jf), here)];
    match code {
        code::RETURN => vec![],
        code::JUMP => vec![(at + 1 + k as usize, here)],
        code::LOAD => {
            let held = match k {
                offset::ARCH => Held::Arch,
                offset::NUMBER => Held::Number,
                _ => Held::Nothing,
            };
            vec![(at + 1, Known { held, ..here })]
        }
        code::AND => vec![(at + 1, Known { held: Held::Nothing, ..here })],
        code::IF_EQUAL if here.held == Held::Arch => branches(Known { audit: Some(k), ..here }),
        _ => branches(here),
    }
}

fn comment(instruction: &Instruction, here: Known, names: &dyn Names) -> Option<String> {
    let number = instruction.k;
    match (instruction.code, here.held, here.audit) {
        (code::IF_EQUAL, Held::Arch, _) => names.arch(number),
        (code::IF_AT_LEAST, Held::Number, Some(audit)) => {
            // A range begins with a call, or after one.
            let after = || Some(format!("after {}", names.call(audit, number.checked_sub(1)?)?));
            names.call(audit, number).or_else(after)
        }
        (code::IF_EQUAL, Held::Number, Some(audit)) => names.call(audit, number),
        _ => None,
    }
}

fn text(at: usize, instruction: &Instruction) -> String {
    let Instruction { code, jt, jf, k } = *instruction;
    let branch = |test: String| {
        let target = |skip: u8| at + 1 + usize::from(skip);
        match (jt, jf) {
            (_, 0) => format!("if {test} -> {}", target(jt)),
            (0, _) => format!("if {test} else -> {}", target(jf)),
            _ => format!("if {test} -> {} else -> {}", target(jt), target(jf)),
        }
    };
    match code {
        code::LOAD => format!("load {}", word(k)),
        code::AND => format!("and {k:#x}"),
        code::JUMP => format!("-> {}", at + 1 + k as usize),
        code::IF_EQUAL => branch(format!("== {k:#x}")),
        code::IF_GREATER => branch(format!("> {k}")),
        code::IF_AT_LEAST => branch(format!(">= {k}")),
        code::IF_ANY => branch(format!("& {k:#x}")),
        _ => format!("return {}", answer(k)),
    }
}

fn word(at: u32) -> String {
    let half = if at.is_multiple_of(8) { "" } else { ".high" };
    match at {
        offset::NUMBER => "number".into(),
        offset::ARCH => "arch".into(),
        offset::IP..offset::ARGS => format!("instruction_pointer{half}"),
        _ => format!("arg{}{half}", (at - offset::ARGS) / 8),
    }
}

fn answer(value: u32) -> String {
    let name = match action::of(value) {
        action::ALLOW => "allow",
        action::TRACE => "trace",
        action::USER_NOTIF => "notify",
        action::ERRNO => "errno",
        _ => return format!("{value:#x}"),
    };
    match action::data(value) {
        0 if name != "errno" => name.into(),
        data => format!("{name} {data}"),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::{Case, Condition, Op, Section, Verdict, Width, compile};

    struct Amd64;

    impl Names for Amd64 {
        fn arch(&self, audit: u32) -> Option<String> {
            (audit == 0xC000_003E).then(|| "amd64".into())
        }

        fn call(&self, audit: u32, number: u32) -> Option<String> {
            let names = [(9, "mmap"), (257, "openat")];
            let name = names.iter().find(|name| name.0 == number && audit == 0xC000_003E)?;
            Some(name.1.into())
        }
    }

    #[test]
    fn a_listing() {
        let executable = Condition { arg: 2, width: Width::U64, op: Op::AnyBits(4) };
        let case = Case { when: Cow::Owned(vec![executable]), action: action::TRACE };
        let mmap = Verdict { cases: vec![case], otherwise: action::ALLOW };
        let rules = vec![(9, mmap), (257, Verdict::always(action::with_data(action::TRACE, 7)))];
        let section = Section { audit: 0xC000_003E, number_flag: 0, rules };
        let program = compile(&[section], action::errno(38)).unwrap();
        assert_eq!(disassemble(&program, &Amd64), LISTING.trim_start_matches('\n'));
    }

    const LISTING: &str = "
   0  load arch
   1  if == 0xc000003e else -> 12       ; amd64
   2  load number
   3  if >= 10 else -> 7                ; after mmap
   4  if >= 257 else -> 11              ; openat
   5  if >= 258 -> 11                   ; after openat
   6  return trace 7
   7  if >= 9 else -> 11                ; mmap
   8  load arg2
   9  if & 0x4 else -> 11
  10  return trace
  11  return allow
  12  return errno 38
";
}
