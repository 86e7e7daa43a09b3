//! Generates the tables of system calls from `syscalls.yaml`.

use sentrace_codegen::build;
use sentrace_codegen::emit::decoders;

fn main() {
    build::script(&[], |model, outputs| Ok(outputs.write("decoders.rs", &decoders::rust(model))?))
}
