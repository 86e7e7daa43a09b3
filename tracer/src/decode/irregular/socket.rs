//! Sockets.

use sentrace_schema::record::Slot;

use crate::decode::fill::{put, put_int};
use crate::decode::reader::Reader;
use crate::decode::sockaddr;

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
