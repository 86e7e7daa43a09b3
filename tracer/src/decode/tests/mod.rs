//! Decoders against memory and a world that the tests lay out.

mod arguments;
mod events;
mod irregular;
mod random;
mod render;

use sentrace_schema::{Payload, abi};

use super::{Decoded, Pending, asked, syscall};
use crate::engine::{AbiId, Call};
use crate::memory::Memory;
use crate::world::fake::{CALLER, FakeWorld};

/// A call of a name on an ABI.
fn call(abi_name: &str, name: &str, args: &[u64]) -> Call {
    let abi = AbiId(abi(abi_name).expect("an ABI").id);
    let numbers = super::NUMBERS[usize::from(abi.0)];
    let nr = numbers.iter().find(|(_, call)| std::ptr::eq(*call, syscall(name).expect("a call")));
    let mut registers = [0xdead_beef_0bad_0bad; 6];
    registers[..args.len()].copy_from_slice(args);
    Call { abi, nr: nr.expect("a number").0, args: registers, ip: 0, sp: 0 }
}

/// What is known of a call at its entry.
fn entry(call: &Call, memory: &dyn Memory, world: &FakeWorld) -> Option<Pending> {
    asked(call, memory)?.begin(CALLER, memory, world)
}

/// What becomes of a call with this result.
fn decode(call: &Call, memory: &dyn Memory, world: &FakeWorld, result: i64) -> Option<Decoded> {
    entry(call, memory, world)?.exit(result, memory, world)
}

fn check(call: &Call, memory: &dyn Memory, result: i64, expect: impl Into<Payload>, marks: u32) {
    let decoded = decode(call, memory, &FakeWorld::default(), result).expect("an event");
    assert_eq!(decoded, Decoded { payload: expect.into(), marks });
}
