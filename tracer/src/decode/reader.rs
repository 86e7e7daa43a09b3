//! Reads what the arguments of a call stand for: texts, structures, files, processes.

use sentrace_schema::groups;
use smallvec::SmallVec;

use super::call::Arguments;
use super::pointee::Pointees;
use super::sockaddr;
use super::table::{Following, Type};
use crate::engine::Task;
use crate::memory::{self, Memory, Partial, TEXT_MAX};
use crate::world::{Follow, World};

/// A call at one of its two moments, with everything that can be asked about it.
///
/// What is missing from an answer is added to `Reader::marks`.
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

    /// Text that an argument points to, as it was at entry.
    pub(super) fn text(&mut self, arg: u8) -> Vec<u8> {
        self.input(arg, read_text).value
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
        let len = self.note(self.pointees().length(len));
        let bytes = self.input(arg, |at, arg| at.bytes(arg, len, sockaddr::MAX));
        sockaddr::record(&bytes.value)
    }

    /// What the arguments point to.
    pub(super) fn pointees(&self) -> Pointees<'_> {
        Pointees { arguments: self.arguments, memory: self.memory }
    }

    /// A value, with its marks taken over.
    pub(super) fn note<T>(&mut self, partial: Partial<T>) -> T {
        self.marks |= partial.marks;
        partial.value
    }

    pub(super) fn ty(&self, arg: u8) -> Option<Type> {
        self.pointees().ty(arg)
    }

    fn input(
        &mut self,
        arg: u8,
        read: impl FnOnce(Pointees<'_>, u8) -> Partial<Vec<u8>>,
    ) -> Partial<Vec<u8>> {
        if let Some((_, seen)) = self.inputs.0.iter().find(|(seen, _)| *seen == arg) {
            return seen.clone();
        }
        let read = read(self.pointees(), arg);
        self.marks |= read.marks;
        self.inputs.0.push((arg, read.clone()));
        read
    }
}

fn read_text(at: Pointees<'_>, arg: u8) -> Partial<Vec<u8>> {
    at.text(arg, TEXT_MAX)
}
