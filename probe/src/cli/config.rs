//! `sentrace config`: the configuration that counts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use sentrace_probe::config::Config;

use super::print;

/// Show the configuration that counts
///
/// What the defaults, the configuration file and the environment come to, as YAML that can be
/// used as a configuration file.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Show {
    #[command(flatten)]
    from: From,
}

const EXAMPLES: &str = "\
Examples:
  Check a configuration file:
    sentrace config --config sentrace.yaml
  See what a variable changes:
    SENTRACE_EBPFLESS_SOCKET=unix:/run/sentrace.sock sentrace config";

/// Where the configuration comes from.
#[derive(Debug, Args)]
pub(super) struct From {
    /// Configuration file (default: /etc/sentrace/sentrace.yaml, if it exists)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl From {
    /// The configuration.
    pub(super) fn load(&self) -> anyhow::Result<Config> {
        let file = self.config.as_deref().map(Path::new);
        Ok(Config::load(file, std::env::vars_os())?)
    }
}

impl Show {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        print(&serde_yaml::to_string(&self.from.load()?)?)
    }
}
