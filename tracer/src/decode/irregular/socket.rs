//! Sockets.

use sentrace_bpf::Instruction;
use sentrace_schema::groups::SocketFilter;
use sentrace_schema::record::Slot;
use sha2::{Digest, Sha256};

use crate::decode::fill::{put, put_int};
use crate::decode::reader::Reader;
use crate::decode::sockaddr;
use crate::memory::{self, Width, number_in};

/// `SOCK_TYPE_MASK` (linux/net.h).
const TYPE_MASK: i64 = 0xf;
/// `SOL_SOCKET`, and its options that are a classic BPF program (asm-generic/socket.h).
const SOL_SOCKET: i64 = 1;
const SO_ATTACH_FILTER: i64 = 26;
const SO_ATTACH_REUSEPORT_CBPF: i64 = 51;
/// Instructions of a filter that are looked at, and the size of one (`struct sock_filter`).
const FILTER_MAX: usize = 512;
const INSN: usize = 8;

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

/// The option is a `struct sock_fprog`: a length of 16 bits and a pointer (linux/filter.h).
pub(super) fn filter(reader: &mut Reader<'_>, slot: Slot<'_>) {
    let is_filter = reader.named("level") == Some(SOL_SOCKET)
        && matches!(reader.named("optname"), Some(SO_ATTACH_FILTER | SO_ATTACH_REUSEPORT_CBPF));
    let Some(option) = reader.arguments.index("optval").filter(|_| is_filter) else { return };
    let word = reader.arguments.layout().word;
    let len = reader.note(reader.pointees().number(option, 0, Width::W16));
    let start = reader.note(reader.pointees().number(option, word.bytes() as u64, word));
    let bytes = memory::bytes(reader.memory, start, len * INSN as u64, FILTER_MAX * INSN);
    let bytes = reader.note(bytes);
    let instructions: Vec<Instruction> = bytes.chunks_exact(INSN).filter_map(instruction).collect();
    let mut used_immediates: Vec<i64> =
        instructions.iter().filter_map(sentrace_bpf::immediate).map(i64::from).collect();
    used_immediates.sort_unstable();
    used_immediates.dedup();
    put(
        slot,
        SocketFilter {
            filter_len: len.cast_signed(),
            is_filter_truncated: len > FILTER_MAX as u64,
            filter_instructions: sentrace_bpf::list(&instructions).into(),
            filter_hash: hex(&Sha256::digest(&bytes)).into(),
            used_immediates,
        },
    );
}

fn instruction(bytes: &[u8]) -> Option<Instruction> {
    let code = number_in(bytes, 0, Width::W16)?;
    let k = number_in(bytes, 4, Width::W32)?;
    Some(Instruction { code: code as u16, jt: bytes[2], jf: bytes[3], k: k as u32 })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
