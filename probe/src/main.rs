//! The sentrace program.
fn main() {}
