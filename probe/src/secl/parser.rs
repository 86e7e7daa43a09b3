//! From tokens to expressions.
//!
//! `&&` and `||` have the same precedence in SECL, and implementations have differed in what a
//! mix of both means; so a mix needs parentheses here. Operators between numbers bind tighter
//! than comparisons: `&`, `|` and `^` tighter than `+` and `-`.

use super::ast::{BinaryOp, CompareOp, Expr, ExprKind, LogicOp, UnaryOp};
use super::error::{Error, ErrorKind, Span};
use super::lexer::{Spanned, Token, is_keyword, lex};

#[cfg(test)]
mod tests;

/// Parentheses and prefix operators inside each other.
const MAX_NESTING: usize = 64;

/// Parses a condition or a value.
pub fn parse(text: &str) -> Result<Expr, Error> {
    let mut parser = Parser::new(text)?;
    let expr = parser.expression()?;
    parser.end(expr)
}

/// Parses the body of a macro: a condition, a value or a list.
pub fn parse_macro(text: &str) -> Result<Expr, Error> {
    let mut parser = Parser::new(text)?;
    let expr = if parser.is_next("[") { parser.list()? } else { parser.expression()? };
    parser.end(expr)
}

struct Parser {
    tokens: Vec<Spanned>,
    at: usize,
    nesting: usize,
    /// Where the text ends, without blanks.
    end: usize,
}

impl Parser {
    fn new(text: &str) -> Result<Self, Error> {
        let tokens = lex(text)?;
        let end = tokens.last().map_or(0, |last| last.span.end);
        Ok(Self { tokens, at: 0, nesting: 0, end })
    }

    fn expression(&mut self) -> Result<Expr, Error> {
        let first = self.comparison()?;
        let Some(op) = self.logic() else { return Ok(first) };
        let mut parts = vec![first];
        while let Some(next) = self.logic() {
            if next != op {
                let help = "write `a && (b || c)` or `(a && b) || c`";
                return Err(Error::new(self.span(), ErrorKind::MixedLogic).help(help));
            }
            self.at += 1;
            parts.push(self.comparison()?);
        }
        let span = parts[0].span.to(parts[parts.len() - 1].span);
        Expr::new(span, ExprKind::Logic(op, parts))
    }

    fn logic(&self) -> Option<LogicOp> {
        match self.token()? {
            Token::Punct("&&") => Some(LogicOp::And),
            Token::Punct("||") => Some(LogicOp::Or),
            Token::Ident(name) if name == "and" => Some(LogicOp::And),
            Token::Ident(name) if name == "or" => Some(LogicOp::Or),
            _ => None,
        }
    }

    fn comparison(&mut self) -> Result<Expr, Error> {
        let left = self.arithmetic()?;
        let Some((op, tokens)) = self.compare_op() else { return Ok(left) };
        self.at += tokens;
        let right = match op {
            CompareOp::In | CompareOp::NotIn | CompareOp::AllIn => self.array()?,
            _ => self.nested(Self::comparison)?,
        };
        let span = left.span.to(right.span);
        Expr::new(span, ExprKind::Compare(Box::new(left), op, Box::new(right)))
    }

    /// The operator that comes next, and how many tokens it has.
    fn compare_op(&self) -> Option<(CompareOp, usize)> {
        let op = match self.token()? {
            Token::Punct("==") => CompareOp::Equal,
            Token::Punct("!=") => CompareOp::NotEqual,
            Token::Punct("<") => CompareOp::Less,
            Token::Punct("<=") => CompareOp::LessEqual,
            Token::Punct(">") => CompareOp::Greater,
            Token::Punct(">=") => CompareOp::GreaterEqual,
            Token::Punct("=~") => CompareOp::Match,
            Token::Punct("!~") => CompareOp::NotMatch,
            Token::Ident(name) if name == "in" => CompareOp::In,
            Token::Ident(name) if name == "allin" => CompareOp::AllIn,
            Token::Ident(name) if name == "not" && self.is_name_at(self.at + 1, "in") => {
                return Some((CompareOp::NotIn, 2));
            }
            _ => return None,
        };
        Some((op, 1))
    }

    fn arithmetic(&mut self) -> Result<Expr, Error> {
        let mut left = self.bits()?;
        loop {
            let op = match self.token() {
                Some(Token::Punct("+")) => BinaryOp::Add,
                Some(Token::Punct("-")) => BinaryOp::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            left = binary(left, op, self.bits()?)?;
        }
    }

    /// `a & b | c` is `a & (b | c)`.
    fn bits(&mut self) -> Result<Expr, Error> {
        let mut parts = vec![self.unary()?];
        let mut ops = Vec::new();
        loop {
            ops.push(match self.token() {
                Some(Token::Punct("&")) => BinaryOp::And,
                Some(Token::Punct("|")) => BinaryOp::Or,
                Some(Token::Punct("^")) => BinaryOp::Xor,
                _ => break,
            });
            self.at += 1;
            parts.push(self.unary()?);
        }
        let mut right = parts.pop().ok_or_else(|| self.unexpected("a value"))?;
        while let (Some(left), Some(op)) = (parts.pop(), ops.pop()) {
            right = binary(left, op, right)?;
        }
        Ok(right)
    }

    fn unary(&mut self) -> Result<Expr, Error> {
        let op = match self.token() {
            Some(Token::Punct("!")) => UnaryOp::Not,
            Some(Token::Ident(name)) if name == "not" => UnaryOp::Not,
            Some(Token::Punct("-")) => return self.negated(),
            Some(Token::Punct("^")) => UnaryOp::Complement,
            _ => return self.primary(),
        };
        let start = self.span();
        self.at += 1;
        let part = self.nested(Self::unary)?;
        Expr::new(start.to(part.span), ExprKind::Unary(op, Box::new(part)))
    }

    /// A minus sign with what follows; with a number, a negative number.
    fn negated(&mut self) -> Result<Expr, Error> {
        let start = self.span();
        self.at += 1;
        let Some(Token::Int(value)) = self.token() else {
            let part = self.nested(Self::unary)?;
            let span = start.to(part.span);
            return Expr::new(span, ExprKind::Unary(UnaryOp::Negate, Box::new(part)));
        };
        let span = start.to(self.span());
        let value = i64::try_from(-i128::from(*value)).map_err(|_| too_big(span))?;
        self.at += 1;
        Expr::new(span, ExprKind::Int(value))
    }

    fn primary(&mut self) -> Result<Expr, Error> {
        let span = self.span();
        let expected = "a value";
        let kind = match self.token() {
            Some(Token::Ident(name)) if !is_keyword(name) => ExprKind::Ident(name.clone()),
            Some(Token::Int(value)) => {
                ExprKind::Int(i64::try_from(*value).map_err(|_| too_big(span))?)
            }
            Some(Token::Duration(value)) => ExprKind::Duration(*value),
            Some(Token::Str(text)) => ExprKind::Str(text.clone()),
            Some(Token::Pattern(text)) => ExprKind::Pattern(text.clone()),
            Some(Token::Regexp(text)) => ExprKind::Regexp(text.clone()),
            Some(Token::Ip(text)) => ExprKind::Ip(text.clone()),
            Some(Token::Cidr(text)) => ExprKind::Cidr(text.clone()),
            Some(Token::Variable(name)) => ExprKind::Variable(name.clone()),
            Some(Token::FieldRef(name)) => ExprKind::FieldRef(name.clone()),
            Some(Token::Punct("(")) => {
                self.at += 1;
                let mut inner = self.nested(Self::expression)?;
                inner.span = span.to(self.expect(")")?);
                return Ok(inner);
            }
            Some(Token::Punct("[")) => {
                let help = "lists stand behind `in`, `not in` and `allin`";
                return Err(self.unexpected(expected).help(help));
            }
            Some(Token::Punct("=")) => {
                return Err(self.unexpected(expected).help("did you mean `==`?"));
            }
            _ => return Err(self.unexpected(expected)),
        };
        self.at += 1;
        Expr::new(span, kind)
    }

    /// What may stand behind `in`.
    fn array(&mut self) -> Result<Expr, Error> {
        let expected = "a list";
        match self.token() {
            Some(Token::Punct("[")) => self.list(),
            Some(Token::Cidr(_) | Token::Variable(_) | Token::FieldRef(_)) => self.primary(),
            Some(Token::Ident(name)) if !is_keyword(name) => self.primary(),
            Some(Token::Ip(text)) => {
                let help = format!("did you mean `[{text}]`?");
                Err(self.unexpected(expected).help(help))
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    fn list(&mut self) -> Result<Expr, Error> {
        let start = self.expect("[")?;
        if self.is_next("]") {
            return Err(Error::new(start.to(self.span()), ErrorKind::EmptyList));
        }
        let mut parts = Vec::new();
        loop {
            let part = if self.is_next("-") { self.negated()? } else { self.primary()? };
            if let Some(first) = parts.first() {
                same_kind(first, &part)?;
            }
            parts.push(part);
            if self.is_next("]") {
                break;
            }
            if !self.is_next(",") {
                return Err(self.unexpected("`,` or `]`"));
            }
            self.at += 1;
        }
        Expr::new(start.to(self.expect("]")?), ExprKind::List(parts))
    }

    fn nested(&mut self, part: fn(&mut Self) -> Result<Expr, Error>) -> Result<Expr, Error> {
        if self.nesting >= MAX_NESTING {
            return Err(Error::new(self.span(), ErrorKind::TooDeep(MAX_NESTING)));
        }
        self.nesting += 1;
        let expr = part(self);
        self.nesting -= 1;
        expr
    }

    fn end(&self, expr: Expr) -> Result<Expr, Error> {
        match self.token() {
            None => Ok(expr),
            Some(_) => Err(self.unexpected("an operator or the end")),
        }
    }

    fn token(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|spanned| &spanned.token)
    }

    fn span(&self) -> Span {
        self.tokens.get(self.at).map_or(Span::new(self.end, self.end), |spanned| spanned.span)
    }

    fn is_next(&self, punct: &str) -> bool {
        matches!(self.token(), Some(Token::Punct(next)) if *next == punct)
    }

    fn is_name_at(&self, at: usize, name: &str) -> bool {
        let token = self.tokens.get(at).map(|spanned| &spanned.token);
        matches!(token, Some(Token::Ident(next)) if next == name)
    }

    fn expect(&mut self, punct: &'static str) -> Result<Span, Error> {
        if !self.is_next(punct) {
            return Err(self.unexpected(match punct {
                ")" => "`)`",
                "[" => "`[`",
                _ => "`]`",
            }));
        }
        let span = self.span();
        self.at += 1;
        Ok(span)
    }

    fn unexpected(&self, expected: &'static str) -> Error {
        let found = self.token().map_or("the end".into(), Token::describe);
        Error::new(self.span(), ErrorKind::Unexpected { expected, found })
    }
}

fn binary(left: Expr, op: BinaryOp, right: Expr) -> Result<Expr, Error> {
    let span = left.span.to(right.span);
    Expr::new(span, ExprKind::Binary(Box::new(left), op, Box::new(right)))
}

fn too_big(span: Span) -> Error {
    Error::new(span, ErrorKind::Number("more than 63 bits".into()))
}

fn same_kind(first: &Expr, other: &Expr) -> Result<(), Error> {
    let kind = |expr: &Expr| match expr.kind {
        ExprKind::Int(_) => "numbers",
        ExprKind::Duration(_) => "durations",
        ExprKind::Str(_) | ExprKind::Pattern(_) | ExprKind::Regexp(_) => "strings",
        ExprKind::Ip(_) | ExprKind::Cidr(_) => "addresses",
        ExprKind::Ident(_) => "names",
        _ => "expressions",
    };
    let (first, kind) = (kind(first), kind(other));
    // What a name stands for shows later.
    if first == kind || first == "names" || kind == "names" {
        return Ok(());
    }
    Err(Error::new(other.span, ErrorKind::MixedList(first, kind)))
}
