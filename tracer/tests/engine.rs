//! The engines on real programs, each test under both unless it is about one: it runs
//! `examples/wrap` as a process of its own, because an engine waits for all children of its thread.
//!
//! - `engines`: the engines, and tests under all of them
//! - `filter`: filters made from wanted events
//! - `kernels`: kernels that lack newer calls
//! - `life`: threads, processes and programs
//! - `notify`: what is the notify engine's alone
//! - `outcome`: exit statuses, signals, launching
//! - `pid1`: as PID 1 of a container
//! - `programs`: examples and fixtures
//! - `signals`: signals to the tracer, terminals
//! - `stops`: stops, traps, signals and deaths
//! - `transparency`: what an application sees of itself, traced and untraced alike

mod engines;
#[path = "engine/filter.rs"]
mod filter;
#[path = "engine/kernels.rs"]
mod kernels;
#[path = "engine/life.rs"]
mod life;
#[path = "engine/notify.rs"]
mod notify;
#[path = "engine/outcome.rs"]
mod outcome;
#[path = "engine/pid1.rs"]
mod pid1;
mod programs;
#[path = "engine/signals.rs"]
mod signals;
#[path = "engine/stops.rs"]
mod stops;
#[path = "engine/transparency.rs"]
mod transparency;
#[path = "engine/wrap.rs"]
mod wrap;
