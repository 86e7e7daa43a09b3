//! Records as trees of named places.
//!
//! The descriptor of a field says where it stands, dotted (`file.flags`); fields of different
//! groups may share an object. A [`Layout`] is that tree, made once for each record.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::LazyLock;

use sentrace_schema::derive::Computed;
use sentrace_schema::record::{EventDesc, Record, RecordDesc, SetDesc, Ty, Value};
use sentrace_schema::{EVENTS, groups};
use sentrace_tracer::decode::render;

/// Places of a record, in the order of its fields.
#[derive(Debug, Default)]
pub(super) struct Layout {
    nodes: Vec<Node>,
}

#[derive(Debug)]
pub(super) struct Node {
    /// Last part of the place.
    pub(super) key: &'static str,
    pub(super) what: What,
    /// Whether it is printed although it is empty, if anything beside it is not.
    pub(super) always: bool,
}

#[derive(Debug)]
pub(super) enum What {
    Field(Field),
    Object(Layout),
}

/// A value within the record.
#[derive(Debug)]
pub(super) struct Field {
    /// Groups inside each other, by their index.
    groups: Vec<usize>,
    last: Last,
    pub(super) ty: Ty,
    /// Whether it is the event's own, so that 0 and false are statements.
    pub(super) own: bool,
    /// Whether lines for people show it.
    pub(super) brief: bool,
}

#[derive(Debug, Clone, Copy)]
enum Last {
    Stored(usize),
    Derived(usize),
}

/// A value to print.
#[derive(Debug)]
pub(super) enum Item<'a> {
    Nothing,
    Bool(bool),
    Int(i64),
    Bytes(Cow<'a, [u8]>),
    List(&'a [Vec<u8>]),
    Parts(Vec<Cow<'a, [u8]>>),
    Ints(&'a [i64]),
    Ip(IpAddr),
}

/// Fields of groups that are printed even if they are 0 or empty: (group, field).
const ALWAYS: &[(&str, &str)] = &[
    ("file", "path"),
    ("process", "pid"),
    ("process", "ppid"),
    ("process", "comm"),
    ("process", "argv"),
    ("process", "file"),
];

/// What lines for people show of groups: (group, field). Of other groups they show all.
const BRIEF: &[(&str, &str)] = &[
    ("file", "path"),
    ("process", "pid"),
    ("process", "comm"),
    ("addr", "ip"),
    ("addr", "port"),
    ("addr", "path"),
];

/// Whether the event itself is about the program of a process, as exec and exit are.
pub(super) fn is_process(event: &EventDesc) -> bool {
    let is_process = |ty: Ty| matches!(ty, Ty::Group(of) if std::ptr::eq(of, &groups::PROCESS));
    event.record.fields.iter().any(|field| field.name.is_empty() && is_process(field.ty))
}

/// The own fields of an event.
pub(super) fn event(id: u16) -> Option<&'static Layout> {
    static EVENT: LazyLock<Vec<Layout>> =
        LazyLock::new(|| EVENTS.iter().map(|event| Layout::new(event.record, true)).collect());
    EVENT.get(usize::from(id))
}

/// A process.
pub(super) fn process() -> &'static Layout {
    static PROCESS: LazyLock<Layout> = LazyLock::new(|| Layout::new(&groups::PROCESS, false));
    &PROCESS
}

impl Layout {
    fn new(desc: &'static RecordDesc, own: bool) -> Self {
        let mut layout = Self::default();
        layout.add(desc, &[], own);
        layout
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The object of a key.
    pub(super) fn object(&self, key: &str) -> Option<&Layout> {
        self.nodes.iter().find(|node| node.key == key).and_then(|node| match &node.what {
            What::Object(inner) => Some(inner),
            What::Field(_) => None,
        })
    }

    /// Adds the fields of a record that is reached by `groups`.
    fn add(&mut self, desc: &'static RecordDesc, groups: &[usize], own: bool) {
        let known = BRIEF.iter().any(|(group, _)| *group == desc.name);
        let has_flags = desc.field("flags").is_some();
        let field = |name, last, ty| {
            let brief = own || !known || BRIEF.contains(&(desc.name, name));
            // Beside flags, a mode counts only when they say so.
            let own = own && !(has_flags && is_mode(ty));
            Field { groups: groups.into(), last, ty, own, brief }
        };
        for (index, of) in desc.fields.iter().enumerate() {
            let always =
                ALWAYS.contains(&(desc.name, of.name)) || matches!(of.ty, Ty::Uid | Ty::Gid);
            let place = Place { path: of.json, always };
            match of.ty {
                _ if of.json.is_empty() => {}
                Ty::Group(group) => {
                    let inner = [groups, &[index]].concat();
                    self.object_at(place).add(group, &inner, false);
                }
                ty => self.put(place, field(of.name, Last::Stored(index), ty)),
            }
        }
        for (index, of) in desc.derived.iter().enumerate() {
            if !of.json.is_empty() {
                let place = Place { path: of.json, always: false };
                self.put(place, field(of.name, Last::Derived(index), of.ty));
            }
        }
    }

    fn put(&mut self, place: Place, field: Field) {
        let (objects, key) = place.path.rsplit_once('.').unwrap_or(("", place.path));
        let object = self.object_at(Place { path: objects, always: false });
        object.nodes.push(Node { key, what: What::Field(field), always: place.always });
    }

    /// The object at a place, made if it is not there.
    fn object_at(&mut self, place: Place) -> &mut Self {
        if place.path.is_empty() {
            return self;
        }
        let (key, rest) = place.path.split_once('.').unwrap_or((place.path, ""));
        let is_it = |node: &Node| node.key == key && matches!(node.what, What::Object(_));
        let index = self.nodes.iter().position(is_it).unwrap_or(self.nodes.len());
        if index == self.nodes.len() {
            self.nodes.push(Node { key, what: What::Object(Self::default()), always: false });
        }
        self.nodes[index].always |= place.always && rest.is_empty();
        match &mut self.nodes[index].what {
            What::Object(inner) => inner.object_at(Place { path: rest, ..place }),
            What::Field(_) => unreachable!("an object was looked for"),
        }
    }
}

/// Where something is to stand.
#[derive(Clone, Copy)]
struct Place {
    /// Dotted.
    path: &'static str,
    always: bool,
}

impl Field {
    /// The value in a record of the layout's type.
    pub(super) fn read<'a>(&self, record: &'a dyn Record) -> Item<'a> {
        let mut record = record;
        for group in &self.groups {
            let Value::Record(inner) = record.get(*group) else { return Item::Nothing };
            record = inner;
        }
        match self.last {
            Last::Stored(index) => record.get(index).into(),
            Last::Derived(index) => {
                let derived = record.desc().derived.get(index);
                derived
                    .and_then(|derived| derived.compute(record))
                    .map_or(Item::Nothing, Item::from)
            }
        }
    }

    /// The set whose names the value has.
    pub(super) fn set(&self) -> Option<&'static SetDesc> {
        match self.ty {
            Ty::Set(set) if !is_mode(self.ty) => Some(set),
            _ => None,
        }
    }
}

/// A signal by its name.
pub(super) fn signal(value: i64) -> String {
    i32::try_from(value).map_or_else(|_| value.to_string(), render::signal)
}

/// Whether it is type and permission bits, which have names in rules only.
pub(super) fn is_mode(ty: Ty) -> bool {
    matches!(ty, Ty::Mode) || matches!(ty, Ty::Set(set) if set.name == "inode_mode")
}

impl Item<'_> {
    /// Whether there is nothing to say; of the event's own values, 0 and false say something.
    pub(super) fn is_empty(&self, own: bool) -> bool {
        match self {
            Self::Nothing => true,
            Self::Bool(value) => !own && !value,
            Self::Int(value) => !own && *value == 0,
            Self::Bytes(value) => value.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Parts(list) => list.is_empty(),
            Self::Ints(list) => list.is_empty(),
            Self::Ip(_) => false,
        }
    }
}

impl<'a> From<Value<'a>> for Item<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Int(value) => Self::Int(value),
            Value::Bytes(value) => Self::Bytes(value.into()),
            Value::List(list) => Self::List(list),
            Value::Ints(list) => Self::Ints(list),
            Value::Ip(ip) => ip.map_or(Self::Nothing, Self::Ip),
            Value::Record(_) => Self::Nothing,
        }
    }
}

impl<'a> From<Computed<'a>> for Item<'a> {
    fn from(computed: Computed<'a>) -> Self {
        match computed {
            Computed::Bool(value) => Self::Bool(value),
            Computed::Int(value) => Self::Int(value),
            Computed::Bytes(value) => Self::Bytes(value),
            Computed::List(list) => Self::Parts(list),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Places are names, and no two fields have the same.
    fn check(layout: &Layout, prefix: &str) {
        let mut keys = HashSet::new();
        for node in layout.nodes() {
            let place = format!("{prefix}.{}", node.key);
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(!node.key.is_empty() && node.key.chars().all(is_name), "{place}");
            assert!(keys.insert(node.key), "{place} stands for two fields");
            if let What::Object(inner) = &node.what {
                check(inner, &place);
            }
        }
    }

    #[test]
    fn every_field_has_its_own_place() {
        for desc in &EVENTS {
            check(event(desc.id).unwrap(), desc.name);
        }
        check(process(), "process");
    }

    #[test]
    fn events_leave_the_places_of_what_every_event_has() {
        const COMMON: [&str; 8] =
            ["date", "evt", "title", "agent", "process", "container", "cgroup", "sentrace"];
        for desc in &EVENTS {
            let nodes = event(desc.id).unwrap().nodes();
            assert!(nodes.iter().all(|node| !COMMON.contains(&node.key)), "{}", desc.name);
        }
    }

    #[test]
    fn there_is_a_place_for_what_is_always_printed() {
        for (group, name) in ALWAYS {
            let desc = sentrace_schema::GROUPS.iter().find(|desc| desc.name == *group).unwrap();
            let index = desc.field(name).unwrap();
            assert_ne!(desc.fields[index].json, "", "{group}.{name}");
        }
    }
}
