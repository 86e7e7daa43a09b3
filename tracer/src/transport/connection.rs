//! A connection to a probe: messages out and in, without waiting but where it says so.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::EventFd;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use sentrace_schema::address::Address;
use sentrace_schema::wire::{self, Decoder, Message};

/// How long a machine may take to accept a TCP connection.
const CONNECT: Duration = Duration::from_secs(1);

/// How long the probe may take to end its side of a connection after the goodbye.
const PARTING: Duration = Duration::from_millis(100);

/// What a connection can suffer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The system's answer.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What came is no message.
    #[error(transparent)]
    Wire(#[from] wire::Error),
    /// The probe has ended it.
    #[error("the probe closed the connection")]
    Closed,
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    decoder: Decoder,
    /// Bytes that are being sent, and how many of them are.
    output: (Vec<u8>, usize),
}

impl Connection {
    /// Connects; may wait for a name server, and for the network [`CONNECT`] for each address
    /// that a name has.
    pub(super) fn open(address: &Address) -> io::Result<Self> {
        let stream = match address {
            Address::Unix(path) => Stream::Unix(connect_unix(path)?),
            Address::Tcp { host, port } => Stream::Tcp(connect_tcp(host, *port)?),
        };
        Ok(Self { stream, decoder: Decoder::default(), output: (Vec::new(), 0) })
    }

    /// Whether everything is sent.
    pub(super) fn is_idle(&self) -> bool {
        self.output.1 == self.output.0.len()
    }

    /// Begins to send a frame after what is being sent.
    pub(super) fn send(&mut self, frame: Vec<u8>) {
        if self.is_idle() {
            self.output = (frame, 0);
        } else {
            self.output.0.extend_from_slice(&frame);
        }
    }

    /// Sends what the system takes now.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        while !self.is_idle() {
            let (bytes, sent) = &mut self.output;
            match self.stream.write(&bytes[*sent..]) {
                Ok(0) => return Err(Error::Closed),
                Ok(count) => *sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Messages that have come: what one read gives, so that nobody keeps us reading.
    pub(super) fn receive(&mut self) -> Result<Vec<Message>, Error> {
        let mut buffer = [0; 16 << 10];
        let count = match self.stream.read(&mut buffer) {
            Ok(0) => return Err(Error::Closed),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            Err(error) => return Err(error.into()),
        };
        let mut input = &buffer[..count];
        let mut messages = Vec::new();
        while let Some(message) = self.decoder.feed(&mut input)? {
            messages.push(message);
        }
        Ok(messages)
    }

    /// Waits until something has come, can be sent or has been queued, at most until a moment.
    pub(super) fn wait(&self, wake: &EventFd, until: Instant) -> io::Result<()> {
        let mut events = PollFlags::POLLIN;
        if !self.is_idle() {
            events |= PollFlags::POLLOUT;
        }
        let socket = PollFd::new(self.stream.as_fd(), events);
        pause(Some(socket), wake, until)
    }

    /// Ends the connection so that everything sent arrives: the probe closes its side, too.
    pub(super) fn close(&mut self, deadline: Instant) {
        while !self.is_idle() && self.flush().is_ok() && Instant::now() < deadline {
            let _ = self.poll(PollFlags::POLLOUT, deadline);
        }
        let _ = self.stream.shutdown();
        let deadline = deadline.min(Instant::now() + PARTING);
        while Instant::now() < deadline && self.poll(PollFlags::POLLIN, deadline).is_ok() {
            if self.receive().is_err() {
                break;
            }
        }
    }

    fn poll(&self, events: PollFlags, until: Instant) -> io::Result<()> {
        poll_until(&mut [PollFd::new(self.stream.as_fd(), events)], until)
    }
}

/// Waits until something has been queued, or for what `socket` asks, at most until a moment.
pub(super) fn pause(socket: Option<PollFd<'_>>, wake: &EventFd, until: Instant) -> io::Result<()> {
    let mut fds = vec![PollFd::new(wake.as_fd(), PollFlags::POLLIN)];
    fds.extend(socket);
    poll_until(&mut fds, until)?;
    if fds[0].any() == Some(true) {
        let _ = wake.read();
    }
    Ok(())
}

/// poll(2), rounded up to whole milliseconds; an interruption counts as an answer.
fn poll_until(fds: &mut [PollFd<'_>], until: Instant) -> io::Result<()> {
    let left = until.saturating_duration_since(Instant::now());
    let rounded = left.as_micros().div_ceil(1000);
    let timeout = i32::try_from(rounded).unwrap_or(i32::MAX);
    match poll(fds, PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX)) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// connect(2) would wait for a listener that accepts nobody; a socket that never waits gets
/// EAGAIN (unix(7)).
fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(UnixStream::from(socket))
}

/// The two kinds of sockets.
#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn shutdown(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}
