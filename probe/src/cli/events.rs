//! `sentrace events`: what is reported, and what rules may ask.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use sentrace_schema::EVENTS;
use sentrace_schema::record::{EventDesc, RecordDesc, Ty};
use sentrace_tracer::decode::{RESULTS, SYSCALLS};
use sentrace_yaml::nearest;
use serde::Serialize;

use super::{notation, print};

/// List events and their fields
///
/// Without NAME, all events; with it, the fields of one, by the names that rules use, and their
/// places in the JSON.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Events {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Name of an event
    name: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  What can a rule on open ask?
    sentrace events open
  All events and fields, for a program:
    sentrace events --json";

/// An event as JSON.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    id: u16,
    category: &'static str,
    doc: &'static str,
    results: String,
    syscalls: Vec<&'static str>,
    fields: Vec<Field>,
}

/// A field of an event or group.
#[derive(Serialize)]
struct Field {
    name: String,
    #[serde(rename = "type")]
    ty: &'static str,
    json: String,
    doc: &'static str,
}

impl Events {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let events: Vec<_> = match &self.name {
            None => EVENTS.iter().collect(),
            Some(name) => vec![find(name)?],
        };
        if self.json {
            let listed: Vec<_> = events.iter().map(|event| listed(event)).collect();
            return print(&(serde_json::to_string_pretty(&listed)? + "\n"));
        }
        print(&match &self.name {
            None => table(&events),
            Some(_) => events.iter().map(|event| card(&listed(event))).collect(),
        })
    }
}

/// The event of this name.
pub(super) fn find(name: &str) -> anyhow::Result<&'static EventDesc> {
    if let Some(event) = sentrace_schema::event(name) {
        return Ok(event);
    }
    match nearest(name, EVENTS.iter().map(|event| event.name)) {
        Some(meant) => bail!("there is no event `{name}` (did you mean `{meant}`?)"),
        None => bail!("there is no event `{name}`"),
    }
}

fn table(events: &[&EventDesc]) -> String {
    let mut table = String::new();
    for event in events {
        // Writing to a String does not fail.
        let category = event.category.name();
        let _ = writeln!(table, "{:18} {category:8} {}", event.name, event.doc);
    }
    table
}

fn listed(event: &'static EventDesc) -> Listed {
    let mut fields = Vec::new();
    collect(event.record, event.name, "", &mut fields);
    if event.retval {
        fields.push(Field {
            name: format!("{}.retval", event.name),
            ty: "int",
            json: "sentrace.retval".into(),
            doc: "result of the call",
        });
    }
    let syscalls = SYSCALLS.iter();
    let syscalls = syscalls.filter(|call| call.events.iter().any(|of| of.event == event.id));
    let results = RESULTS.get(usize::from(event.id));
    Listed {
        name: event.name,
        id: event.id,
        category: event.category.name(),
        doc: event.doc,
        results: results.filter(|_| !event.by_engine).map(notation::results).unwrap_or_default(),
        syscalls: syscalls.map(|call| call.name).collect(),
        fields,
    }
}

fn card(event: &Listed) -> String {
    let mut card = format!("{}: {}\n", event.name, event.doc);
    let calls = match event.syscalls.as_slice() {
        [] => "no call; the engine reports it".to_owned(),
        calls => calls.join(", "),
    };
    let _ = writeln!(card, "  calls:   {calls}");
    if !event.results.is_empty() {
        let _ = writeln!(card, "  results: {}", event.results);
    }
    let width = |of: fn(&Field) -> usize| event.fields.iter().map(of).max().unwrap_or_default();
    let (name, ty) = (width(|field| field.name.len()), width(|field| field.ty.len()));
    for field in &event.fields {
        let _ = writeln!(card, "  {:name$}  {:ty$}  {}", field.name, field.ty, field.doc);
    }
    card
}

/// The fields of a record, those of groups below the group's. Groups of processes are named, not
/// listed: see `process`.
fn collect(record: &RecordDesc, prefix: &str, place: &str, fields: &mut Vec<Field>) {
    let below = |prefix: &str, name: &str| match (prefix, name) {
        ("", name) | (name, "") => name.to_owned(),
        (prefix, name) => format!("{prefix}.{name}"),
    };
    for field in record.fields {
        let name = below(prefix, field.name);
        let json = if field.json.is_empty() { String::new() } else { below(place, field.json) };
        match field.ty {
            Ty::Group(group) if group.name != "process" => collect(group, &name, &json, fields),
            ty => fields.push(Field { name, ty: notation::field(ty), json, doc: field.doc }),
        }
    }
    for derived in record.derived {
        let json = if derived.json.is_empty() { String::new() } else { below(place, derived.json) };
        let (name, ty) = (below(prefix, derived.name), notation::field(derived.ty));
        fields.push(Field { name, ty, json, doc: derived.doc });
    }
    for (alias, of) in record.aliases {
        let field = &record.fields[*of];
        let (name, ty) = (below(prefix, alias), notation::field(field.ty));
        fields.push(Field { name, ty, json: String::new(), doc: field.doc });
    }
}
