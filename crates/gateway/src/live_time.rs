//! How long the venue has been heard, in all. The quiet time is counted in it: while nothing is heard
//! (no network, a process that was stopped, an exchange that stands still) an order may wait somewhere on
//! its way, so that time proves nothing.

use std::time::Duration;

use model::{Input, Outcome, Timestamp};

/// A silence up to this length is still counted: orders in doubt are asked for every three seconds.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// Time during which the venue was heard, from the first sign of life on.
#[derive(Debug, Default)]
pub(crate) struct LiveTime {
    heard_at: Option<Timestamp>,
    total: Duration,
}

impl LiveTime {
    /// Takes an input into account, if it is a sign of life.
    pub(crate) fn take(&mut self, now: Timestamp, input: &Input) {
        let is_heard = match input {
            Input::Market(_) | Input::Account(_) => true,
            Input::Reply(reply) => match reply.outcome {
                Outcome::Done(_) | Outcome::Refused(_) => true,
                Outcome::NotSent(_) | Outcome::InDoubt(_) => false,
            },
            Input::Intent(_)
            | Input::Link { .. }
            | Input::Feed(_)
            | Input::Clock { .. }
            | Input::Instruments { .. }
            | Input::Operator(_)
            | Input::Wake => false,
        };
        if !is_heard {
            return;
        }
        let silence = self.heard_at.map(|heard_at| now.since(heard_at));
        self.total += silence.filter(|silence| *silence <= SILENCE_MAX).unwrap_or_default();
        self.heard_at = Some(now);
    }

    pub(crate) const fn total(&self) -> Duration {
        self.total
    }
}
