//! The launched child between fork(2) and execve(2).
//!
//! The process may have other threads, so the child makes only async-signal-safe calls and
//! allocates nothing: everything it needs is laid out before ([`Plan`]).
#![expect(unsafe_code, reason = "fork, and raw calls between fork and exec")]

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};
use std::time::Duration;

use libc::{c_char, c_int, gid_t, pid_t, uid_t};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use crate::launch::Instruction;
use crate::sys::notify::{self, Mailbox};
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
    /// Where to tell of the filter's listener, if it is to have one. The child does not wait for
    /// [`Child::go`] then: it waits in its first call that the filter stops.
    pub(crate) mailbox: Option<&'a Mailbox>,
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
    /// The child's end, where the child uses our table of descriptors.
    theirs: Option<OwnedFd>,
}

impl Child {
    /// Lets the child go on to the application.
    pub(crate) fn go(&self) -> std::io::Result<()> {
        std::io::Write::write_all(&mut &self.channel, &[1])
    }

    /// Waits for the listener of the child's filter, if `mailbox` is that of the child's plan.
    ///
    /// # Errors
    /// The child could not install its filter; it has ended, or will at once.
    pub(crate) fn listener(&self, mailbox: &Mailbox) -> Result<OwnedFd, Errno> {
        loop {
            // What has been told before the child ended is there when its end is seen.
            let ended = has_ended(self.pid);
            match mailbox.take() {
                Some(result) => return result,
                None if ended => return Err(Errno::ECHILD),
                None => std::thread::sleep(INSTALLING),
            }
        }
    }

    /// What kept the child from becoming the application, once it has ended or become it.
    pub(crate) fn failure(&mut self) -> Option<(Stage, Errno)> {
        drop(self.theirs.take());
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

/// A while in which a filter may be installed.
const INSTALLING: Duration = Duration::from_micros(50);

/// Whether a child of this process has ended. It is not reaped.
fn has_ended(pid: pid_t) -> bool {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | libc::WNOWAIT | libc::WNOHANG;
    // SAFETY: `info` is a `siginfo_t` to be filled, of which an integer is read.
    unsafe {
        let result = libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), flags);
        result != 0 || info.assume_init().si_pid() != 0
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
    let (parent, me) = (ours.as_raw_fd(), std::process::id() as pid_t);
    // SAFETY: the child only runs `become_application`, which is async-signal-safe.
    let pid = Errno::result(unsafe {
        if plan.mailbox.is_some() { fork_sharing_files() } else { libc::fork() }
    })?;
    if pid == 0 {
        // SAFETY: this is the child; the vectors end in null and outlive it.
        unsafe {
            if plan.mailbox.is_some() {
                die_with(me);
            } else {
                // The parent's death ends the channel.
                libc::close(parent);
            }
            become_application(plan, &argv, env.as_deref(), &mut script, &theirs, blocked)
        }
    }
    let theirs = plan.mailbox.is_some().then_some(theirs);
    Ok(Child { pid, channel: File::from(ours), theirs })
}

/// Forks a child that uses the same table of descriptors until it executes a program.
///
/// # Safety
/// As fork(2) in a process with threads: the child may make async-signal-safe calls only.
unsafe fn fork_sharing_files() -> pid_t {
    let flags = libc::CLONE_FILES | libc::SIGCHLD;
    // SAFETY: without a stack of its own and `CLONE_VM`, it is fork(2).
    unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) as pid_t }
}

/// Has the calling process die with its parent `pid`: it might wait for its answers for ever.
///
/// # Safety
/// To be called in a forked child.
pub(super) unsafe fn die_with(pid: pid_t) {
    // SAFETY: plain calls.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
        if libc::getppid() != pid {
            libc::_exit(125);
        }
    }
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
        if plan.mailbox.is_none() && libc::read(channel, (&raw mut go).cast(), 1) != 1 {
            libc::_exit(125);
        }
        signals::restore_in_child(blocked);
        let (stage, errno) = match prepare(plan) {
            Err(failure) => failure,
            Ok(()) => {
                for fd in inherited::closed() {
                    libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
                }
                libc::prctl(libc::PR_SET_PDEATHSIG, 0, 0, 0, 0);
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
        match plan.mailbox {
            None => install(plan.filter),
            Some(mailbox) => install_with_listener(plan.filter, mailbox),
        }
        .map_err(|errno| (Stage::Filter, errno))?;
        take_ids(plan.uid, plan.gid).map_err(|errno| (Stage::Credentials, errno))?;
        if let Some(cwd) = plan.cwd {
            let result = libc::chdir(cwd.as_ptr());
            Errno::result(result).map_err(|errno| (Stage::Directory, errno))?;
        }
    }
    Ok(())
}

/// Installs the filter and tells of its listener. The first call after it may wait for an answer.
unsafe fn install_with_listener(filter: &[Instruction], mailbox: &Mailbox) -> Result<(), Errno> {
    let mut listener = notify::install(filter);
    if listener == Err(Errno::EACCES) {
        // SAFETY: as the caller's.
        unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        listener = notify::install(filter);
    }
    mailbox.put(listener);
    listener.map(drop)
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

/// Forks a child that installs `filter`, tells of the filter's listener, makes the call getppid(2),
/// and ends with status 0 if the result is right.
///
/// Signals must be blocked, as for [`spawn`].
pub(crate) fn try_filter(filter: &[Instruction], mailbox: &Mailbox) -> Result<Child, Errno> {
    let me = std::process::id() as pid_t;
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?;
    // SAFETY: the child makes async-signal-safe calls only.
    let pid = Errno::result(unsafe { fork_sharing_files() })?;
    if pid == 0 {
        // SAFETY: this is the child.
        unsafe {
            die_with(me);
            let installed = install_with_listener(filter, mailbox).is_ok();
            libc::_exit(i32::from(!installed || libc::getppid() != me));
        }
    }
    Ok(Child { pid, channel: File::from(ours), theirs: Some(theirs) })
}

/// Forks a process that runs `work` and ends with the status that it answers; 101 if it panics.
/// The calling process must have no other thread that may hold a lock.
///
/// # Errors
/// As fork(2).
pub(crate) fn fork_to(work: impl FnOnce() -> i32) -> Result<pid_t, Errno> {
    // SAFETY: the child has one thread, as this process has, and never returns.
    let pid = Errno::result(unsafe { libc::fork() })?;
    if pid == 0 {
        let status = catch_unwind(AssertUnwindSafe(work)).unwrap_or(PANICKED);
        // SAFETY: a plain call.
        unsafe { libc::_exit(status) };
    }
    Ok(pid)
}

/// Forks a process that runs `work`, which may wait for ever, and ends at the latest with this one.
pub(crate) fn aside(work: &mut dyn FnMut()) {
    let me = std::process::id() as pid_t;
    let _ = fork_to(|| {
        // SAFETY: this is the child.
        unsafe { die_with(me) };
        work();
        0
    });
}

/// Waits, in a forked child, for the end of its parent `pid`, which kills it.
pub(crate) fn wait_for_end_of(pid: pid_t) -> i32 {
    // SAFETY: this is the child.
    unsafe { die_with(pid) };
    loop {
        std::thread::park();
    }
}

/// Has this process end when any thread of it panics.
pub(crate) fn fail_as_a_whole() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        // SAFETY: a plain call.
        unsafe { libc::_exit(PANICKED) };
    }));
}

/// Waits for the end of a child and reaps it; its exit status, if it was not killed.
pub(crate) fn status(pid: pid_t) -> Option<i32> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is an integer to be filled.
        match Errno::result(unsafe { libc::waitpid(pid, &raw mut status, 0) }) {
            Err(Errno::EINTR) => {}
            Err(_) => return None,
            Ok(_) => return libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        }
    }
}

/// Exit status of a process that panicked, as the Rust runtime has it.
const PANICKED: i32 = 101;

/// Kills and reaps a child that will not become the application.
pub(crate) fn abandon(pid: pid_t) {
    // SAFETY: plain calls; `pid` is our own child that nobody has reaped.
    unsafe {
        libc::kill(pid, libc::SIGKILL);
        libc::waitpid(pid, null_mut(), 0);
    }
}
