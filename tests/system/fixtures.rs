//! Programs that tests run: small, each printing what it did.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};

/// Path of `tests/fixtures/NAME.c`, or that of the tracer, built once.
pub(crate) fn fixture(name: &'static str) -> PathBuf {
    static BUILT: LazyLock<Mutex<Vec<&str>>> = LazyLock::new(Mutex::default);
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures");
    let program = place.join(name);
    let mut built = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !built.contains(&name) {
        std::fs::create_dir_all(&place).unwrap();
        // Other runs of the tests may be using it.
        let new = place.join(format!("{name}.{}", std::process::id()));
        build(name, &new);
        std::fs::rename(&new, &program).unwrap();
        built.push(name);
    }
    program
}

/// A file of `tests/fixtures`.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn build(name: &str, program: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["fixtures", "../tracer/tests/fixtures"];
    let sources = places.map(|place| root.join(place).join(name).with_extension("c"));
    let source = sources.iter().find(|source| source.exists()).expect(name);
    let options = match name {
        // It needs nothing but a compiler that knows the ABI.
        "narrow" => "-m32 -nostdlib -ffreestanding -static -no-pie -fno-pie -fno-stack-protector",
        "static" => "-static",
        _ => "-pthread",
    };
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-Wall"]).args(options.split(' ')).arg("-o").arg(program).arg(source);
    assert!(cc.status().expect("a C compiler").success(), "{cc:?}");
}
