//! The generator.
pub mod emit;
pub mod model;
