//! What is known of the account's stream and its ears. What is made of it is in `listen.rs`.

use std::time::Duration;

use model::Timestamp;

/// The stream and an answer go separate ways; the slower may be so much later.
const GRACE: Duration = Duration::from_millis(1_500);
/// How often open orders are looked at while the stream is quiet.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What is known of the stream's ears.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    /// When the stream last told of an order or a balance.
    pub(crate) heard_at: Timestamp,
    /// The books were compared since the connection came up: what is found to be missing from then
    /// on happened while it was up.
    caught_up: bool,
    /// Since when an order of ours is known to be accepted, by its answer alone. The answer may well
    /// be the faster of the two, so this alone holds nothing up.
    pub(crate) untold: Option<Timestamp>,
    /// Since when an execution is known that only the venue's history told.
    missed: Option<Timestamp>,
    pub(crate) looked_at: Timestamp,
    pub(crate) looking: usize,
}

impl Hearing {
    /// It has missed something, as far as is known.
    pub(crate) fn is_suspected(&self) -> bool {
        self.missed.is_some()
    }

    /// The stream said something.
    pub(crate) fn heard(&mut self, now: Timestamp) {
        self.heard_at = now;
        self.untold = None;
        self.missed = None;
    }

    /// Another connection, another hearing.
    pub(crate) fn starts_again(&mut self, now: Timestamp) {
        *self = Hearing { heard_at: now, looked_at: now, ..Hearing::default() };
    }

    /// The books agree with the venue's.
    pub(crate) fn caught_up(&mut self) {
        self.caught_up = true;
    }

    /// A reading found an execution that the stream has not told.
    pub(crate) fn missed(&mut self, now: Timestamp) {
        if self.caught_up {
            self.missed.get_or_insert(now);
        }
    }

    pub(crate) fn is_deaf(&self, now: Timestamp) -> bool {
        let since = [self.untold, self.missed].into_iter().flatten().min();
        since.is_some_and(|since| now >= since.after(GRACE))
    }

    /// When to judge, or to look.
    pub(crate) fn next_due(&self, orders_open: bool) -> Option<Timestamp> {
        let judge = [self.untold, self.missed].map(|since| Some(since?.after(GRACE)));
        let look = (orders_open && self.looking == 0)
            .then(|| self.heard_at.max(self.looked_at).after(LOOK_EVERY));
        [judge[0], judge[1], look].into_iter().flatten().min()
    }
}
