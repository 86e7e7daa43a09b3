//! Comparisons: which operands go together, and what the operator means for them.

use super::super::ast::{CompareOp, Expr};
use super::super::error::{Error, ErrorKind, Span};
use super::super::matcher::{Literal, LiteralKind, Matcher};
use super::super::tree::{Ints, Node, Order, Source, Strs};
use super::super::types::{Registry, Text};
use super::{Checker, Operand, Unit, exact};

type Checked<F> = Result<Node<F>, Error>;

impl<R: Registry> Checker<'_, R> {
    pub(super) fn compare(
        &mut self,
        left: &Expr,
        op: CompareOp,
        right: &Expr,
    ) -> Checked<R::Field> {
        let spans = (left.span, right.span);
        let (left, right) = (self.operand(left)?, self.operand(right)?);
        let is_age = |a: &Operand<_>, b: &Operand<_>| {
            a.unit() == Some(Unit::Time) && b.unit() == Some(Unit::Duration)
        };
        if op == CompareOp::NotEqual && (is_age(&left, &right) || is_age(&right, &left)) {
            return Err(operator(op, "timestamp", spans.0));
        }
        let Some(positive) = op.negated() else { return test(left, op, right, spans) };
        // Errors are about the operator as written.
        let node = test(left, positive, right, spans).map_err(|mut error| {
            if let ErrorKind::Operator { operator, .. } = &mut error.kind {
                *operator = op.text();
            }
            error
        })?;
        Ok(Node::Not(Box::new(node)))
    }
}

/// A comparison by an operator that negates nothing.
fn test<F>(left: Operand<F>, op: CompareOp, right: Operand<F>, spans: (Span, Span)) -> Checked<F> {
    let is_equal = matches!(op, CompareOp::Equal | CompareOp::In | CompareOp::AllIn);
    match (left, right) {
        (Operand::Bool(left), Operand::Bool(right)) => match is_equal {
            true => Ok(Node::Same(left, right)),
            false => Err(operator(op, "bool", spans.0)),
        },
        (Operand::Int(left, unit), Operand::Int(right, other)) => {
            let Some(order) = order(op) else { return Err(operator(op, "int", spans.0)) };
            let (left, right) = ages((left, unit), (right, other), spans)?;
            Ok(Node::Order(left, order, right))
        }
        (Operand::Ip(left), Operand::Ip(right)) => match op {
            CompareOp::AllIn => Ok(Node::EveryNet(left, right)),
            _ if is_equal => Ok(Node::Net(left, right)),
            _ => Err(operator(op, "IP address", spans.0)),
        },
        (Operand::Str(left, text), Operand::Literals(right)) => {
            matching((left, text), op, right, spans)
        }
        (Operand::Literals(left), Operand::Str(right, text)) if op == CompareOp::Match => {
            drop((left, right, text));
            Err(not_static(spans.1))
        }
        (Operand::Literals(left), Operand::Str(right, text)) => {
            matching((right, text), op, left, spans)
        }
        (Operand::Literals(left), Operand::Literals(right)) => match exact(&left) {
            Some(text) => matching((Strs::Value(text.into()), Text::Plain), op, right, spans),
            None => match exact(&right) {
                Some(text) if op != CompareOp::Match => {
                    matching((Strs::Value(text.into()), Text::Plain), op, left, spans)
                }
                _ => Err(mismatch("patterns", "patterns", spans)),
            },
        },
        (Operand::Str(left, text), Operand::Str(right, other)) => match op {
            _ if is_equal => Ok(Node::Text(left, strictest(text, other), right)),
            CompareOp::Match => Err(not_static(spans.1)),
            _ => Err(operator(op, "string", spans.0)),
        },
        (left, right) => Err(mismatch(&left.describe(), &right.describe(), spans)),
    }
}

/// A string against strings, patterns and regexps.
fn matching<F>(
    (strs, text): (Strs<F>, Text),
    op: CompareOp,
    mut literals: Vec<Literal>,
    spans: (Span, Span),
) -> Checked<F> {
    match op {
        CompareOp::Equal | CompareOp::In | CompareOp::AllIn => {}
        CompareOp::Match => {
            for literal in &mut literals {
                if literal.kind == LiteralKind::Exact {
                    literal.kind = LiteralKind::Pattern;
                }
            }
        }
        _ => return Err(operator(op, "string", spans.0)),
    }
    Ok(Node::Match(strs, Box::new(Matcher::new(&literals, text)?)))
}

/// Numbers that can be compared: the age of a timestamp instead of it where it meets a duration.
fn ages<F>(
    (left, unit): (Ints<F>, Unit),
    (right, other): (Ints<F>, Unit),
    spans: (Span, Span),
) -> Result<(Ints<F>, Ints<F>), Error> {
    let is_field = |ints: &Ints<F>| matches!(ints, Ints::Source(Source::Field(_)));
    match (unit, other) {
        (Unit::Time, Unit::Duration) => Ok((Ints::Age(Box::new(left)), right)),
        (Unit::Duration, Unit::Time) => Ok((left, Ints::Age(Box::new(right)))),
        (Unit::None, Unit::Duration) if is_field(&left) => Err(mismatch("int", "duration", spans)),
        (Unit::Duration, Unit::None) if is_field(&right) => Err(mismatch("duration", "int", spans)),
        _ => Ok((left, right)),
    }
}

fn order(op: CompareOp) -> Option<Order> {
    match op {
        CompareOp::Equal | CompareOp::In | CompareOp::AllIn => Some(Order::Equal),
        CompareOp::Less => Some(Order::Less),
        CompareOp::LessEqual => Some(Order::LessEqual),
        CompareOp::Greater => Some(Order::Greater),
        CompareOp::GreaterEqual => Some(Order::GreaterEqual),
        _ => None,
    }
}

/// How two strings are compared, of which each has its own way.
fn strictest(one: Text, other: Text) -> Text {
    [one, other]
        .into_iter()
        .find(|text| matches!(text, Text::Caseless | Text::Extension))
        .unwrap_or(Text::Plain)
}

fn operator(op: CompareOp, ty: &str, span: Span) -> Error {
    Error::new(span, ErrorKind::Operator { operator: op.text(), ty: ty.to_owned() })
}

fn not_static(span: Span) -> Error {
    let kind = ErrorKind::Type { expected: "a pattern", found: "a value of the event".into() };
    Error::new(span, kind).help("compare values with `==` or `in`")
}

fn mismatch(left: &str, right: &str, spans: (Span, Span)) -> Error {
    let kind = ErrorKind::Mismatch(left.to_owned(), right.to_owned());
    Error::new(spans.0.to(spans.1), kind)
}

impl<F> Operand<F> {
    fn unit(&self) -> Option<Unit> {
        match self {
            Operand::Int(_, unit) => Some(*unit),
            _ => None,
        }
    }
}
