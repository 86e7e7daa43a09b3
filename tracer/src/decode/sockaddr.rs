//! Socket addresses as the kernel lays them out: `struct sockaddr_in` and its kin.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sentrace_schema::groups;

use crate::memory::{Width, number_in};

/// Bytes of the longest address (`struct sockaddr_storage`).
pub(super) const MAX: usize = 128;

/// Where a family begins and its own part follows; the same in every family.
const FAMILY: usize = 2;

/// An address of a family that is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sockaddr<'a> {
    /// ip(7)
    Inet { port: u16, ip: Ipv4Addr },
    /// ipv6(7)
    Inet6 { port: u16, flow: u32, ip: Ipv6Addr, scope: u32 },
    /// unix(7)
    Unix(Name<'a>),
    /// netlink(7)
    Netlink { pid: i32, groups: u32 },
    /// Any other family, or an address that is too short for its own.
    Other { family: u16, data: &'a [u8] },
}

/// The name of a unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name<'a> {
    Unnamed,
    /// Everything after the null byte.
    Abstract(&'a [u8]),
    Path(&'a [u8]),
}

/// Reads an address. `None`: it does not even have a family.
pub(super) fn parse(bytes: &[u8]) -> Option<Sockaddr<'_>> {
    let family = number_in(bytes, 0, Width::W16)? as u16;
    let data = &bytes[FAMILY..];
    let known = match i32::from(family) {
        libc::AF_INET => inet(data),
        libc::AF_INET6 => inet6(data),
        libc::AF_UNIX => Some(Sockaddr::Unix(unix(data))),
        libc::AF_NETLINK => netlink(data),
        _ => None,
    };
    Some(known.unwrap_or(Sockaddr::Other { family, data }))
}

/// The address as events have it. IPv4 addresses in IPv6's clothes are plain IPv4 ones, so that
/// rules on networks see them; abstract names start with `@`.
pub(super) fn record(bytes: &[u8]) -> groups::Addr {
    let (ip, port, family, path) = match parse(bytes) {
        None => return groups::Addr::default(),
        Some(Sockaddr::Inet { port, ip }) => (Some(IpAddr::V4(ip)), port, libc::AF_INET, vec![]),
        Some(Sockaddr::Inet6 { port, ip, .. }) => {
            (Some(IpAddr::V6(ip).to_canonical()), port, libc::AF_INET6, vec![])
        }
        Some(Sockaddr::Unix(name)) => {
            let path = match name {
                Name::Unnamed => vec![],
                Name::Abstract(name) => [b"@", name].concat(),
                Name::Path(path) => path.to_vec(),
            };
            (None, 0, libc::AF_UNIX, path)
        }
        Some(Sockaddr::Netlink { .. }) => (None, 0, libc::AF_NETLINK, vec![]),
        Some(Sockaddr::Other { family, .. }) => (None, 0, family.into(), vec![]),
    };
    groups::Addr { ip, port: port.into(), family: family.into(), path }
}

fn inet(data: &[u8]) -> Option<Sockaddr<'_>> {
    let ip: [u8; 4] = data.get(2..6)?.try_into().ok()?;
    Some(Sockaddr::Inet { port: port(data)?, ip: ip.into() })
}

fn inet6(data: &[u8]) -> Option<Sockaddr<'_>> {
    let flow: [u8; 4] = data.get(2..6)?.try_into().ok()?;
    let ip: [u8; 16] = data.get(6..22)?.try_into().ok()?;
    // Old programs leave the scope out (RFC 2133); the kernel takes that.
    let scope = number_in(data, 22, Width::W32).unwrap_or_default() as u32;
    let flow = u32::from_be_bytes(flow);
    Some(Sockaddr::Inet6 { port: port(data)?, flow, ip: ip.into(), scope })
}

fn unix(data: &[u8]) -> Name<'_> {
    match data {
        [] => Name::Unnamed,
        [0, name @ ..] => Name::Abstract(name),
        path => Name::Path(path.split(|byte| *byte == 0).next().unwrap_or_default()),
    }
}

fn netlink(data: &[u8]) -> Option<Sockaddr<'_>> {
    let pid = number_in(data, 2, Width::W32)? as i32;
    let groups = number_in(data, 6, Width::W32)? as u32;
    Some(Sockaddr::Netlink { pid, groups })
}

/// A port, in network byte order.
fn port(data: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(data.get(..2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_events() {
        let check = |bytes: &[u8], ip: Option<&str>, port, family: i32, path: &str| {
            let ip = ip.map(|ip| ip.parse().unwrap());
            let expect = groups::Addr { ip, port, family: family.into(), path: path.into() };
            assert_eq!(record(bytes), expect, "{bytes:?}");
        };
        check(b"\x02\0\x1f\x90\x7f\0\0\x01\0\0\0\0\0\0\0\0", Some("127.0.0.1"), 8080, 2, "");
        let v6 = |ip: &str| {
            let ip: Ipv6Addr = ip.parse().unwrap();
            [b"\x0a\0\x01\xbb\0\0\0\0", &ip.octets()[..], b"\x02\0\0\0"].concat()
        };
        check(&v6("fe80::1"), Some("fe80::1"), 443, 10, "");
        check(&v6("fe80::1")[..24], Some("fe80::1"), 443, 10, "");
        // The metadata service in disguise.
        check(&v6("::ffff:169.254.169.254"), Some("169.254.169.254"), 443, 10, "");
        check(b"\x01\0/run/x\0junk", None, 0, 1, "/run/x");
        check(b"\x01\0/run/x", None, 0, 1, "/run/x");
        check(b"\x01\0\0bus\0x", None, 0, 1, "@bus\0x");
        check(b"\x01\0", None, 0, 1, "");
        check(b"\x10\0\0\0\x07\0\0\0\x01\0\0\0", None, 0, 16, "");
        // AF_UNSPEC disconnects; short addresses are refused by the kernel.
        check(b"\0\0abc", None, 0, 0, "");
        check(b"\x02\0\x1f\x90\x7f\0\0", None, 0, 2, "");
        check(b"\x0a\0\x1f\x90\x7f\0\0", None, 0, 10, "");
        check(b"\x02", None, 0, 0, "");
        check(b"", None, 0, 0, "");
    }
}
