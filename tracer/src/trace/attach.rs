//! The command `attach`.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use regex::bytes::Regex;
use sentrace_schema::wire::{Hello, Mode};

use super::hello::{beginning, hello};
use super::{ProbeArgs, Reporter, TraceError};
use crate::attach::{Attach, Follow, Targets};
use crate::launch::Engine;
use crate::resolve::Resolver;

/// Options of `attach`.
#[derive(Debug, Clone, Args)]
pub struct AttachArgs {
    /// Which processes.
    #[command(flatten)]
    pub targets: TargetArgs,
    /// Which probe.
    #[command(flatten)]
    pub probe: ProbeArgs,
}

/// Which processes to attach to.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = true, id = "target")]
pub struct TargetArgs {
    /// Process to attach to, with its threads and children; may be repeated
    #[arg(long, value_name = "PID", value_delimiter = ',', group = "target")]
    pub pid: Vec<i32>,
    /// Attach to the processes that run this program (for a script: its interpreter)
    #[arg(long, value_name = "PATH", group = "target")]
    pub exe: Option<PathBuf>,
    /// Attach to the processes with such a name (the kernel's: 15 bytes at most)
    #[arg(long, value_name = "REGEX", group = "target")]
    pub name: Option<Regex>,
    /// Wait for processes of --exe and --name that begin later, and attach to them, too
    #[arg(long)]
    pub follow: bool,
}

impl TargetArgs {
    /// What to attach to.
    ///
    /// # Errors
    /// There is nothing to follow.
    pub fn attach(&self) -> Result<Attach, TraceError> {
        if self.follow && self.exe.is_none() && self.name.is_none() {
            return Err(TraceError::Follow);
        }
        let targets =
            Targets { pids: self.pid.clone(), exe: self.exe.clone(), name: self.name.clone() };
        let follow = if self.follow { Follow::Forever } else { Follow::Once };
        Ok(Attach { targets, follow })
    }
}

/// Attaches to the processes and watches them to their end, or until a signal tells to leave them;
/// the exit status.
///
/// # Errors
/// None was watched.
pub fn attach(args: &AttachArgs) -> Result<i32, TraceError> {
    report(&args.targets.attach()?, &args.probe)
}

pub(super) fn report(attach: &Attach, probe: &ProbeArgs) -> Result<i32, TraceError> {
    let resolver = Resolver::new()?;
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let first = attach.targets.pids.first().copied();
    let argv = fs::read(format!("/proc/{}/cmdline", first.unwrap_or_default())).unwrap_or_default();
    let argv = argv.strip_suffix(b"\0").unwrap_or(&argv).split(|byte| *byte == 0);
    let hello = hello(first.unwrap_or(own), Engine::Ptrace, &resolver);
    let hello = Hello { mode: Mode::Attached, argv: beginning(argv), ..hello };
    let reporter = Reporter::start(probe, hello)?;
    reporter.watch(resolver, |session| attach.run(session))?;
    Ok(0)
}
