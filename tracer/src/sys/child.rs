//! The launched child between fork(2) and execve(2).
//!
//! The process may have other threads, so the child makes only async-signal-safe calls and
//! allocates nothing: everything it needs is laid out before ([`Plan`]).
#![expect(unsafe_code, reason = "fork, and raw calls between fork and exec")]

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::{null, null_mut};

use libc::{c_char, c_int, gid_t, pid_t, uid_t};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use crate::launch::Instruction;
use crate::sys::{inherited, signals};

/// What the child does before it becomes the application.
pub(crate) struct Plan<'a> {
    /// Paths to try, in order.
    pub(crate) programs: &'a [CString],
    /// Argument vector.
    pub(crate) argv: &'a [CString],
    /// Environment; `None`: this process's, as it is.
    pub(crate) env: Option<&'a [CString]>,
    /// Working directory to change to.
    pub(crate) cwd: Option<&'a CString>,
    /// User to become.
    pub(crate) uid: Option<uid_t>,
    /// Group to become.
    pub(crate) gid: Option<gid_t>,
    /// Seccomp filter to install; empty: none.
    pub(crate) filter: &'a [Instruction],
}

/// What the child could not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// Install the seccomp filter.
    Filter,
    /// Take the user's and group's ids.
    Credentials,
    /// Change the working directory.
    Directory,
    /// Execute the program.
    Exec,
}

/// A child that waits for [`Child::go`].
pub(crate) struct Child {
    /// Its process id.
    pub(crate) pid: pid_t,
    channel: File,
}

impl Child {
    /// Lets the child go on to the application.
    pub(crate) fn go(&self) -> std::io::Result<()> {
        std::io::Write::write_all(&mut &self.channel, &[1])
    }

    /// What kept the child from becoming the application, once it has ended or become it.
    pub(crate) fn failure(&mut self) -> Option<(Stage, Errno)> {
        let mut report = [0; 5];
        self.channel.read_exact(&mut report).ok()?;
        let stage = match report[0] {
            0 => Stage::Filter,
            1 => Stage::Credentials,
            2 => Stage::Directory,
            _ => Stage::Exec,
        };
        let [_, errno @ ..] = report;
        Some((stage, Errno::from_raw(i32::from_ne_bytes(errno))))
    }
}

/// Forks the child. Signals must be blocked ([`signals::Blocked`]), so that none is handled in
/// the child as if it were this process.
pub(crate) fn spawn(plan: &Plan<'_>, blocked: &signals::Blocked) -> Result<Child, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::Stream, None, flags)?;
    let argv = pointers(plan.argv);
    let env = plan.env.map(pointers);
    // The argument vector of a program without a magic number: a shell script.
    let mut script = vec![c"/bin/sh".as_ptr(), null()];
    script.extend_from_slice(&argv[plan.argv.len().min(1)..]);
    let parent = ours.as_raw_fd();
    // SAFETY: the child only runs `become_application`, which is async-signal-safe.
    let pid = Errno::result(unsafe { libc::fork() })?;
    if pid == 0 {
        // SAFETY: this is the child; the vectors end in null and outlive it. The parent's end is
        // closed so that the parent's death ends the channel.
        unsafe {
            libc::close(parent);
            become_application(plan, &argv, env.as_deref(), &mut script, &theirs, blocked)
        }
    }
    drop(theirs);
    Ok(Child { pid, channel: File::from(ours) })
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([null()]).collect()
}

/// Never returns: executes the program, or reports and exits.
///
/// # Safety
/// To be called in a forked child; all vectors end in null.
unsafe fn become_application(
    plan: &Plan<'_>,
    argv: &[*const c_char],
    env: Option<&[*const c_char]>,
    script: &mut [*const c_char],
    channel: &OwnedFd,
    blocked: &signals::Blocked,
) -> ! {
    let channel = channel.as_raw_fd();
    let mut go = 0_u8;
    // SAFETY: all calls are async-signal-safe, on memory laid out before the fork.
    unsafe {
        if libc::read(channel, (&raw mut go).cast(), 1) != 1 {
            libc::_exit(125);
        }
        signals::restore_in_child(blocked);
        let (stage, errno) = match prepare(plan) {
            Err(failure) => failure,
            Ok(()) => {
                for fd in inherited::closed() {
                    libc::close(fd);
                }
                let env = env.map_or(environ.cast_const(), <[_]>::as_ptr);
                (Stage::Exec, execute(plan.programs, argv, env, script))
            }
        };
        let mut report = [0; 5];
        report[0] = stage as u8;
        report[1..].copy_from_slice(&(errno as i32).to_ne_bytes());
        libc::write(channel, report.as_ptr().cast(), report.len());
        libc::_exit(code(stage, errno));
    }
}

/// Exit status that says why the application was not executed, as env(1) has it.
pub(crate) fn code(stage: Stage, errno: Errno) -> c_int {
    match (stage, errno) {
        (Stage::Exec, Errno::ENOENT | Errno::ENOTDIR) => 127,
        (Stage::Exec, _) => 126,
        _ => 125,
    }
}

/// The filter comes first: it needs `CAP_SYS_ADMIN`, which the user that follows may not have.
unsafe fn prepare(plan: &Plan<'_>) -> Result<(), (Stage, Errno)> {
    // SAFETY: as the caller's.
    unsafe {
        install(plan.filter).map_err(|errno| (Stage::Filter, errno))?;
        take_ids(plan.uid, plan.gid).map_err(|errno| (Stage::Credentials, errno))?;
        if let Some(cwd) = plan.cwd {
            let result = libc::chdir(cwd.as_ptr());
            Errno::result(result).map_err(|errno| (Stage::Directory, errno))?;
        }
    }
    Ok(())
}

/// Installs the filter; sets `no_new_privs` only if the kernel refuses it otherwise.
unsafe fn install(filter: &[Instruction]) -> Result<(), Errno> {
    if filter.is_empty() {
        return Ok(());
    }
    let len = u16::try_from(filter.len()).map_err(|_| Errno::EINVAL)?;
    let program = libc::sock_fprog { len, filter: filter.as_ptr().cast_mut().cast() };
    // SAFETY: `Instruction` has the layout of `sock_filter`; the kernel only reads the program.
    unsafe {
        match load(&program) {
            Err(Errno::EACCES) => {
                Errno::result(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
                load(&program)
            }
            other => other,
        }
    }
}

/// `SPEC_ALLOW` (4.17): the filter is no sandbox, so tasks need no slower speculation for it.
unsafe fn load(program: &libc::sock_fprog) -> Result<(), Errno> {
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    for flags in [libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW, 0] {
        // SAFETY: as the caller's.
        let result = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, program) };
        match Errno::result(result) {
            Ok(_) => return Ok(()),
            Err(Errno::EINVAL) => {}
            Err(Errno::ENOSYS) => break,
            Err(errno) => return Err(errno),
        }
    }
    let mode = libc::SECCOMP_MODE_FILTER;
    // SAFETY: as the caller's.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, program) };
    Errno::result(result).map(drop)
}

/// Takes the ids, and gives up the supplementary groups of the user before. Ids that the process
/// has already are nothing to do, so that no privilege is needed for them.
unsafe fn take_ids(uid: Option<uid_t>, gid: Option<gid_t>) -> Result<(), Errno> {
    // SAFETY: plain calls; the C library's versions would want other threads to follow, and a
    // forked child has none.
    unsafe {
        let uid = uid.filter(|uid| *uid != libc::geteuid() || *uid != libc::getuid());
        let gid = gid.filter(|gid| *gid != libc::getegid() || *gid != libc::getgid());
        if uid.is_none() && gid.is_none() {
            return Ok(());
        }
        Errno::result(libc::syscall(libc::SYS_setgroups, 0, null::<gid_t>()))?;
        if let Some(gid) = gid {
            Errno::result(libc::syscall(libc::SYS_setresgid, gid, gid, gid))?;
        }
        if let Some(uid) = uid {
            Errno::result(libc::syscall(libc::SYS_setresuid, uid, uid, uid))?;
        }
    }
    Ok(())
}

/// Executes the first program that may be executed, or else the first that exists (to learn why
/// it may not). A file without a magic number is a shell script, as execvp(3) has it.
unsafe fn execute(
    programs: &[CString],
    argv: &[*const c_char],
    env: *const *const c_char,
    script: &mut [*const c_char],
) -> Errno {
    // SAFETY: all vectors end in null, and all paths are strings.
    unsafe {
        let mut chosen = None;
        for program in programs {
            if libc::access(program.as_ptr(), libc::X_OK) == 0 && !is_directory(program) {
                chosen = Some(program);
                break;
            }
            if chosen.is_none() && libc::access(program.as_ptr(), libc::F_OK) == 0 {
                chosen = Some(program);
            }
        }
        let Some(program) = chosen.or(programs.first()) else { return Errno::ENOENT };
        libc::execve(program.as_ptr(), argv.as_ptr(), env);
        let errno = Errno::last();
        if errno == Errno::ENOEXEC {
            script[1] = program.as_ptr();
            libc::execve(script[0], script.as_ptr(), env);
        }
        errno
    }
}

unsafe fn is_directory(path: &CString) -> bool {
    // SAFETY: `path` is a string, `stat` a structure of integers to be filled.
    unsafe {
        let mut stat = std::mem::zeroed::<libc::stat>();
        libc::stat(path.as_ptr(), &raw mut stat) == 0
            && stat.st_mode & libc::S_IFMT == libc::S_IFDIR
    }
}

unsafe extern "C" {
    /// environ(7).
    static environ: *mut *const c_char;
}

/// Kills and reaps a child that will not become the application.
pub(crate) fn abandon(pid: pid_t) {
    // SAFETY: plain calls; `pid` is our own child that nobody has reaped.
    unsafe {
        libc::kill(pid, libc::SIGKILL);
        libc::waitpid(pid, null_mut(), 0);
    }
}
