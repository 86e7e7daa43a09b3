//! Rules that match more widely than they were meant to lose the right to kill.

use std::collections::HashMap;

use crate::config::Guard;

/// What one rule has killed, counted one way: by container, or by executable.
#[derive(Debug, Default)]
pub(super) struct Disarmer {
    /// When each was last hit, in ns since the epoch.
    seen: HashMap<Vec<u8>, u64>,
    /// Until when the rule kills nothing.
    until: Option<u64>,
}

impl Disarmer {
    /// Whether the rule may kill something of `key` at `now`: it has not hit more than
    /// [`Guard::max_allowed`] different ones within [`Guard::period`]. If it has, it is disarmed
    /// for that long.
    pub(super) fn admits(&mut self, key: &[u8], guard: &Guard, now: u64) -> bool {
        if !guard.enabled {
            return true;
        }
        if self.until.is_some_and(|until| now < until) {
            return false;
        }
        self.until = None;
        let period = u64::try_from(guard.period.as_nanos()).unwrap_or(u64::MAX);
        self.seen.retain(|_, last| last.saturating_add(period) > now);
        if !self.seen.contains_key(key) && self.seen.len() as u64 >= guard.max_allowed {
            self.until = Some(now.saturating_add(period));
            self.seen.clear();
            return false;
        }
        self.seen.insert(key.to_vec(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_different_ones_in_a_period() {
        let guard = Guard { enabled: true, max_allowed: 2, period: Duration::from_nanos(100) };
        let mut disarmer = Disarmer::default();
        let mut admits = |key: &str, now| disarmer.admits(key.as_bytes(), &guard, now);
        assert!(admits("a", 0) && admits("a", 10) && admits("b", 20));
        assert!(!admits("c", 30));
        // Disarmed, for the others as well.
        assert!(!admits("a", 129));
        assert!(admits("a", 130) && admits("b", 131) && !admits("c", 132));
    }

    #[test]
    fn old_ones_do_not_count() {
        let guard = Guard { enabled: true, max_allowed: 1, period: Duration::from_nanos(100) };
        let mut disarmer = Disarmer::default();
        assert!(disarmer.admits(b"a", &guard, 0));
        assert!(disarmer.admits(b"b", &guard, 100));
        assert!(!disarmer.admits(b"c", &guard, 101));
        let off = Guard { enabled: false, ..guard };
        assert!(disarmer.admits(b"c", &off, 102));
    }
}
