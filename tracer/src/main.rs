//! The tracer alone, for container images: the same `trace` as the program `sentrace` has.

use std::process::exit;

use clap::Parser;
use sentrace_tracer::trace::{TraceArgs, trace};

/// Runs applications and reports what they do to a probe.
#[derive(Parser)]
#[command(name = "sentrace-tracer", version)]
enum Command {
    /// Run an application and report what it does
    Trace(TraceArgs),
}

fn main() {
    let Command::Trace(args) = Command::parse();
    tracing_subscriber::fmt()
        .with_max_level(args.level())
        .with_writer(std::io::stderr)
        .with_ansi(false)
        // Nobody may be there to read it.
        .log_internal_errors(false)
        .init();
    match trace(&args) {
        Ok(ended) => exit(ended.code()),
        Err(error) => {
            tracing::error!("{error}");
            exit(error.code());
        }
    }
}
