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
mod policies;
mod run;
mod syscalls;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use sentrace_schema::ABIS;
use sentrace_schema::record::AbiDesc;

/// Runtime security for Linux without eBPF.
///
/// Sentrace watches what an application does, by the system calls that matter, and raises alerts
/// by rules. It needs no kernel module and, for what it starts itself, no privilege.
#[derive(Debug, Parser)]
#[command(name = "sentrace", version, after_long_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Log more: once for what is done, twice for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
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
    Syscalls(syscalls::Syscalls),
    Events(events::Events),
    Filter(filter::Filter),
    Config(config::Show),
}

impl Command {
    fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Run(command) => command.run(),
            Self::Syscalls(command) => command.run(),
            Self::Events(command) => command.run(),
            Self::Filter(command) => command.run(),
            Self::Config(command) => command.run(),
        }
    }

    /// The exit status when it fails itself.
    fn failure(&self) -> u8 {
        match self {
            Self::Run(_) => 125,
            _ => 1,
        }
    }
}

/// Runs the command of this process's arguments.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    log::init(cli.verbose);
    let failure = cli.command.failure();
    cli.command.run().unwrap_or_else(|error| {
        log::failure(&error);
        ExitCode::from(failure)
    })
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
