//! Sentrace as a user runs it: the built programs on real workloads.

/// An event that is added to `syscalls.yaml`.
mod adding;
/// Running the same program untraced and traced.
mod both;
/// Real programs.
mod programs;
