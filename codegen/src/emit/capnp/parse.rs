//! Reads schema text: `protocol.capnp`, and a committed schema to compare with. Only what
//! [`super::text()`] writes is understood.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::Error;
use super::schema::{Field, Kind, Node, Place, Schema, Type};

/// Reads the text of a schema file.
///
/// # Errors
/// When the text is not as [`super::text()`] writes it.
pub fn parse(text: &str) -> Result<Schema, Error> {
    let mut parser = Parser { tokens: tokens(text).into_iter().peekable(), line: 1 };
    parser.docs();
    let id = parser.number()?;
    parser.expect(";")?;
    parser.docs();
    let mut nodes = Vec::new();
    while let Some(keyword) = parser.next() {
        nodes.push(match keyword {
            "struct" => parser.structure()?,
            "enum" => parser.enumeration()?,
            other => return Err(parser.error(format!("neither struct nor enum: {other}"))),
        });
        parser.docs();
    }
    Ok(Schema { id, nodes })
}

struct Parser<'a> {
    tokens: Peekable<IntoIter<(usize, &'a str)>>,
    line: usize,
}

impl<'a> Parser<'a> {
    fn structure(&mut self) -> Result<Node, Error> {
        let (name, doc) = self.opening()?;
        let mut fields = Vec::new();
        while let Some(token) = self.next() {
            match token {
                "}" => return Ok(Node { name, doc, kind: Kind::Struct(self.ordered(fields)?) }),
                "union" => {
                    self.expect("{")?;
                    self.docs();
                    while !self.accept("}") {
                        let name = self.word()?;
                        fields.push(self.field(name, Place::Union)?);
                    }
                    self.docs();
                }
                name => fields.push(self.field(name, Place::Own)?),
            }
        }
        Err(self.error("the text ends in a struct".into()))
    }

    fn enumeration(&mut self) -> Result<Node, Error> {
        let (name, doc) = self.opening()?;
        let mut names = Vec::new();
        while !self.accept("}") {
            let name = self.word()?;
            let value = self.number()?;
            self.expect(";")?;
            self.docs();
            names.push((value, name.to_owned()));
        }
        Ok(Node { name, doc, kind: Kind::Enum(self.ordered(names)?) })
    }

    fn opening(&mut self) -> Result<(String, String), Error> {
        let name = self.word()?.to_owned();
        self.expect("{")?;
        Ok((name, self.docs()))
    }

    fn field(&mut self, name: &str, place: Place) -> Result<(u64, Field), Error> {
        let ordinal = self.number()?;
        self.expect(":")?;
        let ty = self.ty()?;
        self.expect(";")?;
        Ok((ordinal, Field { name: name.into(), ty, place, doc: self.docs() }))
    }

    fn ty(&mut self) -> Result<Type, Error> {
        let name = self.word()?;
        if name == "List" {
            self.expect("(")?;
            let element = self.ty()?;
            self.expect(")")?;
            return Ok(Type::List(Box::new(element)));
        }
        let basic = Type::BASIC.into_iter().find(|(basic, _)| *basic == name);
        Ok(basic.map_or_else(|| Type::Named(name.into()), |(_, ty)| ty))
    }

    /// Items by their numbers, which must be dense.
    fn ordered<T>(&self, mut items: Vec<(u64, T)>) -> Result<Vec<T>, Error> {
        items.sort_by_key(|(ordinal, _)| *ordinal);
        if let Some(gap) = (0..).zip(&items).find(|(expected, (ordinal, _))| expected != ordinal) {
            return Err(self.error(format!("number @{} is missing or not unique", gap.0)));
        }
        Ok(items.into_iter().map(|(_, item)| item).collect())
    }

    /// `@N`, decimal or with `0x`.
    fn number(&mut self) -> Result<u64, Error> {
        self.expect("@")?;
        let word = self.word()?;
        let parsed = match word.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => word.parse(),
        };
        parsed.map_err(|_| self.error(format!("no number: {word}")))
    }

    /// Consecutive comment lines.
    fn docs(&mut self) -> String {
        let mut lines = Vec::new();
        while let Some((line, comment)) = self.tokens.next_if(|(_, token)| token.starts_with('#')) {
            self.line = line;
            lines.push(comment.trim_start_matches('#').trim());
        }
        lines.join("\n")
    }

    fn word(&mut self) -> Result<&'a str, Error> {
        match self.next() {
            Some(word) if word.starts_with(|c: char| c.is_ascii_alphanumeric()) => Ok(word),
            other => Err(self.error(format!("expected a name, found {}", other.unwrap_or("end")))),
        }
    }

    fn expect(&mut self, expected: &str) -> Result<(), Error> {
        match self.next() {
            Some(token) if token == expected => Ok(()),
            other => {
                let found = other.unwrap_or("end");
                Err(self.error(format!("expected {expected}, found {found}")))
            }
        }
    }

    fn accept(&mut self, expected: &str) -> bool {
        self.tokens.next_if(|(_, token)| *token == expected).is_some()
    }

    fn next(&mut self) -> Option<&'a str> {
        let (line, token) = self.tokens.next()?;
        self.line = line;
        Some(token)
    }

    fn error(&self, problem: String) -> Error {
        Error::Syntax { line: self.line, problem }
    }
}

/// Words, comments and single punctuation characters with their lines.
fn tokens(text: &str) -> Vec<(usize, &str)> {
    let mut tokens = Vec::new();
    for (line, mut rest) in (1..).zip(text.lines()) {
        loop {
            rest = rest.trim_start();
            let Some(first) = rest.chars().next() else { break };
            let length = if first == '#' {
                rest.len()
            } else if first.is_ascii_alphanumeric() {
                rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            let (token, after) = rest.split_at(length);
            tokens.push((line, token));
            rest = after;
        }
    }
    tokens
}
