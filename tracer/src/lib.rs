//! Runs an application and turns its system calls into events.

pub mod decode;
pub mod engine;
pub mod memory;
pub mod ptrace;
pub mod resolve;
pub mod sys;
