//! Points in time as text.

use std::fmt;

/// Nanoseconds since the epoch as RFC 3339, with nanoseconds, in UTC.
pub(super) struct Rfc3339(pub(super) u64);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0 / 1_000_000_000 / 86_400);
        write!(f, "{year:04}-{month:02}-{day:02}T{}", Clock(self.0))?;
        write!(f, ".{:09}Z", self.0 % 1_000_000_000)
    }
}

/// Hours, minutes and seconds of the day, in UTC.
pub(super) struct Clock(pub(super) u64);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.0 / 1_000_000_000 % 86_400;
        write!(f, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }
}

/// Year, month and day of the Gregorian calendar, so many days after 1970-01-01. Counted from
/// 0000-03-01, where a leap day is the last of its year, four years and four centuries.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        // date -u -d @SECONDS +%FT%T
        let cases = [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_399_999_999_999, "2000-02-28T23:59:59.999999999Z"),
            (951_868_799_000_000_001, "2000-02-29T23:59:59.000000001Z"),
            (951_868_800_000_000_000, "2000-03-01T00:00:00.000000000Z"),
            (1_767_225_599_000_000_000, "2025-12-31T23:59:59.000000000Z"),
            (1_795_560_300_123_456_789, "2026-11-24T22:45:00.123456789Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
            (u64::MAX, "2554-07-21T23:34:33.709551615Z"),
        ];
        for (time, expected) in cases {
            assert_eq!(Rfc3339(time).to_string(), expected);
        }
    }
}
