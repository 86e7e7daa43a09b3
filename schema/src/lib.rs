//! The wire contract between tracer and probe, and the registry of everything that it is about.
//!
//! Generated from `syscalls.yaml`: the records of events and groups, their descriptors, and the
//! Cap'n Proto code. Written by hand: the vocabulary of the descriptors ([`record`]), computed
//! fields ([`mod@derive`]), look-ups ([`event`], [`constant`]), messages ([`wire`]), their framing
//! ([`frame`]), and where they go ([`address`]).
//!
//! This crate knows neither ptrace nor rules; it must not depend on the tracer or the probe.
#![forbid(unsafe_code)]

pub mod address;
pub mod derive;
pub mod frame;
mod names;
pub mod record;
mod registry;
pub mod wire;

pub use generated::{ABIS, CONTEXT, EVENTS, FAMILIES, GROUPS, Payload, SETS, events, groups, sets};
pub use names::Named;
pub use registry::{abi, constant, constants, event};

mod generated {
    include!(concat!(env!("OUT_DIR"), "/records.rs"));
}

mod convert {
    include!(concat!(env!("OUT_DIR"), "/convert.rs"));
}

#[allow(
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "the code is capnpc's"
)]
mod events_capnp {
    include!(concat!(env!("OUT_DIR"), "/events_capnp.rs"));
}
