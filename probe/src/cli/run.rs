//! `sentrace run`: an application with a probe of its own.

mod inbox;

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use sentrace_bpf::action;
use sentrace_probe::output::json::{Agent, Json, Scope};
use sentrace_probe::output::text::{Look, Text};
use sentrace_probe::output::{Origin, Output};
use sentrace_probe::pipeline::Pipeline;
use sentrace_tracer::launch::{Launch, Until};
use sentrace_tracer::resolve::Resolver;
use sentrace_tracer::session::{Session, Wanted};

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
    /// Report all events, not only alerts
    #[arg(long)]
    events: bool,
    /// Write JSON lines to FILE (appended; `-`: stdout) instead of text to stderr
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Which system calls stop the application
    #[arg(long, value_enum, default_value_t = Interest::Rules)]
    interest: Interest,
    /// The application and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  Alerts of a shell script, by the rules that come with sentrace:
    sentrace run -- sh install.sh
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
        let pipeline = Pipeline::default().to(self.output()?);
        let wanted = self.wanted();
        let filter = wanted.filter(action::TRACE).context("the filter cannot be made")?;
        let mut launch = Launch::new(self.command, filter.into());
        if std::process::id() == 1 {
            launch.until = Until::FirstEnds;
        }
        let resolver = Resolver::new().context("cannot look at processes")?;
        let (inbox, mut sink) = Inbox::start(pipeline, origin())?;
        let ended = launch.run(&mut Session::new(resolver, &mut sink).wanting(wanted));
        inbox.finish(sink);
        match ended {
            Ok(ended) => Ok(code(ended.code())),
            Err(error) => {
                super::log::failure(&anyhow::Error::new(error.clone()));
                Ok(code(error.code()))
            }
        }
    }

    fn wanted(&self) -> Wanted {
        Wanted::all()
    }

    fn output(&self) -> anyhow::Result<Box<dyn Output>> {
        let scope = if self.events { Scope::Everything } else { Scope::Alerts };
        let Some(path) = &self.json else {
            let stderr = io::stderr();
            let look = Look::of(&stderr);
            return Ok(Box::new(Text::new(stderr, scope, look)));
        };
        let to: Box<dyn Write + Send> = if path == Path::new("-") {
            Box::new(io::stdout())
        } else {
            let file = OpenOptions::new().create(true).append(true).open(path);
            Box::new(file.with_context(|| path.display().to_string())?)
        };
        Ok(Box::new(Json::new(to, scope, Agent::here())))
    }
}

fn origin() -> Origin {
    let hostname = std::fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
    Origin { tracer: 0, engine: b"ptrace".to_vec(), hostname: hostname.trim_ascii().to_vec() }
}

/// An exit status; all are from 0 to 255.
fn code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(125))
}
