//! Times of a file, as nanoseconds since the epoch.
//!
//! Numbers are told apart by their size, each by itself, because real files mix them (Binance's spot
//! archive changed from milliseconds to microseconds in 2025, and there are files with seconds and
//! milliseconds in one row). The bounds lie where no market was: 10¹¹ is the year 5138 in seconds and
//! March 1973 in milliseconds.

use model::Timestamp;

const SECONDS_END: i64 = 100_000_000_000;
const MILLIS_END: i64 = SECONDS_END * 1_000;
const MICROS_END: i64 = MILLIS_END * 1_000;

/// Reads seconds (a fraction may follow), milliseconds, microseconds, nanoseconds, `20240131`, or
/// ISO 8601 with `T` or a space, with or without time, fraction and offset. Without an offset it is UTC.
/// `None` for anything else and for times before 1970.
pub(crate) fn parse(text: &[u8]) -> Option<i64> {
    let (whole, fraction) = match memchr::memchr(b'.', text) {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &[][..]),
    };
    let Some(value) = digits(whole, 19) else {
        return iso(text).filter(|nanos| *nanos >= 0);
    };
    if whole.len() == 8 && fraction.is_empty() && (20_000_101..21_000_000).contains(&value) {
        return iso(text);
    }
    let unit = unit(value);
    let mut nanos = value.checked_mul(unit)?;
    let mut step = unit;
    for byte in fraction {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        step /= 10;
        nanos = nanos.checked_add(i64::from(digit) * step)?;
    }
    Some(nanos)
}

/// Nanoseconds in the unit that a time of this size is in.
const fn unit(value: i64) -> i64 {
    if value < SECONDS_END {
        1_000_000_000
    } else if value < MILLIS_END {
        1_000_000
    } else if value < MICROS_END {
        1_000
    } else {
        1
    }
}

fn digits(text: &[u8], most: usize) -> Option<i64> {
    if text.is_empty() || text.len() > most {
        return None;
    }
    let mut value = 0i64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(value)
}

/// Brings it to the one form that [`Timestamp`] reads, and takes the offset off.
fn iso(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii();
    let compact = text.len() >= 8 && digits(&text[..8], 8).is_some();
    let (date, rest) = text.split_at_checked(if compact { 8 } else { 10 })?;
    let mut canonical = Vec::with_capacity(32);
    if compact {
        for part in [&date[..4], b"-", &date[4..6], b"-", &date[6..]] {
            canonical.extend_from_slice(part);
        }
    } else {
        canonical.extend_from_slice(date);
    }
    canonical.push(b'T');
    let (clock, zone) = match rest {
        [] => (&[][..], &[][..]),
        [b'T' | b' ', rest @ ..] => {
            let end = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b':' | b'.'));
            rest.split_at(end.unwrap_or(rest.len()))
        }
        _ => return None,
    };
    let (clock, fraction) = match memchr::memchr(b'.', clock) {
        Some(point) => clock.split_at(point),
        None => (clock, &[][..]),
    };
    canonical.extend_from_slice(clock);
    canonical.extend_from_slice(match clock.len() {
        0 if fraction.is_empty() => b"00:00:00",
        5 if fraction.is_empty() => b":00",
        8 => b"",
        _ => return None,
    });
    canonical.extend_from_slice(fraction);
    canonical.push(b'Z');
    let local = Timestamp::parse_rfc3339(&canonical)?.nanos();
    local.checked_sub(offset(zone.trim_ascii())?)
}

/// `Z`, `UTC`, `+09:00`, `-0330`, `+02`: how far it is ahead of UTC, in nanoseconds.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone {
        b"" | b"Z" | b"z" | b"UTC" | b"GMT" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [_, _] => (rest, &b"0"[..]),
        [_, _, b':', minutes @ ..] | [_, _, minutes @ ..] => (&rest[..2], minutes),
        _ => return None,
    };
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let valid = hours <= 15 && minutes <= 59;
    valid.then_some(sign * (hours * 3_600 + minutes * 60) * 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_and_form_is_told_apart() {
        const SECOND: i64 = 1_000_000_000;
        let cases: &[(&str, Option<i64>)] = &[
            ("1759536000", Some(1_759_536_000 * SECOND)),
            ("1577836800.0", Some(1_577_836_800 * SECOND)),
            ("1616662740.1234", Some(1_616_662_740 * SECOND + 123_400_000)),
            ("1759536000061", Some(1_759_536_000_061_000_000)),
            ("1759536000061015", Some(1_759_536_000_061_015_000)),
            ("1759536000061015123", Some(1_759_536_000_061_015_123)),
            ("1759536000061.5", Some(1_759_536_000_061_500_000)),
            ("0", Some(0)),
            ("2025-10-04", Some(1_759_536_000 * SECOND)),
            ("20251004", Some(1_759_536_000 * SECOND)),
            ("2025-10-04 00:00", Some(1_759_536_000 * SECOND)),
            ("2025-10-04 00:00:00", Some(1_759_536_000 * SECOND)),
            ("2025-10-04T00:00:00Z", Some(1_759_536_000 * SECOND)),
            ("2025-10-04 00:00:00.061+00:00", Some(1_759_536_000_061_000_000)),
            ("2025-10-04 00:00:00 UTC", Some(1_759_536_000 * SECOND)),
            ("2025-10-04T09:00:00+09:00", Some(1_759_536_000 * SECOND)),
            ("2025-10-03T20:30:00-0330", Some(1_759_536_000 * SECOND)),
            ("2025-10-04T01:00:00+01", Some(1_759_536_000 * SECOND)),
            ("", None),
            ("-1", None),
            ("1969-12-31T23:59:59Z", None),
            ("2025-13-04", None),
            ("2025-02-30", None),
            ("2025-10-04T25:00:00Z", None),
            ("2025-10-04T00:00:00.Z", None),
            ("2025-10-04T00:00:00+99:00", None),
            ("2025-10-04T00:00:00 CET", None),
            ("yesterday", None),
            ("NaN", None),
            ("1759536000.5x", None),
            ("99999999999999999999", None),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text.as_bytes()), *nanos, "{text:?}");
        }
    }
}
