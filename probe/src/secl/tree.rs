//! Checked expressions, ready to be evaluated. Every operand may have any number of values (those
//! of an array, of an iterator's elements, of a list): a comparison holds when it does for one
//! pair of them.

use std::sync::Arc;

use ipnet::IpNet;

use super::ast::BinaryOp;
use super::matcher::Matcher;
use super::types::{Kind, Text};

/// A condition.
#[derive(Debug, Clone)]
pub(super) enum Node<F> {
    /// All hold.
    And(Vec<Node<F>>),
    /// One holds.
    Or(Vec<Node<F>>),
    /// It does not hold.
    Not(Box<Node<F>>),
    /// One value is true.
    Bool(Bools<F>),
    /// Two values are the same.
    Same(Bools<F>, Bools<F>),
    /// Two numbers compare.
    Order(Ints<F>, Order, Ints<F>),
    /// Two strings are the same.
    Text(Strs<F>, Text, Strs<F>),
    /// A string fits.
    Match(Strs<F>, Box<Matcher>),
    /// Two networks overlap.
    Net(Nets<F>, Nets<F>),
    /// Every network on the left overlaps with one on the right.
    EveryNet(Nets<F>, Nets<F>),
}

/// How two numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// Where a value comes from.
#[derive(Debug, Clone)]
pub(super) enum Source<F> {
    Field(Leaf<F>),
    Variable(Arc<str>),
}

/// A field, or a part of one.
#[derive(Debug, Clone)]
pub(super) struct Leaf<F> {
    pub(super) field: F,
    pub(super) at: At,
    /// Element of an array.
    pub(super) index: Option<usize>,
    pub(super) cost: u32,
}

/// Which elements of its iterator a field is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// It has no iterator.
    Once,
    /// One after the other.
    Every,
    /// The one that the register is at.
    Register(usize),
    /// This one.
    Nth(usize),
}

#[derive(Debug, Clone)]
pub(super) enum Bools<F> {
    Values(Vec<bool>),
    Source(Source<F>),
    Node(Box<Node<F>>),
}

#[derive(Debug, Clone)]
pub(super) enum Ints<F> {
    Values(Vec<i64>),
    Source(Source<F>),
    Length(Source<F>),
    Negate(Box<Ints<F>>),
    Complement(Box<Ints<F>>),
    Binary(Box<Ints<F>>, BinaryOp, Box<Ints<F>>),
    /// Time since then.
    Age(Box<Ints<F>>),
}

#[derive(Debug, Clone)]
pub(super) enum Strs<F> {
    Value(Vec<u8>),
    Source(Source<F>),
    Format(Vec<Part<F>>),
}

/// A part of a string with variables or fields in it.
#[derive(Debug, Clone)]
pub(super) enum Part<F> {
    Text(Vec<u8>),
    Value(Source<F>, Kind),
}

#[derive(Debug, Clone)]
pub(super) enum Nets<F> {
    Values(Vec<IpNet>),
    Source(Source<F>),
}

/// What an expression gives that is no condition.
#[derive(Debug, Clone)]
pub(super) enum Output<F> {
    Bool(Node<F>),
    Ints(Ints<F>),
    Strs(Strs<F>),
    Nets(Nets<F>),
}

/// What an iterator costs, relative to reading a field (5).
const ITERATOR: u32 = 2000;

impl<F> Node<F> {
    /// How long it takes, relative to reading a field (5).
    pub(super) fn cost(&self) -> u32 {
        let sum = |nodes: &[Node<F>]| nodes.iter().map(Node::cost).fold(0, u32::saturating_add);
        match self {
            Node::And(nodes) | Node::Or(nodes) => sum(nodes),
            Node::Not(node) => node.cost(),
            Node::Bool(bools) => bools.cost(),
            Node::Same(left, right) => left.cost().saturating_add(right.cost()),
            Node::Order(left, _, right) => left.cost().saturating_add(right.cost()),
            Node::Text(left, _, right) => left.cost().saturating_add(right.cost()),
            Node::Match(strs, matcher) => strs.cost().saturating_add(matcher.cost()),
            Node::Net(left, right) | Node::EveryNet(left, right) => {
                left.cost().saturating_add(right.cost())
            }
        }
    }

    /// The same with the cheapest operands first; evaluation has no side effects.
    pub(super) fn ordered(self) -> Self {
        let sort = |mut nodes: Vec<Node<F>>| {
            nodes.sort_by_cached_key(Node::cost);
            nodes
        };
        match self {
            Node::And(nodes) => Node::And(sort(nodes)),
            Node::Or(nodes) => Node::Or(sort(nodes)),
            other => other,
        }
    }
}

impl<F> Source<F> {
    fn cost(&self) -> u32 {
        match self {
            Source::Field(leaf) if leaf.at == At::Every => leaf.cost.saturating_add(ITERATOR),
            Source::Field(leaf) => leaf.cost,
            Source::Variable(_) => 10,
        }
    }
}

impl<F> Bools<F> {
    fn cost(&self) -> u32 {
        match self {
            Bools::Values(_) => 0,
            Bools::Source(source) => source.cost(),
            Bools::Node(node) => node.cost(),
        }
    }
}

impl<F> Ints<F> {
    fn cost(&self) -> u32 {
        match self {
            Ints::Values(values) => u32::from(values.len() > 1) * 10,
            Ints::Source(source) | Ints::Length(source) => source.cost(),
            Ints::Negate(part) | Ints::Complement(part) | Ints::Age(part) => part.cost(),
            Ints::Binary(left, _, right) => left.cost().saturating_add(right.cost()),
        }
    }
}

impl<F> Strs<F> {
    fn cost(&self) -> u32 {
        match self {
            Strs::Value(_) => 0,
            Strs::Source(source) => source.cost(),
            Strs::Format(parts) => {
                let part = |part: &Part<F>| match part {
                    Part::Text(_) => 1,
                    Part::Value(source, _) => source.cost(),
                };
                parts.iter().map(part).fold(50, u32::saturating_add)
            }
        }
    }
}

impl<F> Nets<F> {
    fn cost(&self) -> u32 {
        match self {
            Nets::Values(values) => u32::from(values.len() > 1) * 10,
            Nets::Source(source) => source.cost(),
        }
    }
}
