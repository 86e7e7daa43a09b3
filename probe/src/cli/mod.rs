//! The command line: one file a command.
//!
//! Exit status: that of the application for commands that run one, 127 when it is not found, 126
//! when it cannot be executed, 125 when they fail themselves; 1 when another command fails; 2 when
//! the command line is wrong.

mod config;
mod events;
mod filter;
mod log;
mod notation;
mod outputs;
mod policies;
mod policy;
mod probe;
mod run;
mod syscalls;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use sentrace_schema::ABIS;
use sentrace_schema::record::AbiDesc;
use sentrace_tracer::trace::{TraceArgs, trace};
use tracing_subscriber::filter::LevelFilter;

/// Runtime security for Linux without eBPF.
///
/// Sentrace watches what an application does, by the system calls that matter, and raises alerts
/// by rules. It needs no kernel module and, for what it starts itself, no privilege.
#[derive(Debug, Parser)]
#[command(name = "sentrace", version, after_long_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  Watch a program with the rules that come with sentrace:
    sentrace run -- nginx -g 'daemon off;'
  See everything it does:
    sentrace run --events -- make test

`sentrace COMMAND --help` has examples for each command.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    /// Run an application and report what it does to a probe
    ///
    /// The application runs as if it had been started itself: its stdin, stdout, stderr, terminal,
    /// signals and exit status are its own, and it does not wait for the probe. Events that the
    /// probe has not got are kept, within bounds, and sent when it is there again.
    ///
    /// Exit status: that of the application, 128+N when signal N killed it, 127 when it is not
    /// found, 126 when it cannot be executed; 125 when sentrace itself fails.
    #[command(after_long_help = TRACE_EXAMPLES)]
    Trace(Box<TraceArgs>),
    Probe(probe::Probe),
    Policy(policy::Policy),
    Syscalls(syscalls::Syscalls),
    Events(events::Events),
    Filter(filter::Filter),
    Config(config::Show),
}

const TRACE_EXAMPLES: &str = "\
Examples:
  To the probe of this machine:
    sentrace trace -- nginx -g 'daemon off;'
  In a container image, in front of the entry point:
    ENTRYPOINT [\"/sentrace\", \"trace\", \"--\", \"/docker-entrypoint.sh\"]
  To a probe that listens on a socket in a shared volume:
    sentrace trace --probe-addr unix:/run/sentrace/probe.sock -- ./server";

impl Command {
    fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Run(command) => command.run(),
            Self::Trace(args) => match trace(&args) {
                Ok(ended) => Ok(code(ended.code())),
                Err(error) => {
                    let status = error.code();
                    log::failure(&error.into());
                    Ok(code(status))
                }
            },
            Self::Probe(command) => command.run(),
            Self::Policy(command) => command.run(),
            Self::Syscalls(command) => command.run(),
            Self::Events(command) => command.run(),
            Self::Filter(command) => command.run(),
            Self::Config(command) => command.run(),
        }
    }

    /// What is to be logged.
    fn level(&self) -> LevelFilter {
        match self {
            Self::Run(command) => command.verbosity.level(),
            Self::Trace(args) => args.level(),
            Self::Probe(command) => command.verbosity.level(),
            _ => LevelFilter::WARN,
        }
    }

    /// The exit status when it fails itself.
    fn failure(&self) -> u8 {
        match self {
            Self::Run(_) | Self::Trace(_) => 125,
            _ => 1,
        }
    }
}

/// Runs the command of this process's arguments.
pub(crate) fn run() -> ExitCode {
    let Cli { command } = Cli::parse();
    log::init(command.level());
    let failure = command.failure();
    command.run().unwrap_or_else(|error| {
        log::failure(&error);
        ExitCode::from(failure)
    })
}

/// The exit status of an application; all are from 0 to 255.
fn code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(125))
}

/// Writes the result of a command to stdout. That nobody wants to read on is no failure.
fn print(text: &str) -> anyhow::Result<ExitCode> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The ABI of this machine's programs.
fn native() -> &'static AbiDesc {
    let machine = std::env::consts::ARCH;
    ABIS.iter().find(|abi| abi.machine == machine).unwrap_or(&ABIS[0])
}

/// The ABI of a name.
fn abi(name: &str) -> anyhow::Result<&'static AbiDesc> {
    let Some(abi) = sentrace_schema::abi(name) else {
        let names: Vec<_> = ABIS.iter().map(|abi| abi.name).collect();
        bail!("expected one of {}", names.join(", "));
    };
    Ok(abi)
}
