//! Values of fields.

use std::io::Write as _;

use sentrace_schema::record::{SetDesc, SetKind, Ty};

use crate::output::layout::{Field, Item, signal};
use crate::output::time::Rfc3339;
use crate::output::{escape, scrub};
use crate::secl::Owned;

/// The value of a field.
pub(super) fn item(out: &mut Vec<u8>, item: &Item<'_>, field: &Field, abi: u16) {
    match item {
        Item::Nothing => out.extend_from_slice(b"null"),
        Item::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Item::Int(value) => int(out, *value, field, abi),
        Item::Bytes(text) => escape::json(out, text),
        Item::List(list) => texts(out, list.iter().map(Vec::as_slice)),
        Item::Parts(list) => texts(out, list.iter().map(|text| &**text)),
        Item::Ints(list) => array(out, list.iter(), |out, value| number(out, (*value).into())),
        Item::Ip(ip) => escape::json(out, ip.to_string().as_bytes()),
    }
}

/// The value of a variable.
pub(super) fn owned(out: &mut Vec<u8>, value: &Owned) {
    match value {
        Owned::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Owned::Int(value) => number(out, (*value).into()),
        Owned::Str(text) => escape::json(out, &scrub::text(text)),
        Owned::Ip(None) => out.extend_from_slice(b"null"),
        Owned::Ip(Some(ip)) => escape::json(out, ip.to_string().as_bytes()),
        Owned::Ints(list) => array(out, list.iter(), |out, value| number(out, (*value).into())),
        Owned::Strs(list) => texts(out, list.iter().map(Vec::as_slice)),
    }
}

/// A number.
pub(super) fn number(out: &mut Vec<u8>, number: i128) {
    // Writing to a Vec does not fail.
    let _ = write!(out, "{number}");
}

fn int(out: &mut Vec<u8>, value: i64, field: &Field, abi: u16) {
    match (field.set(), field.ty) {
        (Some(set), _) => names(out, set, value, abi),
        (None, Ty::Timestamp) => {
            let time = Rfc3339(value.max(0).cast_unsigned()).to_string();
            escape::json(out, time.as_bytes());
        }
        (None, Ty::Signal) => escape::json(out, signal(value).as_bytes()),
        _ => number(out, value.into()),
    }
}

/// Flags as a list, an enumeration as a text; what has no name is a decimal number in a text.
fn names(out: &mut Vec<u8>, set: &SetDesc, value: i64, abi: u16) {
    let bits = value.cast_unsigned();
    let named = set.name(abi, value, bits);
    match set.kind {
        SetKind::Flags => {
            let rest = (named.rest != 0).then(|| named.rest.to_string());
            let names = named.names.into_iter().chain(rest.as_deref());
            array(out, names, |out, name| escape::json(out, name.as_bytes()));
        }
        SetKind::Enum => {
            let unnamed = value.to_string();
            escape::json(out, named.names.first().map_or(unnamed.as_str(), |name| name).as_bytes());
        }
    }
}

fn texts<'a>(out: &mut Vec<u8>, list: impl Iterator<Item = &'a [u8]>) {
    array(out, scrub::list(list), |out, text| escape::json(out, &text));
}

/// A list.
pub(super) fn array<T>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}
