//! The venue's clock against ours: when it is not where we thought, nothing that adds risk is sent.
//!
//! That the two differ is no danger by itself: the difference is measured, and every time that is
//! sent or compared is corrected by it. A machine whose clock is ten seconds off trades as well as any
//! other. What is dangerous is a difference that we do not know: prices look younger than they are, and
//! what is signed is valid for longer or shorter than was decided. So the measure is how far a new
//! measurement is from what we went by until then. Above the bound only what reduces is let through,
//! until another measurement agrees with the last. How long an order is valid never changes.

use model::{Alert, AlertKey, Effects, Timestamp};

use crate::gateway::Gateway;

/// How far a measurement may be from the one before, milliseconds.
pub const CLOCK_STEP_MAX_MS: u64 = 500;

impl Gateway {
    /// The venue's clock minus ours, milliseconds, as last measured.
    pub fn venue_ahead_ms(&self) -> i64 {
        self.venue_ahead_ms
    }

    /// The two clocks were compared: the venue's is ahead by this, milliseconds.
    pub(crate) fn clocks_compared(&mut self, now: Timestamp, ahead_ms: i64, effects: &mut Effects) {
        let step_ms = ahead_ms.saturating_sub(self.venue_ahead_ms);
        self.venue_ahead_ms = ahead_ms;
        let was_unsure = self.clock_unsure;
        self.clock_unsure = step_ms.unsigned_abs() > CLOCK_STEP_MAX_MS;
        if self.clock_unsure && !was_unsure {
            let text = format!(
                "our clock differs from the venue's by {ahead_ms} ms, and by {step_ms} ms from what was \
                 known: nothing that adds risk is sent until it is measured again"
            );
            self.raise(Alert::warning(AlertKey::VenueClock, "", text), effects);
        }
        self.judge_feeds(now, effects);
    }
}

#[cfg(test)]
mod tests {
    use model::{Input, Refusal, Side, TradingState};

    use crate::testing::{TELLS_ALL, TELLS_SUMS, World, spec};

    /// Milliseconds ahead, one measurement after the other, and whether risk may be added then.
    const CASES: &[(&[i64], bool)] = &[
        (&[500], true),
        (&[501], false),
        (&[-501], false),
        (&[10_000, 10_000], true), // large and known
        (&[10_000, 9_499], false), // larger than it was thought to be
        (&[400, 800, 1_200], true),
        (&[2_000, 0], false), // two answers, and which is true?
        (&[2_000, 0, 0], true),
    ];

    #[test]
    fn only_a_difference_that_is_not_known_stops_what_adds_risk() {
        for (profile, (measured, passes)) in
            [TELLS_ALL, TELLS_SUMS].iter().flat_map(|p| CASES.iter().map(move |case| (*p, case)))
        {
            let mut world = World::at(profile);
            for ahead_ms in *measured {
                world.apply(&Input::Clock { ahead_ms: *ahead_ms });
            }
            let ahead_ms = measured.last().copied().unwrap();
            world.book_of(world.now.shifted_ms(ahead_ms));
            let (state, _) = world.gateway.state();
            assert_eq!(state == TradingState::Active, *passes, "{measured:?}");
            let buy = world.gateway.approve(
                world.now,
                crate::testing::agent(),
                &spec(Side::Buy, "1", "99"),
            );
            match buy {
                Ok(_) => assert!(passes, "{measured:?}"),
                Err(Refusal::NotTrading { state: TradingState::Reducing, cause }) => {
                    assert!(!passes && cause.contains("clock"), "{measured:?} {cause}");
                }
                Err(other) => panic!("{measured:?}: {other}"),
            }
        }
    }

    #[test]
    fn what_reduces_passes_and_orders_can_be_taken_back() {
        let mut world = World::new();
        let held = world.place(spec(Side::Buy, "1", "100")).unwrap();
        world.answer_all();
        let event = world.venue.fill(world.now, &held, "1").unwrap();
        world.report(event);
        let resting = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.answer_all();
        world.apply(&Input::Clock { ahead_ms: 3_000 });
        world.book_of(world.now.shifted_ms(3_000));
        assert!(world.place(spec(Side::Buy, "1", "99")).is_none());
        let reduce = model::OrderSpec { reduce_only: true, ..spec(Side::Sell, "1", "101") };
        let reducing = world.place(reduce).unwrap();
        let intent = world.gateway.books().order(&resting).unwrap().intent;
        world.intend(model::Action::Cancel(intent));
        world.answer_all();
        assert_eq!(world.state_of(&reducing), model::OrderState::Working);
        let canceled = model::OrderState::Done(model::Ending::Canceled);
        assert_eq!(world.state_of(&resting), canceled);
    }
}
