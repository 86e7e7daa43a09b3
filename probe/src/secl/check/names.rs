//! What names stand for: constants, macros, fields, variables.

use std::sync::Arc;

use ipnet::IpNet;
use sentrace_yaml::nearest;

use super::super::error::{Error, ErrorKind, Span};
use super::super::eval::MAX_REGISTERS;
use super::super::matcher::LiteralKind;
use super::super::tree::{At, Ints, Leaf, Part, Source, Strs};
use super::super::types::{FieldRef, Kind, Registry, Text};
use super::{Checker, Operand, Register, Unit, literal};

/// What is read, and its type; no type when the length of it is meant.
type Typed<T> = (T, Option<Kind>);
/// Name, field, and whether its length is meant.
type Resolved<F> = (String, FieldRef<F>, bool);

impl<R: Registry> Checker<'_, R> {
    /// A constant, a macro or a field, in this order.
    pub(super) fn name(&mut self, name: &str, span: Span) -> Result<Operand<R::Field>, Error> {
        if let Some(constant) = self.registry.constant(name) {
            return Ok(Operand::constant(constant));
        }
        let Some(body) = self.macros.get(name) else { return self.field(name, span) };
        self.operand(body)
            .map_err(|error| {
                let kind = match error.kind {
                    kind @ ErrorKind::TooLong(..) => kind,
                    kind => ErrorKind::Macro(name.to_owned(), Box::new(kind)),
                };
                Error { span, kind, help: error.help }
            })
            .map(|operand| match operand {
                // Errors that come up later are about this place, too.
                Operand::Literals(mut literals) => {
                    literals.iter_mut().for_each(|literal| literal.span = span);
                    Operand::Literals(literals)
                }
                other => other,
            })
    }

    /// A field, maybe with indices, registers or `.length`.
    pub(super) fn field(&mut self, name: &str, span: Span) -> Result<Operand<R::Field>, Error> {
        let (leaf, kind) = self.leaf(name, span)?;
        Ok(sourced(Source::Field(leaf), kind))
    }

    pub(super) fn variable(&mut self, name: &str, span: Span) -> Result<Operand<R::Field>, Error> {
        let (source, kind) = self.variable_source(name, span)?;
        Ok(sourced(source, kind))
    }

    /// A string, with the variables and fields in it.
    pub(super) fn string(&mut self, text: &str, span: Span) -> Result<Operand<R::Field>, Error> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, sigil, name, after)) = split_reference(rest) {
            parts.push(Part::Text(before.into()));
            let (source, kind) = match sigil {
                "$" => self.variable_source(name, span)?,
                _ => {
                    let (leaf, kind) = self.leaf(name, span)?;
                    (Source::Field(leaf), kind)
                }
            };
            let Some(kind) = kind else {
                let why = "a length cannot stand in a string".to_owned();
                return Err(Error::new(span, ErrorKind::Index(why)));
            };
            if kind == Kind::Bool {
                let kind = ErrorKind::Type { expected: "a string or int", found: "bool".into() };
                return Err(Error::new(span, kind));
            }
            parts.push(Part::Value(source, kind));
            rest = after;
        }
        if parts.is_empty() {
            return Ok(literal(LiteralKind::Exact, text, span));
        }
        parts.push(Part::Text(rest.into()));
        Ok(Operand::Str(Strs::Format(parts), Text::Plain))
    }

    /// A variable and its type; no type for `.length`.
    fn variable_source(
        &mut self,
        name: &str,
        span: Span,
    ) -> Result<Typed<Source<R::Field>>, Error> {
        let found = match self.registry.variable(name) {
            Some(variable) => Some((name, Some(variable.kind))),
            None => name.strip_suffix(".length").and_then(|base| {
                let variable = self.registry.variable(base)?;
                let has_length = variable.array || matches!(variable.kind, Kind::Str(_));
                has_length.then_some((base, None))
            }),
        };
        let Some((base, kind)) = found else {
            let error = Error::new(span, ErrorKind::UnknownVariable(name.to_owned()));
            return Err(error.meant(self.registry.nearest(name)));
        };
        self.uses.variables.insert(base.to_owned());
        Ok((Source::Variable(Arc::from(base)), kind))
    }

    /// A field and its type; no type for `.length`.
    fn leaf(&mut self, name: &str, span: Span) -> Result<Typed<Leaf<R::Field>>, Error> {
        let bad = |why: String| Error::new(span, ErrorKind::Index(why));
        let (plain, brackets) = split_brackets(name);
        let (base, field, is_length) = self.resolve(&plain, span)?;
        let mut leaf = Leaf {
            field: field.field.clone(),
            at: if field.iterator.is_some() { At::Every } else { At::Once },
            index: None,
            cost: field.cost,
        };
        for (place, index) in brackets {
            let iterator = field.iterator.as_deref().filter(|prefix| prefix.len() == place);
            let number = index.parse::<usize>();
            match (iterator, number) {
                (Some(_), Ok(number)) if leaf.at == At::Every => leaf.at = At::Nth(number),
                (Some(iterator), Err(_)) if leaf.at == At::Every => {
                    leaf.at = At::Register(self.register(index, iterator, &field.field, span)?);
                }
                (None, Ok(number)) if place == base.len() && field.array && !is_length => {
                    leaf.index = Some(number);
                }
                (None, Ok(_)) => return Err(bad(format!("`{base}` is no array"))),
                (None, Err(_)) => return Err(bad(format!("`{base}` is no field of an iterator"))),
                (Some(_), _) => return Err(bad(format!("`[{index}]` comes twice"))),
            }
        }
        self.uses.fields.insert(base);
        Ok((leaf, (!is_length).then_some(field.kind)))
    }

    /// A field by its name without brackets: name, field, and whether its length is meant.
    fn resolve(&mut self, name: &str, span: Span) -> Result<Resolved<R::Field>, Error> {
        let found = match self.registry.field(name) {
            Some(field) => Some((name, field, false)),
            None => name.strip_suffix(".length").and_then(|base| {
                let field = self.registry.field(base)?;
                let has_length = field.array || matches!(field.kind, Kind::Str(_));
                has_length.then_some((base, field, true))
            }),
        };
        let Some((base, field, is_length)) = found else {
            let error = Error::new(span, ErrorKind::UnknownName(name.to_owned()));
            if name.ends_with(".root_domain") {
                return Err(error.help("only host names have a root domain"));
            }
            let near = nearest(name, self.macros.keys().map(String::as_str)).map(str::to_owned);
            return Err(error.meant(self.registry.nearest(name).or(near)));
        };
        if let Some(event) = &field.event {
            match &self.uses.event {
                Some(other) if other != event => {
                    let kind = ErrorKind::TwoEvents(other.clone(), event.clone());
                    return Err(Error::new(span, kind));
                }
                _ => self.uses.event = Some(event.clone()),
            }
        }
        Ok((base.to_owned(), field, is_length))
    }

    fn register(
        &mut self,
        name: &str,
        iterator: &str,
        field: &R::Field,
        span: Span,
    ) -> Result<usize, Error> {
        let bad = |why: String| Error::new(span, ErrorKind::Index(why));
        if !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(bad("a register is named by letters".into()));
        }
        if let Some(index) = self.registers.iter().position(|register| register.name == name) {
            let other = &self.registers[index].iterator;
            if other != iterator {
                return Err(bad(format!("`{name}` is a register of `{other}` already")));
            }
            return Ok(index);
        }
        if self.registers.len() == MAX_REGISTERS {
            return Err(bad(format!("more than {MAX_REGISTERS} registers")));
        }
        let (name, iterator) = (name.to_owned(), iterator.to_owned());
        self.registers.push(Register { name, iterator, field: field.clone() });
        Ok(self.registers.len() - 1)
    }
}

fn sourced<F>(source: Source<F>, kind: Option<Kind>) -> Operand<F> {
    match kind {
        Some(kind) => Operand::source(source, kind),
        None => Operand::Int(Ints::Length(source), Unit::None),
    }
}

/// An address as a network of one.
pub(super) fn address(text: &str, span: Span) -> Result<IpNet, Error> {
    let address: Result<std::net::IpAddr, _> = text.parse();
    address.map(IpNet::from).map_err(|_| Error::new(span, ErrorKind::Address(text.into())))
}

/// A network; bits of the host do not count.
pub(super) fn network(text: &str, span: Span) -> Result<IpNet, Error> {
    let net: Result<IpNet, _> = text.parse();
    net.map(|net| net.trunc()).map_err(|_| Error::new(span, ErrorKind::Address(text.into())))
}

/// A name without its brackets, and what was in them where.
fn split_brackets(name: &str) -> (String, Vec<(usize, &str)>) {
    let mut plain = String::with_capacity(name.len());
    let mut brackets = Vec::new();
    let mut rest = name;
    while let Some((before, inner)) = rest.split_once('[') {
        let Some((index, after)) = inner.split_once(']') else { break };
        plain.push_str(before);
        brackets.push((plain.len(), index));
        rest = after;
    }
    plain.push_str(rest);
    (plain, brackets)
}

/// The first `${name}` or `%{name}` of a string: what is before, sigil, name, and what is behind.
fn split_reference(text: &str) -> Option<(&str, &'static str, &str, &str)> {
    let mut from = 0;
    while let Some(at) = text[from..].find("{").map(|at| at + from) {
        from = at + 1;
        let sigil = match text[..at].bytes().last() {
            Some(b'$') => "$",
            Some(b'%') => "%",
            _ => continue,
        };
        let Some((name, after)) = text[at + 1..].split_once('}') else { continue };
        let is_letter = |c: char| c.is_ascii_alphanumeric() || "_.[]".contains(c);
        if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(is_letter)
        {
            return Some((&text[..at - 1], sigil, name, after));
        }
    }
    None
}
