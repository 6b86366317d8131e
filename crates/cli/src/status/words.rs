//! States and times in words for people.

use model::{FeedHealth, Timestamp};

pub(super) const fn feed_word(health: FeedHealth) -> &'static str {
    match health {
        FeedHealth::Live => "live",
        FeedHealth::Stale => "STALE",
        FeedHealth::Resyncing => "RESYNCING",
        FeedHealth::Down => "DOWN",
    }
}

/// A length of time for people.
pub(crate) fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.since(then).as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_said_in_two_units_at_most() {
        let at =
            |seconds| ago(Timestamp::EPOCH.after(Duration::from_secs(seconds)), Timestamp::EPOCH);
        assert_eq!(at(59), "59 s");
        assert_eq!(at(61), "1 min 1 s");
        assert_eq!(at(7_260), "2 h 1 min");
        assert_eq!(at(90_000), "1 d 1 h");
    }
}
