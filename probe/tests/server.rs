//! The server, against tracers that do what a test tells them, and against the real one.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "server/hostile.rs"]
mod hostile;
#[path = "server/order.rs"]
mod order;
#[path = "server/restart.rs"]
mod restart;
#[path = "server/tracer.rs"]
mod tracer;
