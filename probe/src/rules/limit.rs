//! How often a rule may alert.

use std::collections::HashMap;
use std::time::Duration;

/// Time between two alerts of a rule, once its burst is used up.
const PERIOD: u64 = 100_000_000;
/// Alerts that a rule may raise at once.
const BURST: u64 = 40;
/// Distinct values for which alerts of one rule are counted.
const KEYS_MAX: usize = 500;

/// The rate limit of one rule: a token bucket for each key.
#[derive(Debug)]
pub(super) struct Limiter {
    period: u64,
    burst: u64,
    buckets: HashMap<Vec<u8>, Bucket>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    /// When the bucket will be full again, in ns since the epoch.
    full: u64,
    /// Alerts held back since the last one.
    held: u64,
}

impl Limiter {
    /// One alert per period, or the usual limit when there is none.
    pub(super) fn new(every: Option<Duration>) -> Self {
        let every = every.map_or(0, |every| u64::try_from(every.as_nanos()).unwrap_or(u64::MAX));
        let (period, burst) = if every > 0 { (every, 1) } else { (PERIOD, BURST) };
        Self { period, burst, buckets: HashMap::new() }
    }

    /// Whether a match may alert at this time (ns since the epoch): then the number of those that
    /// were held back since the last alert.
    pub(super) fn admit(&mut self, key: Vec<u8>, now: u64) -> Option<u64> {
        // So that what is added below stays a time, whatever a peer says that it is now.
        let now = now.min(u64::MAX / 2);
        if self.buckets.len() >= KEYS_MAX && !self.buckets.contains_key(&key) {
            self.make_room();
        }
        let bucket = self.buckets.entry(key).or_default();
        let wait = self.period.saturating_mul(self.burst - 1);
        // A clock that was put back must not silence the rule.
        if bucket.full > now.saturating_add(wait).saturating_add(self.period) {
            bucket.full = now;
        }
        if bucket.full.saturating_sub(now) > wait {
            bucket.held += 1;
            return None;
        }
        bucket.full = bucket.full.max(now).saturating_add(self.period);
        Some(std::mem::take(&mut bucket.held))
    }

    /// Forgets the key that has been quiet for longest.
    fn make_room(&mut self) {
        let oldest = self.buckets.iter().min_by_key(|(_, bucket)| bucket.full);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.buckets.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn bursts_and_what_was_held_back() {
        let mut limiter = Limiter::new(None);
        let admitted = |limiter: &mut Limiter, now, count: usize| {
            (0..count).filter(|_| limiter.admit(Vec::new(), now).is_some()).count()
        };
        assert_eq!(admitted(&mut limiter, 10 * SECOND, 100), 40);
        assert_eq!(limiter.admit(Vec::new(), 10 * SECOND + PERIOD), Some(60));
        assert_eq!(limiter.admit(Vec::new(), 10 * SECOND + PERIOD), None);
        assert_eq!(admitted(&mut limiter, 20 * SECOND, 100), 40);
        // The clock was put back.
        assert_eq!(admitted(&mut limiter, SECOND, 100), 40);
        assert_eq!(admitted(&mut limiter, u64::MAX, 100), 40);
        assert_eq!(admitted(&mut limiter, 30 * SECOND, 100), 40);
    }

    #[test]
    fn one_per_period_and_key() {
        let mut limiter = Limiter::new(Some(Duration::from_secs(5)));
        assert_eq!(limiter.admit(b"a".to_vec(), SECOND), Some(0));
        assert_eq!(limiter.admit(b"a".to_vec(), 2 * SECOND), None);
        assert_eq!(limiter.admit(b"b".to_vec(), 2 * SECOND), Some(0));
        assert_eq!(limiter.admit(b"a".to_vec(), 6 * SECOND), Some(1));
        for key in 0..10_000_u32 {
            assert_eq!(limiter.admit(key.to_be_bytes().to_vec(), 7 * SECOND), Some(0));
        }
        assert!(limiter.buckets.len() <= KEYS_MAX);
        assert_eq!(Limiter::new(Some(Duration::ZERO)).burst, BURST);
    }
}
