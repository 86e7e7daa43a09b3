//! Filters as a whole: against the rules they are made from, and in the kernel.
//!
//! - `samples`: random rules, and calls at their edges
//! - `model`: what the interpreter answers is what the rules say
//! - `shape`: sizes, depths, errors, what the kernel may keep in its bitmap
//! - `kernel`: the kernel takes the programs and answers the same

mod kernel;
mod model;
mod samples;
mod shape;
