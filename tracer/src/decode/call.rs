//! The arguments of a call: which register holds which, and how much of it counts.

use super::table::{Condition, Scalar, Shapes, Slot, SyscallDesc, Test, Type};
use super::{ABIS, table};
use crate::engine::{AbiId, Call};
use crate::memory::{Memory, Width};

/// A call with a description, and the values of its arguments.
#[derive(Debug, Clone, Copy)]
pub struct Arguments {
    /// The ABI that it was made by.
    pub abi: AbiId,
    /// What it is.
    pub syscall: &'static SyscallDesc,
    shapes: Shapes,
    registers: [u64; 6],
}

impl Arguments {
    /// The arguments of a call; `None` if its ABI has no such call.
    #[must_use]
    pub fn of(call: &Call) -> Option<Self> {
        Some(Self::new(call.abi, super::numbered(call.abi, call.nr)?, call.args))
    }

    /// The arguments of a call that was made with these registers.
    pub(crate) fn new(abi: AbiId, syscall: &'static SyscallDesc, registers: [u64; 6]) -> Self {
        Self { abi, syscall, shapes: syscall.shapes, registers }
    }

    /// The arguments of a call, or of the call that it is in disguise (`socketcall`).
    #[must_use]
    pub fn meant(call: &Call, memory: &dyn Memory) -> Option<Self> {
        let arguments = Self::of(call)?;
        match &arguments.syscall.becomes {
            Some(becomes) if arguments.hold(becomes.when) => (becomes.by)(&arguments, memory),
            _ => Some(arguments),
        }
    }

    /// The arguments of a call whose arguments are not in the registers where they belong, but
    /// `values` in the order of the description.
    #[must_use]
    pub fn in_order(abi: AbiId, syscall: &'static SyscallDesc, values: [u64; 6]) -> Self {
        Self { abi, syscall, shapes: Shapes::InOrder, registers: values }
    }

    /// The widths of its ABI's types.
    #[must_use]
    pub fn layout(&self) -> &'static table::AbiLayout {
        static NONE: table::AbiLayout =
            table::AbiLayout { word: Width::W64, register: Width::W64, old_id: Width::W32 };
        ABIS.get(usize::from(self.abi.0)).unwrap_or(&NONE)
    }

    /// Index of the argument of this name.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<u8> {
        let index = self.syscall.args.iter().position(|arg| arg.name == name)?;
        u8::try_from(index).ok()
    }

    /// Where an argument is.
    #[must_use]
    pub fn slot(&self, arg: u8) -> Slot {
        match self.shapes {
            Shapes::InOrder => Slot::One(arg),
            Shapes::PerAbi(shapes) => {
                let shape = shapes.get(usize::from(self.abi.0)).copied().unwrap_or_default();
                shape.get(usize::from(arg)).copied().unwrap_or(Slot::Absent)
            }
        }
    }

    /// What the registers of an argument hold, as far as it counts: without junk in the upper
    /// bits. 0 when the call has no such argument.
    #[must_use]
    pub fn bits(&self, arg: u8) -> u64 {
        self.width(arg).zero_extend(self.raw(arg))
    }

    /// The value of an argument; the address, of a pointer.
    #[must_use]
    pub fn value(&self, arg: u8) -> i64 {
        match self.scalar(arg) {
            Some(scalar) => scalar.number(self.raw(arg), scalar.register_width(self.layout())),
            None => self.bits(arg).cast_signed(),
        }
    }

    /// Its type, when it is a value in a register.
    #[must_use]
    pub fn scalar(&self, arg: u8) -> Option<Scalar> {
        match self.syscall.args.get(usize::from(arg))?.ty {
            Type::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Whether all the conditions hold.
    #[must_use]
    pub fn hold(&self, conditions: &[Condition]) -> bool {
        conditions.iter().all(|condition| self.holds(condition))
    }

    /// Whether a condition holds.
    #[must_use]
    pub fn holds(&self, condition: &Condition) -> bool {
        let bits = self.bits(condition.arg);
        let width = self.width(condition.arg);
        let on = |values: &table::PerAbi<u64>| width.zero_extend(values.on(self.abi));
        match &condition.test {
            Test::AnyBits(mask) => bits & on(mask) != 0,
            Test::NoBits(mask) => bits & on(mask) == 0,
            Test::Eq(value) => bits == on(value),
            Test::Ne(value) => bits != on(value),
            Test::In(values) => values.iter().any(|value| bits == on(value)),
        }
    }

    /// How much of the register (or pair) of an argument counts.
    #[must_use]
    pub fn width(&self, arg: u8) -> Width {
        let layout = self.layout();
        self.scalar(arg).map_or(layout.register, |scalar| scalar.register_width(layout))
    }

    fn raw(&self, arg: u8) -> u64 {
        let register = |index: u8| {
            let raw = self.registers.get(usize::from(index)).copied().unwrap_or_default();
            self.layout().register.zero_extend(raw)
        };
        match self.slot(arg) {
            Slot::Absent => 0,
            Slot::One(index) => register(index),
            Slot::Pair(low) => {
                let half = |index| Width::W32.zero_extend(register(index));
                half(low) | half(low.saturating_add(1)) << 32
            }
        }
    }
}
