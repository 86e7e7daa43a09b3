//! What build scripts share: they load `syscalls.yaml` and write outputs to `OUT_DIR`.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::model::Model;

/// The file, as seen from the crates that build from it.
const SPECIFICATION: &str = "../syscalls.yaml";

/// The whole of a build script: loads `syscalls.yaml` and has outputs made of it. `inputs` are the
/// other files that they depend on. What is wrong is told to cargo, one line for each error: it
/// fails the build, whatever the exit status.
pub fn script(inputs: &[&str], emit: impl FnOnce(&Model, &Outputs) -> anyhow::Result<()>) {
    for input in [SPECIFICATION, "build.rs"].iter().chain(inputs) {
        tell(&format!("rerun-if-changed={input}"));
    }
    let made = load().and_then(|model| emit(&model, &Outputs::of_cargo()?));
    let Err(error) = made else { return };
    for line in format!("{error:#}").lines() {
        tell(&format!("error={line}"));
    }
}

fn load() -> anyhow::Result<Model> {
    let name = SPECIFICATION.trim_start_matches("../");
    let text =
        fs::read_to_string(SPECIFICATION).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    Ok(crate::load(name, &text)?)
}

#[expect(clippy::print_stdout, reason = "cargo reads it")]
fn tell(instruction: &str) {
    println!("cargo::{instruction}");
}

/// Where outputs go.
#[derive(Debug)]
pub struct Outputs {
    directory: PathBuf,
}

impl Outputs {
    fn of_cargo() -> anyhow::Result<Self> {
        Ok(Self { directory: PathBuf::from(env::var("OUT_DIR")?) })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a file, unless it has this text already.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.directory.join(name);
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        fs::write(path, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_output_is_not_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let outputs = Outputs { directory: directory.path().into() };
        let path = directory.path().join("a.rs");
        outputs.write("a.rs", "1").unwrap();
        // Long ago, so that writing would be seen.
        let then = std::time::SystemTime::UNIX_EPOCH;
        fs::File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
        outputs.write("a.rs", "1").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), then);
        outputs.write("a.rs", "2").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "2");
    }
}
