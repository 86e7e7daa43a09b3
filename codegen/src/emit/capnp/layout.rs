//! Where the fields of a structure are on the wire: the layout algorithm of Cap'n Proto, for
//! structures with at most one unnamed union of plain members.
//!
//! Fields take their place in the order of their ordinals. A field of 2^n bits goes into the
//! smallest hole of the data section that holds it, splitting larger holes in halves, or into a
//! new 64-bit word; pointers are counted. Members of a union share places, and the union's
//! discriminant (16 bits) takes its own when the second member comes.

use super::schema::{Field, Place};

/// The layout of a structure.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// Size of the data section in 64-bit words.
    pub(super) words: u32,
    /// Number of pointers.
    pub(super) pointers: u32,
    /// Place of the union's discriminant in units of 16 bits, when there is a union.
    pub(super) discriminant: Option<u32>,
    /// Place of each field, by ordinal: for data in units of its size, for pointers their index.
    pub(super) offsets: Vec<u32>,
}

/// What a field needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// Nothing.
    Void,
    /// 2^n bits.
    Data(u32),
    /// A pointer.
    Pointer,
}

/// Lays out a structure whose fields need these sizes.
pub(super) fn layout(fields: &[Field], sizes: &[Size]) -> Layout {
    let mut data = Data::default();
    let mut pointers = Pointers::default();
    let mut union = Union::default();
    let mut offsets = Vec::new();
    for (field, &size) in fields.iter().zip(sizes) {
        offsets.push(match (field.place, size) {
            (Place::Own, Size::Void) => 0,
            (Place::Own, Size::Data(lg)) => data.add(lg),
            (Place::Own, Size::Pointer) => pointers.add(),
            (Place::Union, size) => union.add(size, &mut data, &mut pointers),
        });
    }
    Layout {
        words: data.words,
        pointers: pointers.count,
        discriminant: union.discriminant,
        offsets,
    }
}

/// 64 bits are 2^6.
const WORD: usize = 6;

/// The data section: its words, and at most one hole of each size below a word. Offsets are in
/// units of the size.
#[derive(Default)]
struct Data {
    words: u32,
    holes: [Option<u32>; WORD],
}

impl Data {
    fn add(&mut self, lg: u32) -> u32 {
        if let Some(offset) = self.take(lg as usize) {
            return offset;
        }
        let offset = self.words << (WORD as u32 - lg);
        self.words += 1;
        let mut rest = offset + 1;
        for hole in &mut self.holes[lg as usize..] {
            *hole = Some(rest);
            rest = rest.div_ceil(2);
        }
        offset
    }

    /// Takes the smallest hole that is large enough; what remains of it is a hole again.
    fn take(&mut self, lg: usize) -> Option<u32> {
        let hole = self.holes.get_mut(lg)?;
        if let Some(offset) = hole.take() {
            return Some(offset);
        }
        let larger = self.take(lg + 1)?;
        self.holes[lg] = Some(larger * 2 + 1);
        Some(larger * 2)
    }

    /// Grows a place of 2^`from` bits to 2^`to` bits where it is, if the holes allow.
    fn grow(&mut self, from: u32, offset: u32, to: u32) -> bool {
        if from == to {
            return true;
        }
        let neighbour = self.holes[from as usize] == Some(offset + 1);
        if !neighbour || !self.grow(from + 1, offset / 2, to) {
            return false;
        }
        self.holes[from as usize] = None;
        true
    }
}

#[derive(Default)]
struct Pointers {
    count: u32,
}

impl Pointers {
    fn add(&mut self) -> u32 {
        self.count += 1;
        self.count - 1
    }
}

/// Places that the members of the union share.
#[derive(Default)]
struct Union {
    members: u32,
    discriminant: Option<u32>,
    /// Binary logarithm of the size, and offset in units of it.
    data: Vec<(u32, u32)>,
    pointer: Option<u32>,
}

impl Union {
    fn add(&mut self, size: Size, data: &mut Data, pointers: &mut Pointers) -> u32 {
        self.members += 1;
        if self.members == 2 {
            self.discriminant = Some(data.add(4));
        }
        match size {
            Size::Void => 0,
            Size::Data(lg) => self.add_data(lg, data),
            Size::Pointer => *self.pointer.get_or_insert_with(|| pointers.add()),
        }
    }

    fn add_data(&mut self, lg: u32, data: &mut Data) -> u32 {
        let fitting = self.data.iter().filter(|(size, _)| *size >= lg);
        if let Some((size, offset)) = fitting.min_by_key(|(size, _)| *size) {
            return offset << (size - lg);
        }
        for (size, offset) in &mut self.data {
            if data.grow(*size, *offset, lg) {
                *offset >>= lg - *size;
                *size = lg;
                return *offset;
            }
        }
        let offset = data.add(lg);
        self.data.push((lg, offset));
        offset
    }
}
