//! Sockets to listen on.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener as StdTcpListener, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::geteuid;
use sentrace_schema::address::Address;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use super::{Peer, ServerConfig};

/// A connection of either kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

impl Listener {
    /// Must be called in the context of a run-time.
    pub(super) fn open(config: &ServerConfig) -> io::Result<Self> {
        match &config.listen {
            Address::Tcp { host, port } => {
                let addresses: Vec<_> = (host.as_str(), *port).to_socket_addrs()?.collect();
                check_exposure(&addresses, config)?;
                let listener = StdTcpListener::bind(addresses.as_slice())?;
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(TcpListener::from_std(listener)?))
            }
            Address::Unix(path) => {
                let (listener, file) = bind_unix(path, config.mode)?;
                listener.set_nonblocking(true)?;
                Ok(Self::Unix(UnixListener::from_std(listener)?, file))
            }
        }
    }

    pub(super) fn address(&self) -> io::Result<Address> {
        Ok(match self {
            Self::Tcp(listener) => {
                let address = listener.local_addr()?;
                Address::Tcp { host: address.ip().to_string(), port: address.port() }
            }
            Self::Unix(_, file) => Address::Unix(file.path.clone()),
        })
    }

    pub(super) async fn accept(&self) -> io::Result<(Box<dyn Stream>, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // It fails when the peer has gone already, which is not the listener's trouble.
                let _ = stream.set_nodelay(true);
                Ok((Box::new(stream), Peer::Tcp(address)))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let who = stream.peer_cred()?;
                let pid = who.pid().filter(|pid| *pid > 0);
                let peer = Peer::Unix { pid, uid: who.uid(), gid: who.gid() };
                Ok((Box::new(stream), peer))
            }
        }
    }
}

/// Nothing is encrypted, so other machines are not served unless that is asked for.
fn check_exposure(addresses: &[SocketAddr], config: &ServerConfig) -> io::Result<()> {
    match addresses.iter().find(|address| !address.ip().is_loopback()) {
        Some(address) if !config.insecure => {
            let text = format!(
                "{address} can be reached from other machines, and nothing would be encrypted"
            );
            Err(io::Error::new(ErrorKind::PermissionDenied, text))
        }
        _ => Ok(()),
    }
}

/// A socket in the file system, which is removed with this.
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode, to tell it from another that took its name.
    id: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = |meta: fs::Metadata| (meta.dev(), meta.ino()) == self.id;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens on a Unix socket. The mode is that of the file from its beginning: bind(2) takes it
/// from the socket.
fn bind_unix(path: &Path, mode: u32) -> io::Result<(StdUnixListener, SocketFile)> {
    check_directory(path)?;
    remove_stale(path)?;
    let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    fchmod(&socket, Mode::from_bits_truncate(mode))?;
    bind(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    listen(&socket, Backlog::MAXCONN)?;
    let meta = fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.to_owned(), id: (meta.dev(), meta.ino()) };
    Ok((StdUnixListener::from(socket), file))
}

/// Whoever may write to the directory could put a socket of his own in place of ours.
fn check_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let meta = fs::metadata(directory)?;
    let is_trusted = meta.uid() == 0 || meta.uid() == geteuid().as_raw();
    let is_sticky = meta.mode() & STICKY != 0;
    if is_trusted && (meta.mode() & OTHERS_WRITE == 0 || is_sticky) {
        return Ok(());
    }
    let text = format!("other users can replace files in {}", directory.display());
    Err(io::Error::new(ErrorKind::PermissionDenied, text))
}

/// Only who owns a file may rename or remove it; see inode(7).
const STICKY: u32 = 0o1000;
/// The group or everybody may write.
const OTHERS_WRITE: u32 = 0o022;

/// Removes a socket that nobody listens on any more.
fn remove_stale(path: &Path) -> io::Result<()> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let in_the_way = |what: &str| {
        let text = format!("{} {what}", path.display());
        Err(io::Error::new(ErrorKind::AddrInUse, text))
    };
    if !meta.file_type().is_socket() {
        return in_the_way("is there and is no socket");
    }
    match StdUnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Ok(_) => in_the_way("is another probe's socket"),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_socket_has_its_mode_and_goes_with_its_listener() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("probe");
        let (listener, file) = bind_unix(&path, 0o600).unwrap();
        assert_eq!(fs::symlink_metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let error = bind_unix(&path, 0o600).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        drop((listener, file));
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_socket_is_replaced_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("probe");
        drop(StdUnixListener::bind(&path).unwrap());
        let (_listener, file) = bind_unix(&path, 0o600).unwrap();
        // Another one has taken the name: it is not ours to remove.
        fs::remove_file(&path).unwrap();
        let _other = StdUnixListener::bind(&path).unwrap();
        drop(file);
        assert!(path.exists());
        let text = directory.path().join("file");
        fs::write(&text, "precious").unwrap();
        let error = bind_unix(&text, 0o600).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert_eq!(fs::read(&text).unwrap(), b"precious");
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let bind = |mode| {
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
            bind_unix(&directory.path().join("probe"), 0o600).map(drop)
        };
        assert_eq!(bind(0o777).unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(bind(0o720).unwrap_err().kind(), ErrorKind::PermissionDenied);
        bind(0o1777).unwrap();
        bind(0o755).unwrap();
    }

    #[test]
    fn other_machines_are_served_on_request_only() {
        let open = |address: &str| ServerConfig::new(address.parse().unwrap());
        let check = |config: &ServerConfig, address: &str| {
            check_exposure(&[address.parse().unwrap()], config)
        };
        let mut config = open("localhost:0");
        check(&config, "127.0.0.1:1").unwrap();
        check(&config, "[::1]:1").unwrap();
        for address in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1"] {
            assert_eq!(check(&config, address).unwrap_err().kind(), ErrorKind::PermissionDenied);
        }
        config.insecure = true;
        check(&config, "0.0.0.0:1").unwrap();
    }
}
