//! What the tables say, in the notation of `syscalls.yaml` (docs/spec.md).

use nix::errno::Errno;
use sentrace_schema::record::{SetDesc, Ty};
use sentrace_tracer::decode::render::names;
use sentrace_tracer::decode::table::{
    ArgDesc, Condition, Count, Results, Scalar, Shapes, Slot, SyscallDesc, Test, Type,
};
use sentrace_tracer::engine::AbiId;

/// `openat(dfd: dirfd, filename: path(dfd))`; with an ABI only the arguments that it has there.
pub(super) fn signature(syscall: &SyscallDesc, abi: Option<AbiId>) -> String {
    let has = |arg: usize| match (syscall.shapes, abi) {
        (Shapes::PerAbi(slots), Some(abi)) => {
            let slot = slots.get(usize::from(abi.0)).and_then(|slots| slots.get(arg));
            slot.is_some_and(|slot| *slot != Slot::Absent)
        }
        _ => true,
    };
    let args = syscall.args.iter().enumerate().filter(|(index, _)| has(*index));
    let args: Vec<_> =
        args.map(|(_, arg)| format!("{}: {}", arg.name, argument(syscall.args, &arg.ty))).collect();
    format!("{}({})", syscall.name, args.join(", "))
}

/// `flag & AT_REMOVEDIR`.
pub(super) fn condition(syscall: &SyscallDesc, condition: &Condition, abi: AbiId) -> String {
    let arg = syscall.args.get(usize::from(condition.arg));
    let name = arg.map_or("?", |arg| arg.name);
    let set = arg.and_then(|arg| match arg.ty {
        Type::Scalar(scalar) => set_of(scalar),
        _ => None,
    });
    let value = |bits: u64| match set {
        Some(set) => names(abi, set, bits.cast_signed(), bits),
        None => bits.cast_signed().to_string(),
    };
    match &condition.test {
        Test::AnyBits(bits) => format!("{name} & {}", value(bits.on(abi))),
        Test::NoBits(bits) => format!("{name} !& {}", value(bits.on(abi))),
        Test::Eq(number) => format!("{name} == {}", value(number.on(abi))),
        Test::Ne(number) => format!("{name} != {}", value(number.on(abi))),
        Test::In(numbers) => {
            let numbers: Vec<_> = numbers.iter().map(|number| value(number.on(abi))).collect();
            format!("{name} in [{}]", numbers.join(", "))
        }
    }
}

/// `success, EACCES, EPERM`.
pub(super) fn results(results: &Results) -> String {
    match results {
        Results::All => "all".into(),
        Results::Only { success, errors } => {
            let errors = errors.iter().filter_map(|errno| i32::try_from(*errno).ok());
            let errors = errors.map(|errno| format!("{:?}", Errno::from_raw(errno)));
            let success = success.then(|| "success".to_owned());
            success.into_iter().chain(errors).collect::<Vec<_>>().join(", ")
        }
    }
}

/// The type of a field.
pub(super) fn field(ty: Ty) -> &'static str {
    match ty {
        Ty::Bool => "bool",
        Ty::Int => "int",
        Ty::Mode => "mode",
        Ty::Uid => "uid",
        Ty::Gid => "gid",
        Ty::Pid => "pid",
        Ty::Signal => "signal",
        Ty::Timestamp => "timestamp",
        Ty::Set(set) => set.name,
        Ty::String => "string",
        Ty::Path => "path",
        Ty::Strings => "strings",
        Ty::Ints => "ints",
        Ty::Ip => "ip",
        Ty::Group(group) => group.name,
    }
}

fn argument(args: &[ArgDesc], ty: &Type) -> String {
    let name = |arg: u8| args.get(usize::from(arg)).map_or("?", |arg| arg.name);
    let pointer = |to: &str, count: Count| match count {
        Count::Fixed(1) => format!("{to}*"),
        Count::Fixed(count) => format!("{to}*[{count}]"),
        Count::Arg(arg) => format!("{to}*({})", name(arg)),
    };
    match *ty {
        Type::Scalar(of) => scalar(of).into(),
        Type::Path { at: None, .. } => "path".into(),
        Type::Path { at: Some(arg), .. } => format!("path({})", name(arg)),
        Type::String => "string".into(),
        Type::Strings => "strings".into(),
        Type::Bytes { len } => format!("bytes({})", name(len)),
        Type::Sockaddr { len } => format!("sockaddr({})", name(len)),
        Type::Opaque { of: "" } => "opaque".into(),
        Type::Opaque { of } => of.into(),
        Type::ScalarPtr(of, count) => pointer(scalar(of), count),
        Type::StructPtr(of, count) => pointer(of.name, count),
    }
}

fn scalar(scalar: Scalar) -> &'static str {
    use Scalar::*;
    match scalar {
        Int => "int",
        Uint => "uint",
        Long => "long",
        Ulong => "ulong",
        Size => "size",
        KernelLong => "kernel_long",
        U8 => "u8",
        U16 => "u16",
        U32 => "u32",
        S64 => "s64",
        U64 => "u64",
        Off => "off",
        Fd => "fd",
        Dirfd => "dirfd",
        Pid => "pid",
        Uid => "uid",
        Gid => "gid",
        OldUid => "old_uid",
        OldGid => "old_gid",
        Mode => "mode",
        Dev => "dev",
        Signal => "signal",
        Address => "address",
        Set(set) | SignedSet(set) | ShortSet(set) | LongSet(set) | WideSet(set) => set.name,
    }
}

/// The set that a type is.
fn set_of(scalar: Scalar) -> Option<&'static SetDesc> {
    use Scalar::*;
    match scalar {
        Set(set) | SignedSet(set) | ShortSet(set) | LongSet(set) | WideSet(set) => Some(set),
        _ => None,
    }
}
