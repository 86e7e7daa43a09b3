//! What the program says about itself, on stderr.

use std::io::{self, Write};

use clap::{ArgAction, Args};
use sentrace_probe::output::text::{Look, Painting};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// How much is logged.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Verbosity {
    /// Log more: once for what is done, twice for details
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

impl Verbosity {
    pub(super) fn level(self) -> LevelFilter {
        match self.verbose {
            0 => LevelFilter::WARN,
            1 => LevelFilter::INFO,
            2 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        }
    }
}

/// Logs what is at least so important; `RUST_LOG` overrides that.
pub(super) fn init(level: LevelFilter) {
    let filter = EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(level.to_string()));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(Look::of(&io::stderr()).paint == Painting::Ansi)
        .with_target(false)
        .without_time()
        // Nobody may be there to read it.
        .log_internal_errors(false)
        .init();
}

/// Why a command failed. Nobody may be there to read it.
pub(super) fn failure(error: &anyhow::Error) {
    let _ = writeln!(io::stderr(), "sentrace: {error:#}");
}
