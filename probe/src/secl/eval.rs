//! Evaluates checked expressions for one event.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::IpAddr;

use ipnet::IpNet;

use super::ast::BinaryOp;
use super::matcher::is_same;
use super::tree::{At, Bools, Ints, Leaf, Nets, Node, Order, Output, Part, Source, Strs};
use super::types::{Context, Kind, MAX_ELEMENTS, Value};

/// Most registers in one expression.
pub(super) const MAX_REGISTERS: usize = 2;

/// An event, and the elements that the registers are at.
pub(super) struct Env<'a, C> {
    pub(super) context: &'a C,
    /// `None` when the iterator has no elements.
    pub(super) registers: [Option<usize>; MAX_REGISTERS],
}

impl<C: Context> Env<'_, C> {
    /// Whether a condition holds for some elements at which the registers can be; `fields` are
    /// fields of their iterators.
    pub(super) fn exists(&mut self, fields: &[C::Field], node: &Node<C::Field>) -> bool {
        match fields {
            [] => self.holds(node),
            [one] => {
                let count = self.context.elements(one).min(MAX_ELEMENTS);
                self.try_all(count, 0, |env| env.holds(node))
            }
            [one, other, ..] => {
                // Pairs of elements: keep their number in bounds.
                let count = |field| self.context.elements(field).min(MAX_ELEMENTS / 4);
                let (count, inner) = (count(one), count(other));
                self.try_all(count, 0, |env| env.try_all(inner, 1, |env| env.holds(node)))
            }
        }
    }

    fn try_all(&mut self, count: usize, register: usize, test: impl Fn(&mut Self) -> bool) -> bool {
        self.registers[register] = None;
        if count == 0 {
            return test(self);
        }
        (0..count).any(|element| {
            self.registers[register] = Some(element);
            test(self)
        })
    }

    /// Whether a condition holds.
    pub(super) fn holds(&self, node: &Node<C::Field>) -> bool {
        match node {
            Node::And(nodes) => nodes.iter().all(|node| self.holds(node)),
            Node::Or(nodes) => nodes.iter().any(|node| self.holds(node)),
            Node::Not(node) => !self.holds(node),
            Node::Bool(bools) => self.bools(bools, &mut |value| value),
            Node::Same(left, right) => {
                self.bools(left, &mut |left| self.bools(right, &mut |right| left == right))
            }
            Node::Order(left, order, right) => self.ints(left, &mut |left| match (order, right) {
                (Order::Equal, Ints::Values(values)) if values.len() > 8 => {
                    values.binary_search(&left).is_ok()
                }
                _ => self.ints(right, &mut |right| order.holds(left, right)),
            }),
            Node::Text(left, text, right) => self
                .strs(left, &mut |left| self.strs(right, &mut |right| is_same(*text, left, right))),
            Node::Match(strs, matcher) => self.strs(strs, &mut |value| matcher.matches(value)),
            Node::Net(left, right) => self.nets(left, &mut |left| self.overlaps(left, right)),
            Node::EveryNet(left, right) => {
                let mut is_empty = true;
                let fails = self.nets(left, &mut |left| {
                    is_empty = false;
                    !self.overlaps(left, right)
                });
                !fails && !is_empty
            }
        }
    }

    /// The value of an expression that is no condition.
    pub(super) fn output(&self, output: &Output<C::Field>, array: bool) -> Owned {
        match output {
            Output::Bool(node) => Owned::Bool(self.holds(node)),
            Output::Ints(ints) => {
                let mut values = Vec::new();
                self.ints(ints, &mut |value| {
                    values.push(value);
                    !array
                });
                if array { Owned::Ints(values) } else { Owned::Int(first(values)) }
            }
            Output::Strs(strs) => {
                let mut values = Vec::new();
                self.strs(strs, &mut |value| {
                    values.push(value.to_vec());
                    !array
                });
                if array { Owned::Strs(values) } else { Owned::Str(first(values)) }
            }
            Output::Nets(nets) => {
                let mut address = None;
                self.nets(nets, &mut |net| {
                    address = Some(net.addr());
                    true
                });
                Owned::Ip(address)
            }
        }
    }

    fn bools(&self, bools: &Bools<C::Field>, test: &mut dyn FnMut(bool) -> bool) -> bool {
        match bools {
            Bools::Values(values) => values.iter().any(|value| test(*value)),
            Bools::Node(node) => test(self.holds(node)),
            Bools::Source(source) => self.values(source, &mut |value| match value {
                Value::Bool(value) => test(value),
                _ => false,
            }),
        }
    }

    fn ints(&self, ints: &Ints<C::Field>, test: &mut dyn FnMut(i64) -> bool) -> bool {
        match ints {
            Ints::Values(values) => values.iter().any(|value| test(*value)),
            Ints::Source(source) => self.values(source, &mut |value| match value {
                Value::Int(value) => test(value),
                Value::Ints(values) => values.iter().any(|value| test(*value)),
                _ => false,
            }),
            Ints::Length(source) => self
                .values(source, &mut |value| test(i64::try_from(value.len()).unwrap_or(i64::MAX))),
            Ints::Negate(part) => self.ints(part, &mut |value| test(value.wrapping_neg())),
            Ints::Complement(part) => self.ints(part, &mut |value| test(!value)),
            Ints::Age(part) => {
                let now = self.context.now();
                self.ints(part, &mut |then| test(now.saturating_sub(then)))
            }
            Ints::Binary(left, op, right) => self
                .ints(left, &mut |left| self.ints(right, &mut |right| test(op.apply(left, right)))),
        }
    }

    fn strs(&self, strs: &Strs<C::Field>, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        match strs {
            Strs::Value(value) => test(value),
            Strs::Format(parts) => test(&self.format(parts)),
            Strs::Source(source) => self.values(source, &mut |value| match value {
                Value::Str(value) => test(&value),
                Value::Strs(values) => values.iter().any(|value| test(value)),
                Value::Parts(values) | Value::Names(values) => {
                    values.iter().any(|value| test(value))
                }
                _ => false,
            }),
        }
    }

    fn nets(&self, nets: &Nets<C::Field>, test: &mut dyn FnMut(IpNet) -> bool) -> bool {
        match nets {
            Nets::Values(values) => values.iter().any(|value| test(*value)),
            Nets::Source(source) => self.values(source, &mut |value| match value {
                Value::Ip(Some(value)) => test(IpNet::from(value)),
                Value::Nets(values) => values.iter().any(|value| test(*value)),
                _ => false,
            }),
        }
    }

    fn overlaps(&self, left: IpNet, right: &Nets<C::Field>) -> bool {
        let left = canonical(left);
        self.nets(right, &mut |right| {
            let right = canonical(right);
            left.contains(&right) || right.contains(&left)
        })
    }

    fn values(&self, source: &Source<C::Field>, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let leaf = match source {
            Source::Variable(name) => return test(self.context.variable(name)),
            Source::Field(leaf) => leaf,
        };
        match leaf.at {
            At::Once => self.value(leaf, None, test),
            At::Nth(element) if element < self.context.elements(&leaf.field) => {
                self.value(leaf, Some(element), test)
            }
            At::Nth(_) => false,
            At::Register(register) => match self.registers[register] {
                Some(element) => self.value(leaf, Some(element), test),
                None => false,
            },
            At::Every => {
                let count = self.context.elements(&leaf.field).min(MAX_ELEMENTS);
                (0..count).any(|element| self.value(leaf, Some(element), test))
            }
        }
    }

    fn value(
        &self,
        leaf: &Leaf<C::Field>,
        element: Option<usize>,
        test: &mut dyn FnMut(Value<'_>) -> bool,
    ) -> bool {
        let value = self.context.value(&leaf.field, element);
        match leaf.index {
            Some(index) => test(value.element(index)),
            None => test(value),
        }
    }

    fn format(&self, parts: &[Part<C::Field>]) -> Vec<u8> {
        let mut text = Vec::new();
        for part in parts {
            match part {
                Part::Text(part) => text.extend_from_slice(part),
                Part::Value(source, kind) => {
                    let start = text.len();
                    self.values(source, &mut |value| {
                        append(&mut text, start, *kind, &value);
                        false
                    });
                }
            }
        }
        text
    }
}

/// What an expression gave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Owned {
    Bool(bool),
    Int(i64),
    Str(Vec<u8>),
    Ip(Option<IpAddr>),
    Ints(Vec<i64>),
    Strs(Vec<Vec<u8>>),
}

impl Order {
    fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Order::Equal => left == right,
            Order::Less => left < right,
            Order::LessEqual => left <= right,
            Order::Greater => left > right,
            Order::GreaterEqual => left >= right,
        }
    }
}

impl BinaryOp {
    /// The result, which wraps around.
    pub(super) fn apply(self, left: i64, right: i64) -> i64 {
        match self {
            BinaryOp::Add => left.wrapping_add(right),
            BinaryOp::Subtract => left.wrapping_sub(right),
            BinaryOp::And => left & right,
            BinaryOp::Or => left | right,
            BinaryOp::Xor => left ^ right,
        }
    }
}

fn first<T: Default>(values: Vec<T>) -> T {
    values.into_iter().next().unwrap_or_default()
}

/// IPv4 addresses that are written as IPv6 ones are IPv4 addresses.
fn canonical(net: IpNet) -> IpNet {
    match net {
        IpNet::V6(v6) if v6.prefix_len() == 128 => {
            IpNet::from(IpAddr::V6(v6.addr()).to_canonical())
        }
        other => other,
    }
}

/// Appends a value to a string; elements of arrays are joined by commas.
fn append(text: &mut Vec<u8>, start: usize, kind: Kind, value: &Value<'_>) {
    let values: Vec<Cow<'_, [u8]>> = match value {
        Value::Int(value) => vec![value.to_string().into_bytes().into()],
        Value::Str(value) => vec![Cow::Borrowed(value)],
        Value::Ints(values) => values.iter().map(|v| v.to_string().into_bytes().into()).collect(),
        Value::Strs(values) => values.iter().map(|v| Cow::Borrowed(v.as_slice())).collect(),
        Value::Parts(values) => values.iter().map(|v| Cow::Borrowed(v.as_ref())).collect(),
        Value::Names(names) => {
            names.first().map(|name| Cow::Borrowed(name.as_ref())).into_iter().collect()
        }
        Value::Ip(Some(ip)) if kind == Kind::Ip => {
            let mut shown = String::new();
            let _ = write!(shown, "{ip}");
            vec![shown.into_bytes().into()]
        }
        Value::Bool(_) | Value::Ip(_) | Value::Nets(_) => Vec::new(),
    };
    for value in values {
        if text.len() > start {
            text.push(b',');
        }
        text.extend_from_slice(&value);
    }
}
