//! Fields that are computed from another field when somebody asks for them.
//!
//! `derived:` in `syscalls.yaml` names one of these functions with `by:`; the generated tables
//! hold it as a [`By`].

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::record::Value;

#[cfg(test)]
mod tests;

/// A function of this module: `basename` is [`By::Basename`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is documented at the function of its name")]
pub enum By {
    Args,
    ArgsFlags,
    ArgsOptions,
    Basename,
    CommTruncated,
    Envs,
    Extension,
    IsPublic,
    Rights,
    Words,
    XattrNamespace,
}

/// What a function of this module gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Computed<'a> {
    /// True or false.
    Bool(bool),
    /// A number.
    Int(i64),
    /// Text.
    Bytes(Cow<'a, [u8]>),
    /// Texts.
    List(Vec<Cow<'a, [u8]>>),
}

impl By {
    /// Calls the function; `None` when it does not take a value of this kind.
    pub fn apply(self, value: Value<'_>) -> Option<Computed<'_>> {
        let borrowed = |list: Vec<_>| Computed::List(list.into_iter().map(Cow::Borrowed).collect());
        Some(match (self, value) {
            (By::Args, Value::List(argv)) => Computed::Bytes(args(argv).into()),
            (By::ArgsFlags, Value::List(argv)) => borrowed(args_flags(argv)),
            (By::ArgsOptions, Value::List(argv)) => Computed::List(args_options(argv)),
            (By::Basename, Value::Bytes(path)) => Computed::Bytes(basename(path).into()),
            (By::CommTruncated, Value::Bytes(name)) => Computed::Bool(comm_truncated(name)),
            (By::Envs, Value::List(envp)) => borrowed(envs(envp)),
            (By::Extension, Value::Bytes(path)) => Computed::Bytes(extension(path).into()),
            (By::IsPublic, Value::Ip(ip)) => Computed::Bool(ip.is_some_and(is_public)),
            (By::Rights, Value::Int(mode)) => Computed::Int(rights(mode)),
            (By::Words, Value::Bytes(text)) => borrowed(words(text)),
            (By::XattrNamespace, Value::Bytes(name)) => {
                Computed::Bytes(xattr_namespace(name).into())
            }
            _ => return None,
        })
    }
}

/// Last part of a path: what follows the last slash.
pub fn basename(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

/// Extension of the last part of a path with its dot, empty when there is none. A hidden file
/// without another dot is all extension (`.bashrc`), as in the reference implementation.
pub fn extension(path: &[u8]) -> &[u8] {
    let name = basename(path);
    name.iter().rposition(|&byte| byte == b'.').map_or(&[], |dot| &name[dot..])
}

/// Permission bits of a mode, with set-user-id, set-group-id and sticky bit (inode(7)).
pub fn rights(mode: i64) -> i64 {
    mode & 0o7777
}

/// First part of the name of an extended attribute (xattr(7)): `user`, `security`, …; empty when
/// the name has no dot.
pub fn xattr_namespace(name: &[u8]) -> &[u8] {
    name.iter().position(|&byte| byte == b'.').map_or(&[], |dot| &name[..dot])
}

/// Whether the kernel cuts this thread name: it keeps 15 bytes (PR_SET_NAME(2const)).
pub fn comm_truncated(name: &[u8]) -> bool {
    name.len() > 15
}

/// Parameters of a kernel module one by one: separated by white space, which does not count
/// inside double quotes (the kernel's lib/cmdline.c, `next_arg`). Quotes are kept.
pub fn words(text: &[u8]) -> Vec<&[u8]> {
    let mut quoted = false;
    text.split(|&byte| {
        quoted ^= byte == b'"';
        byte.is_ascii_whitespace() && !quoted
    })
    .filter(|word| !word.is_empty())
    .collect()
}

/// Arguments (without argv\[0\]) in one string, joined by a space.
pub fn args(argv: &[Vec<u8>]) -> Vec<u8> {
    argv.join(&b' ')
}

/// Options among the arguments (without argv\[0\]), without their dashes. `-xvf` is taken as one
/// long option and as three short ones, because only the program knows.
pub fn args_flags(argv: &[Vec<u8>]) -> Vec<&[u8]> {
    let mut flags = Vec::new();
    for (dashes, name) in argv.iter().filter_map(|arg| option(arg)) {
        if dashes == 1 && name.iter().all(u8::is_ascii_alphanumeric) {
            flags.extend(name.chunks(1));
        }
        if name.len() > 1 && !name.contains(&b'=') {
            flags.push(name);
        }
    }
    flags
}

/// Options with a value among the arguments (without argv\[0\]), as `name=value` without dashes.
/// An argument that follows an option and is none itself counts as its value.
pub fn args_options(argv: &[Vec<u8>]) -> Vec<Cow<'_, [u8]>> {
    let mut options = Vec::new();
    let mut rest = argv.iter().peekable();
    while let Some(arg) = rest.next() {
        let Some((_, name)) = option(arg) else { continue };
        if !name.first().is_some_and(u8::is_ascii_alphanumeric) {
            continue;
        }
        if name.contains(&b'=') {
            options.push(Cow::Borrowed(name));
        } else if let Some(value) = rest.next_if(|next| !next.starts_with(b"-")) {
            options.push(Cow::Owned([name, value].join(&b'=')));
        }
    }
    options
}

/// Variables whose value [`envs`] shows: they change what a program loads, runs or remembers.
pub const SHOWN_VARIABLES: [&[u8]; 6] =
    [b"LD_PRELOAD", b"LD_LIBRARY_PATH", b"PATH", b"HISTSIZE", b"HISTFILESIZE", b"GLIBC_TUNABLES"];

/// Names of the environment variables; those of [`SHOWN_VARIABLES`] with their value, because
/// any other value may be a secret.
pub fn envs(envp: &[Vec<u8>]) -> Vec<&[u8]> {
    envp.iter()
        .map(|variable| {
            let name = variable.split(|&byte| byte == b'=').next().unwrap_or_default();
            if SHOWN_VARIABLES.contains(&name) { variable } else { name }
        })
        .collect()
}

/// Whether an address is outside the private and reserved ranges (IANA's special-purpose address
/// registries, RFC 6890) and no multicast address.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or_else(|| is_public_v6(ip), is_public_v4),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let ranges = [
        (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network
        (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
        (Ipv4Addr::new(100, 64, 0, 0), 10),   // carrier-grade NAT
        (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
        (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local
        (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
        (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
        (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
        (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays, deprecated
        (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
        (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
        (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
        (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
        (Ipv4Addr::new(224, 0, 0, 0), 3),     // multicast, reserved, broadcast
    ];
    !ranges.iter().any(|(start, prefix)| (ip.to_bits() ^ start.to_bits()) >> (32 - prefix) == 0)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let ranges = [
        (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 96), // unspecified, loopback, IPv4-compatible
        (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48), // local translation
        (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64), // discard
        (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments
        (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
        (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
        (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16), // segment routing
        (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7), // unique local
        (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 9), // link-local, site-local
        (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8), // multicast
    ];
    !ranges.iter().any(|(start, prefix)| (ip.to_bits() ^ start.to_bits()) >> (128 - prefix) == 0)
}

/// Number of leading dashes (1 or 2) and name of an argument that looks like an option.
fn option(arg: &[u8]) -> Option<(usize, &[u8])> {
    match arg {
        [b'-', b'-', name @ ..] => Some((2, name)),
        [b'-', name @ ..] if !name.is_empty() => Some((1, name)),
        _ => None,
    }
}
