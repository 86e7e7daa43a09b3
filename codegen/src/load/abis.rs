//! ABIs, and values that differ between them.

use sentrace_yaml::Errors;

use super::raw;
use super::scope::Scope;
use crate::model::Abi;

/// By wire id.
pub(super) fn resolve(raw: &[raw::Abi<'_>], errors: &mut Errors) -> Vec<Abi> {
    for (index, abi) in raw.iter().enumerate() {
        let is_same = |other: &&raw::Abi<'_>| {
            (other.audit, other.number_flag) == (abi.audit, abi.number_flag)
        };
        if let Some(other) = raw[..index].iter().find(is_same) {
            let (name, other) = (abi.name.text, other.name.text);
            let message = format!("`{name}` has the audit arch and number flag of `{other}`");
            errors.add(abi.name.place, message);
        }
    }
    raw.iter().enumerate().map(|(id, abi)| resolve_one(id, abi)).collect()
}

fn resolve_one(id: usize, raw: &raw::Abi<'_>) -> Abi {
    Abi {
        name: raw.name.text.into(),
        id: u16::try_from(id).unwrap_or(u16::MAX),
        audit: raw.audit,
        number_flag: raw.number_flag,
        word: raw.word,
        kernel_long: raw.kernel_long,
        machine: raw.machine.into(),
        pairs: raw.pairs,
        align64: raw.align64,
        uid16: raw.uid16,
        number: raw.number.into(),
        args: raw.args.iter().map(|&name| name.into()).collect(),
        result: raw.result.into(),
    }
}

/// The value on each ABI that has one.
pub(super) fn per_abi(
    raw: &raw::PerAbi<'_>,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Vec<Option<i64>> {
    let mut values = vec![raw.default; scope.abis.len()];
    for (abi, value) in &raw.on {
        if let Some(abi) = scope.abis.find(*abi, errors) {
            values[abi] = Some(*value);
        }
    }
    values
}
