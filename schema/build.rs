//! Generates records, Cap'n Proto code and conversions from `syscalls.yaml`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use sentrace_codegen::emit::{capnp, records};

#[path = "build/interim.rs"]
mod interim;

fn main() {
    let spec = Path::new("../syscalls.yaml");
    println!("cargo:rerun-if-changed={}", spec.display());
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let model = interim::load(spec);
    let schema = capnp::schema(&model).expect("schema");
    fs::write(out.join("records.rs"), records::rust(&model)).expect("records.rs");
    fs::write(out.join("convert.rs"), capnp::conversions(&model)).expect("convert.rs");
    capnp::rust(&schema, &out).expect("events_capnp.rs");
}
