//! Memory of the caller.

use sentrace_schema::record::Slot;

use crate::decode::fill::put_int;
use crate::decode::reader::Reader;

pub(super) fn vm_protection(reader: &mut Reader<'_>, slot: Slot<'_>) {
    if let Some(start) = reader.arguments.index("start") {
        put_int(slot, reader.world.protection(reader.task, reader.arguments.bits(start)));
    }
}
