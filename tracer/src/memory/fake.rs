//! Memory that a test lays out.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::Memory;

/// Size of a page.
pub(crate) const PAGE: u64 = 4096;

/// Pages at chosen addresses; everything else is unmapped.
#[derive(Debug, Default)]
pub(crate) struct FakeMemory {
    pages: BTreeMap<u64, Vec<u8>>,
    /// How often it was read.
    pub(crate) reads: Cell<usize>,
}

impl FakeMemory {
    /// Nothing is mapped.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Writes `bytes` at `addr`, mapping the pages that they touch.
    pub(crate) fn with(mut self, addr: u64, bytes: &[u8]) -> Self {
        for (offset, byte) in bytes.iter().enumerate() {
            let at = addr + offset as u64;
            let page = self.pages.entry(at / PAGE).or_insert_with(|| vec![0; PAGE as usize]);
            page[(at % PAGE) as usize] = *byte;
        }
        self
    }

    /// Writes numbers of 32 bits.
    pub(crate) fn with_u32s(self, addr: u64, numbers: &[u32]) -> Self {
        self.with(addr, &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
    }

    /// Writes numbers of 64 bits.
    pub(crate) fn with_u64s(self, addr: u64, numbers: &[u64]) -> Self {
        self.with(addr, &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
    }
}

impl Memory for FakeMemory {
    fn read(&self, addr: u64, buf: &mut [u8]) -> usize {
        self.reads.set(self.reads.get() + 1);
        let mut done = 0;
        while done < buf.len() {
            let Some(at) = addr.checked_add(done as u64) else { break };
            let Some(page) = self.pages.get(&(at / PAGE)) else { break };
            let from = (at % PAGE) as usize;
            let part = (page.len() - from).min(buf.len() - done);
            buf[done..done + part].copy_from_slice(&page[from..from + part]);
            done += part;
        }
        done
    }
}

/// Every address holds something that depends on a seed: text, pointers and lengths of all kinds,
/// and unreadable pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoiseMemory(pub(crate) u64);

impl Memory for NoiseMemory {
    fn read(&self, addr: u64, buf: &mut [u8]) -> usize {
        for (done, byte) in buf.iter_mut().enumerate() {
            let Some(at) = addr.checked_add(done as u64) else { return done };
            let page = mix(self.0 ^ (at / PAGE));
            match page % 8 {
                0 => return done,
                1 => *byte = 0,
                2 => *byte = 0xff,
                3 => *byte = b'/',
                _ => *byte = mix(self.0 ^ at) as u8,
            }
        }
        buf.len()
    }
}

/// A number that looks unrelated to `seed` (the finalizer of SplitMix64).
pub(crate) fn mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}
