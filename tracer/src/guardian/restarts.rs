//! How often supervisors may fail.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The time in which failures count.
const MINUTE: Duration = Duration::from_secs(60);

/// Failures of supervisors.
#[derive(Debug)]
pub(super) struct Restarts {
    /// How many in a minute another supervisor may follow.
    most: u32,
    /// When the latest were.
    recent: VecDeque<Instant>,
    /// All that there were.
    failures: u64,
    /// Calls that the guardian answered.
    pub(super) unseen: u64,
}

impl Restarts {
    pub(super) fn new(most: u32) -> Self {
        Self { most, recent: VecDeque::new(), failures: 0, unseen: 0 }
    }

    /// A supervisor has failed.
    pub(super) fn fail(&mut self, now: Instant) {
        self.failures += 1;
        self.recent.push_back(now);
        // One more than may be says that there were too many.
        if self.recent.len() > self.most as usize + 1 {
            self.recent.pop_front();
        }
    }

    /// How many supervisors have failed.
    pub(super) fn failures(&self) -> u64 {
        self.failures
    }

    /// Whether another supervisor may be started now.
    pub(super) fn may_start(&self, now: Instant) -> bool {
        let count = self.recent.iter().filter(|at| now.duration_since(**at) < MINUTE).count();
        count <= self.most as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_for_a_minute() {
        let mut restarts = Restarts::new(2);
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        for second in [0, 10] {
            restarts.fail(at(second));
            assert!(restarts.may_start(at(second)));
        }
        restarts.fail(at(20));
        assert!(!restarts.may_start(at(20)));
        assert!(!restarts.may_start(at(59)));
        assert!(restarts.may_start(at(60)));
        restarts.fail(at(61));
        assert!(!restarts.may_start(at(61)));
        assert!(restarts.may_start(at(70)));
        assert_eq!(restarts.failures(), 4);
    }
}
