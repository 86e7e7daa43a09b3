//! What the resolver says, compared with what the kernel does for the same task.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actor;
mod files;
mod hostile;
mod namespaces;
mod paths;
mod process;
mod random;
mod sockets;
