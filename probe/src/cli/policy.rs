//! `sentrace policy`: policies without an application.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use sentrace_probe::rules::HostModel;

use super::policies::{Loaded, Policies};
use super::print;

/// Check policies
#[derive(Debug, Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
}

/// Check policies: everything that is wrong with them, with its place
///
/// Prints what is wrong on stderr, and how many rules can be used on stdout. Exit status: 1 if
/// there are errors; rules that never match, or do less than they say, are warnings.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
struct Check {
    /// Policy files, or directories with *.policy files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  Before a policy is used:
    sentrace policy check local.policy /etc/sentrace/policies.d";

impl Policy {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Command::Check(Check { paths }) = self.command;
        let policies = Policies { paths, strict: false };
        let Loaded { rules, errors, warnings } = policies.check(&HostModel::detect())?;
        let count = rules.rules().len();
        print(&format!("{count} rules, {errors} errors, {warnings} warnings\n"))?;
        Ok(ExitCode::from(u8::from(errors > 0)))
    }
}
