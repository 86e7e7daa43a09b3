//! What the arguments of a call point to.

use super::call::Arguments;
use super::table::{Count, Dir, Scalar, StructDesc, Type};
use crate::memory::{self, ARRAY_MAX, Memory, Partial, Width};

/// The memory of a task as its arguments see it. NULL points to nothing: what is read from there
/// is empty or 0, and whole.
#[derive(Clone, Copy)]
pub(super) struct Pointees<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) memory: &'a dyn Memory,
}

impl Pointees<'_> {
    /// NUL-terminated text.
    pub(super) fn text(self, arg: u8, max: usize) -> Partial<Vec<u8>> {
        self.at(arg, |addr| memory::text(self.memory, addr, max))
    }

    /// A vector of texts.
    pub(super) fn texts(self, arg: u8) -> Partial<Vec<Vec<u8>>> {
        self.at(arg, |addr| memory::texts(self.memory, addr, self.arguments.layout().word))
    }

    /// `len` bytes.
    pub(super) fn bytes(self, arg: u8, len: u64, max: usize) -> Partial<Vec<u8>> {
        self.at(arg, |addr| memory::bytes(self.memory, addr, len, max))
    }

    /// A number at an offset.
    pub(super) fn number(self, arg: u8, offset: u64, width: Width) -> Partial<u64> {
        self.at(arg, |addr| memory::number(self.memory, addr.wrapping_add(offset), width))
    }

    /// A length: the value of the argument, or what it points to (`socklen_t *`).
    pub(super) fn length(self, arg: u8) -> Partial<u64> {
        match self.ty(arg) {
            Some(Type::ScalarPtr(scalar, _)) => {
                self.number(arg, 0, scalar.width(self.arguments.layout()))
            }
            _ => Partial::whole(self.arguments.bits(arg)),
        }
    }

    /// A number of elements, at most [`ARRAY_MAX`].
    pub(super) fn count(self, count: Count) -> Partial<usize> {
        let count = match count {
            Count::Fixed(count) => Partial::whole(u64::from(count)),
            Count::Arg(arg) => self.length(arg),
        };
        let marks =
            if count.value > ARRAY_MAX as u64 { sentrace_schema::wire::TRUNCATED } else { 0 };
        let value = usize::try_from(count.value).unwrap_or(ARRAY_MAX).min(ARRAY_MAX);
        Partial { value, marks: count.marks | marks }
    }

    /// An array of numbers, as far as it is readable.
    pub(super) fn numbers(self, arg: u8, scalar: Scalar, count: usize) -> Partial<Vec<i64>> {
        let width = scalar.width(self.arguments.layout());
        let len = count * width.bytes();
        self.bytes(arg, len as u64, len).map(|bytes| {
            let numbers = bytes.chunks_exact(width.bytes());
            let numbers = numbers.filter_map(|bytes| memory::number_in(bytes, 0, width));
            numbers.map(|bits| scalar.number(bits, width)).collect()
        })
    }

    /// A member of a structure.
    pub(super) fn member(self, arg: u8, of: &StructDesc, member: u8) -> Partial<i64> {
        let Some(member) = of.members.get(usize::from(member)) else { return Partial::default() };
        let width = member.ty.width(self.arguments.layout());
        let offset = u64::from(member.offset.on(self.arguments.abi));
        self.number(arg, offset, width).map(|bits| member.ty.number(bits, width))
    }

    /// The type of an argument.
    pub(super) fn ty(self, arg: u8) -> Option<Type> {
        Some(self.arguments.syscall.args.get(usize::from(arg))?.ty)
    }

    /// The direction of what an argument points to.
    pub(super) fn dir(self, arg: u8) -> Option<Dir> {
        Some(self.arguments.syscall.args.get(usize::from(arg))?.dir)
    }

    fn at<T: Default>(self, arg: u8, read: impl FnOnce(u64) -> Partial<T>) -> Partial<T> {
        match self.arguments.bits(arg) {
            0 => Partial::default(),
            addr => read(addr),
        }
    }
}
