//! Points in time. The core never asks for the time: it arrives with the input.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds since the Unix epoch, 1970 to 2262.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch. Also "never", where a time is a lower bound.
    pub const EPOCH: Timestamp = Timestamp(0);
    /// Later than everything.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Timestamp {
        Timestamp(nanos)
    }

    /// From microseconds since the epoch; `None` outside the range.
    pub fn from_micros(micros: i64) -> Option<Timestamp> {
        micros.checked_mul(1_000).map(Timestamp)
    }

    /// From milliseconds since the epoch; `None` outside the range.
    pub fn from_millis(millis: i64) -> Option<Timestamp> {
        millis.checked_mul(1_000_000).map(Timestamp)
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Whole microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Reads `2024-08-08T23:54:13.937085768Z`: UTC only, up to nine digits behind the second. `None`
    /// for anything else, and for years that do not fit.
    pub fn parse_rfc3339(text: &[u8]) -> Option<Timestamp> {
        let (date_time, zone) = text.split_at_checked(19)?;
        for (at, byte) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
            if date_time[at] != byte {
                return None;
            }
        }
        let number = |from: usize, to: usize| digits(&date_time[from..to]);
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let days = days_from_civil(year, month, day);
        // A day that the month does not have comes back as another one.
        if civil_from_days(days) != (year, month, day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let fraction = match zone.strip_suffix(b"Z")? {
            [] => 0,
            [b'.', fraction @ ..] if (1..=9).contains(&fraction.len()) => {
                digits(fraction)? * 10i64.pow(9 - fraction.len() as u32)
            }
            _ => return None,
        };
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
        seconds.checked_mul(1_000_000_000)?.checked_add(fraction).map(Timestamp)
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This time plus a duration, capped at the end of the range.
    pub fn after(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(nanos(duration)))
    }

    /// This time plus so many milliseconds, capped at the end of the range.
    pub fn after_ms(self, ms: u64) -> Timestamp {
        Timestamp(self.0.saturating_add(nanos_of_ms(ms)))
    }

    /// This time minus a duration, capped at the start of the range.
    pub fn before(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(nanos(duration)))
    }

    /// This time moved by so many milliseconds, either way, capped at the ends of the range.
    pub fn shifted_ms(self, ms: i64) -> Timestamp {
        let size = nanos_of_ms(ms.unsigned_abs());
        Timestamp(if ms < 0 { self.0.saturating_sub(size) } else { self.0.saturating_add(size) })
    }

    /// The start of the aligned interval of this length that holds this time, as venues count
    /// minutes and days. The time itself for a zero length.
    pub fn floor_to(self, interval: Duration) -> Timestamp {
        match i64::try_from(interval.as_nanos()) {
            Ok(nanos) if nanos > 0 => Timestamp(self.0 - self.0.rem_euclid(nanos)),
            _ => self,
        }
    }
}

/// Nanoseconds, capped. Of 64 bits: those of 128 are slower, and times are reckoned with all the time.
fn nanos(duration: Duration) -> i64 {
    let whole = duration.as_secs().checked_mul(1_000_000_000);
    let nanos = whole.and_then(|whole| whole.checked_add(u64::from(duration.subsec_nanos())));
    nanos.and_then(|nanos| i64::try_from(nanos).ok()).unwrap_or(i64::MAX)
}

fn nanos_of_ms(ms: u64) -> i64 {
    let nanos = ms.checked_mul(1_000_000).and_then(|nanos| i64::try_from(nanos).ok());
    nanos.unwrap_or(i64::MAX)
}

/// `2024-08-08T23:54:13.937085768Z`, without the zeros at the end.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(1_000_000_000);
        let nanos = self.0.rem_euclid(1_000_000_000);
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match nanos {
            0 => {}
            n if n % 1_000_000 == 0 => write!(f, ".{:03}", n / 1_000_000)?,
            n if n % 1_000 == 0 => write!(f, ".{:06}", n / 1_000)?,
            n => write!(f, ".{n:09}")?,
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Days since 1970-01-01 to a date of the Gregorian calendar, counting years from March so that
/// the leap day comes last (the well-known era method).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The inverse of [`civil_from_days`]: a month or day out of range counts on into its neighbours.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// A whole number of at most nine digits.
fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| value * 10 + i64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_rfc_3339_in_utc_and_nothing_else() {
        let nanos = |text: &str| Timestamp::parse_rfc3339(text.as_bytes()).map(Timestamp::nanos);
        assert_eq!(nanos("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(nanos("2000-02-29T00:00:00Z"), Some(951_782_400_000_000_000));
        assert_eq!(nanos("2026-01-01T00:00:00.1Z"), Some(1_767_225_600_100_000_000));
        for text in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "0001-01-01T00:00:00Z",
            "9999-01-01T00:00:00Z",
        ] {
            assert_eq!(nanos(text), None, "{text}");
        }
    }

    proptest! {
        /// The twin: 128 bits, and durations all the way.
        #[test]
        fn times_are_moved_as_the_duration_says(
            at in any::<i64>(),
            seconds in prop_oneof![0u64..1_000_000, any::<u64>(), 9_223_372_030u64..9_223_372_040],
            nanos in 0u32..1_000_000_000,
            ms in prop_oneof![any::<i64>(), -100_000i64..100_000],
        ) {
            let wide = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
            let (at, by) = (Timestamp(at), Duration::new(seconds, nanos));
            prop_assert_eq!(at.after(by).0, at.0.saturating_add(wide(by)));
            prop_assert_eq!(at.before(by).0, at.0.saturating_sub(wide(by)));
            let size = Duration::from_millis(ms.unsigned_abs());
            prop_assert_eq!(at.after_ms(ms.unsigned_abs()), at.after(size));
            prop_assert_eq!(at.shifted_ms(ms), if ms < 0 { at.before(size) } else { at.after(size) });
        }

        #[test]
        fn what_is_printed_is_read(nanos in any::<i64>()) {
            // Years before 1970 print, too; the range begins in 1677.
            let at = Timestamp::from_nanos(nanos);
            prop_assert_eq!(Timestamp::parse_rfc3339(at.to_string().as_bytes()), Some(at));
        }
    }

    #[test]
    fn prints_as_iso_8601() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
            (1_723_161_253_937_085_768, "2024-08-08T23:54:13.937085768Z"),
            (1_767_225_600_123_000_000, "2026-01-01T00:00:00.123Z"),
            (-1_000_000_000, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp::from_nanos(nanos).to_string(), text);
        }
    }

    #[test]
    fn intervals_are_aligned_to_the_epoch() {
        let minute = Duration::from_secs(60);
        let at = Timestamp::from_millis(1_767_225_661_001).unwrap();
        assert_eq!(at.floor_to(minute).millis(), 1_767_225_660_000);
        assert_eq!(at.since(at.after(minute)), Duration::ZERO);
        assert_eq!(at.after(minute).since(at), minute);
    }
}
