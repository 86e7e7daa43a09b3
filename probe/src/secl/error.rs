//! Errors of rule expressions: where, what, and which name was probably meant.

use std::fmt;
use std::ops::Range;

/// Bytes of an expression, from `start` up to and without `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

impl Span {
    /// From `start` up to and without `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the start of this span to the end of `other`.
    pub fn to(self, other: Span) -> Self {
        Self { start: self.start, end: other.end.max(self.end) }
    }

    /// As a range, for slicing the expression.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The part of the expression that is wrong.
    pub span: Span,
    /// What is wrong with it.
    pub kind: ErrorKind,
    /// What to do about it, if that can be said.
    pub help: Option<String>,
}

impl Error {
    /// An error without advice.
    pub fn new(span: Span, kind: ErrorKind) -> Self {
        Self { span, kind, help: None }
    }

    /// With advice.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With the name that was probably meant, if there is one.
    pub fn meant(self, name: Option<String>) -> Self {
        match name {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// A character that starts no token.
    #[error("unexpected character `{0}`")]
    Character(char),
    /// A string, pattern, regexp or variable without its end.
    #[error("{0} without an end")]
    Unterminated(&'static str),
    /// A number that does not fit 64 bits, or has letters behind it.
    #[error("bad number: {0}")]
    Number(String),
    /// An address that is none.
    #[error("bad address: {0}")]
    Address(String),
    /// A token where another was expected.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What could stand here.
        expected: &'static str,
        /// What stands here.
        found: String,
    },
    /// `a && b || c`.
    #[error("`&&` and `||` are mixed without parentheses")]
    MixedLogic,
    /// `[]`.
    #[error("a list cannot be empty")]
    EmptyList,
    /// `["a", 1]`.
    #[error("a list holds values of one kind, not {0} and {1}")]
    MixedList(&'static str, &'static str),
    /// Parentheses, operators or macros inside each other.
    #[error("nested too deeply (more than {0} levels)")]
    TooDeep(usize),
    /// A long text, or one that grows by its macros.
    #[error("too long (more than {0} {1})")]
    TooLong(usize, &'static str),
    /// A name that is no constant, macro or field.
    #[error("unknown name `{0}`")]
    UnknownName(String),
    /// A variable that no action sets.
    #[error("unknown variable `{0}`")]
    UnknownVariable(String),
    /// Operands that do not go together.
    #[error("cannot compare {0} with {1}")]
    Mismatch(String, String),
    /// An operator that a type does not have.
    #[error("operator `{operator}` does not apply to {ty}")]
    Operator {
        /// The operator as written.
        operator: &'static str,
        /// The type of its operand.
        ty: String,
    },
    /// Something else was needed here.
    #[error("expected {expected}, found {found}")]
    Type {
        /// The type that was needed.
        expected: &'static str,
        /// The type that was found.
        found: String,
    },
    /// A pattern that cannot be.
    #[error("bad pattern: {0}")]
    Pattern(String),
    /// A regexp that cannot be compiled within the limits.
    #[error("bad regexp: {0}")]
    Regexp(String),
    /// A path that no file can have.
    #[error("bad path: {0}")]
    Path(String),
    /// An index or register that cannot be.
    #[error("bad index: {0}")]
    Index(String),
    /// Fields of two event types.
    #[error("a rule is about one type of event, not `{0}` and `{1}`")]
    TwoEvents(String, String),
    /// Fails only where the macro is used.
    #[error("in macro `{0}`: {1}")]
    Macro(String, Box<ErrorKind>),
}
