//! Runs an application and turns its system calls into events.

pub mod decode;
pub mod ptrace;
pub mod resolve;
pub mod sys;
