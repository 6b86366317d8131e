//! Which orders are being asked about, and which cancels are still wanted. What is asked, and what
//! an answer proves, is in `doubt.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{ClientOrderId, Ending, Qty, Timestamp};

use crate::books::VenueKey;
use crate::live_time::LiveTime;

/// The venue's own time-out (10 s) and a margin. Before the venue has been heard for a request's
/// validity and this much more, absence proves nothing.
pub(crate) const ENGINE_QUIET: Duration = Duration::from_secs(15);
/// First pause before asking; doubles with each answer that settles nothing.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// Longest pause between two questions about one order.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// First pause between two cancels of one order; doubles with each, and is kept whatever is heard
/// meanwhile: a venue that shows the order and does not let go of it must not be flooded.
const CANCEL_PAUSE_MIN: Duration = Duration::from_millis(200);
/// Longest such pause.
const CANCEL_PAUSE_MAX: Duration = Duration::from_secs(5);

/// What is being done about orders that need attention. Bounded by the number of open orders.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    pub(crate) asks: BTreeMap<ClientOrderId, Ask>,
    /// Cancels that are wanted until their order is over.
    pub(crate) cancels: BTreeMap<ClientOrderId, Wish>,
    /// The same for orders of others, where the configuration wants it.
    foreign_cancels: BTreeMap<VenueKey, Wish>,
    pub(crate) live: LiveTime,
}

/// A cancel that is wanted.
#[derive(Debug)]
pub(crate) struct Wish {
    /// Not to be sent (again) before this.
    pub(crate) due: Timestamp,
    pause: Duration,
    pub(crate) on_its_way: bool,
}

impl Wish {
    fn new(now: Timestamp) -> Wish {
        Wish { due: now, pause: CANCEL_PAUSE_MIN, on_its_way: false }
    }

    fn sent(&mut self, now: Timestamp) {
        self.on_its_way = true;
        self.due = now.after(self.pause);
        self.pause = (self.pause * 2).min(CANCEL_PAUSE_MAX);
    }
}

/// One order that is being asked about.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) due: Timestamp,
    pub(crate) pause: Duration,
    pub(crate) asking: bool,
    /// What had been heard of the venue, in time, when the quiet time began.
    quiet_from: Duration,
    /// Answers since then that do not know the order.
    pub(crate) negative: u32,
    /// Pages of executions read for this question.
    pub(crate) pages: u32,
    /// A cancel was taken for processing at this time, so the order is asked about until it is over.
    pub(crate) cancel_taken: Option<Timestamp>,
    /// The venue says it is over, with this much filled; believed once executions for that much
    /// have been read.
    pub(crate) ending: Option<(Ending, Qty)>,
    /// A reading has shown that the venue does not have it among its open orders.
    pub(crate) missing: bool,
    /// What the venue says of it is not understood.
    unclear: bool,
}

impl Doubts {
    /// Asks about this order from now on.
    pub(crate) fn open(&mut self, id: ClientOrderId, now: Timestamp) {
        self.asks.entry(id).or_insert(Ask {
            due: now.after(PAUSE_MIN),
            pause: PAUSE_MIN,
            asking: false,
            quiet_from: self.live.total(),
            negative: 0,
            pages: 0,
            cancel_taken: None,
            ending: None,
            missing: false,
            unclear: false,
        });
    }

    /// What the venue says of this order is not understood.
    pub(crate) fn is_now_unclear(&mut self, id: &ClientOrderId) {
        if let Some(ask) = self.asks.get_mut(id) {
            ask.unclear = true;
        }
    }

    pub(crate) fn is_clear(&mut self, id: &ClientOrderId) {
        if let Some(ask) = self.asks.get_mut(id) {
            ask.unclear = false;
        }
    }

    pub(crate) fn is_unclear(&self, id: &ClientOrderId) -> bool {
        self.asks.get(id).is_some_and(|ask| ask.unclear)
    }

    /// Is what the venue says of some order not understood?
    pub(crate) fn some_are_unclear(&self) -> bool {
        self.asks.values().any(|ask| ask.unclear)
    }

    /// A reading does not show this order as open, though it should.
    pub(crate) fn is_missing(&mut self, id: ClientOrderId, now: Timestamp) {
        self.open(id, now);
        if let Some(ask) = self.asks.get_mut(&id) {
            ask.missing = true;
        }
    }

    /// The venue itself has told how it ended.
    pub(crate) fn is_told(&mut self, id: &ClientOrderId) {
        if let Some(ask) = self.asks.get_mut(id) {
            ask.missing = false;
        }
    }

    /// Is its end found by asking alone?
    pub(crate) fn was_missing(&self, id: &ClientOrderId) -> bool {
        self.asks.get(id).is_some_and(|ask| ask.missing)
    }

    /// Is it being asked about because the venue tells it otherwise than our books?
    pub(crate) fn differs(&self, id: &ClientOrderId) -> bool {
        self.asks.get(id).is_some_and(|ask| ask.missing || ask.ending.is_some())
    }

    /// The venue takes this order back, and says later that it did: asks until it is over.
    pub(crate) fn await_end(&mut self, id: ClientOrderId, now: Timestamp) {
        self.open(id, now);
        if let Some(ask) = self.asks.get_mut(&id) {
            ask.cancel_taken = Some(now);
            (ask.due, ask.pause) = (now.after(PAUSE_MIN), PAUSE_MIN);
        }
        // Taken is more than sent: there is time before it is said again.
        if let Some(wish) = self.cancels.get_mut(&id) {
            wish.due = wish.due.max(now.after(CANCEL_PAUSE_MAX));
        }
    }

    /// Everything that was told is counted, and the order is known to be alive.
    pub(crate) fn counted(&mut self, id: &ClientOrderId) {
        if self.asks.get(id).is_some_and(|ask| ask.cancel_taken.is_none()) {
            self.asks.remove(id);
        } else {
            self.ask_for_the_order(id);
        }
    }

    /// Asks as soon as no question about this order is under way.
    pub(crate) fn ask_now(&mut self, id: &ClientOrderId, now: Timestamp) {
        if let Some(ask) = self.asks.get_mut(id) {
            (ask.due, ask.pause) = (now, PAUSE_MIN);
        }
    }

    /// From here on absence is no proof for a while: a request about this order is in doubt.
    pub(crate) fn quiet_begins(&mut self, id: &ClientOrderId) {
        if let Some(ask) = self.asks.get_mut(id) {
            (ask.quiet_from, ask.negative) = (self.live.total(), 0);
        }
    }

    /// For how long the venue has to be heard until this much has passed since then. Zero when it has.
    pub(crate) fn quiet_left(&self, id: &ClientOrderId, quiet: Duration) -> Option<Duration> {
        let heard = self.live.total().saturating_sub(self.asks.get(id)?.quiet_from);
        Some(quiet.saturating_sub(heard))
    }

    /// For how long the venue has been heard since this order is in doubt.
    pub(crate) fn heard_for(&self, id: &ClientOrderId) -> Option<Duration> {
        Some(self.live.total().saturating_sub(self.asks.get(id)?.quiet_from))
    }

    /// Nothing is open about this order any more.
    pub(crate) fn close(&mut self, id: &ClientOrderId) {
        self.asks.remove(id);
        self.cancels.remove(id);
    }

    /// The order is reported alive, with nothing executed that is not counted. That settles whether
    /// it is there, but not an end that has been reported: reports come late, and what is over does
    /// not come back to life. A cancel that is wanted stays wanted.
    pub(crate) fn seen_alive(&mut self, id: &ClientOrderId, counted: Qty) {
        let settled = self.asks.get(id).is_some_and(|ask| match ask.ending {
            None => ask.cancel_taken.is_none(),
            Some((Ending::Filled, reported)) => counted >= reported && ask.cancel_taken.is_none(),
            Some((
                Ending::Canceled | Ending::Rejected | Ending::Expired | Ending::NotPlaced,
                _,
            )) => false,
        });
        if settled {
            self.asks.remove(id);
        }
    }

    /// The venue says that this much is filled and how the order ended; its executions are read
    /// before that is believed. An end that has been reported is kept: a later report of a living
    /// order, which stands as [`Ending::Filled`] here until its executions are counted, is an older
    /// one that came late.
    pub(crate) fn expect(
        &mut self,
        id: ClientOrderId,
        ending: Ending,
        filled: Qty,
        now: Timestamp,
    ) {
        self.open(id, now);
        let Some(ask) = self.asks.get_mut(&id) else { return };
        ask.ending = Some(match (ask.ending, ending) {
            (None | Some((Ending::Filled, _)), _) => (ending, filled),
            (Some((known, reported)), Ending::Filled) => (known, reported.max(filled)),
            (Some(_), _) => (ending, filled),
        });
    }

    /// Is this order being asked about?
    pub(crate) fn is_open(&self, id: &ClientOrderId) -> bool {
        self.asks.contains_key(id)
    }

    /// When the next question is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.asks.values().filter(|ask| !ask.asking).map(|ask| ask.due).min()
    }

    /// The order is to be taken back, as soon as that is possible and until it is over.
    pub(crate) fn want_cancel(&mut self, id: ClientOrderId, now: Timestamp) {
        self.cancels.entry(id).or_insert(Wish::new(now));
    }

    /// No cancel of this order is on its way, and the last one is long enough ago.
    pub(crate) fn cancel_may_be_sent(&self, id: &ClientOrderId, now: Timestamp) -> bool {
        self.cancels.get(id).is_some_and(|wish| !wish.on_its_way && wish.due <= now)
    }

    pub(crate) fn cancel_sent(&mut self, id: &ClientOrderId, now: Timestamp) {
        if let Some(wish) = self.cancels.get_mut(id) {
            wish.sent(now);
        }
    }

    pub(crate) fn cancel_answered(&mut self, id: &ClientOrderId) {
        if let Some(wish) = self.cancels.get_mut(id) {
            wish.on_its_way = false;
        }
    }

    pub(crate) fn cancel_is_settled(&mut self, id: &ClientOrderId) {
        self.cancels.remove(id);
    }

    pub(crate) fn ask_for_the_order(&mut self, id: &ClientOrderId) {
        if let Some(ask) = self.asks.get_mut(id) {
            ask.ending = None;
        }
    }

    /// The next question is not later than at this time.
    pub(crate) fn ask_by(&mut self, id: &ClientOrderId, at: Timestamp) {
        if let Some(ask) = self.asks.get_mut(id) {
            ask.due = ask.due.min(at);
        }
    }

    /// The next question is not earlier than this.
    pub(crate) fn ask_not_before(&mut self, id: &ClientOrderId, at: Timestamp) {
        if let Some(ask) = self.asks.get_mut(id) {
            ask.due = ask.due.max(at);
        }
    }

    pub(crate) fn again(&mut self, id: &ClientOrderId, now: Timestamp) {
        if let Some(ask) = self.asks.get_mut(id) {
            ask.asking = false;
            ask.pages = 0;
            ask.pause = (ask.pause * 2).min(PAUSE_MAX);
            ask.due = now.after(ask.pause);
        }
    }

    /// The order of somebody else is to be taken back, until it is over.
    pub(crate) fn want_foreign_cancel(&mut self, key: VenueKey, now: Timestamp) {
        self.foreign_cancels.entry(key).or_insert(Wish::new(now));
    }

    pub(crate) fn next_foreign_cancel(&self) -> Option<Timestamp> {
        self.foreign_cancels.values().filter(|wish| !wish.on_its_way).map(|wish| wish.due).min()
    }

    pub(crate) fn foreign_cancels_due(&self, now: Timestamp) -> Vec<VenueKey> {
        let due = self.foreign_cancels.iter().filter(|(_, w)| !w.on_its_way && w.due <= now);
        due.map(|(key, _)| *key).collect()
    }

    pub(crate) fn foreign_cancel_sent(&mut self, key: &VenueKey, now: Timestamp) {
        if let Some(wish) = self.foreign_cancels.get_mut(key) {
            wish.sent(now);
        }
    }

    pub(crate) fn foreign_cancel_answered(&mut self, key: &VenueKey) {
        if let Some(wish) = self.foreign_cancels.get_mut(key) {
            wish.on_its_way = false;
        }
    }

    pub(crate) fn foreign_is_over(&mut self, key: &VenueKey) {
        self.foreign_cancels.remove(key);
    }
}
