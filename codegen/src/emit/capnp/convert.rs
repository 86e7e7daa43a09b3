//! Rust functions that write records to Cap'n Proto builders and read them back.
//!
//! The output stands beside the generated `events_capnp`; its helpers for single values
//! (`bytes`, `ip`, `strings`, `ints` and the same with `write_`) are written by hand in the crate
//! that it becomes part of.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::records::{event_struct, field_name, group_struct};
use crate::emit::{names, source};
use crate::model::{FieldType, Model, Record};

/// The source of the conversions.
pub fn rust(model: &Model) -> String {
    let groups = model.groups.iter().map(|group| {
        let name = names::ident(&names::camel(&group.name));
        record(model, &quote!(groups::#name), &group_struct(&group.name), &group.record)
    });
    let events = model.events.iter().map(|event| {
        let name = names::ident(&names::camel(&event.name));
        record(model, &quote!(events::#name), &event_struct(&event.name), &event.record)
    });
    let payload = payload(model);
    source::file(
        "Records to and from Cap'n Proto",
        quote! {
            use crate::events_capnp::*;
            use crate::wire::value::*;
            use crate::wire::Error;
            use crate::{Payload, events, groups};

            #payload
            #(#groups)*
            #(#events)*
        },
    )
}

/// The union of all events.
fn payload(model: &Model) -> TokenStream {
    let mut writes = Vec::new();
    let mut reads = Vec::new();
    for event in &model.events {
        let variant = names::ident(&names::camel(&event.name));
        let member = generated(&names::lower_camel(&event.name));
        let init = format_ident!("init_{member}");
        let (write, read) = functions(&event_struct(&event.name));
        writes.push(quote!(Payload::#variant(record) => #write(record, to.#init())));
        reads.push(
            quote!(event::Which::#variant(from) => Payload::#variant(Box::new(#read(from?)?))),
        );
    }
    quote! {
        /// Writes what an event holds.
        pub(crate) fn write_payload(payload: &Payload, to: event::Builder<'_>) -> Result<(), Error> {
            match payload { #(#writes,)* }
        }

        /// Reads what an event holds.
        pub(crate) fn read_payload(from: event::Reader<'_>) -> Result<Payload, Error> {
            Ok(match from.which().map_err(|unknown| Error::UnknownEvent(unknown.0))? {
                #(#reads,)*
            })
        }
    }
}

/// The pair of functions for an event or group.
fn record(model: &Model, rust: &TokenStream, wire: &str, record: &Record) -> TokenStream {
    let (write, read) = functions(wire);
    let module = names::ident(&names::snake(&generated(wire)));
    let mut writes = Vec::new();
    let mut reads = Vec::new();
    for (_, field, ty) in names::live(record) {
        let ident = names::ident(&names::field(model, field));
        let wire = generated(&field_name(model, field));
        writes.push(write_field(model, ty, &ident, &wire));
        reads.push(read_field(model, ty, &ident, &wire));
    }
    let (record, to, from) = if reads.is_empty() {
        (quote!(_), quote!(_), quote!(_))
    } else {
        (quote!(record), quote!(mut to), quote!(from))
    };
    quote! {
        fn #write(#record: &#rust, #to: #module::Builder<'_>) -> Result<(), Error> {
            #(#writes)*
            Ok(())
        }

        fn #read(#from: #module::Reader<'_>) -> Result<#rust, Error> {
            Ok(#rust { #(#reads,)* })
        }
    }
}

/// What is empty is not written: it is what readers get for what is not there.
fn write_field(model: &Model, ty: FieldType, ident: &Ident, wire: &str) -> TokenStream {
    use FieldType::*;
    let (set, init) = (format_ident!("set_{wire}"), format_ident!("init_{wire}"));
    match ty {
        Bool | Int | Mode | Uid | Gid | Pid | Signal | Timestamp | Set(_) => {
            quote!(to.#set(record.#ident);)
        }
        String | Path => quote! {
            if !record.#ident.is_empty() {
                to.#set(&record.#ident);
            }
        },
        Ip => quote! {
            if let Some(ip) = record.#ident {
                write_ip(ip, |bytes| to.#set(bytes));
            }
        },
        Strings | Ints => {
            let write = format_ident!("write_{}", if ty == Ints { "ints" } else { "strings" });
            quote! {
                if !record.#ident.is_empty() {
                    #write(&record.#ident, |length| to.reborrow().#init(length))?;
                }
            }
        }
        Group(group) => {
            let name = &model.groups[group].name;
            let (write, _) = functions(&group_struct(name));
            let rust = names::ident(&names::camel(name));
            quote! {
                if record.#ident != groups::#rust::default() {
                    #write(&record.#ident, to.reborrow().#init())?;
                }
            }
        }
    }
}

fn read_field(model: &Model, ty: FieldType, ident: &Ident, wire: &str) -> TokenStream {
    use FieldType::*;
    let get = format_ident!("get_{wire}");
    let value = match ty {
        Bool | Int | Mode | Uid | Gid | Pid | Signal | Timestamp | Set(_) => quote!(from.#get()),
        String | Path => quote!(from.#get()?.to_vec()),
        Ip => quote!(ip(from.#get()?)?),
        Strings => quote!(strings(from.#get()?)?),
        Ints => quote!(ints(from.#get()?)?),
        Group(group) => {
            let (_, read) = functions(&group_struct(&model.groups[group].name));
            quote!(#read(from.#get()?)?)
        }
    };
    quote!(#ident: #value)
}

/// Names of the functions that write and read a structure of the schema.
fn functions(wire: &str) -> (Ident, Ident) {
    let wire = generated(wire);
    (format_ident!("write_{wire}"), format_ident!("read_{wire}"))
}

/// How capnpc spells a name of the schema in Rust: a word begins at every capital letter.
fn generated(name: &str) -> String {
    let mut snake = String::new();
    for (index, letter) in name.char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
