//! Which event a call becomes, and where its fields come from.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{index, per_abi, types};
use crate::emit::{names, source};
use crate::model::{Binding, Model, Record, Results, Source};

/// Which results are reported, by event.
pub(super) fn results(model: &Model) -> TokenStream {
    let count = source::number(model.events.len());
    let results = model.events.iter().map(|event| match &event.results {
        Results::All => quote!(Results::All),
        Results::Only { success, errors } => {
            let errors = errors.iter().map(|error| Literal::i64_unsuffixed(*error));
            quote!(Results::Only { success: #success, errors: &[#(#errors),*] })
        }
    });
    quote! {
        /// Which results of a call are reported, by the event's wire id.
        pub static RESULTS: [Results; #count] = [#(#results),*];
    }
}

/// `Binding` of a call and an event.
pub(super) fn binding(model: &Model, binding: &Binding) -> TokenStream {
    let event = source::number(binding.event);
    let when = binding.when.iter().map(types::condition);
    let record = &model.events[binding.event].record;
    let sources = binding.sources.iter().enumerate().filter_map(|(field, from)| {
        let (field, from) = (index(live_index(record, field)), from_source(model, from.as_ref()?));
        Some(quote!((#field, #from)))
    });
    quote!(Binding { event: #event, when: &[#(#when),*], sources: &[#(#sources),*] })
}

fn from_source(model: &Model, from: &Source) -> TokenStream {
    match from {
        Source::Arg(arg) => {
            let arg = index(*arg);
            quote!(Source::Arg(#arg))
        }
        Source::Member { arg, of, member } => {
            let (arg, member) = (index(*arg), index(*member));
            let of = names::ident(&names::upper(&model.structs[*of].name));
            quote!(Source::Member { arg: #arg, of: &structs::#of, member: #member })
        }
        Source::Result => quote!(Source::Result),
        Source::Const(values) => {
            let values = per_abi(values, |value| Literal::i64_unsuffixed(*value));
            quote!(Source::Const(#values))
        }
        Source::Rust(function) => {
            let function = names::ident(&names::upper(&model.irregular[*function].name));
            quote!(Source::Rust(&irregular::#function))
        }
    }
}

/// Index among the fields that still exist.
fn live_index(record: &Record, id: usize) -> usize {
    record.fields[..id].iter().filter(|field| field.ty.is_some()).count()
}
