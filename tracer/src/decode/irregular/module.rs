//! Kernel modules: their name is in the image (init_module(2)) or the file (finit_module(2)).

use sentrace_schema::record::Slot;
use sentrace_schema::wire::TRUNCATED;

use crate::decode::fill::{put_int, put_text};
use crate::decode::reader::Reader;
use crate::memory::{self, Width, number_in};

/// Bytes of tables of the image that are read.
const TABLE_MAX: usize = 64 << 10;
/// Size of an ELF header and a section header (elf(5), 64 bits).
const HEADER: usize = 64;

pub(super) fn name(reader: &mut Reader<'_>, slot: Slot<'_>) {
    let name = match (reader.arguments.index("umod"), reader.named("fd")) {
        (Some(image), _) => {
            let image = Image { at: reader.arguments.bits(image), memory: reader.memory };
            image.name().unwrap_or_default()
        }
        (None, Some(fd)) => of_path(&reader.file_of(fd).path),
        (None, None) => vec![],
    };
    put_text(slot, name);
}

pub(super) fn are_args_truncated(reader: &mut Reader<'_>, slot: Slot<'_>) {
    if let Some(args) = reader.arguments.index("uargs") {
        let args = reader.pointees().text(args, memory::TEXT_MAX);
        put_int(slot, i64::from(args.marks & TRUNCATED != 0));
    }
}

/// The name that the kernel gives to a module of this file: without `.ko` and what follows, with
/// underscores.
fn of_path(path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let end = name.windows(3).position(|part| part == b".ko").unwrap_or(name.len());
    name[..end].iter().map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect()
}

/// The image of a module in a program's memory.
struct Image<'a> {
    at: u64,
    memory: &'a dyn memory::Memory,
}

impl Image<'_> {
    /// `name=` in the section `.modinfo`, which holds NUL-terminated texts.
    fn name(&self) -> Option<Vec<u8>> {
        let header = self.read(0, HEADER)?;
        let number = |offset, width| number_in(&header, offset, width);
        if !header.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let (sections, count) = (number(40, Width::W64)?, number(60, Width::W16)? as usize);
        let sections = self.read(sections, (count * HEADER).min(TABLE_MAX))?;
        let mut sections = sections.chunks_exact(HEADER);
        let names = sections.clone().nth(number(62, Width::W16)? as usize)?;
        let names = self.section(names)?;
        let is_info = |section: &&[u8]| {
            let name = number_in(section, 0, Width::W32).and_then(|at| names.get(at as usize..));
            name.is_some_and(|name| name.starts_with(b".modinfo\0"))
        };
        let info = self.section(sections.find(is_info)?)?;
        let name = info.split(|byte| *byte == 0).find_map(|text| text.strip_prefix(b"name="))?;
        Some(name.to_vec())
    }

    /// The content of a section, given its header.
    fn section(&self, header: &[u8]) -> Option<Vec<u8>> {
        let size = number_in(header, 32, Width::W64)?;
        self.read(number_in(header, 24, Width::W64)?, size.min(TABLE_MAX as u64) as usize)
    }

    fn read(&self, offset: u64, len: usize) -> Option<Vec<u8>> {
        let at = self.at.checked_add(offset)?;
        Some(memory::bytes(self.memory, at, len as u64, len).value)
    }
}
