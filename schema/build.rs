//! Generates records, Cap'n Proto code and conversions from `syscalls.yaml`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sentrace_codegen::emit::{capnp, records};

#[path = "build/interim.rs"]
mod interim;

fn main() -> Result<(), Box<dyn Error>> {
    for input in ["../syscalls.yaml", "events.capnp", "build.rs", "build"] {
        println!("cargo:rerun-if-changed={input}");
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let model = interim::load(Path::new("../syscalls.yaml"));
    let mut schema = capnp::schema(&model)?;
    if let Ok(committed) = fs::read_to_string(capnp::FILE) {
        capnp::keep_places(&mut schema, &capnp::parse(&committed)?);
    }
    fs::write(out.join(capnp::FILE), capnp::text(&schema))?;
    fs::write(out.join("records.rs"), records::rust(&model))?;
    fs::write(out.join("convert.rs"), capnp::conversions(&model))?;
    capnp::rust(&schema, &out)?;
    Ok(())
}
