//! Rules to a program.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use crate::action;
use crate::assemble::{Assembler, If, Label};
use crate::program::{Program, offset};
use crate::rules::{Case, Condition, Op, Section, Verdict, Width};
use crate::verify::Invalid;

/// Why rules make no program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// Two rules are for the same call.
    #[error("two rules for the call {number:#x} of architecture {audit:#x}")]
    Duplicate {
        /// The architecture.
        audit: u32,
        /// The number with its flag.
        number: u32,
    },
    /// A rule for the number -1, which is no call.
    #[error("a rule for the number -1 of architecture {audit:#x}")]
    NoCall {
        /// The architecture.
        audit: u32,
    },
    /// A condition on a register that does not exist.
    #[error("a condition on argument register {arg}, where 0 to 5 exist")]
    NoArgument {
        /// The register.
        arg: u8,
    },
    /// There is more to test than a program can hold.
    #[error(transparent)]
    Program(#[from] Invalid),
}

/// Compiles the rules of all ABIs that a task of this machine can make calls by. An architecture
/// without a section gets the answer `trap`; ABIs of one architecture become one tree.
///
/// # Errors
/// The rules contradict each other or do not fit into a program.
pub fn compile(sections: &[Section], trap: u32) -> Result<Program, CompileError> {
    let mut compiler = Compiler::default();
    let mut entry = compiler.assembler.answer(trap);
    let trees = trees(sections)?;
    // Written from the end, the architecture that comes first is tested first.
    for (audit, calls) in trees.iter().rev() {
        let section = compiler.section(calls)?;
        entry = compiler.assembler.branch(If::Equal, *audit, section, entry);
    }
    let entry = compiler.assembler.load(offset::ARCH, entry);
    Ok(Program::new(compiler.assembler.finish(entry))?)
}

/// The calls of an architecture by number, with its flag.
type Calls = BTreeMap<u32, Verdict>;

/// The calls of each architecture, in the order of the sections.
fn trees(sections: &[Section]) -> Result<Vec<(u32, Calls)>, CompileError> {
    let mut trees: Vec<(u32, Calls)> = Vec::new();
    for section in sections {
        let audit = section.audit;
        let tree = match trees.iter().position(|(other, _)| *other == audit) {
            Some(tree) => tree,
            None => {
                trees.push((audit, Calls::new()));
                trees.len() - 1
            }
        };
        for (nr, verdict) in &section.rules {
            let number = nr | section.number_flag;
            if number == u32::MAX {
                return Err(CompileError::NoCall { audit });
            }
            if trees[tree].1.insert(number, simplify(verdict)).is_some() {
                return Err(CompileError::Duplicate { audit, number });
            }
        }
    }
    Ok(trees)
}

#[derive(Default)]
struct Compiler {
    assembler: Assembler,
    /// Where verdicts that look at arguments have been written.
    verdicts: HashMap<Verdict, Label>,
}

impl Compiler {
    fn section(&mut self, calls: &Calls) -> Result<Label, CompileError> {
        let ranges = ranges(calls);
        let tree = self.tree(&ranges)?;
        // Without a rule there is nothing to look at the number for.
        Ok(if ranges.len() > 1 { self.assembler.load(offset::NUMBER, tree) } else { tree })
    }

    /// Finds the range of the number in the accumulator.
    fn tree(&mut self, ranges: &[(u32, &Verdict)]) -> Result<Label, CompileError> {
        if let [(_, verdict)] = ranges {
            return self.verdict(verdict);
        }
        let (low, high) = ranges.split_at(ranges.len() / 2);
        let (low, at_least) = (self.tree(low)?, self.tree(high)?);
        let (start, _) = ranges[ranges.len() / 2];
        Ok(self.assembler.branch(If::AtLeast, start, at_least, low))
    }

    fn verdict(&mut self, verdict: &Verdict) -> Result<Label, CompileError> {
        if verdict.cases.is_empty() {
            return Ok(self.assembler.answer(verdict.otherwise));
        }
        if let Some(label) = self.verdicts.get(verdict) {
            return Ok(*label);
        }
        let mut label = self.assembler.answer(verdict.otherwise);
        for case in verdict.cases.iter().rev() {
            let mut holds = self.assembler.answer(case.action);
            for condition in case.when.iter().rev() {
                holds = self.condition(condition, holds, label)?;
            }
            label = holds;
        }
        self.verdicts.insert(verdict.clone(), label);
        Ok(label)
    }

    fn condition(
        &mut self,
        condition: &Condition,
        yes: Label,
        no: Label,
    ) -> Result<Label, CompileError> {
        let words = Words::of(condition)?;
        Ok(match &condition.op {
            Op::Eq(operand) => self.any_of(&words, &[*operand], yes, no),
            Op::Ne(operand) => self.any_of(&words, &[*operand], no, yes),
            Op::In(operands) => self.any_of(&words, operands, yes, no),
            Op::AnyBits(bits) => self.any_bits(&words, *bits, yes, no),
            Op::NoBits(bits) => self.any_bits(&words, *bits, no, yes),
        })
    }

    fn any_of(&mut self, words: &Words, operands: &[u64], yes: Label, no: Label) -> Label {
        let mut lows_by_high: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for operand in operands {
            let operand = operand & words.width.mask();
            lows_by_high.entry((operand >> 32) as u32).or_default().push(operand as u32);
        }
        let mut label = no;
        for (high, lows) in lows_by_high {
            let mut low = no;
            for operand in lows {
                low = self.assembler.branch(If::Equal, operand, yes, low);
            }
            if words.width.mask() < u64::from(u32::MAX) {
                low = self.assembler.and(words.width.mask() as u32, low);
            }
            let low = self.assembler.load(words.low, low);
            label = match words.high {
                Some(_) => self.assembler.branch(If::Equal, high, low, label),
                None => low,
            };
        }
        match words.high {
            Some(word) => self.assembler.load(word, label),
            None => label,
        }
    }

    fn any_bits(&mut self, words: &Words, bits: u64, yes: Label, no: Label) -> Label {
        let mut label = no;
        let bits = bits & words.width.mask();
        for (word, bits) in [(Some(words.low), bits as u32), (words.high, (bits >> 32) as u32)] {
            if let (Some(word), 1..) = (word, bits) {
                let test = self.assembler.branch(If::Any, bits, yes, label);
                label = self.assembler.load(word, test);
            }
        }
        label
    }
}

/// Where the halves of an argument are in `struct seccomp_data`.
struct Words {
    width: Width,
    low: u32,
    high: Option<u32>,
}

impl Words {
    fn of(condition: &Condition) -> Result<Self, CompileError> {
        let Condition { arg, width, .. } = *condition;
        let last = if width == Width::Pair { 4 } else { 5 };
        if arg > last {
            return Err(CompileError::NoArgument { arg });
        }
        let low = offset::ARGS + 8 * u32::from(arg);
        let high = match width {
            Width::U8 | Width::U16 | Width::U32 => None,
            Width::U64 => Some(low + 4),
            Width::Pair => Some(low + 8),
        };
        Ok(Self { width, low, high })
    }
}

/// Ranges of numbers with the same verdict: the first number of each, from 0 on.
fn ranges(calls: &Calls) -> Vec<(u32, &Verdict)> {
    const ALLOW: &Verdict = &Verdict::always(action::ALLOW);
    let mut ranges = Vec::new();
    let mut next = 0;
    for (number, verdict) in calls {
        if *number > next {
            ranges.push((next, ALLOW));
        }
        ranges.push((*number, verdict));
        next = number + 1;
    }
    ranges.push((next, ALLOW));
    ranges.dedup_by_key(|(_, verdict)| *verdict);
    ranges
}

/// The same verdict without what never decides.
fn simplify(verdict: &Verdict) -> Verdict {
    let mut simple = Verdict { cases: Vec::new(), otherwise: verdict.otherwise };
    for case in &verdict.cases {
        let mut when: Vec<_> = case.when.iter().filter(|when| !always(when)).cloned().collect();
        when.dedup();
        if when.iter().any(never) || simple.cases.iter().any(|other| *other.when == when) {
            continue;
        }
        if when.is_empty() {
            simple.otherwise = case.action;
            break;
        }
        simple.cases.push(Case { when: Cow::Owned(when), action: case.action });
    }
    while simple.cases.last().is_some_and(|case| case.action == simple.otherwise) {
        simple.cases.pop();
    }
    simple
}

fn always(condition: &Condition) -> bool {
    matches!(condition.op, Op::NoBits(bits) if bits & condition.width.mask() == 0)
}

fn never(condition: &Condition) -> bool {
    match &condition.op {
        Op::AnyBits(bits) => bits & condition.width.mask() == 0,
        Op::In(operands) => operands.is_empty(),
        _ => false,
    }
}
