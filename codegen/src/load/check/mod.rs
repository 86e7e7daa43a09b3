//! What holds for the file as a whole.

mod fields;
mod spellings;
mod syscalls;

use sentrace_yaml::Errors;

use super::raw;
use crate::model::Model;

/// Checks a model against the file that it comes from.
pub(super) fn all(raw: &raw::File<'_>, model: &Model, errors: &mut Errors) {
    spellings::check(raw, errors);
    fields::check(raw, model, errors);
    syscalls::check(&raw.syscalls, model, errors);
    syscalls::functions_are_used(raw, errors);
}
