//! Generates records, Cap'n Proto code and conversions from `syscalls.yaml`.

use std::fs;

use sentrace_codegen::build;
use sentrace_codegen::emit::{capnp, records};

fn main() {
    build::script(&[capnp::FILE], |model, outputs| {
        let committed = fs::read_to_string(capnp::FILE).unwrap_or_default();
        let schema = capnp::schema_after(model, &committed)?;
        outputs.write(capnp::FILE, &capnp::text(&schema))?;
        outputs.write("records.rs", &records::rust(model))?;
        outputs.write("convert.rs", &capnp::conversions(model))?;
        Ok(capnp::rust(&schema, outputs.directory())?)
    });
}
