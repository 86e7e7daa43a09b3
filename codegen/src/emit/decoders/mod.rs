//! Rust: the tables that the tracer decodes calls with. The vocabulary (`SyscallDesc`, `Shapes`,
//! `Source`, …) is the module `decode::table` of the tracer, which the output becomes part of.

mod events;
mod numbers;
mod syscalls;
#[cfg(test)]
mod tests;
mod types;

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};

use super::source;
use crate::model::Model;

/// The source of the module with all tables.
pub fn rust(model: &Model) -> String {
    let abis = numbers::abis(model);
    let numbers = numbers::numbers(model);
    let results = events::results(model);
    let list = syscalls::list(model);
    let structs = types::structs(model);
    let syscalls = syscalls::syscalls(model);
    source::file(
        "Tables of system calls",
        quote! {
            use super::table::*;
            use crate::memory::Width;

            #abis
            #numbers
            #results
            #list

            /// Memory layouts that arguments point to.
            pub mod structs {
                #[allow(unused_imports, reason = "a specification may need few of them")]
                use super::*;
                #[allow(unused_imports, reason = "as above")]
                use sentrace_schema::sets;
                #structs
            }

            /// Every system call.
            pub mod syscalls {
                #[allow(unused_imports, reason = "a specification may need few of them")]
                use super::*;
                #[allow(unused_imports, reason = "as above")]
                use super::super::irregular;
                #[allow(unused_imports, reason = "as above")]
                use sentrace_schema::sets;
                #syscalls
            }
        },
    )
}

/// A value for each ABI; a single one when it is the same on all.
fn per_abi<T: PartialEq>(values: &[T], token: impl Fn(&T) -> Literal) -> TokenStream {
    let values = match values {
        [first, rest @ ..] if rest.iter().all(|value| value == first) => {
            std::slice::from_ref(first)
        }
        values => values,
    };
    let values = values.iter().map(token);
    quote!(PerAbi(&[#(#values),*]))
}

/// A number without a type suffix, in hexadecimal if it has many digits.
fn bits(value: u64) -> Literal {
    let text = if value < 10_000 { value.to_string() } else { format!("{value:#x}") };
    text.parse().unwrap_or_else(|_| Literal::u64_unsuffixed(value))
}

/// An index of at most 255.
fn index(index: usize) -> impl ToTokens {
    source::number(index)
}
