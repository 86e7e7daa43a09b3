//! Layouts that follow from an ABI: members in memory, arguments in registers.

use sentrace_yaml::Errors;

use super::raw::{self, Name};
use super::scope::Scope;
use crate::model::{Abi, Arg, Model, Pairs, Scalar, Set, SetWidth, Shape, Slot, Syscall, Type};

/// Offsets and sizes of structures: C rules, where 64-bit members are aligned as the ABI says.
pub(super) fn structs(model: &mut Model) {
    let Model { abis, sets, structs, .. } = model;
    for of in structs {
        for abi in abis.iter() {
            let (mut end, mut align) = (0, 1);
            for member in &mut of.members {
                let width = width(member.ty, abi, sets);
                let own = if width == 8 { abi.align64 } else { width };
                let offset = u32::next_multiple_of(end, own);
                member.offset.push(offset);
                end = offset + width * member.count.unwrap_or(1);
                align = align.max(own);
            }
            of.size.push(end.next_multiple_of(align));
        }
    }
}

/// Bytes of a scalar in memory.
fn width(scalar: Scalar, abi: &Abi, sets: &[Set]) -> u32 {
    use Scalar::*;
    let bits = match scalar {
        U8 => 8,
        U16 => 16,
        Int | Uint | U32 | Fd | Dirfd | Pid | Uid | Gid | Mode | Dev | Signal => 32,
        S64 | U64 | Off => 64,
        Long | Ulong | Size | Address => abi.word,
        KernelLong => abi.kernel_long,
        OldUid | OldGid if abi.uid16 => 16,
        OldUid | OldGid => 32,
        Set(set) => match sets[set].width {
            SetWidth::U16 => 16,
            SetWidth::U32 => 32,
            SetWidth::Long => abi.word,
            SetWidth::U64 => 64,
        },
    };
    bits / 8
}

/// Registers of the arguments of all calls.
pub(super) fn shapes(
    raw: &[raw::Syscall<'_>],
    model: &mut Model,
    scope: &Scope<'_>,
    errors: &mut Errors,
) {
    let Model { abis, sets, syscalls, .. } = model;
    for (raw, call) in raw.iter().zip(syscalls) {
        let lists = lists(raw, call, scope, errors);
        let shapes = abis.iter().zip(&call.nr).zip(lists).map(|((abi, nr), list)| {
            (*nr)?;
            let (shape, used) = shape(abi, sets, &call.args, &list);
            if used > raw::limits::ARGS {
                let message = format!("the arguments need {used} registers on `{}`", abi.name);
                errors.add(raw.name.place, format!("{message}, which has six"));
            }
            Some(shape)
        });
        call.shapes = shapes.collect();
    }
}

/// The arguments on each ABI, in the order of their registers.
fn lists(
    raw: &raw::Syscall<'_>,
    call: &Syscall,
    scope: &Scope<'_>,
    errors: &mut Errors,
) -> Vec<Vec<usize>> {
    let index = |name: &str| call.args.iter().position(|arg| arg.name == name);
    let generic = || (0..raw.args.len()).collect();
    let mut lists = vec![None; call.nr.len()];
    let mut set = |name: Name<'_>, list: Vec<usize>, errors: &mut Errors| {
        let Some(abi) = scope.abis.find(name, errors) else { return };
        if call.nr[abi].is_none() {
            errors.add(name.place, format!("the call has no number on `{}`", name.text));
        }
        if lists[abi].replace(list).is_some() {
            errors.add(name.place, "`order` and `args_on` exclude each other");
        }
    };
    for (abi, names) in &raw.order {
        for (at, name) in names.iter().enumerate() {
            if !raw.args.iter().any(|arg| arg.name.text == name.text) {
                let known = raw.args.iter().map(|arg| arg.name.text);
                errors.unknown(name.place, "argument", name.text, known);
            } else if names[..at].iter().any(|before| before.text == name.text) {
                errors.add(name.place, format!("`{}` comes twice", name.text));
            }
        }
        let is_there = |arg: &&raw::Arg<'_>| names.iter().any(|name| name.text == arg.name.text);
        if let Some(arg) = raw.args.iter().find(|arg| !is_there(arg)) {
            errors.add(abi.place, format!("the order lacks the argument `{}`", arg.name.text));
        }
        set(*abi, names.iter().filter_map(|name| index(name.text)).collect(), errors);
    }
    for (abi, args) in &raw.args_on {
        let list = args.iter().filter_map(|arg| index(arg.name.text)).collect();
        set(*abi, list, errors);
    }
    lists.into_iter().map(|list| list.unwrap_or_else(generic)).collect()
}

/// The registers of these arguments on an ABI, and how many they are.
fn shape(abi: &Abi, sets: &[Set], args: &[Arg], list: &[usize]) -> (Shape, usize) {
    let mut slots = vec![None; args.len()];
    let mut next = 0;
    for arg in list {
        let is_wide = match args[*arg].ty {
            Type::Scalar(Scalar::S64 | Scalar::U64 | Scalar::Off) => true,
            Type::Scalar(Scalar::Set(set)) => sets[set].width == SetWidth::U64,
            _ => false,
        };
        let pair = is_wide && abi.pairs != Pairs::None;
        if pair && abi.pairs == Pairs::Even {
            next += next % 2;
        }
        slots[*arg] = u8::try_from(next).ok().map(|index| Slot { index, pair });
        next += if pair { 2 } else { 1 };
    }
    (Shape { slots }, next)
}
