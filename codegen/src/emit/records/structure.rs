//! The structure of a record, with access to its fields by index.

use proc_macro2::TokenStream;
use quote::quote;

use super::describe;
use crate::emit::{names, source};
use crate::model::{FieldType, Model, Record};

/// An event or a group.
pub(super) struct Item<'a> {
    pub(super) name: &'a str,
    pub(super) doc: &'a str,
    pub(super) record: &'a Record,
}

/// Structure, descriptor and `Record` implementation.
pub(super) fn record(model: &Model, item: &Item<'_>) -> TokenStream {
    let name = names::ident(&names::camel(item.name));
    let doc = source::doc(item.doc, item.name);
    let mut fields = Vec::new();
    let mut gets = Vec::new();
    let mut slots = Vec::new();
    for (index, (_, field, ty)) in names::live(item.record).enumerate() {
        let ident = names::ident(&names::field(model, field));
        let doc = source::doc(&field.doc, names::label(model, field));
        let rust = rust_type(model, ty);
        fields.push(quote!(#doc pub #ident: #rust));
        let (get, slot) = access(ty, &ident);
        let index = source::number(index);
        gets.push(quote!(#index => #get));
        slots.push(quote!(#index => #slot));
    }
    let desc = names::ident(&names::upper(item.name));
    let static_doc = format!(" Descriptor of [`{name}`].");
    let described = describe::record(model, item);
    let (get, get_mut) = (select(&gets), select(&slots));
    quote! {
        #doc
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct #name { #(#fields,)* }

        #[doc = #static_doc]
        pub static #desc: RecordDesc = #described;

        impl Record for #name {
            fn desc(&self) -> &'static RecordDesc {
                &#desc
            }
            fn get(&self, index: usize) -> Value<'_> {
                #get
            }
            fn get_mut(&mut self, index: usize) -> Slot<'_> {
                #get_mut
            }
        }
    }
}

/// One of the arms by `index`.
fn select(arms: &[TokenStream]) -> TokenStream {
    let none = quote!(panic!("no field {index}"));
    if arms.is_empty() { none } else { quote!(match index { #(#arms,)* _ => #none, }) }
}

/// The Rust type of a field.
fn rust_type(model: &Model, ty: FieldType) -> TokenStream {
    use FieldType::*;
    match ty {
        Bool => quote!(bool),
        Int | Mode | Uid | Gid | Pid | Signal | Timestamp | Set(_) => quote!(i64),
        String | Path => quote!(Vec<u8>),
        Strings => quote!(Vec<Vec<u8>>),
        Ints => quote!(Vec<i64>),
        Ip => quote!(Option<std::net::IpAddr>),
        Group(group) => {
            let name = names::ident(&names::camel(&model.groups[group].name));
            quote!(super::groups::#name)
        }
    }
}

/// `Value` and `Slot` of a field.
fn access(ty: FieldType, ident: &proc_macro2::Ident) -> (TokenStream, TokenStream) {
    use FieldType::*;
    let kind = names::ident(match ty {
        Bool => "Bool",
        Int | Mode | Uid | Gid | Pid | Signal | Timestamp | Set(_) => "Int",
        String | Path => "Bytes",
        Strings => "List",
        Ints => "Ints",
        Ip => "Ip",
        Group(_) => "Record",
    });
    let get = match ty {
        Bool | Int | Mode | Uid | Gid | Pid | Signal | Timestamp | Set(_) | Ip => {
            quote!(Value::#kind(self.#ident))
        }
        String | Path | Strings | Ints | Group(_) => quote!(Value::#kind(&self.#ident)),
    };
    (get, quote!(Slot::#kind(&mut self.#ident)))
}
