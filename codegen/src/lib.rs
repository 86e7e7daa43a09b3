//! The generator: from `syscalls.yaml` to everything that is made of it.
//!
//! [`load()`] turns the text into a checked [`Model`]; every module of [`emit`] turns the model into
//! an output. Nothing else reads the file.
//!
//! This crate knows neither ptrace nor rules. It is a dependency of build scripts, and of the
//! program `sentrace-codegen` that shows what build scripts see.

pub mod build;
pub mod emit;
mod load;
pub mod model;

use model::Model;
use sentrace_yaml::Errors;

/// Loads `syscalls.yaml`; `file_name` is its name in error messages.
///
/// # Errors
/// Everything that is wrong with the file, each with line and column. The first syntax error only.
pub fn load(file_name: &str, text: &str) -> Result<Model, Errors> {
    let tree = sentrace_yaml::parse(file_name, text)?;
    let mut errors = Errors::new(file_name);
    let model = load::model(&tree, &mut errors);
    errors.into_result(model)
}
