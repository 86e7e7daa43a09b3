//! The sum of all events.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::{names, source};
use crate::model::Model;

/// `enum Payload` with its descriptors and conversions.
pub(super) fn payload(model: &Model) -> TokenStream {
    let mut variants = Vec::new();
    let mut names_ = Vec::new();
    for event in &model.events {
        let name = names::ident(&names::camel(&event.name));
        let doc = source::doc(&event.doc, &event.name);
        variants.push(quote!(#doc #name(Box<events::#name>)));
        names_.push(name);
    }
    let ids: Vec<_> = (0..names_.len()).map(source::number).collect();
    quote! {
        /// What an event holds. Boxed, so that every event is cheap to move; `From` puts a
        /// record into its box.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Payload { #(#variants,)* }

        impl Payload {
            /// An event with this wire id without any content; `None` when there is none.
            pub fn empty(id: u16) -> Option<Payload> {
                Some(match id {
                    #(#ids => Payload::#names_(Box::default()),)*
                    _ => return None,
                })
            }

            /// What kind of event it is.
            pub fn event(&self) -> &'static EventDesc {
                match self {
                    #(Payload::#names_(_) => &EVENTS[#ids],)*
                }
            }

            /// Its fields.
            pub fn record(&self) -> &dyn Record {
                match self {
                    #(Payload::#names_(record) => record.as_ref(),)*
                }
            }

            /// Its fields, to write to.
            pub fn record_mut(&mut self) -> &mut dyn Record {
                match self {
                    #(Payload::#names_(record) => record.as_mut(),)*
                }
            }
        }

        #(
            impl From<events::#names_> for Payload {
                fn from(record: events::#names_) -> Payload {
                    Payload::#names_(Box::new(record))
                }
            }
        )*
    }
}
