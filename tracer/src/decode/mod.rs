//! What a call means: tables generated from `syscalls.yaml`, and the functions that interpret
//! them.
//!
//! [`asked`] tells which event a call is, [`Asked::begin`] begins it, [`Pending::exit`] ends it;
//! in between, the kernel does the call. [`Arguments`] knows which register holds which argument on every ABI,
//! and how much of it counts. The tables are data ([`table`]); what they cannot say is written by
//! hand in [`irregular`].
//!
//! Registers and memory are the tracee's: nothing here panics, waits, or grows without bound,
//! whatever they hold.

mod call;
mod event;
mod fill;
pub mod irregular;
mod pointee;
mod reader;
pub mod render;
mod sockaddr;
pub mod table;
#[cfg(test)]
mod tests;

pub use call::Arguments;
pub use event::{Asked, Decoded, Pending, asked};
pub use fill::Moment;
pub use generated::{ABIS, NUMBERS, RESULTS, SYSCALLS, structs, syscalls};
pub use reader::Reader;
use table::SyscallDesc;

use crate::engine::AbiId;

mod generated {
    include!(concat!(env!("OUT_DIR"), "/decoders.rs"));
}

/// The call with this number on an ABI (without the ABI's number flag).
#[must_use]
pub fn numbered(abi: AbiId, nr: u32) -> Option<&'static SyscallDesc> {
    let numbers = NUMBERS.get(usize::from(abi.0))?;
    let index = numbers.binary_search_by_key(&nr, |(nr, _)| *nr).ok()?;
    Some(numbers[index].1)
}

/// The call of this name.
#[must_use]
pub fn syscall(name: &str) -> Option<&'static SyscallDesc> {
    let index = SYSCALLS.binary_search_by_key(&name, |syscall| syscall.name).ok()?;
    Some(SYSCALLS[index])
}
