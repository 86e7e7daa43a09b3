//! What the tables cannot say.

use super::table::{Table, code};
use crate::model::{Model, Source, Syscall, Type};

/// The page.
pub(super) fn page(model: &Model) -> String {
    let partial: Vec<_> =
        model.syscalls.iter().filter_map(|call| Some((call, lacks(call)?))).collect();
    let whole = model.syscalls.len() - partial.len();
    let mut calls = Table::of(&["call", "not decoded"]);
    for (call, lacks) in &partial {
        calls.row([call.name.clone(), lacks.clone()]);
    }
    let mut functions = Table::of(&["function", "why", "calls"]);
    for (function, irregular) in model.irregular.iter().enumerate() {
        let calls = model.syscalls.iter().filter(|call| uses(call, function));
        let calls: Vec<_> = calls.map(|call| call.name.as_str()).collect();
        functions.row([code(&irregular.name), irregular.reason.clone(), calls.join(", ")]);
    }
    format!(
        "All calls have their names, numbers and arguments on every ABI. Of {whole}, everything \
         that the arguments point to is decoded; of {} it is all but some structures.\n\n\
         ## Functions\n\nWhat tables cannot say is done by functions of \
         `tracer/src/decode/irregular`, each with a reason.\n\n{}\
         ## Calls that are decoded in part\n\n{}",
        partial.len(),
        functions.finish(),
        calls.finish()
    )
}

/// The arguments whose memory is not decoded, if there are any.
fn lacks(call: &Syscall) -> Option<String> {
    let opaque = call.args.iter().filter_map(|arg| match &arg.ty {
        Type::Opaque { of } if of.is_empty() => Some(code(&arg.name)),
        Type::Opaque { of } => Some(format!("{} ({of})", code(&arg.name))),
        _ => None,
    });
    let opaque = opaque.collect::<Vec<_>>().join(", ");
    Some(opaque).filter(|opaque| !opaque.is_empty())
}

fn uses(call: &Syscall, function: usize) -> bool {
    let sources = call.events.iter().flat_map(|binding| &binding.sources).flatten();
    sources.into_iter().any(|source| *source == Source::Rust(function))
        || call.becomes.as_ref().is_some_and(|becomes| becomes.by == function)
}
