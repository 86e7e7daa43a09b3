//! System calls of the tracer itself that the standard library and nix do not offer safely: the
//! only place of the crate with unsafe code.
//!
//! Every function here is safe to call with any argument: process ids are checked by the kernel,
//! addresses of a tracee are never dereferenced, and buffers are ours.

pub(crate) mod attention;
pub(crate) mod child;
pub(crate) mod inherited;
pub(crate) mod memory;
pub(crate) mod namespace;
pub(crate) mod notify;
pub(crate) mod pidfd;
pub(crate) mod poll;
pub(crate) mod ptrace;
pub(crate) mod shared;
pub(crate) mod signals;
pub(crate) mod socket;
pub(crate) mod statx;
pub(crate) mod wait;
pub(crate) mod witness;
