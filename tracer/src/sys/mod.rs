//! Everything unsafe: system calls that have no safe wrapper.

pub mod pidfd;
pub mod poll;
pub mod socket;
pub mod statx;
