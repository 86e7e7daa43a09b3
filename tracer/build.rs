//! Generates the tables of system calls from `syscalls.yaml`.

use std::process::ExitCode;

use sentrace_codegen::build;
use sentrace_codegen::emit::decoders;

fn main() -> ExitCode {
    build::script(&[], |model, outputs| Ok(outputs.write("decoders.rs", &decoders::rust(model))?))
}
