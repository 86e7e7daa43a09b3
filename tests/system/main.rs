//! Sentrace as a user runs it: the built programs on real workloads.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

/// An event that is added to `syscalls.yaml`.
mod adding;
/// `sentrace run`: the application is not disturbed, whatever happens to it or to us.
mod application;
/// Running the same program untraced and traced.
mod both;
/// What the commands print that tell about calls, events, filters and configuration.
mod commands;
/// Supervisors that fail: the application is not harmed.
mod crash;
/// Starting a probe.
mod probe;
/// Real programs.
mod programs;
/// `sentrace run`: what is reported, and how.
mod reports;
/// `sentrace trace` and `sentrace probe` together.
mod server;
