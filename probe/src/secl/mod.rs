//! SECL, the language of rules: lexer, parser, type checker, evaluator.
//!
//! ```text
//! text --lexer--> tokens --parser--> Expr --check--> Condition --eval--> true or false
//! ```
//!
//! The language knows no fields, constants or variables by itself: a [`Registry`] says which names
//! there are, and a [`Context`] which values they have for one event. Whatever an expression
//! holds, it is compiled or refused within fixed limits; whatever an event holds, evaluation ends
//! and has no side effects.

pub mod ast;
mod check;
pub mod error;
mod eval;
pub mod lexer;
mod matcher;
pub mod parser;
mod pattern;
#[cfg(test)]
mod tests;
mod tree;
pub mod types;

pub use ast::Expr;
pub use check::{Condition, Macros, Program, Uses};
pub use error::{Error, ErrorKind, Span};
pub use eval::Owned;
pub use parser::{parse, parse_macro};
pub use types::{Constant, Context, FieldRef, Kind, Registry, Text, Value, VariableRef};
