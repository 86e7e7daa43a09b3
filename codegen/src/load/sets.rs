//! Flag and enum sets, and families of constants.

use std::collections::HashMap;

use sentrace_yaml::Errors;

use super::abis::per_abi;
use super::raw::{self, Name};
use super::scope::{Rules, Scope};
use crate::model::{Family, Masked, Named, Set, SetKind, SetWidth};

/// Sets in the order of the file; their names become constants.
pub(super) fn sets<'n>(
    raw: &[raw::Set<'n>],
    scope: &mut Scope<'n>,
    errors: &mut Errors,
) -> Vec<Set> {
    let sets: Vec<_> = raw.iter().map(|raw| set(raw, scope, errors)).collect();
    let is_too_wide = |set: &Set| match set.width {
        SetWidth::U16 => !values(set).all(|value| fits(value, 16)),
        SetWidth::U32 => !values(set).all(|value| fits(value, 32)),
        SetWidth::Long | SetWidth::U64 => false,
    };
    let too_wide = sets.iter().enumerate().filter(|(_, set)| is_too_wide(set));
    scope.too_wide = too_wide.map(|(id, _)| id).collect();
    sets
}

fn set<'n>(raw: &raw::Set<'n>, scope: &mut Scope<'n>, errors: &mut Errors) -> Set {
    let rules = if raw.rules { Rules::Use } else { Rules::DoNot };
    let mut own: HashMap<&str, usize> = HashMap::new();
    let mut once = |name: Name<'n>, errors: &mut Errors| {
        if let Some(line) = own.insert(name.text, name.place.line) {
            let message = format!("`{}` is in this set already (line {line})", name.text);
            errors.add(name.place, message);
        }
    };
    let mut fields = Vec::new();
    for (name, mask, values) in &raw.fields {
        once(*name, errors);
        scope.constants.add(
            *name,
            &vec![Some(mask.cast_signed()); scope.abis.len()],
            rules,
            errors,
        );
        let values = named(values, rules, scope, errors);
        for (name, value) in &values {
            once(*name, errors);
            if value.values.iter().flatten().any(|value| value.cast_unsigned() & !mask != 0) {
                errors.add(name.place, format!("`{}` has bits outside of the mask", name.text));
            }
        }
        let values = values.into_iter().map(|(_, value)| value).collect();
        fields.push(Masked { name: name.text.into(), mask: *mask, values });
    }
    let values = named(&raw.values, rules, scope, errors);
    for (name, value) in &values {
        once(*name, errors);
        if raw.kind == SetKind::Flags && value.values.iter().flatten().any(|value| *value < 0) {
            errors.add(name.place, format!("`{}` is negative: no flag is", name.text));
        }
    }
    Set {
        name: raw.name.text.into(),
        doc: raw.doc.into(),
        kind: raw.kind,
        width: raw.width,
        rules: raw.rules,
        fields,
        values: values.into_iter().map(|(_, value)| value).collect(),
    }
}

/// Families of constants, which rules always use.
pub(super) fn families<'n>(
    raw: &[raw::Family<'n>],
    scope: &mut Scope<'n>,
    errors: &mut Errors,
) -> Vec<Family> {
    let family = |raw: &raw::Family<'n>| {
        let values = named(&raw.values, Rules::Use, scope, errors);
        let values = values.into_iter().map(|(_, value)| value).collect();
        Family { name: raw.name.text.into(), doc: raw.doc.into(), values }
    };
    raw.iter().map(family).collect()
}

fn named<'n>(
    raw: &raw::Values<'n>,
    rules: Rules,
    scope: &mut Scope<'n>,
    errors: &mut Errors,
) -> Vec<(Name<'n>, Named)> {
    let named = raw.iter().map(|(name, value)| {
        let values = per_abi(value, scope, errors);
        scope.constants.add(*name, &values, rules, errors);
        (*name, Named { name: name.text.into(), values })
    });
    named.collect()
}

/// All values of a set, on all ABIs.
fn values(set: &Set) -> impl Iterator<Item = i64> {
    let named = set.fields.iter().flat_map(|field| &field.values).chain(&set.values);
    let masks = set.fields.iter().map(|field| field.mask.cast_signed());
    named.flat_map(|named| named.values.iter().flatten().copied()).chain(masks)
}

/// Whether a value is one of so many bits, with or without a sign.
pub(super) fn fits(value: i64, bits: u32) -> bool {
    let end = 1i64 << bits;
    (-end / 2..end).contains(&value)
}
