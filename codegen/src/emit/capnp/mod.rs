//! Cap'n Proto: the wire format, as text for other languages and as Rust for ourselves.
//!
//! `protocol.capnp` holds what is fixed (messages and headers); a structure for every event and
//! group comes from the model. The result, a [`Schema`], is printed ([`text()`]), compared with an
//! earlier one ([`breaks`]), and laid out for the Rust generator of the crate `capnpc`, which
//! runs in this process: building needs no external compiler.

mod compat;
mod convert;
mod ids;
mod layout;
mod parse;
mod records;
mod request;
mod schema;
mod text;

#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;

use thiserror::Error;

use crate::model::Model;

pub use compat::{breaks, keep_places};
pub use convert::rust as conversions;
pub use parse::parse;
pub use records::schema;
pub(crate) use records::{event_struct, group_struct, protocol_types};
pub use request::request;
pub use schema::{Field, Kind, Node, Place, Schema, Type};
pub use text::text;

/// Why there is no schema.
#[derive(Debug, Error)]
pub enum Error {
    /// A schema text that is not as this module writes it.
    #[error("line {line}: {problem}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// Two names of `syscalls.yaml` that are the same in Cap'n Proto.
    #[error("{0} exists twice in the schema")]
    Twice(String),
    /// A field whose type is not in the schema.
    #[error("{0} is no type of the schema")]
    UnknownType(String),
    /// More than Cap'n Proto can number.
    #[error("{0} is too large for the schema")]
    TooLarge(String),
    /// The Rust generator failed.
    #[error("capnpc: {0}")]
    Generator(#[from] capnp::Error),
    /// The output could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Name of the schema file.
pub const FILE: &str = "events.capnp";

/// The schema of a model, in which the places of removed fields are as in the text of an earlier
/// one (maybe empty).
///
/// # Errors
/// As [`schema()`], or when the earlier text is not one of this module.
pub fn schema_after(model: &Model, earlier: &str) -> Result<Schema, Error> {
    let mut schema = schema(model)?;
    if !earlier.is_empty() {
        keep_places(&mut schema, &parse(earlier)?);
    }
    Ok(schema)
}

/// Writes the Rust code of the schema, `events_capnp.rs`, into a directory. A file that would
/// not change is left alone.
///
/// # Errors
/// When the schema cannot be laid out or the file cannot be written.
pub fn rust(schema: &Schema, directory: &Path) -> Result<(), Error> {
    let request = request(schema)?;
    capnpc::codegen::CodeGenerationCommand::new()
        .output_directory(directory)
        .run(request.as_slice())?;
    Ok(())
}
