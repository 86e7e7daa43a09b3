//! Fills a field of an event from its source: what a value means is decided by both, the type of
//! the argument and that of the field.

use std::any::Any;

use sentrace_schema::groups;
use sentrace_schema::record::{Record, Slot, Ty};

use super::reader::Reader;
use super::table::{Dir, Scalar, Source, SyscallDesc, Type};
use crate::memory::TEXT_MAX;

/// When a source is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the kernel begins.
    Entry,
    /// When it has returned.
    Exit,
}

/// When a source of a call is known.
pub(super) fn moment(syscall: &SyscallDesc, source: &Source) -> Moment {
    match source {
        Source::Const(_) => Moment::Entry,
        Source::Result => Moment::Exit,
        Source::Rust(irregular) => irregular.moment,
        Source::Arg(arg) | Source::Member { arg, .. } => {
            match syscall.args.get(usize::from(*arg)).map(|arg| arg.dir) {
                Some(Dir::Out) => Moment::Exit,
                _ => Moment::Entry,
            }
        }
    }
}

/// Fills a field of type `ty` at `slot`. What does not fit leaves it empty; the generator sees to
/// it that everything fits.
pub(super) fn fill(reader: &mut Reader<'_>, source: &Source, ty: Ty, slot: Slot<'_>) {
    match source {
        Source::Const(values) => put_number(reader, values.on(reader.arguments.abi), None, slot),
        Source::Result => {
            if let Some(result) = reader.result {
                put_number(reader, result, None, slot);
            }
        }
        Source::Member { arg, of, member } => {
            let value = reader.note(reader.pointees().member(*arg, of, *member));
            let scalar = of.members.get(usize::from(*member)).map(|member| member.ty);
            put_number(reader, value, scalar, slot);
        }
        Source::Rust(irregular) => (irregular.fill)(reader, slot),
        Source::Arg(arg) => fill_argument(reader, *arg, ty, slot),
    }
}

/// Puts a group into the field that is for it.
pub(super) fn put<T: Record>(slot: Slot<'_>, value: T) {
    if let Slot::Record(record) = slot
        && let Some(place) = (record as &mut dyn Any).downcast_mut::<T>()
    {
        *place = value;
    }
}

/// Puts text into the field that is for it.
pub(super) fn put_text(slot: Slot<'_>, value: Vec<u8>) {
    if let Slot::Bytes(place) = slot {
        *place = value;
    }
}

/// Puts a number into the field that is for it.
pub(super) fn put_int(slot: Slot<'_>, value: i64) {
    match slot {
        Slot::Int(place) => *place = value,
        Slot::Bool(place) => *place = value != 0,
        _ => {}
    }
}

fn fill_argument(reader: &mut Reader<'_>, arg: u8, ty: Ty, slot: Slot<'_>) {
    match (reader.ty(arg), slot) {
        (Some(Type::Scalar(scalar)), slot) => {
            put_number(reader, reader.arguments.value(arg), Some(scalar), slot);
        }
        (Some(Type::Path { .. }), Slot::Bytes(place)) => {
            *place = match ty {
                Ty::Path => reader.file(arg).path,
                _ => reader.text(arg),
            }
        }
        (Some(Type::Path { .. }), slot @ Slot::Record(_)) => put(slot, reader.file(arg)),
        (Some(Type::String), Slot::Bytes(place)) => *place = reader.text(arg),
        (Some(Type::Strings), Slot::List(place)) => {
            *place = reader.note(reader.pointees().texts(arg))
        }
        (Some(Type::Bytes { len }), Slot::Bytes(place)) => {
            let len = reader.note(reader.pointees().length(len));
            *place = reader.note(reader.pointees().bytes(arg, len, TEXT_MAX));
        }
        (Some(Type::Sockaddr { .. }), slot) => put(slot, reader.addr(arg)),
        (Some(Type::ScalarPtr(scalar, count)), Slot::Ints(place)) => {
            let count = reader.note(reader.pointees().count(count));
            *place = reader.note(reader.pointees().numbers(arg, scalar, count));
        }
        (Some(Type::ScalarPtr(scalar, _)), slot) => {
            let first = reader.note(reader.pointees().numbers(arg, scalar, 1));
            put_number(reader, first.first().copied().unwrap_or_default(), Some(scalar), slot);
        }
        // The pointer itself.
        (_, slot @ (Slot::Int(_) | Slot::Bool(_))) => put_int(slot, reader.arguments.value(arg)),
        _ => {}
    }
}

/// A number in a field: itself, the name of a user or group, or what it stands for.
fn put_number(reader: &mut Reader<'_>, value: i64, scalar: Option<Scalar>, slot: Slot<'_>) {
    match slot {
        Slot::Bytes(_) if value < 0 => {}
        Slot::Bytes(place) => {
            *place = match scalar {
                Some(Scalar::Uid | Scalar::OldUid) => reader.world.user(reader.task, value),
                Some(Scalar::Gid | Scalar::OldGid) => reader.world.group(reader.task, value),
                _ => vec![],
            }
        }
        Slot::Record(record) => {
            let record: &mut dyn Any = record;
            if let Some(file) = record.downcast_mut::<groups::File>() {
                *file = reader.file_of(value);
            } else if let Some(process) = record.downcast_mut::<groups::Process>() {
                *process = reader.process_of(value);
            } else if let Some(socket) = record.downcast_mut::<groups::Socket>()
                && let Ok(fd) = i32::try_from(value)
            {
                *socket = reader.world.socket_of_fd(reader.task, fd);
            }
        }
        slot => put_int(slot, value),
    }
}
