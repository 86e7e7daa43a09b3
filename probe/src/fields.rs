//! The names that rules may use, and their values for an event: SECL's view of the records that
//! `syscalls.yaml` describes.
//!
//! A name is looked up by walking descriptors: `exec.interpreter.file.path` is the field `path` of
//! the group `interpreter.file` of the event `exec`. `legacy` knows names of former times, and
//! `unseen` those that rules may use although nothing ever fills them here.

mod context;
mod legacy;
#[cfg(test)]
mod tests;
mod unseen;

use std::collections::HashMap;
use std::sync::LazyLock;

use sentrace_schema::record::{EventDesc, FieldDesc, RecordDesc, Ty};
use sentrace_schema::{CONTEXT, EVENTS, abi, groups};
use sentrace_yaml::nearest;

use crate::secl::{Constant, FieldRef, Kind, Registry, Text, VariableRef};

pub use context::{EventContext, Host, Variables};

/// What reading a field costs that is computed.
const COMPUTED: u32 = 50;
/// What reading a field costs that lies ready.
const READY: u32 = 5;

/// A field that rules may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// In a record.
    Record {
        /// Where the walk starts.
        root: Root,
        /// Groups inside each other, by their index.
        groups: Vec<usize>,
        /// The field in the last of them.
        last: Last,
        /// Its type.
        shape: Shape,
    },
    /// Result of the system call.
    Retval,
    /// `event.*`.
    Event(EventField),
    /// `process.ancestors.length`.
    AncestorCount,
    /// Nothing fills it: always the zero value of its type.
    Unseen(Shape),
}

/// A record that values are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// The event itself, of the type with this id.
    Event(u16),
    /// The process that the event is about; after an exec, the new one.
    Process,
    /// Who made it.
    Parent,
    /// All its ancestors, one by one.
    Ancestors,
}

/// A field of a record, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// In `fields`.
    Stored(usize),
    /// In `derived`.
    Derived(usize),
}

/// `event.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of SECL")]
pub enum EventField {
    Hostname,
    Origin,
    Os,
    Service,
    Source,
    Timestamp,
}

/// Type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Its type, or that of its elements.
    pub kind: Kind,
    /// Whether it is an array.
    pub array: bool,
}

/// The names that exist here, with the variables that the rules have declared.
#[derive(Debug, Default)]
pub struct Fields {
    variables: HashMap<String, VariableRef>,
}

impl Fields {
    /// Declares a variable, as it stands between the braces of `${}`.
    ///
    /// # Errors
    /// The type that it has already, when that is another one.
    pub fn declare(&mut self, name: &str, variable: VariableRef) -> Result<(), VariableRef> {
        let known = *self.variables.entry(name.to_owned()).or_insert(variable);
        if (known.kind, known.array) == (variable.kind, variable.array) {
            return Ok(());
        }
        Err(known)
    }

    /// The type of event by its name, among those that exist or could.
    pub fn has_event(&self, name: &str) -> bool {
        sentrace_schema::event(name).is_some() || unseen::is_event(name)
    }

    /// Whether events of this type are ever reported.
    pub fn is_reported(&self, event: &str) -> bool {
        sentrace_schema::event(event).is_some()
    }
}

impl Registry for Fields {
    type Field = Field;

    fn field(&self, name: &str) -> Option<FieldRef<Field>> {
        current(name).or_else(|| {
            let name = legacy::current_name(name)?;
            current(&name)
        })
    }

    fn constant(&self, name: &str) -> Option<Constant> {
        match name {
            "true" => return Some(Constant::Bool(true)),
            "false" => return Some(Constant::Bool(false)),
            _ => {}
        }
        sentrace_schema::constant(name, *ABI).map(Constant::Int)
    }

    fn variable(&self, name: &str) -> Option<VariableRef> {
        let built_in = |kind| Some(VariableRef { kind, array: false });
        match name {
            "process.pid" => built_in(Kind::Int),
            "builtins.uuid4" => built_in(Kind::Str(Text::Plain)),
            _ => self.variables.get(name).copied(),
        }
    }

    fn nearest(&self, name: &str) -> Option<String> {
        static NAMES: LazyLock<Vec<String>> = LazyLock::new(names);
        let mut all: Vec<&str> = NAMES.iter().map(String::as_str).collect();
        all.extend(self.variables.keys().map(String::as_str));
        all.extend(sentrace_schema::constants().map(|constant| constant.name));
        nearest(name, all.into_iter()).map(str::to_owned)
    }
}

/// The ABI of this machine: constants have its values.
static ABI: LazyLock<u16> = LazyLock::new(|| {
    let name = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    abi(name).map_or(0, |abi| abi.id)
});

/// A field by its current name.
fn current(name: &str) -> Option<FieldRef<Field>> {
    let (first, rest) = name.split_once('.')?;
    if first == "event" {
        return event_field(rest);
    }
    let prefixed = CONTEXT.iter().filter(|context| {
        name.strip_prefix(context.prefix).is_some_and(|rest| rest.starts_with('.'))
    });
    if let Some(context) = prefixed.max_by_key(|context| context.prefix.len()) {
        let rest = &name[context.prefix.len() + 1..];
        let (root, iterator) = match context.prefix {
            "process" => (Root::Process, None),
            "process.parent" => (Root::Parent, None),
            "process.ancestors" => (Root::Ancestors, Some(context.prefix.to_owned())),
            // Parts of the process.
            _ => return walk(Root::Process, &groups::PROCESS, name),
        };
        if iterator.is_some() && rest == "length" {
            return Some(of(Field::AncestorCount, Shape::one(Kind::Int), READY));
        }
        let found = walk(root, context.record, rest);
        return found.map(|field| FieldRef { iterator, ..field });
    }
    let event = Some(first.to_owned());
    let Some(desc) = sentrace_schema::event(first) else {
        let shape = unseen::event_field(first, rest)?;
        let event = if first == "network" { None } else { event };
        return Some(FieldRef { event, ..of(Field::Unseen(shape), shape, 0) });
    };
    let field = field_of_event(desc, rest)?;
    Some(FieldRef { event, ..field })
}

fn field_of_event(desc: &'static EventDesc, name: &str) -> Option<FieldRef<Field>> {
    if name == "retval" && desc.retval {
        return Some(of(Field::Retval, Shape::one(Kind::Int), READY));
    }
    let unseen = || {
        let shape = unseen::event_field(desc.name, name)?;
        Some(of(Field::Unseen(shape), shape, 0))
    };
    // What the tree knows of the process of an exec or exit is more than what the event says.
    let inlined = |field: &&FieldDesc| field.name.is_empty();
    if let Some(Ty::Group(group)) = desc.record.fields.iter().find(inlined).map(|field| field.ty)
        && std::ptr::eq(group, &groups::PROCESS)
        && let Some(field) = walk(Root::Process, group, name)
    {
        return Some(field);
    }
    walk(Root::Event(desc.id), desc.record, name).or_else(unseen)
}

fn event_field(name: &str) -> Option<FieldRef<Field>> {
    let text = Shape::one(Kind::Str(Text::Plain));
    let (field, shape) = match name {
        "hostname" => (EventField::Hostname, text),
        "origin" => (EventField::Origin, text),
        "os" => (EventField::Os, text),
        "service" => (EventField::Service, text),
        "source" => (EventField::Source, text),
        "timestamp" => (EventField::Timestamp, Shape::one(Kind::Time)),
        _ => {
            let shape = unseen::event_field("event", name)?;
            return Some(of(Field::Unseen(shape), shape, 0));
        }
    };
    Some(of(Field::Event(field), shape, READY))
}

/// The field of a name within a record: an own field, a computed one, or one of the groups in it,
/// longest prefix first.
fn walk(root: Root, record: &'static RecordDesc, name: &str) -> Option<FieldRef<Field>> {
    let mut groups = Vec::new();
    let (last, shape) = find(record, name, &mut groups)?;
    let cost = if let Found::Derived(_) = last { COMPUTED } else { READY };
    let last = match last {
        Found::Unseen => return Some(of(Field::Unseen(shape), shape, 0)),
        Found::Stored(index) => Last::Stored(index),
        Found::Derived(index) => Last::Derived(index),
    };
    Some(of(Field::Record { root, groups, last, shape }, shape, cost))
}

enum Found {
    Stored(usize),
    Derived(usize),
    Unseen,
}

fn find(
    record: &'static RecordDesc,
    name: &str,
    groups: &mut Vec<usize>,
) -> Option<(Found, Shape)> {
    if let Some(index) = record.field(name)
        && let Some(shape) = Shape::of(record.fields[index].ty, name)
    {
        return Some((Found::Stored(index), shape));
    }
    if let Some(index) = record.derived.iter().position(|derived| derived.name == name) {
        let shape = Shape::of(record.derived[index].ty, name)?;
        return Some((Found::Derived(index), shape));
    }
    let inside = |(index, field): (usize, &'static FieldDesc)| {
        let Ty::Group(group) = field.ty else { return None };
        let rest = match field.name {
            "" => Some(name),
            prefix => name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')),
        };
        rest.map(|rest| (index, group, field.name.len(), rest.to_owned()))
    };
    let mut inner: Vec<_> = record.fields.iter().enumerate().filter_map(inside).collect();
    inner.sort_by_key(|(_, _, prefix, _)| std::cmp::Reverse(*prefix));
    for (index, group, _, rest) in inner {
        groups.push(index);
        if let Some(found) = find(group, &rest, groups) {
            return Some(found);
        }
        groups.pop();
    }
    unseen::group_field(record.name, name).map(|shape| (Found::Unseen, shape))
}

fn of(field: Field, shape: Shape, cost: u32) -> FieldRef<Field> {
    let Shape { kind, array } = shape;
    FieldRef { field, kind, array, iterator: None, event: None, cost }
}

impl Shape {
    const fn one(kind: Kind) -> Self {
        Self { kind, array: false }
    }

    const fn many(kind: Kind) -> Self {
        Self { kind, array: true }
    }

    /// The type of a field; none for groups.
    fn of(ty: Ty, name: &str) -> Option<Self> {
        Some(match ty {
            Ty::Bool => Self::one(Kind::Bool),
            Ty::Timestamp => Self::one(Kind::Time),
            Ty::Path => Self::one(Kind::Str(Text::Path)),
            Ty::String => Self::one(Kind::Str(text(name))),
            Ty::Strings => Self::many(Kind::Str(text(name))),
            Ty::Ints => Self::many(Kind::Int),
            Ty::Ip => Self::one(Kind::Ip),
            Ty::Group(_) => return None,
            Ty::Int | Ty::Mode | Ty::Uid | Ty::Gid | Ty::Pid | Ty::Signal | Ty::Set(_) => {
                Self::one(Kind::Int)
            }
        })
    }
}

/// How a text is compared, by the last part of its name.
fn text(name: &str) -> Text {
    match name.rsplit('.').next() {
        Some("path") => Text::GivenPath,
        Some("extension") => Text::Extension,
        _ => Text::Plain,
    }
}

/// All names of fields, for advice: groups of groups are left out beyond the third level.
fn names() -> Vec<String> {
    let mut names = Vec::new();
    for event in &EVENTS {
        collect(event.record, event.name, 3, &mut names);
        if event.retval {
            names.push(format!("{}.retval", event.name));
        }
    }
    for context in &CONTEXT {
        collect(context.record, context.prefix, 3, &mut names);
    }
    names
}

fn collect(record: &RecordDesc, prefix: &str, levels: usize, names: &mut Vec<String>) {
    for field in record.fields {
        let name = match field.name {
            "" => prefix.to_owned(),
            name => format!("{prefix}.{name}"),
        };
        match field.ty {
            Ty::Group(group) if levels > 0 => collect(group, &name, levels - 1, names),
            Ty::Group(_) => {}
            _ => names.push(name),
        }
    }
    let others = record.derived.iter().map(|derived| derived.name);
    let others = others.chain(record.aliases.iter().map(|(name, _)| *name));
    names.extend(others.map(|name| format!("{prefix}.{name}")));
}
