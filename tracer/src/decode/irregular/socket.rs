//! Sockets.

use sentrace_schema::record::Slot;

use crate::decode::fill::{put, put_int};
use crate::decode::reader::Reader;
use crate::decode::sockaddr;
use crate::memory::{self, Width};

/// `SOCK_TYPE_MASK` (linux/net.h).
const TYPE_MASK: i64 = 0xf;

pub(super) fn accepted(reader: &mut Reader<'_>, slot: Slot<'_>) {
    let Some(fd) = reader.success().and_then(|fd| i32::try_from(fd).ok()) else { return };
    // The kernel's word first: the program's memory may have changed since.
    let peer = reader.world.peer_of_fd(reader.task, fd);
    let addr = match reader.arguments.index("upeer_sockaddr") {
        Some(arg) if peer.is_empty() => reader.addr(arg),
        _ => sockaddr::record(&peer),
    };
    put(slot, addr);
}

pub(super) fn socket_type(reader: &mut Reader<'_>, slot: Slot<'_>) {
    put_int(slot, reader.named("type").unwrap_or_default() & TYPE_MASK);
}

pub(super) fn socket_protocol(reader: &mut Reader<'_>, slot: Slot<'_>) {
    if let Some(fd) = reader.named("fd").and_then(|fd| i32::try_from(fd).ok()) {
        put_int(slot, reader.world.socket_of_fd(reader.task, fd).socket_protocol);
    }
}

/// `msg_name` and `msg_namelen` are the first members of `struct user_msghdr` (linux/socket.h).
pub(super) fn message_peer(reader: &mut Reader<'_>, slot: Slot<'_>) {
    let Some(message) = reader.arguments.index("msg") else { return };
    let word = reader.arguments.layout().word;
    let name = reader.note(reader.pointees().number(message, 0, word));
    let len = reader.note(reader.pointees().number(message, word.bytes() as u64, Width::W32));
    if name != 0 {
        let addr = memory::bytes(reader.memory, name, len, sockaddr::MAX);
        put(slot, sockaddr::record(&reader.note(addr)));
    }
}
