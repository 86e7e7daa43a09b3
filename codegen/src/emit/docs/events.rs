//! Events: their fields, and the calls that become them.

use std::fmt::Write as _;

use super::groups;
use super::table::{Table, code};
use super::text;
use crate::emit::names;
use crate::model::{Category, Event, Model, Results, Syscall};

/// The page.
pub(super) fn page(model: &Model) -> String {
    let mut list = Table::of(&["event", "category", "meaning"]);
    let mut page = String::new();
    for (id, event) in model.events.iter().enumerate() {
        let name = &event.name;
        let category = category(event.category);
        list.row([format!("[{name}](#{name})"), category.into(), event.doc.clone()]);
        write!(page, "## {name}\n\n{}. Number {id}, {}.\n\n", event.doc, reported(model, event))
            .expect("a string takes all text");
        let mut fields = groups::fields(model, &format!("{name}."), &event.record);
        if event.retval {
            let meaning = "what the call returned (errors are negative)";
            fields.row([code(&format!("{name}.retval")), "int".into(), "".into(), meaning.into()]);
        }
        page += &fields.finish();
        if !event.by_engine {
            page += &calls(model, id);
        }
    }
    list.finish() + &page
}

fn category(category: Category) -> &'static str {
    match category {
        Category::File => "file",
        Category::Process => "process",
        Category::Kernel => "kernel",
        Category::Network => "network",
    }
}

fn reported(model: &Model, event: &Event) -> String {
    if event.by_engine {
        return "reported by the engine itself".into();
    }
    let Results::Only { success, errors } = &event.results else {
        return "reported whatever comes of it".into();
    };
    let errors = errors.iter().map(|error| error_name(model, *error));
    let success = success.then(|| "success".into());
    let results: Vec<String> = success.into_iter().chain(errors).collect();
    format!("reported on {}", results.join(", "))
}

fn error_name(model: &Model, error: i64) -> String {
    let known = model.families.iter().flat_map(|family| &family.values);
    let named = known.into_iter().find(|named| named.values.first() == Some(&Some(-error)));
    named.map_or_else(|| format!("error {error}"), |named| named.name.clone())
}

fn calls(model: &Model, event: usize) -> String {
    let mut table = Table::of(&["call", "when", "fields from"]);
    for call in &model.syscalls {
        let bindings = call.events.iter().enumerate();
        for (index, binding) in bindings.filter(|(_, binding)| binding.event == event) {
            let when = match text::conditions(model, call, &binding.when) {
                when if when.is_empty() && index > 0 => "otherwise".into(),
                when => code(&when),
            };
            let sources = sources(model, call, event, &binding.sources);
            table.row([call.name.clone(), when, sources]);
        }
    }
    table.finish()
}

fn sources(
    model: &Model,
    call: &Syscall,
    event: usize,
    sources: &[Option<crate::model::Source>],
) -> String {
    let fields = names::live(&model.events[event].record);
    let from = fields.filter_map(|(id, field, ty)| {
        let source = text::source(model, call, sources.get(id)?.as_ref()?, ty);
        Some(code(&format!("{}: {source}", names::label(model, field))))
    });
    from.collect::<Vec<_>>().join(", ")
}
