//! Groups, context and events.

use sentrace_yaml::{Errors, Fields, Node, Place, Value};

use super::limits;
use super::names::{Entries, Id, Name, dense, doc, flag, is_word, name, one_of};
use super::sections::id;
use super::syntax::{Source, source};
use crate::model::Category;

/// A group.
pub(crate) struct Group<'n> {
    pub(crate) name: Name<'n>,
    pub(crate) doc: &'n str,
    pub(crate) record: Record<'n>,
}

/// Where rules find a group.
pub(crate) struct Context<'n> {
    pub(crate) prefix: Name<'n>,
    pub(crate) group: Option<Name<'n>>,
    pub(crate) iterator: bool,
}

/// An event.
pub(crate) struct Event<'n> {
    pub(crate) name: Name<'n>,
    pub(crate) id: Id,
    pub(crate) doc: &'n str,
    pub(crate) category: Category,
    pub(crate) by_engine: bool,
    pub(crate) results: Option<Results<'n>>,
    pub(crate) retval: Option<bool>,
    pub(crate) record: Record<'n>,
}

/// Which results are reported.
pub(crate) enum Results<'n> {
    All,
    Only(Vec<Name<'n>>),
}

/// What a group or event holds.
pub(crate) struct Record<'n> {
    pub(crate) fields: Vec<Field<'n>>,
    pub(crate) derived: Vec<Derived<'n>>,
    /// Name and field.
    pub(crate) alias: Vec<(Name<'n>, Name<'n>)>,
}

/// A field.
pub(crate) struct Field<'n> {
    /// With the place of the name, or of the whole where it is removed.
    pub(crate) name: Name<'n>,
    /// `None` for a removed field.
    pub(crate) ty: Option<Name<'n>>,
    pub(crate) from: Option<Name<'n>>,
    pub(crate) default: Option<(Place, Default<'n>)>,
    pub(crate) json: Option<Name<'n>>,
    /// The reason, for a removed field.
    pub(crate) doc: &'n str,
}

/// The value of a field that a call does not fill.
pub(crate) enum Default<'n> {
    /// `""`.
    Empty,
    Source(Source<'n>),
}

/// A computed field.
pub(crate) struct Derived<'n> {
    pub(crate) name: Name<'n>,
    pub(crate) ty: Name<'n>,
    pub(crate) by: Name<'n>,
    pub(crate) of: Name<'n>,
    pub(crate) json: Option<Name<'n>>,
    pub(crate) doc: &'n str,
}

/// `groups`.
pub(super) fn groups<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Vec<Group<'n>> {
    let groups = Entries::of("group", limits::GROUPS).read(node, errors).into_iter();
    let groups = groups.map(|(name, node)| {
        let mut of = Fields::of(node, errors);
        let doc = doc(of.get("doc"), errors);
        let record = record(&mut of, Owner::Group, errors);
        of.finish(errors);
        Group { name, doc, record }
    });
    groups.collect()
}

/// `context`.
pub(super) fn context<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Vec<Context<'n>> {
    let all = Entries::dotted("group", limits::GROUPS).read(node, errors).into_iter();
    let all = all.map(|(prefix, node)| {
        let mut of = Fields::of(node, errors);
        let group = of.need("group", errors).and_then(|node| name(node, errors));
        let iterator = flag(of.get("iterator"), false, errors);
        of.finish(errors);
        Context { prefix, group, iterator }
    });
    all.collect()
}

/// `events`.
pub(super) fn events<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Vec<Event<'n>> {
    let events = Entries::of("event", limits::EVENTS).read(node, errors).into_iter();
    let events = events.map(|(name, node)| event(name, node, errors)).collect();
    dense("event", events, |event: &Event<'_>| event.id, errors)
}

fn event<'n>(name: Name<'n>, node: &'n Node, errors: &mut Errors) -> Event<'n> {
    let mut of = Fields::of(node, errors);
    let id = id(&mut of, name, errors);
    let categories = [
        ("file", Category::File),
        ("process", Category::Process),
        ("kernel", Category::Kernel),
        ("network", Category::Network),
    ];
    let category = of.need("category", errors);
    let category = category.and_then(|node| one_of(node, "category", &categories, errors));
    let by = [("syscall", false), ("engine", true)];
    let by_engine = of.get("by").and_then(|node| one_of(node, "reporter", &by, errors));
    let by_engine = by_engine.unwrap_or(false);
    let doc = doc(of.get("doc"), errors);
    let results = of.get("results").map(|node| results(node, errors));
    let retval = of.get("retval").and_then(|node| node.bool(errors));
    let owner = if by_engine { Owner::Engine } else { Owner::Syscall };
    let record = record(&mut of, owner, errors);
    of.finish(errors);
    let category = category.unwrap_or(Category::File);
    Event { name, id, doc, category, by_engine, results, retval, record }
}

fn results<'n>(node: &'n Node, errors: &mut Errors) -> Results<'n> {
    if node.as_str() == Some("all") {
        return Results::All;
    }
    Results::Only(node.seq(errors).iter().filter_map(|node| name(node, errors)).collect())
}

/// Who fills a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Group,
    Engine,
    Syscall,
}

fn record<'n>(of: &mut Fields<'n>, owner: Owner, errors: &mut Errors) -> Record<'n> {
    let mut fields = Vec::new();
    for (key, node) in of.get("fields").map(|node| node.map(errors)).unwrap_or_default() {
        if fields.len() == limits::FIELDS {
            errors.add(key.place, format!("more than {} fields", limits::FIELDS));
            break;
        }
        let id = key.int(0..=0xffff, "the id of a field", errors);
        fields.push(((id, key.place), node));
    }
    let fields = dense("field", fields, |(id, _)| *id, errors);
    let fields = fields.into_iter().filter_map(|(_, node)| field(node, owner, errors)).collect();
    let derived = Entries::dotted("field", limits::FIELDS).read(of.get("derived"), errors);
    let derived = derived.into_iter().filter_map(|(name, node)| derive(name, node, errors));
    let derived = derived.collect();
    let alias = Entries::dotted("field", limits::FIELDS).read(of.get("alias"), errors);
    let alias = alias.into_iter().filter_map(|(alias, node)| Some((alias, name(node, errors)?)));
    let alias = alias.collect();
    Record { fields, derived, alias }
}

fn field<'n>(node: &'n Node, owner: Owner, errors: &mut Errors) -> Option<Field<'n>> {
    let mut of = Fields::of(node, errors);
    if let Some(reason) = of.get("reserved") {
        let doc = doc(Some(reason), errors);
        of.finish(errors);
        let name = Name { text: "", place: node.place };
        return Some(Field { name, ty: None, from: None, default: None, json: None, doc });
    }
    let own = of.need("name", errors).and_then(|node| field_name(node, errors));
    let ty = of.need("type", errors).and_then(|node| name(node, errors));
    let (mut from, mut default) = (None, None);
    if owner == Owner::Syscall {
        from = of.need("from", errors).and_then(|node| name(node, errors));
        if let Some(from) = from.filter(|from| !is_word(from) || from.text == "when") {
            errors.add(from.place, format!("`{}` is no name of a role", from.text));
        }
        default = of.get("default").and_then(|node| {
            let value = match &node.value {
                Value::Str(text) if text.is_empty() => Default::Empty,
                _ => Default::Source(source(node, errors)?),
            };
            Some((node.place, value))
        });
    }
    let json = json(of.get("json"), errors);
    let doc = doc(of.get("doc"), errors);
    of.finish(errors);
    Some(Field { name: own?, ty: Some(ty?), from, default, json, doc })
}

fn derive<'n>(own: Name<'n>, node: &'n Node, errors: &mut Errors) -> Option<Derived<'n>> {
    let mut of = Fields::of(node, errors);
    let mut need =
        |key, errors: &mut Errors| of.need(key, errors).and_then(|node| name(node, errors));
    let (ty, by, field) = (need("type", errors), need("by", errors), need("of", errors));
    let json = json(of.get("json"), errors);
    let doc = doc(of.get("doc"), errors);
    of.finish(errors);
    Some(Derived { name: own, ty: ty?, by: by?, of: field?, json, doc })
}

/// Empty, or words with dots.
fn field_name<'n>(node: &'n Node, errors: &mut Errors) -> Option<Name<'n>> {
    let name = name(node, errors)?;
    if !name.is_empty() && !name.split('.').all(is_word) {
        errors.add(name.place, format!("`{}` is no name of a field", name.text));
        return None;
    }
    Some(name)
}

/// A place in the JSON: as a name of a field.
fn json<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Option<Name<'n>> {
    field_name(node?, errors)
}
