//! Credentials and names of processes.

use sentrace_schema::groups::{CapabilitySets, GroupIds, Process, UserIds};
use sentrace_schema::record::Slot;

use crate::decode::fill::{put, put_int, put_text};
use crate::decode::reader::Reader;
use crate::memory::{self, TEXT_MAX, Width};

/// `PR_SET_NAME` (linux/prctl.h).
const PR_SET_NAME: i64 = 15;
/// `_LINUX_CAPABILITY_VERSION_1` (linux/capability.h), the only one with sets of 32 bits.
const CAPABILITY_VERSION_1: u64 = 0x1998_0330;

pub(super) fn user_ids(reader: &mut Reader<'_>, slot: Slot<'_>) {
    let now = reader.world.user_ids(reader.task);
    put::<UserIds>(slot, now);
}

pub(super) fn group_ids(reader: &mut Reader<'_>, slot: Slot<'_>) {
    let now = reader.world.group_ids(reader.task);
    put::<GroupIds>(slot, now);
}

/// `struct __user_cap_data_struct` has three words: effective, permitted, inheritable. From
/// version 2 on there are two of them, the lower halves first.
pub(super) fn capability_sets(reader: &mut Reader<'_>, slot: Slot<'_>) {
    const SIZE: u64 = 12;
    let args = (reader.arguments.index("header"), reader.arguments.index("data"));
    let (Some(header), Some(data)) = args else { return };
    let version = reader.note(reader.pointees().number(header, 0, Width::W32));
    let mut half = |offset| reader.note(reader.pointees().number(data, offset, Width::W32));
    let mut set = |offset| {
        let high = if version == CAPABILITY_VERSION_1 { 0 } else { half(SIZE + offset) };
        (half(offset) | high << 32).cast_signed()
    };
    put(slot, CapabilitySets { cap_effective: set(0), cap_permitted: set(4) });
}

pub(super) fn pidfd_pid(reader: &mut Reader<'_>, slot: Slot<'_>) {
    put_int(slot, of_pidfd(reader).pid);
}

pub(super) fn pidfd_process(reader: &mut Reader<'_>, slot: Slot<'_>) {
    put(slot, of_pidfd(reader));
}

fn of_pidfd(reader: &Reader<'_>) -> Process {
    let fd = reader.named("pidfd").and_then(|fd| i32::try_from(fd).ok());
    fd.map(|fd| reader.world.process_of_pidfd(reader.task, fd)).unwrap_or_default()
}

pub(super) fn prctl_name(reader: &mut Reader<'_>, slot: Slot<'_>) {
    if reader.named("option") == Some(PR_SET_NAME)
        && let Some(arg) = reader.arguments.index("arg2")
    {
        let name = memory::text(reader.memory, reader.arguments.bits(arg), TEXT_MAX);
        put_text(slot, reader.note(name));
    }
}
