//! Generates records, Cap'n Proto code and conversions from `syscalls.yaml`.

use std::fs;
use std::process::ExitCode;

use sentrace_codegen::build;
use sentrace_codegen::emit::{capnp, records};

fn main() -> ExitCode {
    build::script(&[capnp::FILE], |model, outputs| {
        let mut schema = capnp::schema(model)?;
        if let Ok(committed) = fs::read_to_string(capnp::FILE) {
            capnp::keep_places(&mut schema, &capnp::parse(&committed)?);
        }
        outputs.write(capnp::FILE, &capnp::text(&schema))?;
        outputs.write("records.rs", &records::rust(model))?;
        outputs.write("convert.rs", &capnp::conversions(model))?;
        Ok(capnp::rust(&schema, outputs.directory())?)
    })
}
