//! The server, against tracers that do what a test tells them, and against the real one.
//!
//! - `hostile`: peers that break the protocol
//! - `line`: a tracer's end of a connection
//! - `order`: events in order and once
//! - `restart`: the real client, and a server that comes and goes
//! - `tracer`: tracers, and a handler that writes down what it is told
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "server/hostile.rs"]
mod hostile;
#[path = "../../schema/tests/line/mod.rs"]
mod line;
#[path = "server/order.rs"]
mod order;
#[path = "server/restart.rs"]
mod restart;
#[path = "server/tracer.rs"]
mod tracer;
