//! Every output of the generator, each a function of the model.

pub mod capnp;
pub mod decoders;
pub mod docs;
pub mod names;
pub mod records;
pub mod source;

#[cfg(test)]
pub(crate) mod sample;
