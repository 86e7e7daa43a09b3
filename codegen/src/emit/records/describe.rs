//! Descriptors of records.

use proc_macro2::TokenStream;
use quote::quote;

use super::structure::Item;
use crate::emit::{names, source};
use crate::model::{FieldType, Model, Record};

/// The `RecordDesc` of an event or group.
pub(super) fn record(model: &Model, item: &Item<'_>) -> TokenStream {
    let Item { name, doc, record } = item;
    let fields = names::live(record).map(|(id, field, ty)| {
        let (name, json, doc) = (&field.name, &field.json, &field.doc);
        let ident = names::field(model, field);
        let ty = field_type(model, ty);
        let id = source::number(id);
        quote!(FieldDesc { name: #name, ident: #ident, ty: #ty, json: #json, doc: #doc, id: #id })
    });
    let derived = record.derived.iter().map(|derived| {
        let (name, json, doc) = (&derived.name, &derived.json, &derived.doc);
        let ty = field_type(model, derived.ty);
        let by = names::ident(&names::camel(&derived.by));
        let of = source::number(live_index(record, derived.of));
        quote! {
            DerivedDesc { name: #name, ty: #ty, by: By::#by, of: #of, json: #json, doc: #doc }
        }
    });
    let aliases = record.aliases.iter().map(|(alias, of)| {
        let of = source::number(live_index(record, *of));
        quote!((#alias, #of))
    });
    quote! {
        RecordDesc {
            name: #name,
            doc: #doc,
            fields: &[#(#fields),*],
            derived: &[#(#derived),*],
            aliases: &[#(#aliases),*],
        }
    }
}

/// The `Ty` of a field.
fn field_type(model: &Model, ty: FieldType) -> TokenStream {
    match ty {
        FieldType::Set(set) => {
            let set = names::ident(&names::upper(&model.sets[set].name));
            quote!(Ty::Set(&sets::#set))
        }
        FieldType::Group(group) => {
            let group = names::ident(&names::upper(&model.groups[group].name));
            quote!(Ty::Group(&groups::#group))
        }
        // The names of the other types are those of the descriptors.
        plain => {
            let name = names::ident(&format!("{plain:?}"));
            quote!(Ty::#name)
        }
    }
}

/// Index among the fields that still exist.
fn live_index(record: &Record, id: usize) -> usize {
    record.fields[..id].iter().filter(|field| field.ty.is_some()).count()
}
