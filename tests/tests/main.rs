//! The whole, as a user runs it.

/// `sentrace run`: the application is not disturbed, whatever happens to it or to us.
mod application;
/// What the commands print that tell about calls, events, filters and configuration.
mod commands;
/// `sentrace run`: what is reported, and how.
mod reports;
/// `sentrace trace` and `sentrace probe` together.
mod server;
