//! The way to a probe, against a probe that does what a test tells it.
//!
//! - `client`: the transport alone
//! - `line`: its end of a connection
//! - `probe`: the probe
//! - `programs`: fixtures
//! - `trace`: the program, with an application
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "transport/client.rs"]
mod client;
#[path = "../../schema/tests/line/mod.rs"]
mod line;
#[path = "transport/probe.rs"]
mod probe;
#[expect(dead_code, reason = "no example is run")]
mod programs;
#[path = "transport/trace.rs"]
mod trace;
