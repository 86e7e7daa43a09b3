//! Sentrace as a user runs it: the built programs on real workloads.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

/// What rules do to processes.
mod actions;
/// An event that is added to `syscalls.yaml`.
mod adding;
/// `sentrace run`: the application is not disturbed, whatever happens to it or to us.
mod application;
/// `sentrace attach`, and `sentrace trace --pid`.
mod attach;
/// Running the same program untraced and traced.
mod both;
/// What the commands print that tell about calls, events, filters and configuration.
mod commands;
/// Building fixtures.
mod fixtures;
/// What a program inherits, and sees of itself.
mod inherited;
/// Threads and processes.
mod life;
/// Debuggers, filters and listeners of the application's own.
mod nested;
/// As the first process of a container.
mod pid1;
/// Starting a probe.
mod probe;
/// Real programs.
mod programs;
/// `sentrace run`: what is reported, and how.
mod reports;
/// Programs of languages that bring a run-time.
mod runtimes;
/// `sentrace trace` and `sentrace probe` together.
mod server;
/// Signals, stops and terminals.
mod signals;
/// What is reported is what the kernel did.
mod truth;
