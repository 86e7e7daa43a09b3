//! Signals that the first process got, for the forwarder to compare with those the tracer got.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use nix::errno::Errno;

use crate::sys::shared::Shared;
use crate::sys::signals::SIGNALS;

/// What the first process got.
#[derive(Debug)]
pub(crate) struct Delivered {
    begin: Instant,
    /// The process has ended: its pid may be another's.
    ended: AtomicBool,
    /// By signal, who sent it last and when: the sender's pid in the upper half, milliseconds
    /// since `begin` plus 1 in the lower. A witness writes to it from another process.
    last: Shared<[AtomicU64; SIGNALS]>,
}

impl Delivered {
    /// # Errors
    /// As mmap(2).
    pub(crate) fn new() -> Result<Self, Errno> {
        let last = Shared::new()?;
        Ok(Self { begin: Instant::now(), ended: AtomicBool::new(false), last })
    }

    /// `sender` sent `signal`, which the first process is getting. Async-signal-safe.
    pub(crate) fn record(&self, signal: i32, sender: i32) {
        if let Some(last) = self.last.get(signal as usize) {
            last.store(u64::from(sender as u32) << 32 | u64::from(self.now()), Relaxed);
        }
    }

    /// The process has ended.
    pub(crate) fn end(&self) {
        self.ended.store(true, Relaxed);
    }

    /// Whether the process has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// Takes the delivery of `signal` by `sender` within the last `millis`, if there was one.
    pub(crate) fn take(&self, signal: i32, sender: i32, millis: u32) -> bool {
        let Some(last) = self.last.get(signal as usize) else { return false };
        let seen = last.load(Relaxed);
        let recent = self.now().wrapping_sub(seen as u32) <= millis;
        seen != 0
            && recent
            && (seen >> 32) as i32 == sender
            && last.compare_exchange(seen, 0, Relaxed, Relaxed).is_ok()
    }

    fn now(&self) -> u32 {
        (self.begin.elapsed().as_millis() as u32).wrapping_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_taken_once_and_by_its_sender() {
        let delivered = Delivered::new().expect("memory");
        delivered.record(15, 77);
        assert!(!delivered.take(15, 78, 1000));
        assert!(!delivered.take(2, 77, 1000));
        assert!(delivered.take(15, 77, 1000));
        assert!(!delivered.take(15, 77, 1000));
        delivered.record(999, 1);
        assert!(!delivered.take(-1, 0, 1000));
    }
}
