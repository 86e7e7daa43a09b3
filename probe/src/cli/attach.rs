//! `sentrace attach`: processes that run already, with a probe of their own or another.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use sentrace_probe::pipeline::Pipeline;
use sentrace_probe::rules::HostModel;
use sentrace_tracer::launch::Engine;
use sentrace_tracer::resolve::Resolver;
use sentrace_tracer::session::{Session, Wanted};
use sentrace_tracer::trace::TargetArgs;

use super::log::Verbosity;
use super::outputs::Outputs;
use super::policies::Policies;
use super::run::{Inbox, origin};

/// Attach to running processes and watch them
///
/// All threads and children of the processes are watched. Every system call stops them, so they
/// run slower than what `run` starts. Ctrl-C, SIGTERM or the end of sentrace lets them go: they
/// run on as before. The process tree begins with what is found running; such processes are
/// reported with --events, marked `found`, and match no rule.
///
/// It needs the right to trace them: CAP_SYS_PTRACE, or the same user where Yama allows it.
///
/// Exit status: 0 when they have ended or were let go; 125 when none could be watched.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Attach {
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    policies: Policies,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    pub(super) verbosity: Verbosity,
}

const EXAMPLES: &str = "\
Examples:
  Alerts of a running server, by the rules that come with sentrace:
    sentrace attach --pid \"$(pidof -s nginx)\"
  Everything that the servers of a machine do, also after a restart:
    sentrace attach --exe /usr/sbin/nginx --follow --events --json nginx.json
  To a probe:
    sentrace trace --probe-addr localhost:5678 --pid 4242";

impl Attach {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let attach = self.targets.attach()?;
        let host = HostModel::detect();
        let rules = self.policies.load(&host)?;
        let pipeline = Pipeline::new(rules).to(self.outputs.open(&host)?);
        let wanted = Wanted::from(&pipeline.interest());
        let resolver = Resolver::new().context("cannot look at processes")?;
        let (inbox, mut sink) = Inbox::start(pipeline, origin(Engine::Ptrace))?;
        let ended = attach.run(&mut Session::new(resolver, &mut sink).wanting(wanted));
        inbox.finish(sink);
        ended?;
        Ok(ExitCode::SUCCESS)
    }
}
