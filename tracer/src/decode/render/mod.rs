//! A call as text, the way strace(1) writes it: `openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3`.
//!
//! What the kernel reads is written down at entry, what it writes at exit. Flags and enumerations
//! have the names of `syscalls.yaml`, so that the text covers every call on every ABI.

mod address;
mod memory;
mod value;

use std::fmt::Write as _;

use nix::errno::Errno;

pub use self::value::names;
use super::call::Arguments;
use super::pointee::Pointees;
use super::table::{Dir, Scalar, Slot, Type, is_success};
use crate::engine::Call;
use crate::memory::Memory;

/// How a call is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Bytes of a text or buffer that are written; paths and names are never cut shorter than
    /// the decoder does.
    pub text_max: usize,
    /// Elements of an array that are written.
    pub elements_max: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { text_max: 32, elements_max: 16 }
    }
}

/// A call that has been entered.
#[derive(Debug, Clone)]
pub struct Line {
    style: Style,
    name: String,
    arguments: Option<Arguments>,
    /// Text of each argument that the call has.
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
struct Part {
    arg: u8,
    text: String,
}

/// Writes down what is known when a call is entered.
pub fn entered(call: &Call, memory: &dyn Memory, style: Style) -> Line {
    let Some(arguments) = Arguments::meant(call, memory).or_else(|| Arguments::of(call)) else {
        let parts = (0..).zip(call.args);
        let parts = parts.map(|(arg, bits)| Part { arg, text: value::hex(bits) });
        let name = format!("syscall_{:#x}", call.nr);
        return Line { style, name, arguments: None, parts: parts.collect() };
    };
    let at = Pointees { arguments: &arguments, memory };
    let args = (0..).zip(arguments.syscall.args);
    let args = args.filter(|(arg, _)| arguments.slot(*arg) != Slot::Absent);
    let args = args.filter(|(arg, _)| !is_left_out(&arguments, *arg));
    let parts = args.map(|(arg, desc)| {
        let text = match (desc.ty, desc.dir) {
            (Type::Scalar(scalar), _) => value::scalar(at, scalar, arg),
            (_, Dir::Out) => value::pointer(arguments.bits(arg)),
            _ => memory::pointee(at, arg, None, style),
        };
        Part { arg, text }
    });
    let (parts, name) = (parts.collect(), arguments.syscall.name.to_owned());
    Line { style, name, arguments: Some(arguments), parts }
}

/// The name of a signal.
#[must_use]
pub fn signal(signal: i32) -> String {
    value::signal(signal.into())
}

/// Whether the kernel does not look at an argument: at the mode of open(2) when no file is made.
fn is_left_out(arguments: &Arguments, arg: u8) -> bool {
    let Some(Scalar::Mode) = arguments.scalar(arg) else { return false };
    let makes = i64::from(libc::O_CREAT | libc::O_TMPFILE & !libc::O_DIRECTORY);
    let flags = arg.checked_sub(1).filter(|flags| {
        matches!(arguments.scalar(*flags), Some(Scalar::Set(set)) if set.name == "open_flags")
    });
    flags.is_some_and(|flags| arguments.value(flags) & makes == 0)
}

/// What an error means, in the words of strerror(3).
fn reason(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    text.trim_end_matches(&format!(" (os error {errno})")).to_owned()
}

impl Line {
    /// The call with its result; the task is stopped at the exit.
    #[must_use]
    pub fn returned(mut self, result: i64, memory: &dyn Memory) -> String {
        if let Some(arguments) = self.arguments.filter(|_| is_success(result)) {
            let at = Pointees { arguments: &arguments, memory };
            for Part { arg, text } in &mut self.parts {
                match at.dir(*arg) {
                    Some(Dir::Out) => *text = memory::pointee(at, *arg, Some(result), self.style),
                    Some(Dir::InOut) => {
                        let now = memory::pointee(at, *arg, Some(result), self.style);
                        memory::merge(text, &now);
                    }
                    _ => {}
                }
            }
        }
        let mut line = self.unfinished();
        let result = self.result(result);
        // Writing to a String does not fail.
        let _ = write!(line, " = {result}");
        line
    }

    /// The call without a result: it did not return.
    #[must_use]
    pub fn unfinished(&self) -> String {
        let parts: Vec<&str> = self.parts.iter().map(|part| part.text.as_str()).collect();
        format!("{}({})", self.name, parts.join(", "))
    }

    fn result(&self, result: i64) -> String {
        if !is_success(result) {
            let errno = Errno::from_raw(-result as i32);
            return match errno {
                Errno::UnknownErrno => format!("-1 (errno {})", -result),
                known => format!("-1 {known:?} ({})", reason(known as i32)),
            };
        }
        match self.name.as_str() {
            "brk" | "mmap" | "mmap2" | "mremap" | "personality" | "shmat" => {
                value::hex(result.cast_unsigned())
            }
            "umask" => value::mode(result.cast_unsigned()),
            _ => result.to_string(),
        }
    }
}
