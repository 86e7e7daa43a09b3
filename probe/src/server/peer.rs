//! Who is at the other end of a connection.

use std::fmt;
use std::net::SocketAddr;

/// The other end of a connection, as the kernel knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// Over TCP.
    Tcp(SocketAddr),
    /// Over a Unix socket; the credentials are those at connect(2).
    Unix {
        /// Process id, if it can be seen in our pid namespace.
        pid: Option<i32>,
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { pid: Some(pid), uid, gid } => write!(f, "pid {pid} uid {uid} gid {gid}"),
            Self::Unix { pid: None, uid, gid } => write!(f, "uid {uid} gid {gid}"),
        }
    }
}
