//! The checkers: books of their own, kept from what was seen at the venue and from what was handed to the
//! journal, and compared with what the gateway does after every event.
//!
//! Nothing here asks the gateway what is true. What is true is what the exchange executed, and what it
//! may still execute: orders that stand, and orders that are on their way and can still arrive.
//! Quantities are lots and prices ticks, so the arithmetic is not the product's either.

mod compare;
mod fold;
mod guards;
mod journal;
mod seen;
mod sides;
mod told;
mod worth;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gateway::Gateway;
use model::venue::{AccountEvent, Execution};
use model::{
    Action, AgentId, Amount, Asset, ClientOrderId, Instrument, InstrumentId, Intent, IntentId,
    NetQty, OrderSpec, Side, Timestamp, TradeId, VenueOrderId,
};

use self::fold::{Fold, Undo};
pub use self::seen::Seen;
use self::sides::at;
use self::told::Guards;
pub(crate) use self::told::VenueBooks;
use self::worth::Worth;
use crate::setup::{limit, lots};

/// After so long the middle of a wide book counts (`docs/breakers.md`).
const WIDE_COUNTS_AFTER: Duration = Duration::from_secs(10);

/// An invariant of `faults.md` that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its number there: `I3`.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
    /// When, by the world's own time.
    pub at: Timestamp,
}

/// What is true of one order that carries one of our names.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(super) side: Side,
    pub(super) qty: i64,
    /// The session that has written it down.
    pub(super) session: Option<u64>,
    /// Requests that left for the venue.
    pub(super) sent: u32,
    /// Orders that the venue has taken under this name.
    pub(super) accepted: u32,
    /// Acknowledged, and not more than that.
    pub(super) pretended: bool,
    pub(super) leaves: i64,
    pub(super) filled: i64,
}

/// An order on its way to the venue.
#[derive(Clone, Copy, Debug)]
struct Flying {
    id: ClientOrderId,
    side: Side,
    qty: i64,
    until: Timestamp,
}

/// An execution at the venue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traded {
    pub(super) order: ClientOrderId,
    pub(super) fill: model::Fill,
    /// Of a person, before the books were first compared.
    pub(super) history: bool,
}

/// What an agent said it wants.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(super) spec: OrderSpec,
    pub(crate) used: bool,
}

/// All checkers.
pub(crate) struct Oracle {
    pub(crate) violation: Option<Violation>,
    pub(super) now: Timestamp,
    pub(super) instrument: InstrumentId,
    /// How a trade is named by this venue's lists.
    pub(super) name_of: fn(TradeId) -> TradeId,
    pub(super) truth: BTreeMap<ClientOrderId, Truth>,
    pub(super) trades: BTreeMap<TradeId, Traded>,
    /// Executions that the venue has taken back, and when it last took one.
    pub(super) busted: BTreeMap<TradeId, Traded>,
    pub(super) busted_at: Option<Timestamp>,
    /// When an execution was last written down.
    pub(super) filled_at: Option<Timestamp>,
    /// Since when the market leaves a side of the book, and whether it was gone for so long that the gateway
    /// takes the middle of what is left for a price: since the last healing, and ever.
    torn_since: Option<Timestamp>,
    was_torn: bool,
    ever_torn: bool,
    /// What a person has moved of the base, in lots.
    pub(super) moved: Vec<i64>,
    /// Orders of a person, by the venue's name.
    pub(super) human: BTreeMap<VenueOrderId, i64>,
    /// Executed by our orders, above zero bought.
    pub(super) position: i64,
    /// What others did, the size of all of it together: executions of a person's orders, and those of ours
    /// that the venue has taken back.
    others_size: i64,
    /// Standing at the venue, by side.
    open: [i64; 2],
    /// On their way there, and until when they can be taken.
    flying: Vec<Flying>,
    pub(super) said: BTreeMap<(AgentId, IntentId), Said>,
    /// Orders that an agent has asked to be taken back, and since when.
    pub(super) unwanted: BTreeMap<(AgentId, IntentId), Timestamp>,
    pub(super) fold: Fold,
    pub(super) undo: std::collections::VecDeque<Undo>,
    pub(super) guards: Guards,
    /// Of a trial: how long an order may be in doubt, and since when it is.
    pub(crate) settles_within: Option<Duration>,
    pub(super) in_doubt_since: Option<Timestamp>,
    /// Somebody may halt: a person or an agent has asked for it.
    pub(super) halt_asked: bool,
    /// A person takes the second step of a resume right now.
    pub(super) may_resume: bool,
    /// Orders the venue has taken since this was last set to zero.
    pub(crate) accepted: u64,
    pub(crate) seen: Seen,
    pub(super) sessions: BTreeSet<u64>,
    worth: Worth,
    /// Where the drawdown halts, hundredths of a percent.
    pub(super) drawdown_bps: i64,
}

impl Oracle {
    pub(crate) fn new(
        instrument: &Instrument,
        name_of: fn(TradeId) -> TradeId,
        funds: &BTreeMap<Asset, Amount>,
        drawdown_bps: u32,
    ) -> Oracle {
        let worth = Worth::new(instrument.base, instrument.quote, funds.clone());
        let instrument = instrument.id;
        Oracle {
            violation: None,
            now: Timestamp::EPOCH,
            instrument,
            name_of,
            truth: BTreeMap::new(),
            trades: BTreeMap::new(),
            busted: BTreeMap::new(),
            busted_at: None,
            filled_at: None,
            torn_since: None,
            was_torn: false,
            ever_torn: false,
            moved: Vec::new(),
            human: BTreeMap::new(),
            position: 0,
            others_size: 0,
            open: [0; 2],
            flying: Vec::new(),
            said: BTreeMap::new(),
            unwanted: BTreeMap::new(),
            fold: Fold::default(),
            undo: std::collections::VecDeque::new(),
            guards: Guards::default(),
            settles_within: None,
            in_doubt_since: None,
            halt_asked: false,
            may_resume: false,
            accepted: 0,
            seen: Seen::default(),
            sessions: BTreeSet::new(),
            worth,
            drawdown_bps: i64::from(drawdown_bps),
        }
    }

    /// The time by which everything that follows is judged.
    pub(crate) fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    pub(crate) fn break_rule(&mut self, invariant: &'static str, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { invariant, what: what(), at: self.now });
        }
    }

    /// An agent wants something.
    pub(crate) fn wants(&mut self, intent: &Intent) {
        match &intent.action {
            Action::Place(spec) => {
                let said = Said { spec: spec.clone(), used: false };
                self.said.insert((intent.agent, intent.id), said);
            }
            Action::Halt => self.halt_asked = true,
            Action::Cancel(_) | Action::CancelAll(_) => {}
        }
    }

    /// Is it halted, by the journal?
    pub(crate) const fn is_halted(&self) -> bool {
        self.fold.halted
    }

    /// A person is about to take the second step of two, in time; or is not any more.
    pub(crate) const fn may_resume(&mut self, may: bool) {
        self.may_resume = may;
    }

    /// The middle of the market is here now, in ticks.
    pub(crate) fn market_is_at(&mut self, middle: i64) {
        self.worth.market(middle);
    }

    /// A person has asked for a halt.
    pub(crate) fn halt_is_asked_for(&mut self) {
        self.halt_asked = true;
    }

    /// An order has left for the venue; it can be taken until then, if it can at all.
    pub(crate) fn leaves_for_the_venue(&mut self, id: ClientOrderId, lands: Option<Timestamp>) {
        let pending = |undo: &Undo| matches!(undo, Undo::Order(of, None) if *of == id);
        if self.undo.iter().any(pending) {
            self.break_rule("I4", || format!("{id} left before its record was durable"));
        }
        let reduces = self.fold.orders.get(&id).is_some_and(|line| line.reduces);
        if self.guards.halted_in_life && !reduces {
            self.break_rule("I18", || format!("{id} left after the halt"));
        }
        let Some(truth) = self.truth.get_mut(&id) else {
            return self.break_rule("I4", || format!("{id} left and was never written down"));
        };
        truth.sent += 1;
        let (sent, side, qty, session) = (truth.sent, truth.side, truth.qty, truth.session);
        if let Some(until) = lands {
            self.flying.push(Flying { id, side, qty, until });
        }
        let current = self.sessions.last().copied();
        if session != current {
            self.break_rule("I20", || {
                format!("{id} of session {session:?} left in session {current:?}")
            });
        }
        if sent > 1 {
            self.break_rule("I3", || format!("{id} was sent {sent} times"));
        }
        self.check_cap();
    }

    /// It has arrived.
    pub(crate) fn has_landed(&mut self, id: &ClientOrderId) {
        if let Some(at) = self.flying.iter().position(|flying| flying.id == *id) {
            self.flying.swap_remove(at);
        }
    }

    /// It was acknowledged and came to nothing.
    pub(crate) fn is_pretended(&mut self, id: &ClientOrderId) {
        if let Some(truth) = self.truth.get_mut(id) {
            truth.pretended = true;
        }
    }

    /// Something happened to the account at the venue.
    pub(crate) fn happened(&mut self, event: &AccountEvent) {
        self.worth.happened(event);
        let AccountEvent::Order { order, execution, .. } = event else { return };
        let id = order.client_order_id;
        let human = id.as_str().starts_with(HUMAN);
        let leaves = lots(order.leaves()).unwrap_or(0);
        if human {
            self.human.insert(order.id, leaves);
        } else {
            let Some(truth) = self.truth.get_mut(&id) else {
                return self.break_rule("I9", || {
                    format!("the venue has order {} named {id}, which nobody wrote down", order.id)
                });
            };
            if *execution == Execution::New {
                truth.accepted += 1;
                self.accepted += 1;
            }
            let (accepted, sent) = (truth.accepted, truth.sent);
            self.open[at(order.side)] += leaves - truth.leaves;
            truth.leaves = leaves;
            if accepted > sent || accepted > 1 {
                self.break_rule("I3", || format!("{accepted} orders at the venue are named {id}"));
            }
        }
        if let Execution::Trade(fill) = execution {
            self.traded(id, human, fill);
        }
        self.check_cap();
    }

    fn traded(&mut self, id: ClientOrderId, human: bool, fill: &model::Fill) {
        let qty = lots(fill.qty).unwrap_or(0);
        let name = (self.name_of)(fill.trade_id);
        let history = human && !self.fold.compared;
        self.trades.insert(name, Traded { order: id, fill: *fill, history });
        if human {
            self.others_size += qty;
            return;
        }
        self.position += signed(fill);
        let Some(truth) = self.truth.get_mut(&id) else { return };
        truth.filled += qty;
        let (filled, ordered) = (truth.filled, truth.qty);
        if filled > ordered {
            self.break_rule("I3", || format!("{id} filled {filled} of {ordered} lots"));
        }
    }

    /// The name at the venue of one of the last executions before this time, counted from the newest.
    pub(crate) fn trade_before(&self, before: Timestamp, back: u64) -> Option<TradeId> {
        let back = usize::try_from(back).unwrap_or(usize::MAX);
        let fills = self.trades.values().map(|traded| traded.fill);
        let mut recent: Vec<_> = fills.filter(|fill| fill.venue_time < before).collect();
        recent.sort_by_key(|fill| (fill.venue_time, fill.trade_id));
        recent.iter().rev().nth(back).map(|fill| fill.trade_id)
    }

    /// The market leaves a side of the book, or comes back.
    pub(crate) fn book_is_torn(&mut self, torn: bool) {
        let counts = |since: Timestamp| self.now.since(since) >= WIDE_COUNTS_AFTER;
        self.was_torn |= self.torn_since.is_some_and(counts);
        self.ever_torn |= self.was_torn;
        self.torn_since = torn.then(|| self.torn_since.unwrap_or(self.now));
    }

    /// A book that has been wide for ten seconds is valued by its middle, half of which may be one order far away.
    /// What the gateway takes for a loss then is not so, and neither is the most that the account ever was: that
    /// stays, and shows in the journal as more than there was.
    pub(super) fn is_valued_by_a_wide_book(&self) -> bool {
        let counts = |since: Timestamp| self.now.since(since) >= WIDE_COUNTS_AFTER;
        let is_torn = self.was_torn || self.torn_since.is_some_and(counts);
        is_torn || (self.ever_torn && self.worth.is_marked_too_high())
    }

    /// All is healed, and the market told: what is lost from here on is lost by prices that are whole.
    pub(super) fn book_is_whole(&mut self) {
        self.was_torn &= self.torn_since.is_some();
    }

    /// A person has moved some of the base.
    pub(crate) fn is_moved(&mut self, amount: Amount) {
        self.moved.extend(amount.get().mantissa_at(3));
    }

    /// The venue has taken an execution back: it never moved anything. Of its order the quantity is used up.
    pub(crate) fn is_busted(&mut self, trade: TradeId) {
        let name = (self.name_of)(trade);
        let Some(traded) = self.trades.remove(&name) else { return };
        self.busted.insert(name, traded);
        self.busted_at = Some(self.now);
        let qty = lots(traded.fill.qty).unwrap_or(0);
        self.others_size += qty;
        if !traded.order.as_str().starts_with(HUMAN) {
            self.position -= signed(&traded.fill);
        }
        self.check_cap();
    }

    /// I2, by what is true at the venue and on the way there: whatever still can execute does, on one
    /// side.
    fn check_cap(&mut self) {
        let worst = self.worst();
        // What a person and the venue do on the account is theirs, and is known to the gateway only later.
        let cap = limit::POSITION + self.others_size;
        if worst[0] > cap || worst[1] > cap {
            let [long, short] = worst;
            self.break_rule("I2", || {
                format!("the position can become {long} long or {short} short, in lots; cap {cap}")
            });
        }
    }

    /// Largest position that can still come about, long and short, by our own orders.
    fn worst(&self) -> [i64; 2] {
        let mut flying = [0; 2];
        for order in self.flying.iter().filter(|order| self.now <= order.until) {
            flying[at(order.side)] += order.qty;
        }
        let [buys, sells] = [0, 1].map(|side| self.open[side] + flying[side]);
        [self.position + buys, sells - self.position]
    }

    /// The gateway reserves at least what can come about.
    pub(crate) fn check_reserved(&mut self, gateway: &Gateway) {
        let exposure = gateway.books().exposure(self.instrument);
        let lots_of = |net: NetQty| net.get().mantissa_at(3);
        let told =
            (lots_of(exposure.position), lots(exposure.working_buys), lots(exposure.working_sells));
        let (Some(position), Some(buys), Some(sells)) = told else {
            return self.break_rule("I8", || format!("the exposure is off the grid: {exposure:?}"));
        };
        // What was counted and is taken back by now is not known yet.
        let position = position - self.fold.human_position - self.counted_and_busted();
        let [long, short] = self.worst();
        if position + buys < long || sells - position < short {
            self.break_rule("I5", || {
                format!(
                    "the gateway counts on {} long and {} short at worst, and {long} and {short} \
                     lots are possible",
                    position + buys,
                    sells - position
                )
            });
        }
    }

    /// Net of our executions that are counted, and that the venue has taken back.
    fn counted_and_busted(&self) -> i64 {
        let counted = self.busted.iter().filter(|(trade, traded)| {
            !traded.order.as_str().starts_with(HUMAN) && self.fold.fills.contains_key(trade)
        });
        counted.map(|(_, traded)| signed(&traded.fill)).sum()
    }

    /// May this order still execute?
    pub(super) fn is_alive(&self, id: &ClientOrderId) -> bool {
        let flies = |order: &Flying| order.id == *id && self.now <= order.until;
        self.truth.get(id).is_some_and(|truth| truth.leaves > 0) || self.flying.iter().any(flies)
    }
}

/// What an execution does to the position, in lots.
fn signed(fill: &model::Fill) -> i64 {
    let qty = lots(fill.qty).unwrap_or(0);
    if fill.side == Side::Buy { qty } else { -qty }
}

/// How the names of a person's orders begin.
pub(crate) const HUMAN: &str = "human-";
