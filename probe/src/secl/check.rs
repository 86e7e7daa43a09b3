//! Checks names and types, and makes expressions ready for evaluation.

mod compare;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use super::ast::{Expr, ExprKind, LogicOp, MAX_DEPTH, UnaryOp};
use super::error::{Error, ErrorKind, Span};
use super::eval::{Env, MAX_REGISTERS, Owned};
use super::matcher::{Literal, LiteralKind};
use super::tree::{Bools, Ints, Nets, Node, Output, Source, Strs};
use super::types::{Constant, Context, Kind, Registry, Text, VariableRef};

/// Most parts of an expression, those of its macros included.
const MAX_PARTS: usize = 100_000;

/// Named expressions and lists that other expressions may use.
pub type Macros = BTreeMap<String, Expr>;

/// A condition, ready to be evaluated.
#[derive(Debug, Clone)]
pub struct Condition<F> {
    node: Node<F>,
    /// One field of the iterator of each register.
    registers: Vec<F>,
    uses: Uses,
}

/// A value, ready to be evaluated.
#[derive(Debug, Clone)]
pub struct Program<F> {
    output: Output<F>,
    /// Its type.
    pub ty: VariableRef,
    uses: Uses,
}

/// What an expression reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// The type of event that it is about, `None` when any will do.
    pub event: Option<String>,
    /// Fields, without indices and registers.
    pub fields: BTreeSet<String>,
    /// Variables, as between the braces of `${}`.
    pub variables: BTreeSet<String>,
}

impl Uses {
    /// Checks an expression that others will use, of any type or a list.
    pub fn of<R: Registry>(expr: &Expr, registry: &R, macros: &Macros) -> Result<Self, Error> {
        let mut checker = Checker::new(registry, macros);
        checker.operand(expr)?;
        Ok(checker.uses)
    }
}

impl<F> Condition<F> {
    /// Checks a condition.
    pub fn new<R>(expr: &Expr, registry: &R, macros: &Macros) -> Result<Self, Error>
    where
        R: Registry<Field = F>,
        F: Clone,
    {
        let mut checker = Checker::new(registry, macros);
        let node = checker.condition(expr)?;
        let registers = checker.registers.into_iter().map(|register| register.field).collect();
        Ok(Self { node, registers, uses: checker.uses })
    }

    /// Whether it holds for an event. With registers: whether there are elements for which it does.
    pub fn matches<C: Context<Field = F>>(&self, context: &C) -> bool {
        let mut env = Env { context, registers: [None; MAX_REGISTERS] };
        env.exists(&self.registers, &self.node)
    }

    /// What it reads.
    pub fn uses(&self) -> &Uses {
        &self.uses
    }

    /// How long evaluation takes at most, relative to reading a field (5).
    pub fn cost(&self) -> u32 {
        self.node.cost()
    }
}

impl<F> Program<F> {
    /// Checks an expression of any type. Registers are refused: there is no condition that says
    /// where they are.
    pub fn new<R>(expr: &Expr, registry: &R, macros: &Macros) -> Result<Self, Error>
    where
        R: Registry<Field = F>,
        F: Clone,
    {
        let mut checker = Checker::new(registry, macros);
        let operand = checker.operand(expr)?;
        if !checker.registers.is_empty() {
            let why = "a register needs a condition".to_owned();
            return Err(Error::new(expr.span, ErrorKind::Index(why)));
        }
        let ty = operand.ty();
        let output = match operand {
            Operand::Bool(bools) => Output::Bool(bools.into_node()),
            Operand::Int(ints, _) => Output::Ints(ints),
            Operand::Str(strs, _) => Output::Strs(strs),
            Operand::Ip(nets) => Output::Nets(nets),
            Operand::Literals(literals) => match exact(&literals) {
                Some(text) => Output::Strs(Strs::Value(text.into())),
                None => {
                    let found = "a pattern or list".to_owned();
                    let kind = ErrorKind::Type { expected: "a value", found };
                    return Err(Error::new(expr.span, kind));
                }
            },
        };
        let array = checker.is_array(expr);
        Ok(Self { output, ty: VariableRef { kind: ty, array }, uses: checker.uses })
    }

    /// The value for an event.
    pub fn value<C: Context<Field = F>>(&self, context: &C) -> Owned {
        let env = Env { context, registers: [None; MAX_REGISTERS] };
        env.output(&self.output, self.ty.array)
    }

    /// What it reads.
    pub fn uses(&self) -> &Uses {
        &self.uses
    }
}

/// A checked part of an expression.
#[derive(Debug, Clone)]
enum Operand<F> {
    Bool(Bools<F>),
    Int(Ints<F>, Unit),
    /// A string that is known with the event only.
    Str(Strs<F>, Text),
    /// Strings, patterns and regexps: how they match depends on the other operand.
    Literals(Vec<Literal>),
    Ip(Nets<F>),
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Anything.
    None,
    /// Nanoseconds since the epoch.
    Time,
    /// Nanoseconds.
    Duration,
}

struct Register<F> {
    name: String,
    iterator: String,
    field: F,
}

struct Checker<'a, R: Registry> {
    registry: &'a R,
    macros: &'a Macros,
    uses: Uses,
    registers: Vec<Register<R::Field>>,
    depth: usize,
    parts: usize,
}

impl<'a, R: Registry> Checker<'a, R> {
    fn new(registry: &'a R, macros: &'a Macros) -> Self {
        let uses = Uses::default();
        Self { registry, macros, uses, registers: Vec::new(), depth: 0, parts: 0 }
    }

    fn condition(&mut self, expr: &Expr) -> Result<Node<R::Field>, Error> {
        match self.operand(expr)? {
            Operand::Bool(bools) => Ok(bools.into_node()),
            other => {
                let kind = ErrorKind::Type { expected: "a condition", found: other.describe() };
                let error = Error::new(expr.span, kind);
                Err(match other {
                    Operand::Int(..) => error.help("compare it: `… > 0`"),
                    _ => error.help("compare it: `… == …`"),
                })
            }
        }
    }

    fn operand(&mut self, expr: &Expr) -> Result<Operand<R::Field>, Error> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(Error::new(expr.span, ErrorKind::TooLong(MAX_PARTS, "parts")));
        }
        if self.depth >= MAX_DEPTH {
            return Err(Error::new(expr.span, ErrorKind::TooDeep(MAX_DEPTH)));
        }
        self.depth += 1;
        let operand = self.any(expr);
        self.depth -= 1;
        operand
    }

    fn any(&mut self, expr: &Expr) -> Result<Operand<R::Field>, Error> {
        let span = expr.span;
        Ok(match &expr.kind {
            ExprKind::Ident(name) => self.name(name, span)?,
            ExprKind::FieldRef(name) => self.field(name, span)?,
            ExprKind::Variable(name) => self.variable(name, span)?,
            ExprKind::Int(value) => Operand::Int(Ints::Values(vec![*value]), Unit::None),
            ExprKind::Duration(value) => Operand::Int(Ints::Values(vec![*value]), Unit::Duration),
            ExprKind::Str(text) => self.string(text, span)?,
            ExprKind::Pattern(text) => literal(LiteralKind::Pattern, text, span),
            ExprKind::Regexp(text) => literal(LiteralKind::Regexp, text, span),
            ExprKind::Ip(text) => Operand::Ip(Nets::Values(vec![names::address(text, span)?])),
            ExprKind::Cidr(text) => Operand::Ip(Nets::Values(vec![names::network(text, span)?])),
            ExprKind::List(parts) => self.list(parts)?,
            ExprKind::Unary(op, part) => self.unary(*op, part)?,
            ExprKind::Binary(left, op, right) => {
                let left = self.int(left, op.text())?;
                let right = self.int(right, op.text())?;
                Operand::Int(binary(left, *op, right), Unit::None)
            }
            ExprKind::Compare(left, op, right) => {
                Operand::Bool(Bools::Node(Box::new(self.compare(left, *op, right)?)))
            }
            ExprKind::Logic(op, parts) => {
                let nodes = parts.iter().map(|part| self.condition(part));
                let nodes = nodes.collect::<Result<_, _>>()?;
                let node = match op {
                    LogicOp::And => Node::And(nodes),
                    LogicOp::Or => Node::Or(nodes),
                };
                Operand::Bool(Bools::Node(Box::new(node.ordered())))
            }
        })
    }

    fn unary(&mut self, op: UnaryOp, part: &Expr) -> Result<Operand<R::Field>, Error> {
        Ok(match op {
            UnaryOp::Not => {
                let node = Node::Not(Box::new(self.condition(part)?));
                Operand::Bool(Bools::Node(Box::new(node)))
            }
            UnaryOp::Negate => {
                let unit = match part.kind {
                    ExprKind::Duration(_) => Unit::Duration,
                    _ => Unit::None,
                };
                Operand::Int(fold(Ints::Negate(Box::new(self.int(part, "-")?))), unit)
            }
            UnaryOp::Complement => {
                Operand::Int(fold(Ints::Complement(Box::new(self.int(part, "^")?))), Unit::None)
            }
        })
    }

    fn int(&mut self, expr: &Expr, operator: &'static str) -> Result<Ints<R::Field>, Error> {
        match self.operand(expr)? {
            Operand::Int(ints, _) => Ok(ints),
            other => {
                let kind = ErrorKind::Operator { operator, ty: other.describe() };
                Err(Error::new(expr.span, kind))
            }
        }
    }

    /// The elements of a list as one operand; its parts are of one kind already, except for names.
    fn list(&mut self, parts: &[Expr]) -> Result<Operand<R::Field>, Error> {
        let mut list: Option<Operand<R::Field>> = None;
        for part in parts {
            let operand = self.operand(part)?;
            let found = operand.describe();
            list = Some(match (list, operand) {
                (None, Operand::Bool(Bools::Values(values))) => {
                    Operand::Bool(Bools::Values(values))
                }
                (None, Operand::Int(Ints::Values(values), unit)) => {
                    Operand::Int(Ints::Values(values), unit)
                }
                (None, Operand::Literals(literals)) => Operand::Literals(literals),
                (None, Operand::Ip(Nets::Values(values))) => Operand::Ip(Nets::Values(values)),
                (
                    Some(Operand::Bool(Bools::Values(mut all))),
                    Operand::Bool(Bools::Values(more)),
                ) => {
                    all.extend(more);
                    Operand::Bool(Bools::Values(all))
                }
                (
                    Some(Operand::Int(Ints::Values(mut all), unit)),
                    Operand::Int(Ints::Values(more), other),
                ) if unit == other => {
                    all.extend(more);
                    Operand::Int(Ints::Values(all), unit)
                }
                (Some(Operand::Literals(mut all)), Operand::Literals(more)) => {
                    all.extend(more);
                    Operand::Literals(all)
                }
                (Some(Operand::Ip(Nets::Values(mut all))), Operand::Ip(Nets::Values(more))) => {
                    all.extend(more);
                    Operand::Ip(Nets::Values(all))
                }
                (_, operand) if !operand.is_static() => {
                    let kind = ErrorKind::Type { expected: "a constant", found };
                    return Err(Error::new(part.span, kind));
                }
                _ => {
                    let kind = ErrorKind::MixedList("values", "values of another kind");
                    return Err(Error::new(part.span, kind));
                }
            });
        }
        match list {
            Some(Operand::Int(Ints::Values(mut values), unit)) => {
                values.sort_unstable();
                Ok(Operand::Int(Ints::Values(values), unit))
            }
            Some(list) => Ok(list),
            None => Err(Error::new(Span::default(), ErrorKind::EmptyList)),
        }
    }

    /// Whether the value of an expression is an array.
    fn is_array(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Ident(name) | ExprKind::FieldRef(name) => match self.macros.get(name) {
                Some(body) => self.is_array(body),
                None => !name.ends_with(']') && self.is_array_field(name),
            },
            ExprKind::Variable(name) => {
                self.registry.variable(name).is_some_and(|variable| variable.array)
            }
            ExprKind::List(_) => true,
            _ => false,
        }
    }

    fn is_array_field(&self, name: &str) -> bool {
        let field = self.registry.field(name);
        field.is_some_and(|field| field.array || field.iterator.is_some())
    }
}

impl<F> Operand<F> {
    fn ty(&self) -> Kind {
        match self {
            Operand::Bool(_) => Kind::Bool,
            Operand::Int(_, Unit::Time) => Kind::Time,
            Operand::Int(..) => Kind::Int,
            Operand::Str(_, text) => Kind::Str(*text),
            Operand::Literals(_) => Kind::Str(Text::Plain),
            Operand::Ip(_) => Kind::Ip,
        }
    }

    /// How an error message calls it.
    fn describe(&self) -> String {
        match self {
            Operand::Int(_, Unit::Duration) => "duration".into(),
            other => other.ty().to_string(),
        }
    }

    fn is_static(&self) -> bool {
        matches!(
            self,
            Operand::Bool(Bools::Values(_))
                | Operand::Int(Ints::Values(_), _)
                | Operand::Literals(_)
                | Operand::Ip(Nets::Values(_))
        )
    }

    fn constant(constant: Constant) -> Self {
        match constant {
            Constant::Bool(value) => Operand::Bool(Bools::Values(vec![value])),
            Constant::Int(value) => Operand::Int(Ints::Values(vec![value]), Unit::None),
        }
    }

    fn source(source: Source<F>, kind: Kind) -> Self {
        match kind {
            Kind::Bool => Operand::Bool(Bools::Source(source)),
            Kind::Int => Operand::Int(Ints::Source(source), Unit::None),
            Kind::Time => Operand::Int(Ints::Source(source), Unit::Time),
            Kind::Str(text) => Operand::Str(Strs::Source(source), text),
            Kind::Ip => Operand::Ip(Nets::Source(source)),
        }
    }
}

impl<F> Bools<F> {
    fn into_node(self) -> Node<F> {
        match self {
            Bools::Node(node) => *node,
            other => Node::Bool(other),
        }
    }
}

/// The only string of a list, if it is one and no pattern.
fn exact(literals: &[Literal]) -> Option<&str> {
    match literals {
        [literal] if literal.kind == LiteralKind::Exact => Some(&literal.text),
        _ => None,
    }
}

fn literal<F>(kind: LiteralKind, text: &str, span: Span) -> Operand<F> {
    Operand::Literals(vec![Literal { kind, text: text.to_owned(), span }])
}

fn binary<F>(left: Ints<F>, op: super::ast::BinaryOp, right: Ints<F>) -> Ints<F> {
    fold(Ints::Binary(Box::new(left), op, Box::new(right)))
}

/// Computes what is known already.
fn fold<F>(ints: Ints<F>) -> Ints<F> {
    let one = |ints: &Ints<F>| match ints {
        Ints::Values(values) if values.len() == 1 => Some(values[0]),
        _ => None,
    };
    let value = match &ints {
        Ints::Negate(part) => one(part).map(i64::wrapping_neg),
        Ints::Complement(part) => one(part).map(|value| !value),
        Ints::Binary(left, op, right) => {
            one(left).zip(one(right)).map(|(left, right)| op.apply(left, right))
        }
        _ => None,
    };
    value.map_or(ints, |value| Ints::Values(vec![value]))
}
