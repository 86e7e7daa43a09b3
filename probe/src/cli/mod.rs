//! The command line: one file a command.
//!
//! Exit status: that of the application for commands that run one, 127 when it is not found, 126
//! when it cannot be executed, 125 when they fail themselves; 1 when another command fails; 2 when
//! the command line is wrong.

mod log;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
}

impl Command {
    fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Run(command) => command.run(),
        }
    }

    /// The exit status when it fails itself.
    fn failure(&self) -> u8 {
        match self {
            Self::Run(_) => 125,
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
