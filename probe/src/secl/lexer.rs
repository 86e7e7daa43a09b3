//! From text to tokens with their places.

use super::error::{Error, ErrorKind, Span};

/// Longest expression in bytes.
pub const MAX_LENGTH: usize = 128 * 1024;

/// A token and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned {
    /// The token.
    pub token: Token,
    /// Its place.
    pub span: Span,
}

/// The smallest part of an expression that means something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// `exec.file.path`, `O_CREAT`, `process.ancestors[A].comm`.
    Ident(String),
    /// `12`; signs are operators.
    Int(u64),
    /// `90s`, in nanoseconds.
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
    /// An operator or bracket.
    Punct(&'static str),
}

impl Token {
    /// How an error message calls it.
    pub fn describe(&self) -> String {
        match self {
            Token::Ident(name) => format!("`{name}`"),
            Token::Int(value) => format!("`{value}`"),
            Token::Duration(_) => "a duration".into(),
            Token::Str(_) => "a string".into(),
            Token::Pattern(_) => "a pattern".into(),
            Token::Regexp(_) => "a regexp".into(),
            Token::Ip(text) | Token::Cidr(text) => format!("`{text}`"),
            Token::Variable(name) => format!("`${{{name}}}`"),
            Token::FieldRef(name) => format!("`%{{{name}}}`"),
            Token::Punct(text) => format!("`{text}`"),
        }
    }
}

/// Operators and brackets, longer ones first.
const PUNCT: [&str; 24] = [
    "&&", "||", "==", "!=", "=~", "!~", "<=", ">=", "<", ">", "!", "+", "-", "[", "]", "(", ")",
    ",", "&", "|", "~", "^", "%", "=",
];

/// Whether a name is a word of the language.
pub fn is_keyword(name: &str) -> bool {
    matches!(name, "and" | "or" | "not" | "in" | "allin")
}

/// Splits an expression into its tokens.
pub fn lex(text: &str) -> Result<Vec<Spanned>, Error> {
    if text.len() > MAX_LENGTH {
        let span = Span::new(0, 0);
        return Err(Error::new(span, ErrorKind::TooLong(MAX_LENGTH, "bytes")));
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Option<Spanned>, Error> {
        self.skip_blanks();
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        let token = if let Some(token) = self.address() {
            token
        } else if self.rest().starts_with("r\"") {
            Token::Regexp(self.quoted(2, "regexp")?)
        } else if self.rest().starts_with("~\"") {
            Token::Pattern(self.quoted(2, "pattern")?)
        } else if first == '"' {
            Token::Str(self.quoted(1, "string")?)
        } else if self.rest().starts_with("${") {
            Token::Variable(self.braced("variable")?)
        } else if self.rest().starts_with("%{") {
            Token::FieldRef(self.braced("field reference")?)
        } else if first.is_ascii_digit() {
            self.number()?
        } else if first.is_ascii_alphabetic() || first == '_' {
            Token::Ident(self.name().to_owned())
        } else if let Some(punct) = PUNCT.iter().find(|punct| self.rest().starts_with(**punct)) {
            self.at += punct.len();
            Token::Punct(punct)
        } else {
            let span = Span::new(start, start + first.len_utf8());
            return Err(Error::new(span, ErrorKind::Character(first)));
        };
        Ok(Some(Spanned { token, span: Span::new(start, self.at) }))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take(&mut self, wanted: fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.bytes().position(|byte| !wanted(byte)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn skip_blanks(&mut self) {
        loop {
            self.take(|byte| byte.is_ascii_whitespace());
            let rest = self.rest();
            if !rest.starts_with('#') && !rest.starts_with("//") {
                return;
            }
            self.take(|byte| byte != b'\n');
        }
    }

    /// An IP address or a CIDR, if the text looks like one.
    fn address(&mut self) -> Option<Token> {
        let rest = self.rest();
        let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b'.' || byte == b':';
        let len = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let text = &rest[..len];
        let colons = text.bytes().filter(|byte| *byte == b':').count();
        let is_quad = text.bytes().filter(|byte| *byte == b'.').count() == 3
            && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            && !text.starts_with('.');
        if colons < 2 && !is_quad {
            return None;
        }
        self.at += len;
        let after = self.rest();
        if !after.starts_with('/') || !after[1..].starts_with(|c: char| c.is_ascii_digit()) {
            return Some(Token::Ip(text.to_owned()));
        }
        self.at += 1;
        let bits = self.take(|byte| byte.is_ascii_digit());
        Some(Token::Cidr(format!("{text}/{bits}")))
    }

    /// Text up to the next quote without a backslash before it, as it stands.
    fn quoted(&mut self, opening: usize, what: &'static str) -> Result<String, Error> {
        let start = self.at;
        let body = &self.rest()[opening..];
        let mut escaped = false;
        for (len, byte) in body.bytes().enumerate() {
            if byte == b'"' && !escaped {
                self.at += opening + len + 1;
                return Ok(body[..len].to_owned());
            }
            escaped = byte == b'\\' && !escaped;
        }
        let span = Span::new(start, self.text.len());
        Err(Error::new(span, ErrorKind::Unterminated(what)))
    }

    fn braced(&mut self, what: &'static str) -> Result<String, Error> {
        let start = self.at;
        self.at += 2;
        let name = self.name();
        if name.is_empty() || !self.rest().starts_with('}') {
            let span = Span::new(start, self.at);
            return Err(Error::new(span, ErrorKind::Unterminated(what)));
        }
        self.at += 1;
        Ok(name.to_owned())
    }

    /// A dotted name, with indices where they follow at once. The bracket of a list is none.
    fn name(&mut self) -> &'a str {
        let rest = self.rest();
        let mut len = self.take(is_name).len();
        while !is_keyword(&rest[..len])
            && let Some(index) = rest[len..].strip_prefix('[')
        {
            let inner = index.bytes().position(|byte| !is_name(byte)).unwrap_or(index.len());
            if inner == 0 || !index[inner..].starts_with(']') {
                break;
            }
            self.at += inner + 2;
            len += inner + 2 + self.take(is_name).len();
        }
        &rest[..len]
    }

    fn number(&mut self) -> Result<Token, Error> {
        let start = self.at;
        let digits = self.take(|byte| byte.is_ascii_digit());
        let unit = self.take(is_name);
        let span = Span::new(start, self.at);
        let bad = |why: &str| Error::new(span, ErrorKind::Number(why.to_owned()));
        let value: u64 = digits.parse().map_err(|_| bad("more than 64 bits"))?;
        let nanoseconds: u64 = match unit {
            "" => return Ok(Token::Int(value)),
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(bad("unknown unit").help("units are ms, s, m and h")),
        };
        value
            .checked_mul(nanoseconds)
            .and_then(|value| i64::try_from(value).ok())
            .map(Token::Duration)
            .ok_or_else(|| bad("the duration is longer than 292 years"))
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}
