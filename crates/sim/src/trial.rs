//! Trials of lost acknowledgements: one order whose request, answer or report is lost, at venues that do
//! four different things with an id that was used before (NET-01, NET-02, PRO-04, PRO-05).
//!
//! In the end it must be settled in time, never sent again, and never called refused when it was taken.

use std::time::Duration;

use engine::{Event, Intents, Strategy, View};
use model::{InstrumentId, OrderKind, OrderSpec, Side, TimeInForce};

use crate::dice::Dice;
use crate::faults::FaultSet;
use crate::plan::{Agents, CrashAt, Plan, VenueClass, concern};
use crate::setup::{price, qty, ticks};
use crate::trial_kind::{Fate, Trial};

/// When the order is wanted.
const WANTED_AFTER: Duration = Duration::from_secs(3);
/// After the quiet time, by when it is settled (G8 of `faults.md`).
pub(crate) const SETTLED_WITHIN: Duration = Duration::from_secs(3);
/// What a restart may take.
const RESTART: Duration = Duration::from_secs(2);
/// What else may pass: the time-out of the lost answer, during which nobody asks, and the reading after it.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// The plan of the trial of this number: every combination in turn, with chance in all the rest.
pub fn trial(number: u64) -> Plan {
    let mut dice = Dice::new(number, concern::PLAN);
    let fate = [Fate::LosesRequest, Fate::LosesAnswer, Fate::Error, Fate::TooLate];
    let at = |number: u64, count: usize| usize::try_from(number).unwrap_or(0) % count;
    let bits = dice.below(8);
    let trial = Trial {
        fate: fate[at(dice.below(4), 4)],
        filled: bits & 1 != 0,
        told: bits & 2 != 0,
        killed: bits & 4 != 0,
    };
    Plan {
        trial: Some(trial),
        seed: number,
        time: Duration::ZERO,
        faults: FaultSet::NONE,
        venue: VenueClass::ALL[at(number, VenueClass::ALL.len())],
        agents: Agents { maker: false, reversion: false, hostile: false },
        intents_max: None,
        only_round: None,
        crash: CrashAt::default(),
    }
}

/// When everything has to be settled, from the start of a trial's world.
pub(crate) fn settled_by(quiet: Duration) -> Duration {
    WANTED_AFTER + RESTART + ANSWER_MAX + quiet + SETTLED_WITHIN
}

/// The agent of a trial: one order.
pub(crate) struct Once {
    instrument: InstrumentId,
    filled: bool,
    looks: u32,
}

impl Once {
    /// With `done` it has wanted it in an earlier life.
    pub(crate) const fn new(instrument: InstrumentId, filled: bool, done: bool) -> Once {
        Once { instrument, filled, looks: if done { 2 } else { 0 } }
    }
}

impl Strategy for Once {
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
        if *event != Event::Timer || view.books.open_orders().next().is_some() {
            return;
        }
        let Some(market) = view.tradable(self.instrument) else { return };
        self.looks += 1;
        let middle = market.reference_price().and_then(ticks);
        let Some(middle) = middle.filter(|_| self.looks == 2) else { return };
        let at = if self.filled { middle + 40 } else { middle - 300 };
        let Some(price) = price(at) else { return };
        let order = OrderSpec {
            instrument: self.instrument,
            side: Side::Buy,
            kind: OrderKind::Limit { price },
            qty: qty(100),
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            effect: None,
        };
        intents.place(order, "once");
    }
}
