//! Sockets of other processes.
//!
//! The socket is duplicated for an instant and asked itself (Linux 5.6, and the right to trace its
//! owner). Otherwise the name of its protocol, an extended attribute, tells most of it.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;

use super::Resolver;
use crate::sys::pidfd::{self, Scope};
use crate::sys::socket::{self, End};

/// What a socket was made as; see socket(2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketFacts {
    /// Address family (`AF_*`).
    pub domain: i32,
    /// Type (`SOCK_*`); 0 when unknown.
    pub kind: i32,
    /// Protocol (`IPPROTO_*` and others by family).
    pub protocol: i32,
}

impl Resolver {
    /// The socket behind a descriptor of a task. None: it is no socket, or we may not look.
    pub fn socket_of_fd(&self, tid: i32, fd: i32) -> Option<SocketFacts> {
        if !self.is_socket(tid, fd) {
            return None;
        }
        let Ok(socket) = self.duplicate(tid, fd) else { return self.socket_by_name(tid, fd) };
        let option = |name| socket::option(socket.as_fd(), name).ok();
        Some(SocketFacts {
            domain: option(libc::SO_DOMAIN)?,
            kind: option(libc::SO_TYPE)?,
            protocol: option(libc::SO_PROTOCOL)?,
        })
    }

    /// One of the addresses of a socket of a task, as a `struct sockaddr_*`. None: it has none, or
    /// the kernel does not let us ask.
    pub fn address_of_fd(&self, tid: i32, fd: i32, end: End) -> Option<Vec<u8>> {
        if !self.is_socket(tid, fd) {
            return None;
        }
        let socket = self.duplicate(tid, fd).ok()?;
        socket::address(socket.as_fd(), end).ok()
    }

    fn is_socket(&self, tid: i32, fd: i32) -> bool {
        let link = self.read_link(&self.proc, format!("{tid}/fd/{fd}").as_bytes());
        link.is_ok_and(|link| link.starts_with(b"socket:["))
    }

    fn duplicate(&self, tid: i32, fd: i32) -> Result<OwnedFd, Errno> {
        if let Ok(task) = pidfd::open(tid, Scope::Thread) {
            return pidfd::duplicate(task.as_fd(), fd);
        }
        // Threads mostly share their descriptors; make sure that these two do.
        let tgid = self.status(tid).ok_or(Errno::ESRCH)?.tgid;
        let process = pidfd::open(tgid, Scope::Process)?;
        let socket = pidfd::duplicate(process.as_fd(), fd)?;
        let meant = self.place(self.open_link(tid, &format!("fd/{fd}"))?)?;
        let is_same = self.stat(socket.as_fd())?.is_same_inode(&meant.stat);
        if is_same { Ok(socket) } else { Err(Errno::EBADF) }
    }

    fn socket_by_name(&self, tid: i32, fd: i32) -> Option<SocketFacts> {
        let path = CString::new(format!("/proc/{tid}/fd/{fd}")).ok()?;
        by_name(&socket::attribute(&path, c"system.sockprotoname").ok()?)
    }
}

/// Protocol names of the kernel (`struct proto`, as in /proc/net/protocols).
fn by_name(name: &[u8]) -> Option<SocketFacts> {
    use libc::{
        AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_VSOCK, IPPROTO_ICMP, IPPROTO_ICMPV6,
        IPPROTO_MPTCP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, SOCK_DGRAM,
        SOCK_RAW, SOCK_STREAM,
    };
    let name = name.strip_suffix(b"\0").unwrap_or(name);
    let (domain, kind, protocol) = match name {
        b"TCP" => (AF_INET, SOCK_STREAM, IPPROTO_TCP),
        b"TCPv6" => (AF_INET6, SOCK_STREAM, IPPROTO_TCP),
        b"MPTCP" => (AF_INET, SOCK_STREAM, IPPROTO_MPTCP),
        b"MPTCPv6" => (AF_INET6, SOCK_STREAM, IPPROTO_MPTCP),
        b"UDP" => (AF_INET, SOCK_DGRAM, IPPROTO_UDP),
        b"UDPv6" => (AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
        b"UDP-Lite" => (AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE),
        b"UDPLITEv6" => (AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE),
        b"PING" => (AF_INET, SOCK_DGRAM, IPPROTO_ICMP),
        b"PINGv6" => (AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6),
        b"RAW" => (AF_INET, SOCK_RAW, 0),
        b"RAWv6" => (AF_INET6, SOCK_RAW, 0),
        b"SCTP" => (AF_INET, 0, IPPROTO_SCTP),
        b"SCTPv6" => (AF_INET6, 0, IPPROTO_SCTP),
        b"UNIX-STREAM" => (AF_UNIX, SOCK_STREAM, 0),
        b"UNIX" => (AF_UNIX, 0, 0),
        b"NETLINK" => (AF_NETLINK, SOCK_RAW, 0),
        b"PACKET" => (AF_PACKET, 0, 0),
        b"AF_VSOCK" => (AF_VSOCK, 0, 0),
        _ => return None,
    };
    Some(SocketFacts { domain, kind, protocol })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

    use super::*;

    /// What the protocol's name tells is what the socket itself says, as far as it goes.
    #[test]
    fn both_ways_agree() {
        let resolver = Resolver::new().unwrap();
        let me = std::process::id().cast_signed();
        let root = tempfile::tempdir().unwrap();
        let (stream, _peer) = UnixStream::pair().unwrap();
        let check = |socket: OwnedFd, expect: (i32, i32, i32)| {
            let fd = socket.as_raw_fd();
            let itself = resolver.socket_of_fd(me, fd).unwrap();
            assert_eq!((itself.domain, itself.kind, itself.protocol), expect);
            let named = resolver.socket_by_name(me, fd).unwrap();
            let kind = if named.kind == 0 { 0 } else { itself.kind };
            assert_eq!(named, SocketFacts { kind, ..itself });
        };
        check(TcpListener::bind("127.0.0.1:0").unwrap().into(), (libc::AF_INET, 1, 6));
        check(UdpSocket::bind("127.0.0.1:0").unwrap().into(), (libc::AF_INET, 2, 17));
        if let Ok(socket) = TcpListener::bind("[::1]:0") {
            check(socket.into(), (libc::AF_INET6, 1, 6));
        }
        check(stream.into(), (libc::AF_UNIX, 1, 0));
        check(UnixDatagram::unbound().unwrap().into(), (libc::AF_UNIX, 2, 0));
        check(UnixListener::bind(root.path().join("s")).unwrap().into(), (libc::AF_UNIX, 1, 0));
    }
}
