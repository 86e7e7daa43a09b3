//! Cap'n Proto's standard stream framing: a table with the number and sizes of the segments, then
//! the segments. Little endian, all sizes in 8-byte words:
//!
//! `segments - 1: u32, size: u32 for each segment, padding to 8 bytes, contents`
//!
//! The decoder takes bytes as they come, in pieces of any size, and holds no more memory than it
//! has got bytes, up to [`MAX_FRAME`].

use capnp::Word;
use capnp::message::{Builder, HeapAllocator, Reader, ReaderOptions, ReaderSegments};
use thiserror::Error;

/// Largest size of a frame's contents in bytes.
pub const MAX_FRAME: usize = 1 << 20;
/// Largest number of segments in a frame.
pub const MAX_SEGMENTS: usize = 64;
/// Deepest nesting of structures and lists in a message.
pub const MAX_NESTING: i32 = 16;

const WORD: usize = size_of::<Word>();

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// More than [`MAX_SEGMENTS`].
    #[error("a frame of {0} segments, more than {MAX_SEGMENTS}")]
    Segments(u64),
    /// More than [`MAX_FRAME`].
    #[error("a frame of {0} bytes, more than {MAX_FRAME}")]
    Size(u64),
}

/// A whole frame, not yet looked into.
#[derive(Debug)]
pub struct Frame {
    segments: Segments,
}

/// Puts frames together from bytes as they come.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Bytes of the segment table so far.
    table: Vec<u8>,
    /// Contents so far, once the table is complete.
    contents: Option<Contents>,
}

impl Decoder {
    /// Takes bytes from the front of `input`, up to the end of a frame: call it until it returns
    /// `None` (then `input` is empty). After an error the stream has no meaning any more.
    ///
    /// # Errors
    /// When a frame exceeds the limits.
    pub fn feed(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Error> {
        loop {
            if let Some(contents) = &mut self.contents {
                contents.take(input);
                if !contents.complete() {
                    return Ok(None);
                }
                self.table.clear();
                return Ok(self.contents.take().map(|contents| contents.frame()));
            }
            let missing = table_size(&self.table)? - self.table.len();
            self.table.extend_from_slice(split(input, missing));
            if self.table.len() == table_size(&self.table)? {
                self.contents = Some(Contents::new(&self.table)?);
            } else if input.is_empty() {
                return Ok(None);
            }
        }
    }

    /// Whether the stream stands between two frames, so that its end here is no loss.
    pub fn is_between_frames(&self) -> bool {
        self.table.is_empty()
    }
}

impl Frame {
    /// Access to the message.
    pub(crate) fn reader(self) -> Reader<impl ReaderSegments> {
        let mut options = ReaderOptions::new();
        // No part of a message is read twice, so no more can be read than a frame holds.
        options.traversal_limit_in_words(Some(MAX_FRAME / WORD)).nesting_limit(MAX_NESTING);
        Reader::new(self.segments, options)
    }
}

/// A message as a frame.
///
/// # Errors
/// When it exceeds the limits.
pub(crate) fn encode(message: &Builder<HeapAllocator>) -> Result<Vec<u8>, Error> {
    let bytes = message.size_in_words() * WORD;
    if bytes > MAX_FRAME {
        return Err(Error::Size(bytes as u64));
    }
    let segments = message.get_segments_for_output().len();
    if segments > MAX_SEGMENTS {
        return Err(Error::Segments(segments as u64));
    }
    Ok(capnp::serialize::write_message_to_words(message))
}

/// Size of the segment table in bytes, as far as `table`, its beginning, tells.
fn table_size(table: &[u8]) -> Result<usize, Error> {
    let Some(last) = numbers(table).next() else { return Ok(4) };
    let segments = u64::from(last) + 1;
    if segments > MAX_SEGMENTS as u64 {
        return Err(Error::Segments(segments));
    }
    Ok((4 + 4 * segments as usize).next_multiple_of(WORD))
}

/// Takes up to `length` bytes from the front.
fn split<'a>(input: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (front, rest) = input.split_at(length.min(input.len()));
    *input = rest;
    front
}

/// Little-endian numbers of 32 bits.
fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
}

/// Contents of a frame while they come in.
#[derive(Debug)]
struct Contents {
    /// Ends of the segments, in words from the start.
    ends: Vec<usize>,
    words: Vec<Word>,
    /// Bytes of `words` that are filled.
    filled: usize,
}

impl Contents {
    fn new(table: &[u8]) -> Result<Contents, Error> {
        let mut ends = Vec::new();
        let mut total = 0u64;
        let count = numbers(table).next().map_or(0, |last| last as usize + 1);
        for words in numbers(table).skip(1).take(count) {
            total += u64::from(words);
            if total > (MAX_FRAME / WORD) as u64 {
                return Err(Error::Size(total * WORD as u64));
            }
            ends.push(total as usize);
        }
        Ok(Contents { ends, words: Vec::new(), filled: 0 })
    }

    fn size(&self) -> usize {
        self.ends.last().map_or(0, |words| words * WORD)
    }

    fn complete(&self) -> bool {
        self.filled == self.size()
    }

    fn take(&mut self, input: &mut &[u8]) {
        let bytes = split(input, self.size() - self.filled);
        let filled = self.filled + bytes.len();
        self.words.resize(filled.div_ceil(WORD), capnp::word(0, 0, 0, 0, 0, 0, 0, 0));
        let target = Word::words_to_bytes_mut(&mut self.words);
        target[self.filled..filled].copy_from_slice(bytes);
        self.filled = filled;
    }

    fn frame(self) -> Frame {
        Frame { segments: Segments { ends: self.ends, words: self.words } }
    }
}

#[derive(Debug)]
struct Segments {
    ends: Vec<usize>,
    words: Vec<Word>,
}

impl ReaderSegments for Segments {
    fn get_segment(&self, index: u32) -> Option<&[u8]> {
        let index = index as usize;
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(Word::words_to_bytes(&self.words[start..end]))
    }

    fn len(&self) -> usize {
        self.ends.len()
    }
}
