//! Reads what the arguments of a call stand for: texts, structures, files, processes.

use sentrace_schema::groups;
use smallvec::SmallVec;

use super::call::Arguments;
use super::sockaddr;
use super::table::{Count, Following, Scalar, StructDesc, Type};
use crate::engine::Task;
use crate::memory::{self, ARRAY_MAX, Memory, Partial, TEXT_MAX, Width};
use crate::world::{Follow, World};

/// A call at one of its two moments, with everything that can be asked about it.
///
/// What is missing from an answer is added to [`Reader::marks`].
pub struct Reader<'a> {
    pub(super) task: Task,
    pub(super) arguments: &'a Arguments,
    pub(super) memory: &'a dyn Memory,
    pub(super) world: &'a dyn World,
    /// What it returned; `None` at entry, and when nobody waited for it.
    pub(super) result: Option<i64>,
    pub(super) inputs: &'a mut Inputs,
    pub(super) marks: u32,
}

/// Texts and addresses that were read at entry, by argument. They are used again at exit: what is
/// in the memory then need not be what the kernel saw.
#[derive(Debug, Clone, Default)]
pub(super) struct Inputs(SmallVec<[(u8, Partial<Vec<u8>>); 2]>);

impl Inputs {
    /// Whether what was read at entry is still there: another thread may have changed it before
    /// the kernel read it.
    pub(super) fn are_unchanged(&self, arguments: &Arguments, memory: &dyn Memory) -> bool {
        self.0.iter().all(|(arg, seen)| {
            let addr = arguments.bits(*arg);
            let seen = &seen.value;
            memory::bytes(memory, addr, seen.len() as u64, seen.len()).value == *seen
        })
    }
}

impl Reader<'_> {
    /// The argument of this name, which the call may have or not.
    pub(super) fn named(&self, name: &str) -> Option<i64> {
        self.arguments.index(name).map(|arg| self.arguments.value(arg))
    }

    /// What the call returned, if it succeeded.
    pub(super) fn success(&self) -> Option<i64> {
        self.result.filter(|result| super::table::is_success(*result))
    }

    /// Text that an argument points to, as it was at entry; empty for NULL.
    pub(super) fn text(&mut self, arg: u8) -> Vec<u8> {
        self.input(arg, read_text).value
    }

    /// The vector of texts that an argument points to; empty for NULL.
    pub(super) fn texts(&mut self, arg: u8) -> Vec<Vec<u8>> {
        let pointer = self.arguments.layout().word;
        let addr = self.arguments.bits(arg);
        if addr == 0 { vec![] } else { self.note(memory::texts(self.memory, addr, pointer)) }
    }

    /// The buffer that an argument points to, `len` bytes long; empty for NULL.
    pub(super) fn bytes(&mut self, arg: u8, len: u64, max: usize) -> Vec<u8> {
        let addr = self.arguments.bits(arg);
        if addr == 0 { vec![] } else { self.note(memory::bytes(self.memory, addr, len, max)) }
    }

    /// The file that a path argument means now.
    pub(super) fn file(&mut self, arg: u8) -> groups::File {
        let Some(Type::Path { at, follow }) = self.ty(arg) else { return groups::File::default() };
        let path = self.input(arg, read_text);
        if path.value.is_empty() && !path.is_whole() {
            return groups::File::default();
        }
        let at =
            at.map(|at| self.arguments.value(at)).filter(|at| *at != i64::from(libc::AT_FDCWD));
        let is_followed = match follow {
            Following::Always => true,
            Following::Never => false,
            Following::When(condition) => self.arguments.holds(condition),
        };
        let follow = if is_followed { Follow::Last } else { Follow::Never };
        self.world.file_at(self.task, at.map(|at| at as i32), &path.value, follow)
    }

    /// The file behind a descriptor; nothing for -1, the working directory for `AT_FDCWD`.
    pub(super) fn file_of(&self, fd: i64) -> groups::File {
        match i32::try_from(fd) {
            Ok(libc::AT_FDCWD) => self.world.file_at(self.task, None, b"", Follow::Last),
            Ok(fd) if fd >= 0 => self.world.file_of_fd(self.task, fd),
            _ => groups::File::default(),
        }
    }

    /// The process that a pid means; 0 is the caller.
    pub(super) fn process_of(&self, pid: i64) -> groups::Process {
        match i32::try_from(pid) {
            Ok(0) => self.world.caller(self.task),
            Ok(pid) => self.world.process(self.task, pid),
            Err(_) => groups::Process { pid, ..groups::Process::default() },
        }
    }

    /// The socket address that an argument points to.
    pub(super) fn addr(&mut self, arg: u8) -> groups::Addr {
        let Some(Type::Sockaddr { len }) = self.ty(arg) else { return groups::Addr::default() };
        let len = self.length(len);
        let max = sockaddr::MAX;
        let bytes = self.input(arg, |addr, memory| memory::bytes(memory, addr, len, max));
        sockaddr::record(&bytes.value)
    }

    /// A length that is the value of an argument, or what it points to (`socklen_t *`).
    pub(super) fn length(&mut self, arg: u8) -> u64 {
        let bits = self.arguments.bits(arg);
        match self.ty(arg) {
            Some(Type::Scalar(_)) => bits,
            Some(Type::ScalarPtr(scalar, _)) if bits != 0 => {
                let width = scalar.width(self.arguments.layout());
                self.note(memory::number(self.memory, bits, width))
            }
            _ => 0,
        }
    }

    /// The number of elements that a pointer points to, at most [`ARRAY_MAX`].
    pub(super) fn count(&mut self, count: Count) -> usize {
        let count = match count {
            Count::Fixed(count) => u64::from(count),
            Count::Arg(arg) => self.length(arg),
        };
        usize::try_from(count).unwrap_or(ARRAY_MAX).min(ARRAY_MAX)
    }

    /// The numbers that an argument points to; none for NULL.
    pub(super) fn numbers(&mut self, arg: u8, scalar: Scalar, count: Count) -> Vec<i64> {
        let width = scalar.width(self.arguments.layout());
        let count = self.count(count);
        let bytes = self.bytes(arg, (count * width.bytes()) as u64, ARRAY_MAX * 8);
        let offsets = (0..count).map(|index| index * width.bytes());
        let numbers = offsets.map_while(|offset| memory::number_in(&bytes, offset, width));
        numbers.map(|bits| scalar.number(bits, width)).collect()
    }

    /// A member of the structure that an argument points to; 0 for NULL.
    pub(super) fn member(&mut self, arg: u8, of: &StructDesc, member: u8) -> i64 {
        let Some(member) = of.members.get(usize::from(member)) else { return 0 };
        let addr = self.arguments.bits(arg);
        if addr == 0 {
            return 0;
        }
        let offset = member.offset.on(self.arguments.abi);
        let width = member.ty.width(self.arguments.layout());
        let bits = match addr.checked_add(u64::from(offset)) {
            Some(addr) => memory::number(self.memory, addr, width),
            None => Partial { value: 0, marks: sentrace_schema::wire::UNREADABLE },
        };
        member.ty.number(self.note(bits), width)
    }

    /// The number at an offset of the structure that an argument points to; `None` for NULL.
    pub(super) fn number_at(&mut self, arg: u8, offset: u64, width: Width) -> Option<u64> {
        let addr = self.arguments.bits(arg);
        if addr == 0 {
            return None;
        }
        let read = memory::number(self.memory, addr.checked_add(offset)?, width);
        let is_whole = read.is_whole();
        Some(self.note(read)).filter(|_| is_whole)
    }

    /// A value, with its marks taken over.
    pub(super) fn note<T>(&mut self, partial: Partial<T>) -> T {
        self.marks |= partial.marks;
        partial.value
    }

    pub(super) fn ty(&self, arg: u8) -> Option<Type> {
        Some(self.arguments.syscall.args.get(usize::from(arg))?.ty)
    }

    fn input(
        &mut self,
        arg: u8,
        read: impl FnOnce(u64, &dyn Memory) -> Partial<Vec<u8>>,
    ) -> Partial<Vec<u8>> {
        if let Some((_, seen)) = self.inputs.0.iter().find(|(seen, _)| *seen == arg) {
            return seen.clone();
        }
        let addr = self.arguments.bits(arg);
        if addr == 0 {
            return Partial::default();
        }
        let read = read(addr, self.memory);
        self.marks |= read.marks;
        self.inputs.0.push((arg, read.clone()));
        read
    }
}

fn read_text(addr: u64, memory: &dyn Memory) -> Partial<Vec<u8>> {
    memory::text(memory, addr, TEXT_MAX)
}
