//! System calls.

use sentrace_yaml::{Errors, Fields, Node, Place, Value};

use super::limits;
use super::names::{Entries, Name, doc, name, one_of};
use super::syntax::{Condition, Source, TypeExpr, condition, conditions, rust, source, type_expr};
use crate::model::Dir;

/// A system call.
pub(crate) struct Syscall<'n> {
    pub(crate) name: Name<'n>,
    pub(crate) doc: &'n str,
    /// Nothing where it was not readable.
    pub(crate) nr: Option<Numbers<'n>>,
    pub(crate) args: Vec<Arg<'n>>,
    /// ABI, and names of the arguments.
    pub(crate) order: Vec<(Name<'n>, Vec<Name<'n>>)>,
    /// ABI, and another list of arguments.
    pub(crate) args_on: Vec<(Name<'n>, Vec<Arg<'n>>)>,
    pub(crate) becomes: Option<Becomes<'n>>,
    pub(crate) events: Vec<Binding<'n>>,
}

/// Numbers by ABI.
pub(crate) struct Numbers<'n> {
    pub(crate) all: Option<u32>,
    pub(crate) on: Vec<(Name<'n>, u32)>,
}

/// An argument.
#[derive(Clone)]
pub(crate) struct Arg<'n> {
    pub(crate) name: Name<'n>,
    /// Nothing where it was not readable.
    pub(crate) ty: Option<TypeExpr<'n>>,
    pub(crate) dir: Option<(Dir, Place)>,
    pub(crate) follow: Option<(Follow<'n>, Place)>,
    pub(crate) of: Option<Name<'n>>,
    pub(crate) count: Option<(u32, Place)>,
}

/// When a symlink in the last place is followed.
#[derive(Clone)]
pub(crate) enum Follow<'n> {
    Always,
    Never,
    When(Condition<'n>),
}

/// The call is another.
pub(crate) struct Becomes<'n> {
    pub(crate) place: Place,
    pub(crate) by: Option<Name<'n>>,
    pub(crate) when: Vec<Condition<'n>>,
}

/// The call as an event.
pub(crate) struct Binding<'n> {
    pub(crate) event: Name<'n>,
    pub(crate) has_conditions: bool,
    pub(crate) when: Vec<Condition<'n>>,
    /// Role and source.
    pub(crate) sources: Vec<(Name<'n>, Source<'n>)>,
}

/// `syscalls`.
pub(super) fn syscalls<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Vec<Syscall<'n>> {
    let calls = Entries::of("system call", limits::SYSCALLS).read(node, errors).into_iter();
    calls.map(|(name, node)| syscall(name, node, errors)).collect()
}

fn syscall<'n>(name: Name<'n>, node: &'n Node, errors: &mut Errors) -> Syscall<'n> {
    let mut of = Fields::of(node, errors);
    let doc = doc(of.get("doc"), errors);
    let nr = of.need("nr", errors).and_then(|node| numbers(node, errors));
    let args = args(of.get("args"), errors);
    let order = Entries::of("ABI", limits::ABIS).read(of.get("order"), errors);
    let order = order.into_iter().map(|(abi, node)| (abi, names(node, errors))).collect();
    let args_on = Entries::of("ABI", limits::ABIS).read(of.get("args_on"), errors);
    let args_on = args_on.into_iter().map(|(abi, node)| (abi, self::args(Some(node), errors)));
    let args_on = args_on.collect();
    let becomes = of.get("becomes").map(|node| becomes(node, errors));
    let events = of.get("event").map(|node| bindings(node, errors)).unwrap_or_default();
    of.finish(errors);
    Syscall { name, doc, nr, args, order, args_on, becomes, events }
}

fn numbers<'n>(node: &'n Node, errors: &mut Errors) -> Option<Numbers<'n>> {
    if !matches!(node.value, Value::Map(_)) {
        return Some(Numbers { all: Some(number(node, errors)?), on: vec![] });
    }
    let entries = Entries::of("ABI", limits::ABIS).read(Some(node), errors).into_iter();
    let on = entries.filter_map(|(abi, node)| Some((abi, number(node, errors)?)));
    Some(Numbers { all: None, on: on.collect() })
}

fn number(node: &Node, errors: &mut Errors) -> Option<u32> {
    node.int(0..=0x3fff_ffff, "the number of a call", errors)
}

fn names<'n>(node: &'n Node, errors: &mut Errors) -> Vec<Name<'n>> {
    node.seq(errors).iter().take(limits::ARGS + 1).filter_map(|node| name(node, errors)).collect()
}

fn args<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Vec<Arg<'n>> {
    let args = Entries::of("argument", limits::ARGS).read(node, errors).into_iter();
    args.map(|(name, node)| arg(name, node, errors)).collect()
}

fn arg<'n>(name: Name<'n>, node: &'n Node, errors: &mut Errors) -> Arg<'n> {
    if name.text == "result" {
        errors.add(name.place, "`result` means the return value: it is no name of an argument");
    }
    if !matches!(node.value, Value::Map(_)) {
        let ty = type_expr(node, errors);
        return Arg { name, ty, dir: None, follow: None, of: None, count: None };
    }
    let mut of = Fields::of(node, errors);
    let ty = of.need("type", errors).and_then(|node| type_expr(node, errors));
    let dirs = [("in", Dir::In), ("out", Dir::Out), ("inout", Dir::InOut)];
    let dir = of
        .get("dir")
        .and_then(|node| Some((one_of(node, "direction", &dirs, errors)?, node.place)));
    let follow = of.get("follow").and_then(|node| Some((follow(node, errors)?, node.place)));
    let opaque = of.get("of").and_then(|node| self::name(node, errors));
    let count = of.get("count").and_then(|node| {
        Some((node.int(1..=65_536, "a number of elements (1 to 65536)", errors)?, node.place))
    });
    of.finish(errors);
    Arg { name, ty, dir, follow, of: opaque, count }
}

fn follow<'n>(node: &'n Node, errors: &mut Errors) -> Option<Follow<'n>> {
    Some(match node.as_bool() {
        Some(true) => Follow::Always,
        Some(false) => Follow::Never,
        None => Follow::When(condition(node, errors)?),
    })
}

fn becomes<'n>(node: &'n Node, errors: &mut Errors) -> Becomes<'n> {
    let mut of = Fields::of(node, errors);
    let by = of.need("by", errors).and_then(|node| {
        let text = node.text(errors)?;
        let name = rust(text).map(|text| Name { text, place: node.place });
        if name.is_none() {
            errors.add(node.place, format!("expected `rust(NAME)`, found `{text}`"));
        }
        name
    });
    let when = conditions(of.get("when"), errors);
    of.finish(errors);
    Becomes { place: node.place, by, when }
}

fn bindings<'n>(node: &'n Node, errors: &mut Errors) -> Vec<Binding<'n>> {
    if let Some(text) = node.as_str() {
        let event = Name { text, place: node.place };
        return vec![Binding { event, has_conditions: false, when: vec![], sources: vec![] }];
    }
    let events = Entries::of("event", limits::BINDINGS).read(Some(node), errors).into_iter();
    let events = events.map(|(event, node)| {
        let mut binding = Binding { event, has_conditions: false, when: vec![], sources: vec![] };
        for (role, node) in Entries::of("role", limits::FIELDS).read(Some(node), errors) {
            match role.text {
                "when" => {
                    binding.has_conditions = true;
                    binding.when = conditions(Some(node), errors);
                }
                _ => binding.sources.extend(source(node, errors).map(|source| (role, source))),
            }
        }
        binding
    });
    events.collect()
}

impl Arg<'_> {
    /// Whether another argument is written in the same way.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let written = |arg: &Self| {
            let ty = arg.ty.map(|ty| (ty.name.text.to_owned(), ty.form.text()));
            let of = arg.of.map(|of| of.text.to_owned());
            (ty, of, arg.dir.map(|(dir, _)| dir), arg.count.map(|(count, _)| count))
        };
        written(self) == written(other) && self.follow.is_none() && other.follow.is_none()
    }
}
