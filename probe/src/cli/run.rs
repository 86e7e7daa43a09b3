//! `sentrace run`: an application with a probe of its own.

mod inbox;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use sentrace_bpf::action;
use sentrace_probe::output::Origin;
use sentrace_probe::pipeline::Pipeline;
use sentrace_probe::rules::HostModel;
use sentrace_schema::groups::Process;
use sentrace_tracer::engine::Ended;
use sentrace_tracer::guardian::Guard;
use sentrace_tracer::launch::{Engine, Launch, LaunchError, Until};
use sentrace_tracer::resolve::Resolver;
use sentrace_tracer::session::{Session, Wanted};

use super::code;
use super::log::{self, Verbosity};
use super::outputs::Outputs;
use super::policies::Policies;
use inbox::Inbox;

/// Run an application and watch it
///
/// Alerts, and with --events all events, go to stderr as lines for people, or as JSON to where
/// --json says. The application keeps its stdin, stdout, stderr and terminal; signals that
/// sentrace gets are handed on to it.
///
/// Exit status: that of the application, 128+N when signal N killed it, 127 when it is not found,
/// 126 when it cannot be executed; 125 when sentrace itself fails.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Run {
    #[command(flatten)]
    policies: Policies,
    #[command(flatten)]
    outputs: Outputs,
    /// Which system calls stop the application
    #[arg(long, value_enum, default_value_t = Interest::Rules)]
    interest: Interest,
    /// How system calls are caught
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    #[command(flatten)]
    guard: Guard,
    #[command(flatten)]
    pub(super) verbosity: Verbosity,
    /// The application and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  Alerts of a shell script, by the rules that come with sentrace:
    sentrace run -- sh install.sh
  By the rules of a directory, and of a file:
    sentrace run --policy policies/ --policy local.policy -- sh install.sh
  Everything that a build does, as JSON lines in a file:
    sentrace run --events --json build.json -- make
  The alerts only, for another program to read:
    sentrace run --json - -- ./daemon >alerts.json";

/// Which calls stop the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Interest {
    /// Those that a rule or --events needs
    Rules,
    /// All that can become an event
    Full,
}

impl Run {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let host = HostModel::detect();
        let rules = self.policies.load(&host)?;
        let mut pipeline = Pipeline::new(rules).to(self.outputs.open(&host)?);
        let wanted = match self.interest {
            Interest::Rules => Wanted::from(&pipeline.interest()),
            Interest::Full => Wanted::all(),
        };
        let filter = wanted.filter(action::TRACE).context("the filter cannot be made")?;
        let mut launch = Launch::new(self.command, filter.into());
        launch.engine = self.engine.choose().engine;
        if std::process::id() == 1 {
            launch.until = Until::FirstEnds;
        }
        launch.guard = Guard::is_possible(launch.engine).then_some(self.guard);
        Resolver::new().context("cannot look at processes")?;
        let origin = origin(launch.engine);
        let ended: anyhow::Result<Ended> = launch.run_guarded(|post| {
            let resolver = Resolver::new().context("cannot look at processes")?;
            let found = post.processes().into_iter().filter_map(|pid| resolver.process(pid));
            pipeline.scan(origin.tracer, found.map(Process::from).collect());
            let (inbox, mut sink) = Inbox::start(pipeline, origin)?;
            let numbers = post.numbers();
            let mut session = Session::new(resolver, &mut sink).wanting(wanted).numbering(numbers);
            let ended = post.watch(&mut session);
            inbox.finish(sink);
            Ok(ended?)
        });
        match ended {
            Ok(ended) => Ok(code(ended.code())),
            Err(error) => {
                let status = error.downcast_ref::<LaunchError>().map_or(125, LaunchError::code);
                log::failure(&error);
                Ok(code(status))
            }
        }
    }
}

fn origin(engine: Engine) -> Origin {
    let hostname = std::fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
    let engine = engine.name().into();
    Origin { tracer: 0, engine, hostname: hostname.trim_ascii().to_vec() }
}
