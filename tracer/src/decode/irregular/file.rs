//! Files whose path or descriptor does not tell by itself what they are.

use sentrace_schema::groups::File;
use sentrace_schema::record::Slot;

use crate::decode::fill::{put, put_text};
use crate::decode::reader::Reader;

pub(super) fn opened(reader: &mut Reader<'_>, slot: Slot<'_>) {
    let file = match reader.success() {
        Some(fd) => reader.file_of(fd),
        None => path(reader, &["filename", "pathname", "path"]),
    };
    put(slot, file);
}

pub(super) fn new_name(reader: &mut Reader<'_>, slot: Slot<'_>) {
    let file = path(reader, &["newname"]);
    put(slot, file);
}

pub(super) fn mapped_file(reader: &mut Reader<'_>, slot: Slot<'_>) {
    let flags = reader.named("flags").unwrap_or_default();
    if flags & i64::from(libc::MAP_ANONYMOUS) == 0
        && let Some(fd) = reader.named("fd")
    {
        put(slot, reader.file_of(fd));
    }
}

pub(super) fn mount_source(reader: &mut Reader<'_>, slot: Slot<'_>) {
    let Some(source) = reader.arguments.index("dev_name") else { return };
    let flags = reader.named("flags").unwrap_or_default().cast_unsigned();
    let text = reader.text(source);
    let is_path = flags & (libc::MS_BIND | libc::MS_MOVE) != 0 || text.starts_with(b"/");
    put_text(slot, if is_path { reader.file(source).path } else { text });
}

/// The file that the path argument with one of these names means.
fn path(reader: &mut Reader<'_>, names: &[&str]) -> File {
    let arg = names.iter().find_map(|name| reader.arguments.index(name));
    arg.map(|arg| reader.file(arg)).unwrap_or_default()
}
