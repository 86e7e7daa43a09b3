//! Launches an application under an engine.

use std::ffi::{CString, OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use nix::errno::Errno;
pub use sentrace_bpf::Instruction;

use crate::engine::{Ended, Observer};
use crate::forward::{By, Forwarder};
use crate::guardian::{Board, Guard};
use crate::notify::{self, Interest, Parent};
use crate::ptrace::{self, Delivered};
use crate::sys::child::{self, Child, Plan, Stage};
use crate::sys::notify::Mailbox;
use crate::sys::signals::{self, Blocked, ChildSignal};
use crate::sys::witness::Witness;

/// How long an application is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until the last of its processes has ended.
    AllEnd,
    /// Until its first process has ended. For a tracer whose end ends the others, too (PID 1):
    /// calls of interest of what is left wait for this process's end (notify) or fail with
    /// `ENOSYS`, as they do after it.
    FirstEnds,
}

/// Which engine watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Engine {
    /// The best that this system allows, found out by trying
    #[default]
    Auto,
    /// Seccomp user notification: debuggers work inside (Linux 5.19)
    Notify,
    /// ptrace (Linux 3.5)
    Ptrace,
}

/// Why the notify engine cannot be used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The kernel does not install a filter with a listener: it is older than 5.19 (`EINVAL`), this
    /// process has such a filter already (`EBUSY`), or a container forbids it.
    #[error("the kernel takes no seccomp filter with a listener: {}", .0.desc())]
    Filter(Errno),
    /// Notifications cannot be received.
    #[error("seccomp notifications cannot be received: {}", .0.desc())]
    Receive(Errno),
    /// Notifications cannot be answered.
    #[error("seccomp notifications cannot be answered: {}", .0.desc())]
    Answer(Errno),
    /// A child may not be traced.
    #[error("a child cannot be traced: {}", .0.desc())]
    Trace(Errno),
    /// There are no process descriptors.
    #[error("there are no process descriptors: {}", .0.desc())]
    Descriptor(Errno),
    /// A call that waited for an answer did not return what it should.
    #[error("a call does not return what it should")]
    Result,
    /// The system lacks a resource.
    #[error("the system lacks a resource: {}", .0.desc())]
    System(Errno),
}

/// The engine that [`Engine::choose`] decided for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The engine; never [`Engine::Auto`].
    pub engine: Engine,
    /// Why the notify engine cannot be used, if that was tried.
    pub refusal: Option<Refusal>,
}

impl Engine {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Notify => "notify",
            Self::Ptrace => "ptrace",
        }
    }

    /// Decides by trying the notify engine, if that may be used, on a child that is thrown away.
    /// Other children of this process are not touched.
    #[must_use]
    pub fn choose(self) -> Choice {
        let refusal = if self == Self::Ptrace { None } else { notify::check().err() };
        let engine = match self {
            Self::Auto if refusal.is_some() => Self::Ptrace,
            Self::Auto => Self::Notify,
            chosen => chosen,
        };
        Choice { engine, refusal }
    }
}

/// An application to launch.
///
/// The application gets what this process got: descriptors, environment, process group,
/// session, terminal, ignored and blocked signals. `no_new_privs` is set only if the seccomp
/// filter cannot be installed without (no `CAP_SYS_ADMIN`).
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program, searched in `PATH` as execvp(3) does, and its arguments.
    pub argv: Vec<OsString>,
    /// Environment; `None`: this process's.
    pub env: Option<Vec<(OsString, OsString)>>,
    /// Working directory; `None`: this process's.
    pub cwd: Option<PathBuf>,
    /// User to run as. Changing user or group gives up the supplementary groups.
    pub uid: Option<u32>,
    /// Group to run as.
    pub gid: Option<u32>,
    /// Which engine watches.
    pub engine: Engine,
    /// Seccomp filter that answers `RET_TRACE` for the calls of interest, whatever the engine;
    /// empty: only the life cycle of tasks is watched.
    pub filter: Vec<Instruction>,
    /// How long to watch.
    pub until: Until,
    /// For [`Launch::run_guarded`]: whether a guardian is to survive the supervisor's failure, which
    /// has to be possible ([`Guard::is_possible`]). It takes the notify engine.
    pub guard: Option<Guard>,
}

/// Why an application was not launched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// There is no such program.
    #[error("{}: not found", .0.display())]
    NotFound(OsString),
    /// The program cannot be executed.
    #[error("{}: cannot be executed: {}", .0.display(), .1.desc())]
    NotExecutable(OsString, Errno),
    /// An argument, variable or path contains a null byte.
    #[error("{} contains a null byte", .0.display())]
    NullByte(OsString),
    /// The working directory cannot be changed to.
    #[error("cannot change to the working directory: {}", .0.desc())]
    Directory(Errno),
    /// The user's and group's ids cannot be taken.
    #[error("cannot take the ids of user and group: {}", .0.desc())]
    Credentials(Errno),
    /// The kernel does not take the seccomp filter.
    #[error("cannot install the seccomp filter: {}", .0.desc())]
    Filter(Errno),
    /// The engine that was asked for cannot be used here.
    #[error("cannot use the notify engine: {0}")]
    Engine(Refusal),
    /// The kernel or container does not let this process trace its child.
    #[error("cannot trace: {}", .0.desc())]
    Trace(Errno),
    /// The system lacks a resource.
    #[error("cannot start a process: {}", .0.desc())]
    System(Errno),
}

impl LaunchError {
    /// Exit status to end with, as of env(1): 127 not found, 126 not executable, 125 otherwise.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::NotFound(_) => 127,
            Self::NotExecutable(..) => 126,
            _ => 125,
        }
    }
}

impl Launch {
    /// Launches `argv` with this process's environment, directory and ids, and watches it until
    /// all of it has ended.
    #[must_use]
    pub fn new(argv: Vec<OsString>, filter: Vec<Instruction>) -> Self {
        let until = Until::AllEnd;
        let engine = Engine::Auto;
        let guard = None;
        Self { argv, env: None, cwd: None, uid: None, gid: None, engine, filter, until, guard }
    }

    /// Runs the application, telling `observer` on the calling thread, and answers how its first
    /// process ended.
    ///
    /// Meanwhile signals that this process gets are the application's: those sent to this process
    /// alone are forwarded, those that its terminal sends to both are dropped. Signals that the
    /// embedding program handles itself stay its own.
    ///
    /// # Errors
    /// The application did not begin, or was waited for by somebody else.
    pub fn run(&self, observer: &mut dyn Observer) -> Result<Ended, LaunchError> {
        let choice = self.engine.choose();
        match choice.refusal {
            Some(refusal) if self.engine == Engine::Notify => {
                return Err(LaunchError::Engine(refusal));
            }
            Some(refusal) => tracing::info!("the ptrace engine is used: {refusal}"),
            None => {}
        }
        match choice.engine {
            Engine::Ptrace => self.run_traced(observer),
            Engine::Auto | Engine::Notify => self.run_notifying(observer),
        }
    }

    fn run_traced(&self, observer: &mut dyn Observer) -> Result<Ended, LaunchError> {
        let words = Words::new(self)?;
        let mut begun = Begun::new(&self.plan(&words, &self.filter, None))?;
        let pid = begun.child.pid;
        if let Err(errno) = crate::sys::ptrace::seize(pid) {
            child::abandon(pid);
            return Err(LaunchError::Trace(errno));
        }
        if begun.child.go().is_err() {
            child::abandon(pid);
            return Err(LaunchError::System(Errno::EPIPE));
        }
        let delivered = Arc::clone(&begun.delivered);
        let ended = ptrace::Engine::new(observer, self.until, pid, delivered).run();
        self.outcome(&mut begun, ended)
    }

    fn run_notifying(&self, observer: &mut dyn Observer) -> Result<Ended, LaunchError> {
        let board = Board::new().map(Arc::new).map_err(LaunchError::System)?;
        let (mut begun, interest, listener) = self.begin_notifying()?;
        let pid = begun.child.pid;
        let seen = (interest, listener, board);
        let told = (begun.wakes(), Arc::clone(&begun.delivered));
        let who = (pid, Parent::Engine);
        let engine = notify::Engine::new(observer, self.until, who, seen, told);
        let engine = engine.map_err(|errno| {
            child::abandon(pid);
            LaunchError::System(errno)
        })?;
        let ended = engine.run();
        self.outcome(&mut begun, ended)
    }

    /// Forks a child that waits in its first call of interest, which may be any.
    pub(crate) fn begin_notifying(&self) -> Result<(Begun, Interest, OwnedFd), LaunchError> {
        let words = Words::new(self)?;
        let interest = Interest::new(&self.filter);
        let interest = interest.ok_or(LaunchError::Filter(Errno::EINVAL))?;
        let filter = interest.filter().ok_or(LaunchError::Filter(Errno::EINVAL))?;
        let mailbox = Mailbox::new().map_err(LaunchError::System)?;
        let begun = Begun::new(&self.plan(&words, &filter, Some(&mailbox)))?;
        let pid = begun.child.pid;
        let listener = begun.child.listener(&mailbox).map_err(|errno| {
            child::abandon(pid);
            LaunchError::Filter(errno)
        })?;
        Ok((begun, interest, listener))
    }

    fn plan<'a>(
        &'a self,
        words: &'a Words,
        filter: &'a [Instruction],
        mailbox: Option<&'a Mailbox>,
    ) -> Plan<'a> {
        Plan {
            programs: &words.programs,
            argv: &words.argv,
            env: words.env.as_deref(),
            cwd: words.cwd.as_ref(),
            uid: self.uid,
            gid: self.gid,
            filter,
            mailbox,
        }
    }

    /// How the application ended, or why it did not begin.
    pub(crate) fn outcome(
        &self,
        begun: &mut Begun,
        ended: Result<Ended, Errno>,
    ) -> Result<Ended, LaunchError> {
        begun.forwarder = None;
        match begun.child.failure() {
            Some((stage, errno)) => Err(self.failure(stage, errno)),
            None => ended.map_err(LaunchError::System),
        }
    }

    fn failure(&self, stage: Stage, errno: Errno) -> LaunchError {
        let program = self.argv.first().cloned().unwrap_or_default();
        match stage {
            Stage::Filter => LaunchError::Filter(errno),
            Stage::Credentials => LaunchError::Credentials(errno),
            Stage::Directory => LaunchError::Directory(errno),
            Stage::Exec if child::code(stage, errno) == 127 => LaunchError::NotFound(program),
            Stage::Exec => LaunchError::NotExecutable(program, errno),
        }
    }
}

/// A child that has been forked, and what stands in front of it. Fields are dropped in order.
pub(crate) struct Begun {
    forwarder: Option<Forwarder>,
    caught: Option<signals::Caught>,
    witness: Option<Witness>,
    blocked: Blocked,
    pub(crate) delivered: Arc<Delivered>,
    pub(crate) child: Child,
}

impl Begun {
    fn new(plan: &Plan<'_>) -> Result<Self, LaunchError> {
        let delivered = Arc::new(Delivered::new().map_err(LaunchError::System)?);
        let blocked = Blocked::new();
        let caught = signals::Caught::new(&blocked);
        let seen = |signal, sender| delivered.record(signal, sender);
        // Where the application is no tracee, nobody sees its signals.
        let is_needed = plan.mailbox.is_some() && caught.is_some();
        let witness = is_needed.then(|| Witness::start(&blocked, &seen)).and_then(Result::ok);
        let child = child::spawn(plan, &blocked);
        let child = child.map_err(|errno| {
            blocked.release();
            LaunchError::System(errno)
        })?;
        let mut begun = Self { forwarder: None, caught, witness, blocked, delivered, child };
        begun.forward();
        begun.blocked.release();
        Ok(begun)
    }

    /// Leaves this process one thread. Signals wait meanwhile.
    pub(crate) fn pause(&mut self) {
        self.forwarder = None;
    }

    /// Forwards signals again.
    pub(crate) fn resume(&mut self) {
        let blocked = Blocked::new();
        self.forward();
        blocked.release();
    }

    /// Begins to forward signals. All must be blocked.
    fn forward(&mut self) {
        let by = if self.witness.is_some() { By::Witness } else { By::Tracer };
        let caught = self.caught.as_ref();
        self.forwarder =
            caught.and_then(|caught| Forwarder::start(caught, self.child.pid, by, &self.delivered));
    }

    /// What tells that children have something to be waited for.
    pub(crate) fn wakes(&self) -> Option<ChildSignal> {
        ChildSignal::catch(&self.blocked)
    }
}

/// What a launch says, as the kernel wants it.
struct Words {
    programs: Vec<CString>,
    argv: Vec<CString>,
    env: Option<Vec<CString>>,
    cwd: Option<CString>,
}

impl Words {
    fn new(launch: &Launch) -> Result<Self, LaunchError> {
        let argv = launch.argv.iter().map(OsString::as_os_str);
        let pair = |(name, value): &(OsString, OsString)| {
            let mut pair = name.clone();
            pair.push("=");
            pair.push(value);
            c_string(&pair)
        };
        let env = launch.env.as_ref().map(|env| env.iter().map(pair).collect()).transpose()?;
        Ok(Self {
            programs: programs(launch)?,
            argv: argv.map(c_string).collect::<Result<_, _>>()?,
            env,
            cwd: launch.cwd.as_ref().map(|cwd| c_string(cwd.as_os_str())).transpose()?,
        })
    }
}

/// Where the program may be found, in order (execvp(3)).
fn programs(launch: &Launch) -> Result<Vec<CString>, LaunchError> {
    let Some(program) = launch.argv.first().filter(|program| !program.is_empty()) else {
        return Err(LaunchError::NotFound(OsString::new()));
    };
    if program.as_bytes().contains(&b'/') {
        return Ok(vec![c_string(program)?]);
    }
    let path = match &launch.env {
        None => std::env::var_os("PATH"),
        Some(env) => env.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone()),
    };
    let path = path.unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    let place = |directory: &[u8]| {
        let mut place = directory.to_vec();
        if !place.is_empty() {
            place.push(b'/');
        }
        place.extend_from_slice(program.as_bytes());
        c_string(&OsString::from_vec(place))
    };
    path.as_bytes().split(|byte| *byte == b':').map(place).collect()
}

fn c_string(text: &OsStr) -> Result<CString, LaunchError> {
    CString::new(text.as_bytes()).map_err(|_| LaunchError::NullByte(text.to_os_string()))
}
