//! Everything unsafe: system calls that have no safe wrapper.

pub mod poll;
pub mod statx;
