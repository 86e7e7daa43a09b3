//! Values in registers and members: numbers, flags, modes, signals.

use sentrace_schema::record::{NamedDesc, SetDesc, SetKind};

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
    match set.kind {
        SetKind::Enum => match named(abi, set.values, |known| known == value) {
            Some(name) => name.into(),
            None if (-1..10).contains(&value) => value.to_string(),
            None => hex(bits),
        },
        SetKind::Flags => flags(abi, set, bits),
    }
}

fn flags(abi: AbiId, set: &SetDesc, bits: u64) -> String {
    let mut names = Vec::new();
    let mut rest = bits;
    for field in set.fields {
        let mask = field.mask.cast_unsigned();
        let part = (bits & mask).cast_signed();
        if let Some(name) = named(abi, field.values, |known| known == part) {
            // What a value of 0 is called matters where it is all there is to say.
            if part != 0 || set.fields.len() == 1 {
                names.push(name);
            }
            rest &= !mask;
        }
    }
    // Names for several bits go before names for one of them.
    let on = |named: &NamedDesc| named.on(abi.0).unwrap_or_default().cast_unsigned();
    let mut known: Vec<&NamedDesc> =
        set.values.iter().filter(|named| on(named) != 0 && on(named) & !bits == 0).collect();
    known.sort_by_key(|named| std::cmp::Reverse(on(named).count_ones()));
    known.retain(|named| {
        let is_left = on(named) & !rest == 0;
        rest &= if is_left { !on(named) } else { u64::MAX };
        is_left
    });
    let chosen =
        set.values.iter().filter(|named| known.iter().any(|known| std::ptr::eq(*known, *named)));
    names.extend(chosen.map(|named| named.name));
    let mut text = names.join("|");
    if rest != 0 {
        let separator = if text.is_empty() { "" } else { "|" };
        text += &format!("{separator}{rest:#x}");
    }
    match named(abi, set.values, |known| known == 0) {
        _ if !text.is_empty() => text,
        Some(none) => none.into(),
        None => "0".into(),
    }
}

fn named(
    abi: AbiId,
    values: &'static [NamedDesc],
    is_it: impl Fn(i64) -> bool,
) -> Option<&'static str> {
    values.iter().find(|named| named.on(abi.0).is_some_and(&is_it)).map(|named| named.name)
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

/// A signal (signal(7)); the numbers are those of all our ABIs.
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
