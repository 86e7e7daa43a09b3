//! System calls: arguments, shapes and events.

use proc_macro2::TokenStream;
use quote::quote;

use super::{events, index, types};
use crate::emit::{names, source};
use crate::model::{Becomes, Model, Shape, Slot, Syscall};

/// The list of all calls.
pub(super) fn list(model: &Model) -> TokenStream {
    let count = source::number(model.syscalls.len());
    let calls = model.syscalls.iter().map(|syscall| names::ident(&names::upper(&syscall.name)));
    quote! {
        /// System calls, sorted by name.
        pub static SYSCALLS: [&SyscallDesc; #count] = [#(&syscalls::#calls),*];
    }
}

/// One static for every call.
pub(super) fn syscalls(model: &Model) -> TokenStream {
    let calls = model.syscalls.iter().map(|call| syscall(model, call));
    quote!(#(#calls)*)
}

fn syscall(model: &Model, syscall: &Syscall) -> TokenStream {
    let name = &syscall.name;
    let ident = names::ident(&names::upper(name));
    let page = format!(" [{name}(2)](https://man7.org/linux/man-pages/man2/{name}.2.html)");
    let remark = (!syscall.doc.is_empty()).then(|| {
        let doc = source::doc(&syscall.doc, name);
        quote!(#[doc = ""] #doc)
    });
    let args = syscall.args.iter().map(|arg| types::argument(model, arg));
    let shapes = shapes(syscall);
    let becomes = becomes(model, syscall.becomes.as_ref());
    let events = syscall.events.iter().map(|binding| events::binding(model, binding));
    quote! {
        #[doc = #page]
        #remark
        pub static #ident: SyscallDesc = SyscallDesc {
            name: #name,
            args: &[#(#args),*],
            shapes: #shapes,
            becomes: #becomes,
            events: &[#(#events),*],
        };
    }
}

fn shapes(syscall: &Syscall) -> TokenStream {
    let is_in_order = |shape: &Shape| {
        let slots = shape.slots.iter().enumerate();
        slots.into_iter().all(|(arg, slot)| {
            slot.is_some_and(|slot| usize::from(slot.index) == arg && !slot.pair)
        })
    };
    if syscall.shapes.iter().flatten().all(is_in_order) {
        return quote!(Shapes::InOrder);
    }
    let shapes = syscall.shapes.iter().map(|shape| {
        let slots = shape.iter().flat_map(|shape| &shape.slots).map(slot);
        quote!(&[#(#slots),*])
    });
    quote!(Shapes::PerAbi(&[#(#shapes),*]))
}

fn slot(slot: &Option<Slot>) -> TokenStream {
    match slot {
        None => quote!(Slot::Absent),
        Some(Slot { index: low, pair }) => {
            let low = index(usize::from(*low));
            if *pair { quote!(Slot::Pair(#low)) } else { quote!(Slot::One(#low)) }
        }
    }
}

fn becomes(model: &Model, becomes: Option<&Becomes>) -> TokenStream {
    let Some(Becomes { by, when }) = becomes else { return quote!(None) };
    let by = names::ident(&names::snake(&model.irregular[*by].name));
    let when = when.iter().map(types::condition);
    quote!(Some(Becomes { by: irregular::#by, when: &[#(#when),*] }))
}
