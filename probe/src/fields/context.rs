//! The values of fields for one event.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use sentrace_schema::derive::{Computed, basename};
use sentrace_schema::groups;
use sentrace_schema::record::{self, Record};
use sentrace_schema::wire::Event;

use super::{EventField, Field, Last, Root, Shape};
use crate::secl::{Context, Kind, Value};
use crate::tree::{Entry, Process};

/// What `event.*` says about where events come from.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// `event.hostname`.
    pub hostname: String,
    /// `event.service`; when it is empty, the `DD_SERVICE` of the process.
    pub service: String,
}

/// The values of variables for the event at hand.
pub trait Variables {
    /// The value of a variable, as it stands between the braces of `${}`; zero when it is unset.
    fn get(&self, name: &str) -> Value<'_>;
}

/// One event, with the process that it is about and the ancestors of that.
pub struct EventContext<'a> {
    facts: Rc<Facts<'a>>,
    variables: &'a dyn Variables,
}

/// What no rule changes.
struct Facts<'a> {
    event: &'a Event,
    entry: Arc<Entry>,
    process: Process,
    parent: OnceCell<Option<Process>>,
    ancestors: OnceCell<Vec<Process>>,
    host: &'a Host,
}

impl<'a> EventContext<'a> {
    /// An event of the process of `entry`.
    pub fn new(
        event: &'a Event,
        entry: Arc<Entry>,
        host: &'a Host,
        variables: &'a dyn Variables,
    ) -> Self {
        let process = entry.process();
        let (parent, ancestors) = (OnceCell::new(), OnceCell::new());
        let facts = Facts { event, entry, process, parent, ancestors, host };
        Self { facts: Rc::new(facts), variables }
    }

    /// The same event with other values of variables.
    pub fn with_variables<'b>(&self, variables: &'b dyn Variables) -> EventContext<'b>
    where
        'a: 'b,
    {
        EventContext { facts: self.facts.clone(), variables }
    }

    /// The process that the event is about.
    pub fn process(&self) -> &Process {
        &self.facts.process
    }

    /// Its ancestors, nearest first.
    pub fn ancestors(&self) -> &[Process] {
        let facts = &self.facts;
        let all = || facts.entry.ancestors().map(|entry| entry.process()).collect();
        facts.ancestors.get_or_init(all)
    }

    /// The record that values are read from, `None` when this event has none.
    fn record(&self, root: Root, element: Option<usize>) -> Option<&dyn Record> {
        let process: &Process = match root {
            Root::Event(id) => {
                let payload = &self.facts.event.payload;
                return (payload.event().id == id).then(|| payload.record());
            }
            Root::Process => &self.facts.process,
            Root::Parent => {
                let parent = || self.facts.entry.parent().map(|entry| entry.process());
                self.facts.parent.get_or_init(parent).as_ref()?
            }
            Root::Ancestors => self.ancestors().get(element?)?,
        };
        Some(process)
    }

    fn event_field(&self, field: EventField) -> Value<'_> {
        let text = match field {
            EventField::Timestamp => return Value::Int(self.now()),
            EventField::Origin => "ebpfless",
            EventField::Os => "linux",
            EventField::Source => "runtime",
            EventField::Hostname => &self.facts.host.hostname,
            EventField::Service if self.facts.host.service.is_empty() => {
                return Value::Str(service(self.facts.process.image()).into());
            }
            EventField::Service => &self.facts.host.service,
        };
        Value::Str(text.as_bytes().into())
    }
}

impl Context for EventContext<'_> {
    type Field = Field;

    fn value(&self, field: &Field, element: Option<usize>) -> Value<'_> {
        match field {
            Field::Record { root, groups, last, shape } => self
                .record(*root, element)
                .and_then(|record| read(record, groups, *last))
                .unwrap_or_else(|| shape.zero()),
            Field::Retval => Value::Int(self.facts.event.header.retval),
            Field::Event(field) => self.event_field(*field),
            Field::AncestorCount => {
                Value::Int(i64::try_from(self.ancestors().len()).unwrap_or(i64::MAX))
            }
            Field::Unseen(shape) => shape.zero(),
        }
    }

    fn elements(&self, _: &Field) -> usize {
        self.ancestors().len()
    }

    fn variable(&self, name: &str) -> Value<'_> {
        match name {
            "process.pid" => Value::Int(self.facts.process.rest().pid),
            "builtins.uuid4" => Value::Str(uuid4().into_bytes().into()),
            _ => self.variables.get(name),
        }
    }

    fn now(&self) -> i64 {
        i64::try_from(self.facts.event.header.timestamp).unwrap_or(i64::MAX)
    }
}

impl Shape {
    /// The value of what is not there.
    pub(crate) fn zero(self) -> Value<'static> {
        match (self.kind, self.array) {
            (Kind::Bool, _) => Value::Bool(false),
            (Kind::Int | Kind::Time, false) => Value::Int(0),
            (Kind::Int | Kind::Time, true) => Value::Ints([].as_slice().into()),
            (Kind::Str(_), false) => Value::Str([].as_slice().into()),
            (Kind::Str(_), true) => Value::Strs(&[]),
            (Kind::Ip, false) => Value::Ip(None),
            (Kind::Ip, true) => Value::Nets(&[]),
        }
    }
}

/// The field `last` of the last of `groups`.
fn read<'a>(record: &'a dyn Record, groups: &[usize], last: Last) -> Option<Value<'a>> {
    let mut record = record;
    let mut outer = None;
    for group in groups {
        let record::Value::Record(inner) = record.get(*group) else { return None };
        outer = Some((record, *group));
        record = inner;
    }
    let value = own(record, last)?;
    Some(match (outer, value) {
        (Some((process, group)), Value::Str(own)) if is_executable(process, group) => {
            named(own, process, record, last)
        }
        (_, value) => value,
    })
}

fn own(record: &dyn Record, last: Last) -> Option<Value<'_>> {
    Some(match last {
        Last::Stored(index) => match record.get(index) {
            record::Value::Bool(value) => Value::Bool(value),
            record::Value::Int(value) => Value::Int(value),
            record::Value::Bytes(value) => Value::Str(value.into()),
            record::Value::List(values) => Value::Strs(values),
            record::Value::Ints(values) => Value::Ints(values.into()),
            record::Value::Ip(value) => Value::Ip(value),
            record::Value::Record(_) => return None,
        },
        Last::Derived(index) => match record.desc().derived.get(index)?.compute(record)? {
            Computed::Bool(value) => Value::Bool(value),
            Computed::Int(value) => Value::Int(value),
            Computed::Bytes(value) => Value::Str(value),
            Computed::List(values) => Value::Parts(values),
        },
    })
}

/// Whether a group of a record is the executable of a process.
fn is_executable(record: &dyn Record, group: usize) -> bool {
    let desc = record.desc();
    std::ptr::eq(desc, &groups::PROCESS) && desc.fields[group].name == "file"
}

/// Path or name of an executable: those of the symlinks that it was executed by count as well.
fn named<'a>(
    own: Cow<'a, [u8]>,
    process: &'a dyn Record,
    file: &dyn Record,
    last: Last,
) -> Value<'a> {
    static SYMLINKS: LazyLock<Option<usize>> = LazyLock::new(|| groups::PROCESS.field("symlinks"));
    let links = SYMLINKS.map(|index| process.get(index));
    let Some(record::Value::List(links @ [_, ..])) = links else { return Value::Str(own) };
    let name: fn(&[u8]) -> &[u8] = match last {
        Last::Stored(index) if file.desc().fields[index].name == "path" => |path| path,
        Last::Derived(index) if file.desc().derived[index].name == "name" => basename,
        _ => return Value::Str(own),
    };
    let others = links.iter().map(|link| Cow::Borrowed(name(link)));
    Value::Names(std::iter::once(own).chain(others).collect())
}

/// The service that a process says it is.
fn service(process: &groups::Process) -> &[u8] {
    let value = |prefix: &[u8]| process.envp.iter().find_map(|var| var.strip_prefix(prefix));
    value(b"DD_SERVICE=").or_else(|| value(b"OTEL_SERVICE_NAME=")).unwrap_or_default()
}

/// A random UUID (RFC 9562, version 4).
fn uuid4() -> String {
    let random = || RandomState::new().build_hasher().finish();
    let (high, low) = (random(), random());
    let high = (high & !0xF000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    )
}
