//! Conditions and constants.

use sentrace_yaml::Errors;

use super::raw::{self, Atom, Value};
use super::scope::Scope;
use super::sets::fits;
use super::sources;
use crate::model::{Arg, Condition, Scalar, Test, Type};

/// The ABIs on which a constant has to have a value: those where the call has a number.
#[derive(Debug, Clone, Copy)]
pub(super) enum On<'a> {
    All,
    Numbers(&'a [Option<u32>]),
}

impl On<'_> {
    fn contains(self, abi: usize) -> bool {
        match self {
            Self::All => true,
            Self::Numbers(numbers) => numbers.get(abi).is_some_and(Option::is_some),
        }
    }
}

/// Conditions that must all hold.
pub(super) fn all(
    raw: &[raw::Condition<'_>],
    args: &[Option<Arg>],
    on: On<'_>,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Vec<Condition> {
    raw.iter().filter_map(|raw| resolve(raw, args, on, scope, errors)).collect()
}

/// A condition on one of these arguments.
pub(super) fn resolve(
    raw: &raw::Condition<'_>,
    args: &[Option<Arg>],
    on: On<'_>,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<Condition> {
    let name = raw.arg;
    let (arg, Arg { ty, .. }) = sources::argument(name, args, errors)?;
    let is_32_bits = matches!(ty, Type::Scalar(scalar) if is_32_bits(*scalar));
    if !matches!(ty, Type::Scalar(_)) && !is_null(&raw.values) {
        let message = "is a pointer, which may only be compared with 0";
        errors.add(name.place, format!("`{}` {message}", name.text));
    }
    let mut values = Vec::new();
    for value in &raw.values {
        let numbers = constant(value, on, scope, errors)?;
        if is_32_bits && !numbers.iter().all(|value| fits(*value, 32)) {
            errors.add(value.place, format!("`{}` has 32 bits: the value has more", name.text));
        }
        values.push(numbers.iter().map(|value| value.cast_unsigned()).collect::<Vec<_>>());
    }
    let one = values.first().cloned().unwrap_or_default();
    let bits = matches!(raw.test, raw::Test::AnyBits | raw::Test::NoBits);
    if bits && one.iter().all(|bits| *bits == 0) {
        errors.add(name.place, "the condition tests no bits");
    }
    let test = match raw.test {
        raw::Test::AnyBits => Test::AnyBits(one),
        raw::Test::NoBits => Test::NoBits(one),
        raw::Test::Eq => Test::Eq(one),
        raw::Test::Ne => Test::Ne(one),
        raw::Test::In => Test::In(values),
    };
    Some(Condition { arg, test })
}

/// The value of a constant on each ABI.
pub(super) fn constant(
    value: &Value<'_>,
    on: On<'_>,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<Vec<i64>> {
    let mut joined = vec![0; scope.abis.len()];
    for atom in &value.atoms {
        match atom {
            Atom::Int(number) => joined.iter_mut().for_each(|value| *value |= number),
            Atom::Name(name) => {
                let Some(numbers) = scope.constants.get(name) else {
                    errors.unknown(value.place, "constant", name, scope.constants.names());
                    return None;
                };
                let lacks = |abi: &usize| numbers[*abi].is_none() && on.contains(*abi);
                if let Some(abi) = (0..numbers.len()).find(lacks) {
                    let abi = scope.abis.name(abi);
                    errors.add(value.place, format!("`{name}` has no value on `{abi}`"));
                }
                for (value, number) in joined.iter_mut().zip(numbers) {
                    *value |= number.unwrap_or(0);
                }
            }
        }
    }
    Some(joined)
}

fn is_null(values: &[Value<'_>]) -> bool {
    matches!(values, [value] if matches!(value.atoms[..], [Atom::Int(0)]))
}

/// Whether no more than 32 bits of such an argument count, on any ABI.
fn is_32_bits(scalar: Scalar) -> bool {
    use Scalar::*;
    !matches!(scalar, Long | Ulong | Size | KernelLong | S64 | U64 | Off | Address | Set(_))
}
