//! Values in registers and members: numbers, flags, modes, signals.

use sentrace_schema::record::{SetDesc, SetKind};

use crate::decode::pointee::Pointees;
use crate::decode::table::Scalar;
use crate::engine::AbiId;

/// The value of an argument.
pub(super) fn scalar(at: Pointees<'_>, scalar: Scalar, arg: u8) -> String {
    number(at.arguments.abi, scalar, at.arguments.value(arg), at.arguments.bits(arg))
}

/// A number of some type; `bits` is the same without a sign.
pub(super) fn number(abi: AbiId, scalar: Scalar, value: i64, bits: u64) -> String {
    match scalar {
        Scalar::Ulong => hex(bits),
        Scalar::Address => pointer(bits),
        Scalar::Size | Scalar::U64 => bits.to_string(),
        Scalar::Mode => mode(bits),
        Scalar::Dev => device(bits),
        Scalar::Signal => signal(value),
        Scalar::Dirfd if value == i64::from(libc::AT_FDCWD) => "AT_FDCWD".into(),
        Scalar::Set(set)
        | Scalar::SignedSet(set)
        | Scalar::LongSet(set)
        | Scalar::ShortSet(set)
        | Scalar::WideSet(set) => names(abi, set, value, bits),
        _ => value.to_string(),
    }
}

/// An address.
pub(super) fn pointer(bits: u64) -> String {
    if bits == 0 { "NULL".into() } else { format!("{bits:#x}") }
}

/// A number without any meaning.
pub(super) fn hex(bits: u64) -> String {
    if bits == 0 { "0".into() } else { format!("{bits:#x}") }
}

/// A value of a set by its names on an ABI; bits without a name in hexadecimal. `bits` is `value`
/// without its sign.
#[must_use]
pub fn names(abi: AbiId, set: &SetDesc, value: i64, bits: u64) -> String {
    let named = set.name(abi.0, value, bits);
    let rest = match set.kind {
        SetKind::Enum if (-1..10).contains(&value) => value.to_string(),
        _ => hex(named.rest),
    };
    match named.names.join("|") {
        names if names.is_empty() => rest,
        names if named.rest == 0 => names,
        names => format!("{names}|{rest}"),
    }
}

/// Permissions, in octal; a file type by its name (inode(7)).
pub(super) fn mode(bits: u64) -> String {
    const TYPES: [(u64, &str); 7] = [
        (0o140_000, "S_IFSOCK"),
        (0o120_000, "S_IFLNK"),
        (0o100_000, "S_IFREG"),
        (0o060_000, "S_IFBLK"),
        (0o040_000, "S_IFDIR"),
        (0o020_000, "S_IFCHR"),
        (0o010_000, "S_IFIFO"),
    ];
    match TYPES.iter().find(|(kind, _)| *kind == bits & 0o170_000) {
        Some((_, name)) => format!("{name}|0{:03o}", bits & 0o7777),
        None => format!("0{bits:02o}"),
    }
}

/// A device number in the encoding of system calls (linux/kdev_t.h: `new_decode_dev`).
fn device(bits: u64) -> String {
    let (major, minor) = (bits >> 8 & 0xfff, bits & 0xff | bits >> 12 & 0xf_ff00);
    format!("makedev({}, {})", hex(major), hex(minor))
}

/// A signal by its name (signal(7)); the numbers are those of all our ABIs.
pub(super) fn signal(value: i64) -> String {
    const NAMES: [&str; 32] = [
        "0",
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGILL",
        "SIGTRAP",
        "SIGABRT",
        "SIGBUS",
        "SIGFPE",
        "SIGKILL",
        "SIGUSR1",
        "SIGSEGV",
        "SIGUSR2",
        "SIGPIPE",
        "SIGALRM",
        "SIGTERM",
        "SIGSTKFLT",
        "SIGCHLD",
        "SIGCONT",
        "SIGSTOP",
        "SIGTSTP",
        "SIGTTIN",
        "SIGTTOU",
        "SIGURG",
        "SIGXCPU",
        "SIGXFSZ",
        "SIGVTALRM",
        "SIGPROF",
        "SIGWINCH",
        "SIGIO",
        "SIGPWR",
        "SIGSYS",
    ];
    match usize::try_from(value) {
        Ok(number @ 0..32) => NAMES[number].into(),
        Ok(32) => "SIGRTMIN".into(),
        Ok(number @ 33..=64) => format!("SIGRT_{}", number - 32),
        _ => value.to_string(),
    }
}
