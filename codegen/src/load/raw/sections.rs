//! The sections of things that calls refer to: ABIs, sets, constants, structures, functions.

use sentrace_yaml::{Errors, Fields, Node, Value};

use super::limits;
use super::names::{Entries, Id, Name, dense, doc, flag, name, one_of};
use super::syntax::{TypeExpr, type_expr};
use crate::model::{Pairs, SetKind, SetWidth};

/// An ABI.
pub(crate) struct Abi<'n> {
    pub(crate) name: Name<'n>,
    pub(crate) id: Id,
    pub(crate) audit: u32,
    pub(crate) number_flag: u32,
    pub(crate) word: u32,
    pub(crate) kernel_long: u32,
    pub(crate) machine: &'n str,
    pub(crate) pairs: Pairs,
    pub(crate) align64: u32,
    pub(crate) uid16: bool,
    pub(crate) number: &'n str,
    pub(crate) args: Vec<&'n str>,
    pub(crate) result: &'n str,
}

/// A flag or enum set.
pub(crate) struct Set<'n> {
    pub(crate) name: Name<'n>,
    pub(crate) kind: SetKind,
    pub(crate) doc: &'n str,
    pub(crate) width: SetWidth,
    pub(crate) rules: bool,
    /// Name, mask, values.
    pub(crate) fields: Vec<(Name<'n>, u64, Values<'n>)>,
    pub(crate) values: Values<'n>,
}

/// A family of constants.
pub(crate) struct Family<'n> {
    pub(crate) name: Name<'n>,
    pub(crate) doc: &'n str,
    pub(crate) values: Values<'n>,
}

/// Names with values.
pub(crate) type Values<'n> = Vec<(Name<'n>, PerAbi<'n>)>;

/// A value that may differ between ABIs.
pub(crate) struct PerAbi<'n> {
    /// On all ABIs that are not named.
    pub(crate) default: Option<i64>,
    pub(crate) on: Vec<(Name<'n>, i64)>,
}

/// A structure.
pub(crate) struct Struct<'n> {
    pub(crate) name: Name<'n>,
    pub(crate) members: Vec<Member<'n>>,
}

/// A member of a structure.
pub(crate) struct Member<'n> {
    pub(crate) name: Name<'n>,
    pub(crate) ty: TypeExpr<'n>,
}

/// A function.
pub(crate) struct Irregular<'n> {
    pub(crate) name: Name<'n>,
    /// Type of a field, or `call`.
    pub(crate) ty: Option<Name<'n>>,
    pub(crate) reason: &'n str,
}

/// `abis`.
pub(super) fn abis<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Vec<Abi<'n>> {
    let abis = Entries::of("ABI", limits::ABIS).read(node, errors);
    let abis = abis.into_iter().map(|(name, node)| abi(name, node, errors)).collect();
    dense("ABI", abis, |abi: &Abi<'_>| abi.id, errors)
}

/// What is wrong becomes something harmless: other entries still refer to the ABI.
fn abi<'n>(name: Name<'n>, node: &'n Node, errors: &mut Errors) -> Abi<'n> {
    let mut of = Fields::of(node, errors);
    let bits = |node: Option<&Node>, errors: &mut Errors| {
        let bits = node?.int(.., "64 or 32", errors)?;
        check(matches!(bits, 32 | 64), node?, "expected 64 or 32", errors).then_some(bits)
    };
    let id = id(&mut of, name, errors);
    let audit = of.need("audit", errors).and_then(|node| node.int(.., "a 32-bit value", errors));
    let number_flag = of.get("number_flag").and_then(|node| {
        let flag: u32 = node.int(.., "a 32-bit value", errors)?;
        check(flag.is_power_of_two(), node, "`number_flag` is a single bit", errors).then_some(flag)
    });
    let word = bits(of.need("word", errors), errors);
    let kernel_long = bits(of.get("kernel_long"), errors);
    let machine = register(of.need("machine", errors), errors);
    let pairs = of.get("pairs").and_then(|node| {
        let known = [("none", Pairs::None), ("unaligned", Pairs::Unaligned), ("even", Pairs::Even)];
        let pairs = one_of(node, "way of passing pairs", &known, errors)?;
        let fits = pairs == Pairs::None || word != Some(64);
        check(fits, node, "registers of 64 bits need no pairs", errors).then_some(pairs)
    });
    let align64 = of.get("align64").and_then(|node| {
        let align: u32 = node.int(.., "8 or 4", errors)?;
        check(matches!(align, 4 | 8), node, "expected 8 or 4", errors).then_some(align)
    });
    let uid16 = flag(of.get("uid16"), false, errors);
    let number = register(of.need("number", errors), errors);
    let args = of.need("args", errors).map(|node| {
        let args: Vec<_> =
            node.seq(errors).iter().filter_map(|node| register(Some(node), errors)).collect();
        check(args.len() == limits::ARGS, node, "expected six registers", errors);
        args
    });
    let result = register(of.need("result", errors), errors);
    of.finish(errors);
    let word = word.unwrap_or(64);
    Abi {
        name,
        id,
        audit: audit.unwrap_or(0),
        number_flag: number_flag.unwrap_or(0),
        word,
        kernel_long: kernel_long.unwrap_or(word),
        machine: machine.unwrap_or_default(),
        pairs: pairs.unwrap_or(Pairs::None),
        align64: align64.unwrap_or(8),
        uid16,
        number: number.unwrap_or_default(),
        args: args.unwrap_or_default(),
        result: result.unwrap_or_default(),
    }
}

fn register<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Option<&'n str> {
    node?.text(errors)
}

/// A needed `id`.
pub(super) fn id(of: &mut Fields<'_>, name: Name<'_>, errors: &mut Errors) -> Id {
    let node = of.need("id", errors);
    let id = node.and_then(|node| node.int(0..=0xffff, "an id (0 to 65535)", errors));
    (id, node.map_or(name.place, |node| node.place))
}

/// Adds an error unless it holds.
fn check(holds: bool, node: &Node, otherwise: &str, errors: &mut Errors) -> bool {
    if !holds {
        errors.add(node.place, otherwise);
    }
    holds
}

/// `flags` and `enums`.
pub(super) fn sets<'n>(
    flags: Option<&'n Node>,
    enums: Option<&'n Node>,
    errors: &mut Errors,
) -> Vec<Set<'n>> {
    let mut sets = Vec::new();
    for (node, kind) in [(flags, SetKind::Flags), (enums, SetKind::Enum)] {
        for (name, node) in Entries::of("set", limits::SETS).read(node, errors) {
            sets.push(set(name, kind, node, errors));
        }
    }
    sets
}

fn set<'n>(name: Name<'n>, kind: SetKind, node: &'n Node, errors: &mut Errors) -> Set<'n> {
    let mut of = Fields::of(node, errors);
    let doc = doc(of.get("doc"), errors);
    let widths = [("u16", SetWidth::U16), ("long", SetWidth::Long), ("u64", SetWidth::U64)];
    let width = of.get("width").and_then(|node| one_of(node, "width", &widths, errors));
    let rules = flag(of.get("rules"), true, errors);
    let mut fields = Vec::new();
    if kind == SetKind::Flags {
        for (name, node) in Entries::of("mask", limits::VALUES).read(of.get("fields"), errors) {
            fields.extend(masked(name, node, errors));
        }
    }
    let values = values(of.get("values"), errors);
    let is_empty = |key| node.get(key).and_then(Node::as_map).is_none_or(<[_]>::is_empty);
    if is_empty("values") && is_empty("fields") {
        errors.add(name.place, format!("the set `{}` has no values", name.text));
    }
    of.finish(errors);
    Set { name, kind, doc, width: width.unwrap_or(SetWidth::U32), rules, fields, values }
}

fn masked<'n>(
    name: Name<'n>,
    node: &'n Node,
    errors: &mut Errors,
) -> Option<(Name<'n>, u64, Values<'n>)> {
    let mut of = Fields::of(node, errors);
    let mask = of.need("mask", errors);
    let mask = mask.and_then(|node| node.int(1..=u64::MAX >> 1, "a mask", errors));
    let values = values(of.need("values", errors), errors);
    of.finish(errors);
    Some((name, mask?, values))
}

/// `constants`.
pub(super) fn families<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Vec<Family<'n>> {
    let families = Entries::of("section", limits::SETS).read(node, errors).into_iter();
    let families = families.map(|(name, node)| {
        let mut of = Fields::of(node, errors);
        let doc = doc(of.get("doc"), errors);
        let values = values(of.need("values", errors), errors);
        of.finish(errors);
        Family { name, doc, values }
    });
    families.collect()
}

fn values<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Values<'n> {
    let entries = Entries::of("value", limits::VALUES).read(node, errors).into_iter();
    entries.filter_map(|(name, node)| Some((name, per_abi(node, errors)?))).collect()
}

/// An integer, or a map from ABI to integer with `default`.
fn per_abi<'n>(node: &'n Node, errors: &mut Errors) -> Option<PerAbi<'n>> {
    const INTEGER: &str = "a 64-bit integer";
    if !matches!(node.value, Value::Map(_)) {
        return Some(PerAbi { default: Some(node.int(.., INTEGER, errors)?), on: vec![] });
    }
    let mut value = PerAbi { default: None, on: vec![] };
    for (name, node) in Entries::of("ABI", limits::ABIS + 1).read(Some(node), errors) {
        let Some(number) = node.int(.., INTEGER, errors) else { continue };
        match name.text {
            "default" => value.default = Some(number),
            _ => value.on.push((name, number)),
        }
    }
    if node.as_map().is_some_and(<[_]>::is_empty) {
        errors.add(node.place, "a value on no ABI");
    }
    Some(value)
}

/// `structs`.
pub(super) fn structs<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Vec<Struct<'n>> {
    let structs = Entries::of("structure", limits::STRUCTS).read(node, errors).into_iter();
    let structs = structs.map(|(name, node)| {
        let members = Entries::of("member", limits::MEMBERS).read(Some(node), errors);
        if members.is_empty() {
            errors.add(name.place, format!("the structure `{}` has no members", name.text));
        }
        let members = members
            .into_iter()
            .filter_map(|(name, node)| Some(Member { name, ty: type_expr(node, errors)? }));
        Struct { name, members: members.collect() }
    });
    structs.collect()
}

/// `irregular`.
pub(super) fn irregular<'n>(node: Option<&'n Node>, errors: &mut Errors) -> Vec<Irregular<'n>> {
    let functions = Entries::of("function", limits::FUNCTIONS).read(node, errors).into_iter();
    let functions = functions.map(|(function, node)| {
        let mut of = Fields::of(node, errors);
        let ty = of.need("type", errors).and_then(|node| name(node, errors));
        let reason = of.need("reason", errors).and_then(|node| name(node, errors));
        of.finish(errors);
        Irregular { name: function, ty, reason: reason.map_or("", |reason| reason.text) }
    });
    functions.collect()
}
