//! Memory of a tracee, as far as decoders need it.

/// Reads the memory of one task. Addresses are the task's and are never dereferenced here.
pub trait Memory {
    /// Fills `buf` from `addr` on and answers how many bytes could be read from the start of it;
    /// what follows an unreadable page is not read. Never fails otherwise: an address that wraps
    /// around, is unmapped, or belongs to a task that is gone, reads 0 bytes.
    fn read(&self, addr: u64, buf: &mut [u8]) -> usize;
}
