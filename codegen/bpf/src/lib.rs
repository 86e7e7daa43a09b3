//! Seccomp filters: which calls of an application stop, as a classic BPF program.
//!
//! [`fn@compile`] turns the rules of each ABI ([`Section`]) into a [`Program`]. It tests the
//! architecture first, then the number in a balanced tree, and looks at arguments only inside the
//! branch of a call that has conditions: for all other calls the answer depends on architecture
//! and number alone, which Linux 5.11 and newer find out once and keep in a bitmap
//! ([`const_allow`] says for which calls).
//!
//! The filter never changes what an application does: an architecture without a section stops
//! like a call of interest, and a call without a rule is let through, as is the number -1, by
//! which a debugger skips a call.
//!
//! Words: an *action* is what a filter answers (`SECCOMP_RET_*`), a *rule* gives the actions of one
//! call, a *section* the rules of one ABI, an *interest* ([`interest`]) the events that somebody
//! wants.
//!
//! The crate knows neither `syscalls.yaml` nor ptrace: the generator uses it at build time, the
//! tracer at run time. Argument words are laid out as on little-endian machines, the only ones
//! that have a section.

pub mod action;
mod assemble;
mod compile;
mod constant;
mod disassemble;
pub mod interest;
mod listing;
mod program;
mod rules;
mod run;
mod verify;

pub use compile::{CompileError, compile};
pub use constant::const_allow;
pub use disassemble::{Names, disassemble};
pub use listing::{immediate, list};
pub use program::{Instruction, MAX_INSTRUCTIONS, Program};
pub use rules::{Case, Condition, Op, Section, Verdict, Width};
pub use run::{SeccompData, run};
pub use verify::{Invalid, verify};
