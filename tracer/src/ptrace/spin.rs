//! Polling for the next stop before sleeping.
//!
//! A tracer that sleeps is woken for every stop, which on another CPU costs 30 to 50 µs of the
//! application's time; most stops come within a few µs of the one before. So the tracer polls
//! for up to [`LIMIT`] first, unless that did not pay lately or there is one CPU only.

use std::time::{Duration, Instant};

/// How long to poll: about what sleeping and waking costs.
pub(super) const LIMIT: Duration = Duration::from_micros(20);

/// After this many polls in vain, polling is left out for a while.
const PATIENCE: u32 = 8;

/// The longest while, in waits.
const LONGEST: u32 = 64;

/// Whether polling pays.
#[derive(Debug)]
pub(super) struct Spin {
    enabled: bool,
    /// Polls in vain since the last that paid.
    misses: u32,
    /// Waits to leave polling out for.
    skip: u32,
    /// Length of the next such while.
    pause: u32,
}

impl Spin {
    /// Polls only if there is a CPU for the application meanwhile.
    pub(super) fn new(cpus: usize) -> Self {
        Self { enabled: cpus > 1, misses: 0, skip: 0, pause: 1 }
    }

    /// Calls `poll` until it answers, for as long as that may pay. What is there at once says
    /// nothing about that.
    pub(super) fn poll<T>(&mut self, mut poll: impl FnMut() -> Option<T>) -> Option<T> {
        if !self.is_due() {
            return None;
        }
        if let Some(found) = poll() {
            return Some(found);
        }
        let begin = Instant::now();
        loop {
            if let Some(found) = poll() {
                self.hit();
                return Some(found);
            }
            if begin.elapsed() >= LIMIT {
                self.miss();
                return None;
            }
        }
    }

    fn is_due(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.enabled
    }

    fn hit(&mut self) {
        self.misses = 0;
        self.pause = 1;
    }

    fn miss(&mut self) {
        self.misses += 1;
        if self.misses >= PATIENCE {
            self.skip = self.pause;
            self.pause = (self.pause * 2).min(LONGEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polling_in_vain_becomes_rare_and_recovers() {
        let mut spin = Spin::new(2);
        let mut polled = 0;
        for _ in 0..1000 {
            if spin.is_due() {
                polled += 1;
                spin.miss();
            }
        }
        assert!((20..40).contains(&polled), "{polled}");
        while !spin.is_due() {}
        spin.hit();
        assert!((0..7).all(|_| {
            spin.miss();
            spin.is_due()
        }));
    }

    #[test]
    fn one_cpu_is_left_to_the_application() {
        let mut spin = Spin::new(1);
        assert_eq!(spin.poll(|| -> Option<()> { panic!("polled") }), None);
    }
}
