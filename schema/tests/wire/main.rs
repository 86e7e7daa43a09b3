//! Messages on the wire: round trips, hostile input, and other implementations.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod committed;
mod hostile;
mod interop;
mod random;
mod roundtrip;
