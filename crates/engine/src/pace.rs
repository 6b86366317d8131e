//! How long what a strategy wants is under way to its gateway.
//!
//! In one process that is no time at all. Behind two pipes it is the time that the process takes, and a recording of such
//! a run says how much it was each time; a replay that is to meet the same market has to wait as long.

use std::collections::VecDeque;

use model::{Intent, Timestamp};

/// When an intent that is wanted at this time reaches the gateway.
pub struct Pace(Box<When>);

type When = dyn FnMut(Timestamp, &Intent) -> Timestamp + Send;

impl Pace {
    /// By this function. What it says is too early is taken for the time itself.
    pub fn new(when: impl FnMut(Timestamp, &Intent) -> Timestamp + Send + 'static) -> Pace {
        Pace(Box::new(when))
    }
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pace")
    }
}

/// Intents on their way, in the order in which they were wanted. Their number is that of the wishes of two
/// seconds, after which an intent is too late.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    pace: Option<Pace>,
    waiting: VecDeque<(Timestamp, Intent)>,
}

impl UnderWay {
    pub(crate) fn paced_by(&mut self, pace: Pace) {
        self.pace = Some(pace);
    }

    /// The intent itself where it is there at once.
    pub(crate) fn leaves(&mut self, now: Timestamp, intent: Intent) -> Option<Intent> {
        let Some(Pace(when)) = &mut self.pace else { return Some(intent) };
        // None overtakes another one.
        let last = self.waiting.back().map_or(now, |(at, _)| *at);
        let at = when(now, &intent).max(last);
        if at <= now && self.waiting.is_empty() {
            return Some(intent);
        }
        self.waiting.push_back((at, intent));
        None
    }

    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.waiting.front().map(|(at, _)| *at)
    }

    pub(crate) fn arrives(&mut self, now: Timestamp) -> Option<Intent> {
        self.waiting.pop_front_if(|(at, _)| *at <= now).map(|(_, intent)| intent)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::{Action, AgentId, IntentId};

    use super::*;

    #[test]
    fn none_overtakes_another_and_without_a_pace_none_waits() {
        let intent = |id| Intent {
            id: IntentId(id),
            agent: AgentId::new("a").unwrap(),
            action: Action::Halt,
            reason: String::new(),
            expires: Timestamp::MAX,
        };
        let at = Timestamp::from_nanos;
        let mut under_way = UnderWay::default();
        assert_eq!(under_way.leaves(at(1), intent(1)), Some(intent(1)));
        let mut waits = [20, 5, 0].into_iter();
        under_way.paced_by(Pace::new(move |now, _| {
            now.after(Duration::from_nanos(waits.next().unwrap_or(0)))
        }));
        assert_eq!(under_way.leaves(at(1), intent(2)), None);
        assert_eq!(under_way.leaves(at(2), intent(3)), None);
        assert_eq!((under_way.next_at(), under_way.arrives(at(20))), (Some(at(21)), None));
        assert_eq!(under_way.arrives(at(21)), Some(intent(2)));
        assert_eq!(under_way.arrives(at(21)), Some(intent(3)), "it waited for the one before it");
        assert_eq!(under_way.leaves(at(22), intent(4)), Some(intent(4)));
    }
}
