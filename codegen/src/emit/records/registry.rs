//! The tables: sets, families, ABIs, and lists of everything.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::emit::{names, source};
use crate::model::{Masked, Model, Named};

/// One static for every flag and enum set.
pub(super) fn sets(model: &Model) -> TokenStream {
    let sets = model.sets.iter().map(|set| {
        let ident = names::ident(&names::upper(&set.name));
        let docs = source::doc(&set.doc, &set.name);
        let (name, doc, rules) = (&set.name, &set.doc, set.rules);
        let kind = names::ident(&format!("{:?}", set.kind));
        let fields = set.fields.iter().map(masked);
        let values = set.values.iter().map(named);
        quote! {
            #docs
            pub static #ident: SetDesc = SetDesc {
                name: #name,
                doc: #doc,
                kind: SetKind::#kind,
                rules: #rules,
                fields: &[#(#fields),*],
                values: &[#(#values),*],
            };
        }
    });
    quote!(#(#sets)*)
}

/// The lists.
pub(super) fn tables(model: &Model) -> TokenStream {
    let lists = [events(model), groups(model), context(model), set_list(model)];
    let others = [families(model), abis(model)];
    quote!(#(#lists)* #(#others)*)
}

fn events(model: &Model) -> TokenStream {
    let count = source::number(model.events.len());
    let events = model.events.iter().enumerate().map(|(id, event)| {
        let id = source::number(id);
        let (name, doc) = (&event.name, &event.doc);
        let category = names::ident(&format!("{:?}", event.category));
        let (by_engine, retval) = (event.by_engine, event.retval);
        let record = names::ident(&names::upper(name));
        quote! {
            EventDesc {
                id: #id,
                name: #name,
                doc: #doc,
                category: Category::#category,
                by_engine: #by_engine,
                retval: #retval,
                record: &events::#record,
            }
        }
    });
    quote! {
        /// Events by wire id.
        pub static EVENTS: [EventDesc; #count] = [#(#events),*];
    }
}

fn groups(model: &Model) -> TokenStream {
    let count = source::number(model.groups.len());
    let groups = model.groups.iter().map(|group| names::ident(&names::upper(&group.name)));
    quote! {
        /// Groups in the order of the file.
        pub static GROUPS: [&RecordDesc; #count] = [#(&groups::#groups),*];
    }
}

fn context(model: &Model) -> TokenStream {
    let count = source::number(model.context.len());
    let context = model.context.iter().map(|context| {
        let (prefix, iterator) = (&context.prefix, context.iterator);
        let group = names::ident(&names::upper(&model.groups[context.group].name));
        quote!(ContextDesc { prefix: #prefix, record: &groups::#group, iterator: #iterator })
    });
    quote! {
        /// Groups that every rule may use.
        pub static CONTEXT: [ContextDesc; #count] = [#(#context),*];
    }
}

fn set_list(model: &Model) -> TokenStream {
    let count = source::number(model.sets.len());
    let sets = model.sets.iter().map(|set| names::ident(&names::upper(&set.name)));
    quote! {
        /// Flag and enum sets in the order of the file.
        pub static SETS: [&SetDesc; #count] = [#(&sets::#sets),*];
    }
}

fn families(model: &Model) -> TokenStream {
    let count = source::number(model.families.len());
    let families = model.families.iter().map(|family| {
        let (name, doc) = (&family.name, &family.doc);
        let values = family.values.iter().map(named);
        quote!(FamilyDesc { name: #name, doc: #doc, values: &[#(#values),*] })
    });
    quote! {
        /// Further constants of rules.
        pub static FAMILIES: [FamilyDesc; #count] = [#(#families),*];
    }
}

fn abis(model: &Model) -> TokenStream {
    let count = source::number(model.abis.len());
    let abis = model.abis.iter().map(|abi| {
        let (name, machine) = (&abi.name, &abi.machine);
        let (id, word) = (Literal::u16_unsuffixed(abi.id), Literal::u32_unsuffixed(abi.word));
        let (audit, number_flag) = (hex(abi.audit), hex(abi.number_flag));
        quote! {
            AbiDesc {
                id: #id,
                name: #name,
                audit: #audit,
                number_flag: #number_flag,
                word: #word,
                machine: #machine,
            }
        }
    });
    quote! {
        /// ABIs by wire id.
        pub static ABIS: [AbiDesc; #count] = [#(#abis),*];
    }
}

fn masked(masked: &Masked) -> TokenStream {
    let name = &masked.name;
    let mask = Literal::i64_unsuffixed(masked.mask.cast_signed());
    let values = masked.values.iter().map(named);
    quote!(MaskedDesc { name: #name, mask: #mask, values: &[#(#values),*] })
}

fn named(named: &Named) -> TokenStream {
    let name = &named.name;
    let value = match named.values.as_slice() {
        [Some(first), rest @ ..] if rest.iter().all(|value| *value == Some(*first)) => {
            let value = Literal::i64_unsuffixed(*first);
            quote!(NamedValue::Same(#value))
        }
        values => {
            let values = values.iter().map(|value| match value {
                Some(value) => {
                    let value = Literal::i64_unsuffixed(*value);
                    quote!(Some(#value))
                }
                None => quote!(None),
            });
            quote!(NamedValue::PerAbi(&[#(#values),*]))
        }
    };
    quote!(NamedDesc { name: #name, value: #value })
}

fn hex(value: u32) -> Literal {
    format!("{value:#x}").parse().unwrap_or_else(|_| Literal::u32_unsuffixed(value))
}
