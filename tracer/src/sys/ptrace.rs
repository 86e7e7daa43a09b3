//! The requests of ptrace(2) that the engine makes.
#![expect(unsafe_code, reason = "ptrace(2) is variadic and takes pointers")]

use std::mem::{MaybeUninit, size_of};
use std::ptr::null_mut;

use libc::{c_int, c_uint, c_void, pid_t};
use nix::errno::Errno;

use crate::arch::Registers;
use crate::launch::CallStops;

/// How a tracee goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resume {
    /// To the next stop that is not a syscall's (`PTRACE_CONT`).
    Continue,
    /// To the next entry to or exit from a syscall (`PTRACE_SYSCALL`).
    Syscall,
}

/// What `PTRACE_GET_SYSCALL_INFO` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyscallInfo {
    /// The task is in a syscall-entry stop, or in a seccomp stop.
    Entry {
        /// `AUDIT_ARCH_*` of the call.
        audit: u32,
        /// Number as the task gave it.
        nr: u64,
        /// Argument registers.
        args: [u64; 6],
        /// Instruction pointer.
        ip: u64,
        /// Stack pointer.
        sp: u64,
    },
    /// The task is in a syscall-exit stop.
    Exit {
        /// What the call returned.
        result: i64,
    },
    /// The task is in another stop.
    None,
}

fn request(request: c_uint, tid: pid_t, addr: usize, data: *mut c_void) -> Result<i64, Errno> {
    // SAFETY: callers in this file pass requests for which `data` is a number, or a pointer to a
    // buffer as large as the request writes; `addr` is a number to all of them.
    let result = unsafe { libc::ptrace(request, tid, addr, data) };
    Errno::result(result)
}

/// Makes `tid` a tracee of the calling thread, without stopping it, so that it stops at syscalls
/// when asked, for fork, vfork, clone and exec, and for seccomp if calls are `Filtered`. Its
/// children become tracees likewise.
///
/// # Errors
/// `EINVAL` if calls are `Filtered` and the kernel has no seccomp filters (before 3.5).
pub(crate) fn seize(tid: pid_t, stops: CallStops) -> Result<(), Errno> {
    let options = libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEEXEC;
    let options = match stops {
        CallStops::Filtered => options | libc::PTRACE_O_TRACESECCOMP,
        CallStops::Every => options,
    };
    seize_with(tid, options)
}

/// Makes `tid` a tracee of the calling thread for a while, so that it stops at syscalls when asked,
/// and for exec. Its children do not become tracees.
pub(crate) fn seize_for_a_while(tid: pid_t) -> Result<(), Errno> {
    seize_with(tid, libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACEEXEC)
}

fn seize_with(tid: pid_t, options: c_int) -> Result<(), Errno> {
    request(libc::PTRACE_SEIZE, tid, 0, options as usize as *mut c_void).map(drop)
}

/// Stops `tid` on its way to user mode, or when it gets there next.
pub(crate) fn interrupt(tid: pid_t) -> Result<(), Errno> {
    request(libc::PTRACE_INTERRUPT, tid, 0, null_mut()).map(drop)
}

/// Lets `tid`, which has stopped, go for good, delivering `signal` unless it is 0.
pub(crate) fn detach(tid: pid_t, signal: c_int) -> Result<(), Errno> {
    request(libc::PTRACE_DETACH, tid, 0, signal as usize as *mut c_void).map(drop)
}

/// Resumes `tid` from its stop, delivering `signal` unless it is 0.
pub(crate) fn resume(tid: pid_t, how: Resume, signal: c_int) -> Result<(), Errno> {
    let how = match how {
        Resume::Continue => libc::PTRACE_CONT,
        Resume::Syscall => libc::PTRACE_SYSCALL,
    };
    request(how, tid, 0, signal as usize as *mut c_void).map(drop)
}

/// Lets `tid` stay in its group stop and tell when that ends.
pub(crate) fn listen(tid: pid_t) -> Result<(), Errno> {
    request(libc::PTRACE_LISTEN, tid, 0, null_mut()).map(drop)
}

/// The message of the event stop that `tid` is in.
pub(crate) fn event_message(tid: pid_t) -> Result<u64, Errno> {
    let mut message: libc::c_ulong = 0;
    let data = (&raw mut message).cast();
    request(libc::PTRACE_GETEVENTMSG, tid, 0, data)?;
    Ok(message)
}

/// Who sent the signal that `tid` is about to get: `si_code`, and `si_pid` where a process did.
pub(crate) fn signal_sender(tid: pid_t) -> Result<(c_int, pid_t), Errno> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    request(libc::PTRACE_GETSIGINFO, tid, 0, info.as_mut_ptr().cast())?;
    // SAFETY: all bit patterns are a `siginfo_t`, and the kernel filled it; `si_pid` reads an
    // integer of its union.
    let (code, pid) = unsafe {
        let info = info.assume_init();
        (info.si_code, info.si_pid())
    };
    Ok((code, pid))
}

/// What the syscall stop of `tid` is about. `EIO` on kernels before 5.3.
pub(crate) fn syscall_info(tid: pid_t) -> Result<SyscallInfo, Errno> {
    let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
    let size = size_of::<libc::ptrace_syscall_info>();
    request(libc::PTRACE_GET_SYSCALL_INFO, tid, size, info.as_mut_ptr().cast())?;
    // SAFETY: the structure consists of integers, and was zeroed before the kernel filled it.
    let info = unsafe { info.assume_init() };
    let (nr, args) = match info.op {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            // SAFETY: `op` says which member of the union the kernel filled; all are integers.
            let entry = unsafe { info.u.entry };
            (entry.nr, entry.args)
        }
        libc::PTRACE_SYSCALL_INFO_SECCOMP => {
            // SAFETY: as above.
            let seccomp = unsafe { info.u.seccomp };
            (seccomp.nr, seccomp.args)
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => {
            // SAFETY: as above.
            let exit = unsafe { info.u.exit };
            return Ok(SyscallInfo::Exit { result: exit.sval });
        }
        _ => return Ok(SyscallInfo::None),
    };
    Ok(SyscallInfo::Entry {
        audit: info.arch,
        nr,
        args,
        ip: info.instruction_pointer,
        sp: info.stack_pointer,
    })
}

/// The general purpose registers of `tid` (`NT_PRSTATUS`).
pub(crate) fn registers(tid: pid_t) -> Result<Registers, Errno> {
    let mut registers = Registers::new();
    let base = registers.words.as_mut_ptr().cast();
    let mut iov = libc::iovec { iov_base: base, iov_len: size_of_val(&registers.words) };
    let set = libc::NT_PRSTATUS as usize;
    request(libc::PTRACE_GETREGSET, tid, set, (&raw mut iov).cast())?;
    registers.len = iov.iov_len;
    Ok(registers)
}

/// Sets the general purpose registers of `tid`.
pub(crate) fn set_registers(tid: pid_t, registers: &Registers) -> Result<(), Errno> {
    let mut words = registers.words;
    let len = registers.len.min(size_of_val(&words));
    let mut iov = libc::iovec { iov_base: words.as_mut_ptr().cast(), iov_len: len };
    let set = libc::NT_PRSTATUS as usize;
    request(libc::PTRACE_SETREGSET, tid, set, (&raw mut iov).cast()).map(drop)
}

/// The word of `tid`'s memory at `addr`.
pub(crate) fn peek(tid: pid_t, addr: u64) -> Result<usize, Errno> {
    Errno::clear();
    let addr = usize::try_from(addr).map_err(|_| Errno::EIO)?;
    // The library's function returns the word itself, so that -1 alone says nothing.
    match request(libc::PTRACE_PEEKDATA, tid, addr, null_mut()) {
        Ok(word) => Ok(word as usize),
        Err(Errno::UnknownErrno) => Ok(usize::MAX),
        Err(errno) => Err(errno),
    }
}
