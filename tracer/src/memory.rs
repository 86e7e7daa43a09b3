//! Memory of a tracee, as far as decoders need it.
//!
//! What lies there is the tracee's: any address may be unmapped, any text endless. So every
//! reading is capped, reads what is mapped, and says by marks what is missing.

use sentrace_schema::wire::{TRUNCATED, UNREADABLE};

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

/// Reads the memory of one task. Addresses are the task's and are never dereferenced here.
pub trait Memory {
    /// Fills `buf` from `addr` on and answers how many bytes could be read from the start of it;
    /// what follows an unreadable page is not read. Never fails otherwise: an address that wraps
    /// around, is unmapped, or belongs to a task that is gone, reads 0 bytes.
    fn read(&self, addr: u64, buf: &mut [u8]) -> usize;
}

/// Bytes of a path or other text that are kept (`PATH_MAX`).
pub const TEXT_MAX: usize = 4096;
/// Texts of a vector that are kept.
pub const VECTOR_MAX: usize = 1024;
/// Bytes of all texts of a vector together that are kept.
pub const VECTOR_BYTES_MAX: usize = 128 * 1024;
/// Elements of an array that are kept.
pub const ARRAY_MAX: usize = 1024;

/// Texts are read in parts of this size, most in one. No part crosses a page: the next may be
/// unmapped.
const PART: u64 = 256;
/// The smallest size of a page.
const PAGE: u64 = 4096;

/// What could be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Partial<T> {
    /// The value as far as it is known.
    pub value: T,
    /// [`TRUNCATED`] and [`UNREADABLE`], or 0 when it is whole.
    pub marks: u32,
}

impl<T> Partial<T> {
    /// A value that nothing is missing from.
    pub fn whole(value: T) -> Self {
        Self { value, marks: 0 }
    }

    /// Changes the value, not what is known about it.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Partial<U> {
        Partial { value: change(self.value), marks: self.marks }
    }

    /// Whether nothing is missing.
    pub fn is_whole(&self) -> bool {
        self.marks == 0
    }
}

/// Width of a number in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 8 bits.
    W8,
    /// 16 bits.
    W16,
    /// 32 bits.
    W32,
    /// 64 bits.
    W64,
}

impl Width {
    /// Width in bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::W8 => 1,
            Self::W16 => 2,
            Self::W32 => 4,
            Self::W64 => 8,
        }
    }

    /// The number in the lowest bits, without what is above.
    #[must_use]
    pub fn zero_extend(self, raw: u64) -> u64 {
        let unused = 64 - 8 * self.bytes();
        raw << unused >> unused
    }

    /// The number in the lowest bits, whose highest bit is the sign.
    #[must_use]
    pub fn sign_extend(self, raw: u64) -> i64 {
        let unused = 64 - 8 * self.bytes();
        (raw << unused).cast_signed() >> unused
    }
}

/// The NUL-terminated text at `addr`, without the NUL, at most `max` bytes of it.
pub fn text(memory: &dyn Memory, addr: u64, max: usize) -> Partial<Vec<u8>> {
    let mut text = Vec::new();
    let mut part = [0; PART as usize];
    let mut at = addr;
    while text.len() < max {
        let wanted = (PART.min(PAGE - at % PAGE) as usize).min(max - text.len());
        let read = memory.read(at, &mut part[..wanted]).min(wanted);
        if let Some(end) = part[..read].iter().position(|byte| *byte == 0) {
            text.extend_from_slice(&part[..end]);
            return Partial::whole(text);
        }
        text.extend_from_slice(&part[..read]);
        let next = at.checked_add(read as u64);
        let Some(next) = next.filter(|_| read == wanted) else {
            return Partial { value: text, marks: UNREADABLE };
        };
        at = next;
    }
    // A text may end exactly where we stop.
    let ends = memory.read(at, &mut part[..1]) == 1 && part[0] == 0;
    Partial { value: text, marks: if ends { 0 } else { TRUNCATED } }
}

/// The texts that a NULL-terminated vector of pointers at `addr` points to (`argv`, `envp`).
/// `pointer` is the width of a pointer. A text that is unreadable or cut stands as far as it is
/// known, so that the others keep their places.
pub fn texts(memory: &dyn Memory, addr: u64, pointer: Width) -> Partial<Vec<Vec<u8>>> {
    let mut texts = Partial::whole(Vec::new());
    let mut room = VECTOR_BYTES_MAX;
    let mut at = addr;
    loop {
        let element = number(memory, at, pointer);
        if !element.is_whole() {
            texts.marks |= element.marks;
            return texts;
        }
        if element.value == 0 {
            return texts;
        }
        if texts.value.len() == VECTOR_MAX || room == 0 {
            texts.marks |= TRUNCATED;
            return texts;
        }
        let text = text(memory, element.value, TEXT_MAX.min(room));
        // An empty text takes room as well: a vector of them is bounded by its length.
        room -= text.value.len();
        texts.marks |= text.marks;
        texts.value.push(text.value);
        let Some(next) = at.checked_add(pointer.bytes() as u64) else { return texts };
        at = next;
    }
}

/// `len` bytes at `addr`, at most `max` of them.
pub fn bytes(memory: &dyn Memory, addr: u64, len: u64, max: usize) -> Partial<Vec<u8>> {
    let wanted = usize::try_from(len).unwrap_or(usize::MAX).min(max);
    let mut value = vec![0; wanted];
    let read = memory.read(addr, &mut value).min(wanted);
    value.truncate(read);
    let is_cut = len > wanted as u64;
    let marks = match (read < wanted, is_cut) {
        (true, _) => UNREADABLE,
        (false, true) => TRUNCATED,
        (false, false) => 0,
    };
    Partial { value, marks }
}

/// The number of this width at `addr`, zero-extended; 0 when it is not readable as a whole.
pub fn number(memory: &dyn Memory, addr: u64, width: Width) -> Partial<u64> {
    let mut buf = [0; 8];
    let len = width.bytes();
    if memory.read(addr, &mut buf[..len]) < len {
        return Partial { value: 0, marks: UNREADABLE };
    }
    Partial::whole(number_in(&buf, 0, width).unwrap_or_default())
}

/// The number of this width at `offset` of `bytes`, zero-extended. `None`: they end before.
///
/// Machines that run Sentrace are little-endian, and so are all their ABIs.
#[must_use]
pub fn number_in(bytes: &[u8], offset: usize, width: Width) -> Option<u64> {
    let bytes = bytes.get(offset..offset.checked_add(width.bytes())?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
