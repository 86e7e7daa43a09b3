//! Generates the tables of system calls from `syscalls.yaml`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sentrace_codegen::emit::decoders;

#[path = "build/interim.rs"]
mod interim;

fn main() -> Result<(), Box<dyn Error>> {
    for input in ["../syscalls.yaml", "build.rs", "build"] {
        println!("cargo:rerun-if-changed={input}");
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let model = interim::load(Path::new("../syscalls.yaml"));
    fs::write(out.join("decoders.rs"), decoders::rust(&model))?;
    Ok(())
}
