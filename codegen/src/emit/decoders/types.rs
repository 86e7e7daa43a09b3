//! Types of arguments and members, and structures.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{bits, index, per_abi};
use crate::emit::{names, source};
use crate::model::{Arg, Condition, Count, Dir, Follow, Model, Scalar, Set, SetWidth, Test, Type};

/// One static for every structure.
pub(super) fn structs(model: &Model) -> TokenStream {
    let structs = model.structs.iter().map(|layout| {
        let (name, ident) = (&layout.name, names::ident(&names::upper(&layout.name)));
        let doc = format!(" `struct {name}`.");
        let size = per_abi(&layout.size, |size| Literal::u32_unsuffixed(*size));
        let members = layout.members.iter().map(|member| {
            let (name, ty) = (&member.name, scalar(model, member.ty));
            let offset = per_abi(&member.offset, |offset| Literal::u32_unsuffixed(*offset));
            let count = option(member.count.map(Literal::u32_unsuffixed));
            quote!(MemberDesc { name: #name, ty: #ty, count: #count, offset: #offset })
        });
        quote! {
            #[doc = #doc]
            pub static #ident: StructDesc =
                StructDesc { name: #name, members: &[#(#members),*], size: #size };
        }
    });
    quote!(#(#structs)*)
}

/// `ArgDesc` of an argument.
pub(super) fn argument(model: &Model, arg: &Arg) -> TokenStream {
    let name = &arg.name;
    if let Type::Scalar(value) = arg.ty {
        let scalar = scalar(model, value);
        return quote!(value(#name, #scalar));
    }
    let ty = ty(model, &arg.ty);
    match arg.dir {
        Dir::In => quote!(input(#name, #ty)),
        Dir::Out => quote!(output(#name, #ty)),
        Dir::InOut => quote!(inout(#name, #ty)),
    }
}

/// `Condition` of a condition.
pub(super) fn condition(condition: &Condition) -> TokenStream {
    let arg = index(condition.arg);
    let values = |values: &[u64]| per_abi(values, |value| bits(*value));
    let test = match &condition.test {
        Test::AnyBits(mask) => (quote!(AnyBits), values(mask)),
        Test::NoBits(mask) => (quote!(NoBits), values(mask)),
        Test::Eq(value) => (quote!(Eq), values(value)),
        Test::Ne(value) => (quote!(Ne), values(value)),
        Test::In(several) => {
            let several = several.iter().map(|value| values(value));
            (quote!(In), quote!(&[#(#several),*]))
        }
    };
    let (kind, values) = test;
    quote!(Condition { arg: #arg, test: Test::#kind(#values) })
}

fn ty(model: &Model, ty: &Type) -> TokenStream {
    match ty {
        Type::Scalar(value) => {
            let scalar = scalar(model, *value);
            quote!(Type::Scalar(#scalar))
        }
        Type::Path { at, follow } => {
            let at = option(at.map(source::number));
            let follow = following(follow);
            quote!(Type::Path { at: #at, follow: #follow })
        }
        Type::String => quote!(Type::String),
        Type::Strings => quote!(Type::Strings),
        Type::Bytes { len } => {
            let len = index(*len);
            quote!(Type::Bytes { len: #len })
        }
        Type::Sockaddr { len } => {
            let len = index(*len);
            quote!(Type::Sockaddr { len: #len })
        }
        Type::Opaque { of } => quote!(Type::Opaque { of: #of }),
        Type::ScalarPtr(to, number) => {
            let (to, number) = (scalar(model, *to), count(*number));
            quote!(Type::ScalarPtr(#to, #number))
        }
        Type::StructPtr(to, number) => {
            let to = names::ident(&names::upper(&model.structs[*to].name));
            let number = count(*number);
            quote!(Type::StructPtr(&structs::#to, #number))
        }
    }
}

fn scalar(model: &Model, scalar: Scalar) -> TokenStream {
    let Scalar::Set(set) = scalar else {
        // The names of the other types are those of the tables.
        let name = names::ident(&format!("{scalar:?}"));
        return quote!(Scalar::#name);
    };
    let set = &model.sets[set];
    let name = names::ident(&names::upper(&set.name));
    match set.width {
        SetWidth::U16 => quote!(Scalar::ShortSet(&sets::#name)),
        SetWidth::U32 if is_signed(set) => quote!(Scalar::SignedSet(&sets::#name)),
        SetWidth::U32 => quote!(Scalar::Set(&sets::#name)),
        SetWidth::Long => quote!(Scalar::LongSet(&sets::#name)),
        SetWidth::U64 => quote!(Scalar::WideSet(&sets::#name)),
    }
}

fn is_signed(set: &Set) -> bool {
    set.values.iter().flat_map(|named| &named.values).flatten().any(|value| *value < 0)
}

fn following(follow: &Follow) -> TokenStream {
    match follow {
        Follow::Always => quote!(Following::Always),
        Follow::Never => quote!(Following::Never),
        Follow::When(when) => {
            let condition = condition(when);
            quote!(Following::When(&#condition))
        }
    }
}

fn count(count: Count) -> TokenStream {
    match count {
        Count::Fixed(number) => {
            let number = Literal::u32_unsuffixed(number);
            quote!(Count::Fixed(#number))
        }
        Count::Arg(arg) => {
            let arg = index(arg);
            quote!(Count::Arg(#arg))
        }
    }
}

fn option(value: Option<Literal>) -> TokenStream {
    match value {
        Some(value) => quote!(Some(#value)),
        None => quote!(None),
    }
}
