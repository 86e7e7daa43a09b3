//! SECL, the language of rules: lexer, parser, type checker, evaluator.

pub mod ast;
pub mod error;
pub mod lexer;
pub mod parser;

pub use error::{Error, ErrorKind, Span};
