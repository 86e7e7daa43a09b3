//! Sockets of other tasks.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};

use sentrace_tracer::resolve::{End, Resolver, SocketFacts};

use crate::actor::Actor;

/// A child holds the only descriptor of a connected socket.
#[test]
fn of_another_process() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut peer, client) = listener.accept().unwrap();
    let mut command = Command::new("cat");
    command.stdin(OwnedFd::from(stream)).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    drop(command);
    let pid = child.id().cast_signed();
    let resolver = Resolver::new().unwrap();
    let expect = SocketFacts { domain: 2, kind: 1, protocol: 6 };
    assert_eq!(resolver.socket_of_fd(pid, 0), Some(expect));
    let port = |end: End| {
        let address = resolver.address_of_fd(pid, 0, end).unwrap();
        assert_eq!((address.len(), &address[4..8]), (16, &[127, 0, 0, 1][..]));
        u16::from_be_bytes([address[2], address[3]])
    };
    assert_eq!(port(End::Peer), listener.local_addr().unwrap().port());
    assert_eq!(port(End::Local), client.port());
    // No socket, no descriptor, no process.
    for (pid, fd) in [(pid, 1), (pid, 99), (pid, -1), (-1, 0), (i32::MAX, 0)] {
        assert_eq!(resolver.socket_of_fd(pid, fd), None);
        assert_eq!(resolver.address_of_fd(pid, fd, End::Peer), None);
    }
    // We did not keep it open: the child's exit ends the connection.
    peer.write_all(b"x").unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(matches!(peer.read(&mut [0]), Ok(0) | Err(_)));
}

/// A thread with descriptors of its own.
#[test]
fn of_a_thread() {
    let actor = Actor::new(nix::sched::CloneFlags::CLONE_FILES);
    let fd = actor.run(|| {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let fd = socket.as_raw_fd();
        std::mem::forget(socket);
        fd
    });
    let got = Resolver::new().unwrap().socket_of_fd(actor.tid, fd);
    // Before Linux 6.9 the thread cannot be asked, and the name of the protocol tells.
    assert_eq!(got, Some(SocketFacts { domain: 2, kind: 2, protocol: 17 }));
    assert!(fs::exists(format!("/proc/{}/fd/{fd}", actor.tid)).unwrap());
}
