//! What the program says about itself, on stderr.

use std::io::Write;

use tracing_subscriber::EnvFilter;

/// Warnings and errors; with `-v` what is done, with `-vv` details. `RUST_LOG` overrides that.
pub(super) fn init(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .without_time()
        .init();
}

/// Why a command failed. Nobody may be there to read it.
pub(super) fn failure(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "sentrace: {error:#}");
}
