//! From the text of `syscalls.yaml` to a [`Model`].
//!
//! [`raw`] holds what is written, [`Scope`] what the names stand for; the other modules turn the
//! one into the other, each for a part of the file. All of them add to the same errors and go
//! on, so that everything that is wrong is found at once. What depends on it is left out of the
//! model, which nobody gets when there are errors.

mod abis;
mod check;
mod conditions;
mod derive;
mod layout;
mod raw;
mod records;
mod scope;
mod sets;
mod sources;
mod syscalls;
mod types;

use sentrace_yaml::{Errors, Node};

use crate::model::Model;
use scope::Scope;

/// The model that a file describes, and everything that is wrong with it.
pub(crate) fn model(tree: &Node, errors: &mut Errors) -> Model {
    let raw = raw::file(tree, errors);
    let mut scope = Scope::of(&raw, errors);
    let mut model = resolve(&raw, &mut scope, errors);
    layout::structs(&mut model);
    layout::shapes(&raw.syscalls, &mut model, &scope, errors);
    check::all(&raw, &model, errors);
    model
}

/// Looks up all names. Later sections refer to earlier ones.
fn resolve<'n>(raw: &raw::File<'n>, scope: &mut Scope<'n>, errors: &mut Errors) -> Model {
    let mut model = Model { abis: abis::resolve(&raw.abis, errors), ..Model::default() };
    model.sets = sets::sets(&raw.sets, scope, errors);
    model.families = sets::families(&raw.families, scope, errors);
    model.structs = raw.structs.iter().map(|of| types::structure(of, scope, errors)).collect();
    model.irregular = raw.irregular.iter().map(|of| types::function(of, scope, errors)).collect();
    model.groups = records::groups(&raw.groups, scope, errors);
    model.context = records::context(&raw.context, scope, errors);
    model.events = records::events(&raw.events, scope, errors);
    model.syscalls = syscalls::resolve(raw, &model, scope, errors);
    model
}
