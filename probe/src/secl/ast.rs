//! Expressions as they were written.

use super::error::{Error, ErrorKind, Span};

/// Deepest nesting of an expression, macros included.
pub const MAX_DEPTH: usize = 128;

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
    /// Levels of the tree from here on.
    depth: usize,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A constant, macro or field.
    Ident(String),
    /// A number.
    Int(i64),
    /// A duration in nanoseconds.
    Duration(i64),
    /// `"text"`.
    Str(String),
    /// `~"text*"`.
    Pattern(String),
    /// `r"text.*"`.
    Regexp(String),
    /// `192.0.2.1`, not yet checked.
    Ip(String),
    /// `192.0.2.0/24`, not yet checked.
    Cidr(String),
    /// `${name}`.
    Variable(String),
    /// `%{field}`.
    FieldRef(String),
    /// `[1, 2]`.
    List(Vec<Expr>),
    /// `!x`, `-x`, `^x`.
    Unary(UnaryOp, Box<Expr>),
    /// `x + y`, `x & y`, …
    Binary(Box<Expr>, BinaryOp, Box<Expr>),
    /// `x == y`, `x in y`, …
    Compare(Box<Expr>, CompareOp, Box<Expr>),
    /// `x && y && z`.
    Logic(LogicOp, Vec<Expr>),
}

impl Expr {
    /// An expression made of its parts, unless it gets too deep.
    pub fn new(span: Span, kind: ExprKind) -> Result<Self, Error> {
        let below = match &kind {
            ExprKind::List(parts) | ExprKind::Logic(_, parts) => {
                parts.iter().map(|part| part.depth).max().unwrap_or(0)
            }
            ExprKind::Unary(_, part) => part.depth,
            ExprKind::Binary(left, _, right) | ExprKind::Compare(left, _, right) => {
                left.depth.max(right.depth)
            }
            _ => 0,
        };
        if below >= MAX_DEPTH {
            return Err(Error::new(span, ErrorKind::TooDeep(MAX_DEPTH)));
        }
        Ok(Self { kind, span, depth: below + 1 })
    }

    /// A list of strings, as the `values` of a macro.
    pub fn strings(values: impl IntoIterator<Item = String>) -> Self {
        let part = |value| Self { kind: ExprKind::Str(value), span: Span::default(), depth: 1 };
        let parts = values.into_iter().map(part).collect();
        Self { kind: ExprKind::List(parts), span: Span::default(), depth: 2 }
    }

    /// A string, with the variables and fields in it.
    pub fn string(text: String) -> Self {
        Self { kind: ExprKind::Str(text), span: Span::default(), depth: 1 }
    }

    /// Both conditions.
    pub fn and(self, other: Self) -> Result<Self, Error> {
        Self::new(other.span, ExprKind::Logic(LogicOp::And, vec![self, other]))
    }

    /// The elements of both lists; none when one is no list.
    pub fn joined(mut self, other: Self) -> Option<Self> {
        match (&mut self.kind, other.kind) {
            (ExprKind::List(parts), ExprKind::List(more)) => {
                parts.extend(more);
                self.depth = self.depth.max(other.depth);
                Some(self)
            }
            _ => None,
        }
    }

    /// Calls `change` for the name of every identifier and field reference in it.
    pub fn for_each_name(&mut self, change: &mut dyn FnMut(&mut String)) {
        match &mut self.kind {
            ExprKind::Ident(name) | ExprKind::FieldRef(name) => change(name),
            ExprKind::List(parts) | ExprKind::Logic(_, parts) => {
                parts.iter_mut().for_each(|part| part.for_each_name(change));
            }
            ExprKind::Unary(_, part) => part.for_each_name(change),
            ExprKind::Binary(left, _, right) | ExprKind::Compare(left, _, right) => {
                left.for_each_name(change);
                right.for_each_name(change);
            }
            _ => {}
        }
    }
}

/// A prefix operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `!` or `not`.
    Not,
    /// `-`.
    Negate,
    /// `^`.
    Complement,
}

/// An operator between numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BinaryOp {
    Add,
    Subtract,
    And,
    Or,
    Xor,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CompareOp {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    /// `=~`.
    Match,
    /// `!~`.
    NotMatch,
    In,
    NotIn,
    AllIn,
}

/// What joins conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogicOp {
    And,
    Or,
}

impl UnaryOp {
    /// As written.
    pub fn text(self) -> &'static str {
        match self {
            UnaryOp::Not => "!",
            UnaryOp::Negate => "-",
            UnaryOp::Complement => "^",
        }
    }
}

impl BinaryOp {
    /// As written.
    pub fn text(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::And => "&",
            BinaryOp::Or => "|",
            BinaryOp::Xor => "^",
        }
    }
}

impl CompareOp {
    /// As written.
    pub fn text(self) -> &'static str {
        match self {
            CompareOp::Equal => "==",
            CompareOp::NotEqual => "!=",
            CompareOp::Less => "<",
            CompareOp::LessEqual => "<=",
            CompareOp::Greater => ">",
            CompareOp::GreaterEqual => ">=",
            CompareOp::Match => "=~",
            CompareOp::NotMatch => "!~",
            CompareOp::In => "in",
            CompareOp::NotIn => "not in",
            CompareOp::AllIn => "allin",
        }
    }

    /// For `!=`, `!~` and `not in`: the operator that they negate.
    pub fn negated(self) -> Option<CompareOp> {
        match self {
            CompareOp::NotEqual => Some(CompareOp::Equal),
            CompareOp::NotMatch => Some(CompareOp::Match),
            CompareOp::NotIn => Some(CompareOp::In),
            _ => None,
        }
    }
}
