//! What a filter is made from.

use std::borrow::Cow;

/// The rules of one ABI.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// `AUDIT_ARCH_*` (linux/audit.h). ABIs of one architecture are told apart by their number
    /// flag.
    pub audit: u32,
    /// Bit that is set in all numbers of the ABI, or 0 (x32: `0x40000000`).
    pub number_flag: u32,
    /// Numbers, without the flag, each at most once, and what is answered. Calls without a rule
    /// are let through.
    pub rules: Vec<(u32, Verdict)>,
}

/// What is answered to a call: the action of the first case that applies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// In the order in which they are tried.
    pub cases: Vec<Case>,
    /// The action when no case applies.
    pub otherwise: u32,
}

/// A case of a [`Verdict`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Case {
    /// All must hold.
    pub when: Cow<'static, [Condition]>,
    /// What is answered then (see [`crate::action`]).
    pub action: u32,
}

/// A condition on an argument.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Register slot, 0 to 5.
    pub arg: u8,
    /// How much of it is the value.
    pub width: Width,
    /// The test.
    pub op: Op,
}

/// How much of a register is an argument's value; the rest is junk that the kernel ignores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// The lowest 8 bits.
    U8,
    /// The lowest 16 bits.
    U16,
    /// The lower half.
    U32,
    /// All of it.
    U64,
    /// The lower halves of this register and of the next one, which has the upper 32 bits.
    Pair,
}

/// A test of an argument. Operands count as far as the argument is wide: 32 bits of -100 are
/// 0xffffff9c.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// Equal.
    Eq(u64),
    /// Not equal.
    Ne(u64),
    /// Any of the bits is set.
    AnyBits(u64),
    /// None of the bits is set.
    NoBits(u64),
    /// Equal to one of several.
    In(Cow<'static, [u64]>),
}

impl Verdict {
    /// The same answer whatever the arguments.
    #[must_use]
    pub const fn always(action: u32) -> Self {
        Self { cases: Vec::new(), otherwise: action }
    }

    /// The action for a call with these argument registers: what the compiled program answers.
    #[must_use]
    pub fn action(&self, args: &[u64; 6]) -> u32 {
        let case = self.cases.iter().find(|case| case.when.iter().all(|when| when.holds(args)));
        case.map_or(self.otherwise, |case| case.action)
    }
}

impl Condition {
    /// Whether it holds for a call with these argument registers; never if it names a register
    /// that does not exist.
    #[must_use]
    pub fn holds(&self, args: &[u64; 6]) -> bool {
        let Some(value) = self.width.value(self.arg, args) else { return false };
        let mask = self.width.mask();
        match &self.op {
            Op::Eq(operand) => value == operand & mask,
            Op::Ne(operand) => value != operand & mask,
            Op::AnyBits(bits) => value & bits != 0,
            Op::NoBits(bits) => value & bits == 0,
            Op::In(operands) => operands.iter().any(|operand| value == operand & mask),
        }
    }
}

impl Width {
    /// The bits that an operand may have.
    #[must_use]
    pub const fn mask(self) -> u64 {
        match self {
            Self::U8 => 0xff,
            Self::U16 => 0xffff,
            Self::U32 => 0xffff_ffff,
            Self::U64 | Self::Pair => u64::MAX,
        }
    }

    /// The value of the argument at register slot `arg`; `None` when there is no such register.
    #[must_use]
    pub fn value(self, arg: u8, args: &[u64; 6]) -> Option<u64> {
        let register = *args.get(usize::from(arg))?;
        if self != Self::Pair {
            return Some(register & self.mask());
        }
        let high = *args.get(usize::from(arg) + 1)?;
        Some(high << 32 | register & 0xffff_ffff)
    }
}
