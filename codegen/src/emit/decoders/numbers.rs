//! Which number is which call, and how wide an ABI's types are.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::emit::{names, source};
use crate::model::{Abi, Model};

/// Widths of types by ABI.
pub(super) fn abis(model: &Model) -> TokenStream {
    let count = source::number(model.abis.len());
    let abis = model.abis.iter().map(|abi: &Abi| {
        let old_id = width(if abi.uid16 { 16 } else { 32 });
        let (word, register) = (width(abi.word), width(abi.kernel_long));
        quote!(AbiLayout { word: #word, register: #register, old_id: #old_id })
    });
    quote! {
        /// Widths of types by ABI id.
        pub static ABIS: [AbiLayout; #count] = [#(#abis),*];
    }
}

/// Calls by ABI and number.
pub(super) fn numbers(model: &Model) -> TokenStream {
    let count = source::number(model.abis.len());
    let tables = (0..model.abis.len()).map(|abi| {
        let calls = model.syscalls.iter().filter_map(|call| {
            let nr = *call.nr.get(abi)?.as_ref()?;
            Some((nr, names::ident(&names::upper(&call.name))))
        });
        let mut calls: Vec<_> = calls.collect();
        calls.sort_unstable();
        let calls = calls.into_iter().map(|(nr, call)| {
            let nr = Literal::u32_unsuffixed(nr);
            quote!((#nr, &syscalls::#call))
        });
        quote!(&[#(#calls),*])
    });
    quote! {
        /// Calls by ABI id and number.
        pub static NUMBERS: [Numbers; #count] = [#(#tables),*];
    }
}

fn width(bits: u32) -> TokenStream {
    let name = names::ident(&format!("W{bits}"));
    quote!(Width::#name)
}
