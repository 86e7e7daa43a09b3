//! Socket addresses by their members.

use std::net::{Ipv4Addr, Ipv6Addr};

use sentrace_schema::abi;

use super::memory::quoted;
use super::value;
use crate::decode::sockaddr::{Name, Sockaddr, parse};
use crate::engine::AbiId;

/// A socket address; its bytes where nothing is known of it.
pub(super) fn sockaddr(bytes: &[u8]) -> String {
    match parse(bytes) {
        None => quoted(bytes),
        Some(Sockaddr::Inet { port, ip }) => inet(port, ip),
        Some(Sockaddr::Inet6 { port, flow, ip, scope }) => inet6(port, flow, ip, scope),
        Some(Sockaddr::Unix(name)) => match name {
            Name::Unnamed => "{sa_family=AF_UNIX}".into(),
            Name::Abstract(name) => format!("{{sa_family=AF_UNIX, sun_path=@{}}}", quoted(name)),
            Name::Path(path) => format!("{{sa_family=AF_UNIX, sun_path={}}}", quoted(path)),
        },
        Some(Sockaddr::Netlink { pid, groups }) => {
            format!("{{sa_family=AF_NETLINK, nl_pid={pid}, nl_groups={groups:08x}}}")
        }
        Some(Sockaddr::Other { family, data }) => {
            format!("{{sa_family={}, sa_data={}}}", family_name(family), quoted(data))
        }
    }
}

fn inet(port: u16, ip: Ipv4Addr) -> String {
    format!("{{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr(\"{ip}\")}}")
}

fn inet6(port: u16, flow: u32, ip: Ipv6Addr, scope: u32) -> String {
    format!(
        "{{sa_family=AF_INET6, sin6_port=htons({port}), sin6_flowinfo=htonl({flow}), \
         inet_pton(AF_INET6, \"{ip}\", &sin6_addr), sin6_scope_id={scope}}}"
    )
}

/// The name of an address family.
fn family_name(family: u16) -> String {
    let set = sentrace_schema::SETS.iter().find(|set| set.name == "address_family");
    let native = AbiId(abi("amd64").map_or(0, |abi| abi.id));
    let plain = || family.to_string();
    set.map_or_else(plain, |set| value::names(native, set, family.into(), family.into()))
}
