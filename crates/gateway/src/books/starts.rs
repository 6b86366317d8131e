//! Starts that nobody ended: what tells a crash loop.
//!
//! A gateway that dies again and again places orders in each of its lives and looks after them in none. A
//! supervisor starts it anew whatever happens, so it has to see that by itself. What it was asked to do is
//! the other way to end: that writes a record, and a start without it died.

use std::collections::VecDeque;
use std::time::Duration;

use model::Timestamp;
use serde::{Deserialize, Serialize};

/// So many starts may die within [`DEATHS_WITHIN`]; one more, and the next does not trade.
const DEATHS_MAX: usize = 3;
/// As far back as deaths are counted, from the moment at which each life began.
const DEATHS_WITHIN: Duration = Duration::from_secs(300);

/// The newest starts that were not asked to end, oldest first, the one that runs among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Starts(VecDeque<Timestamp>);

impl Starts {
    pub(super) fn began(&mut self, at: Timestamp) {
        self.0.push_back(at);
        while self.0.len() > DEATHS_MAX + 1 {
            self.0.pop_front();
        }
    }

    /// The newest one was asked to end.
    pub(super) fn ended(&mut self) {
        self.0.pop_back();
    }

    /// A start that is dated later than now counts: the machine's clock went back, and the deaths did not.
    pub(super) fn crash_loop(&self, now: Timestamp) -> Option<String> {
        let lately = self.0.iter().filter(|began| now.since(**began) < DEATHS_WITHIN).count();
        (lately > DEATHS_MAX).then(|| {
            format!(
                "crash loop: {lately} gateways on this journal began in the last {} minutes and died; find out \
                 why in their logs, look at the venue, and lift the halt in two steps: plimsoll resume",
                DEATHS_WITHIN.as_secs() / 60
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000).unwrap()
    }

    /// Seconds at which a life began, whether it was asked to end, and whether the start at 300 is the next
    /// of a crash loop.
    const CASES: &[(&[(i64, bool)], bool)] = &[
        (&[], false),
        (&[(100, false), (105, false), (110, false)], false),
        (&[(100, false), (105, false), (110, false), (115, false)], true),
        // One was asked to end, first, in the middle or last.
        (&[(100, true), (105, false), (110, false), (115, false)], false),
        (&[(100, false), (105, true), (110, false), (115, false)], false),
        (&[(100, false), (105, false), (110, false), (115, true)], false),
        (&[(95, false), (100, false), (105, true), (110, false), (115, false)], true),
        // The first began five minutes ago, or almost.
        (&[(0, false), (105, false), (110, false), (115, false)], false),
        (&[(1, false), (105, false), (110, false), (115, false)], true),
        // Longer ago than the newest four.
        (&[(-90, false), (100, false), (105, false), (110, false), (115, false)], true),
        // The machine's clock was set back.
        (&[(900, false), (905, false), (910, false), (915, false)], true),
    ];

    #[test]
    fn more_than_three_deaths_in_five_minutes_are_a_loop() {
        for (lives, is_loop) in CASES {
            let mut starts = Starts::default();
            for (began, ended) in *lives {
                starts.began(at(*began));
                if *ended {
                    starts.ended();
                }
            }
            assert_eq!(starts.crash_loop(at(300)).is_some(), *is_loop, "{lives:?}");
        }
    }
}
