//! How long the venue has been heard, in all. The quiet time is counted in it: while nothing is heard
//! (no network, a process that was stopped, an exchange that stands still) an order may wait somewhere on
//! its way, so that time proves nothing.
//!
//! An exchange whose matching stands still may go on answering questions. So answers are no sign of life
//! while a market that has moved all the time does not move any more.

use std::time::Duration;

use model::{Input, Link, Outcome, Timestamp};

/// A silence up to this length is still counted: orders in doubt are asked for every three seconds.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// A market that has moved for so long, never silent for longer than that, and then does not, stands still.
const BUSY_MIN: Duration = Duration::from_secs(60);

/// Time during which the venue was heard, from the first sign of life on.
#[derive(Debug, Default)]
pub(crate) struct LiveTime {
    heard_at: Option<Timestamp>,
    /// Nanoseconds: added to with every word of the market.
    total: u64,
    /// Since when the market has moved without a longer silence, and when it last did.
    moves: Option<(Timestamp, Timestamp)>,
}

impl LiveTime {
    /// Takes an input into account, if it is a sign of life.
    pub(crate) fn take(&mut self, now: Timestamp, input: &Input) {
        let is_heard = match input {
            Input::Market(_) => {
                let goes_on = self.moves.filter(|(_, last)| now <= last.after(SILENCE_MAX));
                self.moves = Some((goes_on.map_or(now, |(since, _)| since), now));
                true
            }
            Input::Account(_) => true,
            Input::Reply(reply) => match reply.outcome {
                Outcome::Done(_) | Outcome::Refused(_) => !self.stands_still(now),
                Outcome::NotSent(_) | Outcome::InDoubt(_) => false,
            },
            // A market that is not listened to tells nothing by its silence.
            Input::Link { link: Link::Market, .. } => {
                self.moves = None;
                false
            }
            Input::Intent(_)
            | Input::Link { .. }
            | Input::Feed(_)
            | Input::Clock { .. }
            | Input::Key(_)
            | Input::Instruments { .. }
            | Input::Watchdog(_)
            | Input::Operator(_)
            | Input::Wake => false,
        };
        if !is_heard {
            return;
        }
        if let Some(heard_at) = self.heard_at
            && now <= heard_at.after(SILENCE_MAX)
        {
            let silence = now.nanos().saturating_sub(heard_at.nanos());
            self.total = self.total.saturating_add(u64::try_from(silence).unwrap_or(0));
        }
        self.heard_at = Some(now);
    }

    fn stands_still(&self, now: Timestamp) -> bool {
        self.moves.is_some_and(|(since, last)| {
            last.since(since) >= BUSY_MIN && now.since(last) > SILENCE_MAX
        })
    }

    pub(crate) const fn total(&self) -> Duration {
        Duration::from_nanos(self.total)
    }
}
