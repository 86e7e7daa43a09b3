//! Options about where events and alerts go.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use sentrace_probe::output::json::{Agent, Json};
use sentrace_probe::output::text::{Look, Text};
use sentrace_probe::output::{Output, Scope};
use sentrace_probe::rules::HostModel;

/// What goes where.
#[derive(Debug, Args)]
pub(super) struct Outputs {
    /// Report all events, not only alerts
    #[arg(long)]
    pub(super) events: bool,
    /// Write JSON lines to FILE (appended; `-`: stdout) instead of text to stderr
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

impl Outputs {
    /// The output.
    pub(super) fn open(&self, host: &HostModel) -> anyhow::Result<Box<dyn Output>> {
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
        Ok(Box::new(Json::new(to, scope, Agent::on(host))))
    }
}
