//! The tracer alone, for container images: the same `trace` and `attach` as the program `sentrace` has.

use std::process::exit;

use clap::Parser;
use sentrace_tracer::trace::{AttachArgs, TraceArgs, attach, trace};

/// Runs applications and reports what they do to a probe.
#[derive(Parser)]
#[command(name = "sentrace-tracer", version)]
enum Command {
    /// Run an application and report what it does
    Trace(Box<TraceArgs>),
    /// Attach to running processes and report what they do
    Attach(AttachArgs),
}

fn main() {
    let command = Command::parse();
    let level = match &command {
        Command::Trace(args) => args.level(),
        Command::Attach(args) => args.probe.level(),
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        // Nobody may be there to read it.
        .log_internal_errors(false)
        .init();
    let status = match &command {
        Command::Trace(args) => trace(args),
        Command::Attach(args) => attach(args),
    };
    exit(status.unwrap_or_else(|error| {
        tracing::error!("{error}");
        error.code()
    }))
}
