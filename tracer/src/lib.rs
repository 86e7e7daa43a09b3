//! Runs an application and turns its system calls into events.

pub mod arch;
pub mod calls;
pub mod decode;
pub mod engine;
pub mod filter;
mod forward;
pub mod guardian;
pub mod launch;
pub mod memory;
mod notify;
mod ptrace;
pub mod resolve;
pub mod session;
pub mod sys;
pub mod trace;
pub mod transport;
pub mod world;
