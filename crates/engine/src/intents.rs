//! What a strategy wants, collected while it looks at one event.
//!
//! Each intent gets the next number, the time after which it is too late, and the strategy's
//! reason, which ends up in the journal beside the order.

use std::collections::VecDeque;
use std::time::Duration;

use model::{Action, AgentId, InstrumentId, Intent, IntentId, OrderSpec, Timestamp};

/// How long an intent is good for by default: what reaches the gateway later was decided on a
/// market that is gone.
pub const EXPIRES_AFTER: Duration = Duration::from_secs(2);
/// Intents that may wait to be taken. More in one go is a strategy gone wrong; they are dropped.
const INTENTS_MAX: usize = 64;
/// Longest reason, in characters; the rest is cut off.
pub(crate) const REASON_CHARS_MAX: usize = 500;

/// Collects what one agent wants.
#[derive(Debug)]
pub struct Intents {
    agent: AgentId,
    next: IntentId,
    now: Timestamp,
    expires_after: Duration,
    waiting: VecDeque<Intent>,
    dropped: u64,
}

impl Intents {
    /// Nothing wanted yet. `first` is the first number to give out; numbers are never reused, not
    /// even by a later start of the same agent.
    pub fn new(agent: AgentId, first: IntentId) -> Intents {
        Intents {
            agent,
            next: first,
            now: Timestamp::EPOCH,
            expires_after: EXPIRES_AFTER,
            waiting: VecDeque::new(),
            dropped: 0,
        }
    }

    /// Sets how long the following intents are good for.
    pub fn expire_after(&mut self, duration: Duration) {
        self.expires_after = duration;
    }

    /// Wants a new order. The number names the order from then on, in [`Intents::cancel`] and in
    /// the [`AgentBooks`](crate::AgentBooks).
    pub fn place(&mut self, spec: OrderSpec, reason: impl Into<String>) -> IntentId {
        self.want(Action::Place(spec), reason.into())
    }

    /// Wants the order of an earlier intent back.
    pub fn cancel(&mut self, of: IntentId, reason: impl Into<String>) -> IntentId {
        self.want(Action::Cancel(of), reason.into())
    }

    /// Wants all its orders in an instrument back.
    pub fn cancel_all(&mut self, instrument: InstrumentId, reason: impl Into<String>) -> IntentId {
        self.want(Action::CancelAll(instrument), reason.into())
    }

    /// Wants all trading of the gateway to stop. Only a person can lift that again.
    pub fn halt(&mut self, reason: impl Into<String>) -> IntentId {
        self.want(Action::Halt, reason.into())
    }

    /// Takes the oldest intent.
    pub fn pop(&mut self) -> Option<Intent> {
        self.waiting.pop_front()
    }

    /// Takes all intents, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Intent> + '_ {
        self.waiting.drain(..)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Is nothing wanted?
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many were dropped so far because too many were wanted in one go.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The time that the following intents expire by. Who drives a strategy sets it before each
    /// event.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    fn want(&mut self, action: Action, mut reason: String) -> IntentId {
        let id = self.next;
        self.next = IntentId(id.0.saturating_add(1));
        if self.waiting.len() >= INTENTS_MAX {
            self.dropped += 1;
            return id;
        }
        cut(&mut reason, REASON_CHARS_MAX);
        let (agent, expires) = (self.agent, self.now.after(self.expires_after));
        self.waiting.push_back(Intent { id, agent, action, reason, expires });
        id
    }
}

/// Cuts a text to at most so many characters.
pub(crate) fn cut(text: &mut String, chars_max: usize) {
    // A character has a byte at least.
    if text.len() > chars_max
        && let Some((at, _)) = text.char_indices().nth(chars_max)
    {
        text.truncate(at);
    }
    // No store keeps everything behind a null.
    if text.contains('\0') {
        text.retain(|c| c != '\0');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intents() -> Intents {
        let mut intents = Intents::new(AgentId::new("a").unwrap(), IntentId(7));
        intents.set_now(Timestamp::from_nanos(1_000));
        intents
    }

    #[test]
    fn numbers_grow_and_an_expiry_is_set() {
        let mut intents = intents();
        let btc = InstrumentId::new("BTC-USDT").unwrap();
        assert_eq!(intents.cancel(IntentId(3), "old"), IntentId(7));
        intents.expire_after(Duration::from_nanos(5));
        assert_eq!(intents.cancel_all(btc, "done"), IntentId(8));
        let all: Vec<Intent> = intents.drain().collect();
        assert_eq!(all[0].expires, Timestamp::from_nanos(2_000_001_000));
        assert_eq!(all[1].expires, Timestamp::from_nanos(1_005));
        assert_eq!(all[1].action, Action::CancelAll(btc));
        assert!(intents.is_empty());
    }

    #[test]
    fn a_flood_is_bounded_and_its_numbers_are_not_reused() {
        let mut intents = intents();
        for _ in 0..INTENTS_MAX {
            intents.halt("again");
        }
        assert_eq!((intents.len(), intents.dropped()), (INTENTS_MAX, 0));
        let dropped = intents.halt("again");
        assert_eq!((intents.len(), intents.dropped()), (INTENTS_MAX, 1));
        assert!(intents.pop().is_some());
        assert_eq!(intents.halt("again"), IntentId(dropped.0 + 1));
    }

    #[test]
    fn a_reason_is_cut_between_characters() {
        for (chars, kept) in [(0, 0), (499, 499), (500, 500), (501, 500)] {
            let mut intents = intents();
            intents.halt("é".repeat(chars));
            assert_eq!(intents.pop().unwrap().reason.chars().count(), kept);
        }
    }
}
