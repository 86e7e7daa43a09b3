//! Conditions and constants.

use sentrace_yaml::Errors;

use super::raw::{self, Atom, Value};
use super::scope::Scope;
use super::sets::fits_32_bits;
use crate::model::{Arg, Condition, Scalar, Test, Type};

/// Conditions that must all hold.
pub(super) fn all(
    raw: &[raw::Condition<'_>],
    args: &[Option<Arg>],
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Vec<Condition> {
    raw.iter().filter_map(|raw| resolve(raw, args, scope, errors)).collect()
}

/// A condition on one of these arguments.
pub(super) fn resolve(
    raw: &raw::Condition<'_>,
    args: &[Option<Arg>],
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Option<Condition> {
    let name = raw.arg;
    let named = |arg: &Option<Arg>| arg.as_ref().is_some_and(|arg| arg.name == name.text);
    let Some(arg) = args.iter().position(named) else {
        // What is wrong with other arguments has been said; it may be one of them.
        if args.iter().all(Option::is_some) {
            let known = args.iter().flatten().map(|arg| arg.name.as_str());
            errors.unknown(name.place, "argument", name.text, known);
        }
        return None;
    };
    let scalar = match args[arg].as_ref()?.ty {
        Type::Scalar(scalar) => scalar,
        // The pointer itself, mostly NULL.
        _ if matches!(raw.test, raw::Test::Eq | raw::Test::Ne) => Scalar::Address,
        _ => {
            let message = format!("`{}` is a pointer: it can be compared only", name.text);
            errors.add(name.place, message);
            return None;
        }
    };
    let mut values = Vec::new();
    for value in &raw.values {
        let numbers = constant(value, scope, errors)?;
        if is_32_bits(scalar) && !numbers.iter().all(|value| fits_32_bits(*value)) {
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
                joined.iter_mut().zip(numbers).for_each(|(value, number)| *value |= number);
            }
        }
    }
    Some(joined)
}

/// Whether no more than 32 bits of such an argument count, on any ABI.
fn is_32_bits(scalar: Scalar) -> bool {
    use Scalar::*;
    !matches!(scalar, Long | Ulong | Size | KernelLong | S64 | U64 | Off | Address | Set(_))
}
