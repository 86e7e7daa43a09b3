//! Pauses between attempts to connect.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Pauses that double, with a random part so that many tracers do not come back at once.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The next pause: between half and all of what has been doubled so far.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (self.next * 2).min(self.longest);
        let half = pause / 2;
        half + half.mul_f64(random() as f64 / u64::MAX as f64)
    }

    /// An attempt led to something: pauses are short again.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }

    /// Another attempt will hardly help soon.
    pub(super) fn exhaust(&mut self) {
        self.next = self.longest;
    }
}

/// A number that nobody can guess: the standard library keys its hashers with random bytes of
/// the system.
#[must_use]
pub fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(500));
        for most in [100, 200, 400, 500, 500] {
            let pause = backoff.pause();
            assert!(ms(most / 2) <= pause && pause <= ms(most), "{pause:?} of {most}");
        }
        backoff.reset();
        assert!(backoff.pause() <= ms(100));
        backoff.exhaust();
        assert!(backoff.pause() >= ms(250));
    }
}
