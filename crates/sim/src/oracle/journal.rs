//! The journal, as the checkers read it: a fold of their own over every record that is handed to it, which
//! goes back to what was durable when the gateway is killed.

use model::venue::{AccountRequest, Request};
use model::{
    Action, AgentId, ClientOrderId, Effect, Ending, Fill, IntentId, NewOrder, OrderQty, Record,
    Refusal, Side,
};

use super::fold::{Line, Undo};
use super::sides::at;
use super::{HUMAN, Oracle, Truth, signed};
use crate::setup::lots;

/// The gateway's prices are a second behind, and the middle of a book that its own orders are in.
const EQUITY_SLACK_BPS: i64 = 100;

impl Oracle {
    /// The effects of one input, in order.
    pub(crate) fn effects(&mut self, effects: &[Effect]) {
        let halted = self.fold.halted;
        for effect in effects {
            match effect {
                Effect::Persist(entry) => {
                    let undo = self.record(&entry.record);
                    self.undo.push_back(undo);
                }
                Effect::Send {
                    request: Request::Account(AccountRequest::Place(order)), ..
                } => {
                    let id = order.client_order_id;
                    if !self.fold.orders.contains_key(&id) {
                        self.break_rule("I4", || format!("{id} is sent before it is written down"));
                    }
                }
                Effect::Send { .. }
                | Effect::Distrust { .. }
                | Effect::WakeAt(_)
                | Effect::Notify(_) => {}
            }
        }
        if self.fold.halted && !halted {
            self.check_taken_back();
        }
    }

    /// So many records are durable now.
    pub(crate) fn is_durable(&mut self, records: usize) {
        self.undo.drain(..records.min(self.undo.len()));
    }

    /// The gateway is dead, and what was not durable never was.
    pub(crate) fn dies(&mut self) {
        while let Some(undo) = self.undo.pop_back() {
            self.fold.take_back(undo);
        }
        // A wish that was not durable is lost with the process, as the agent is that had it.
        let written = |(agent, intent): &(AgentId, IntentId)| {
            let mut lines = self.fold.orders.values();
            lines.any(|l| (l.agent, l.intent) == (*agent, *intent) && l.taken_back)
        };
        let unwanted = std::mem::take(&mut self.unwanted);
        self.unwanted = unwanted.into_iter().filter(|(wish, _)| written(wish)).collect();
    }

    /// Another life begins.
    pub(crate) fn starts(&mut self, session: u64) {
        let halted = self.fold.halted;
        self.guards.new_life(halted);
        self.seen.starts += 1;
        if !self.sessions.insert(session) {
            self.break_rule("I20", || format!("session {session} was given twice"));
        }
    }

    fn record(&mut self, record: &Record) -> Undo {
        match record {
            Record::Prepared { agent, intent, order, .. } => self.prepared(*agent, *intent, order),
            Record::Rejected { client_order_id, .. } => {
                self.ended(*client_order_id, Ending::Rejected)
            }
            Record::Ended { client_order_id, ending, .. } => self.ended(*client_order_id, *ending),
            Record::Accepted { client_order_id, .. } => self.accepted(*client_order_id),
            Record::CancelPrepared { client_order_id, .. } => self.taken_back(*client_order_id),
            Record::InDoubt { .. } => {
                self.seen.doubts += 1;
                self.in_doubt_since.get_or_insert(self.now);
                Undo::Nothing
            }
            Record::Filled { client_order_id, fill, .. } => {
                self.filled(client_order_id.as_ref(), fill)
            }
            Record::Foreign { order } => {
                let (id, name) = (order.id, order.client_order_id);
                if !name.as_str().starts_with(HUMAN) {
                    self.break_rule("I9", || format!("our order {name} was called foreign"));
                }
                match self.fold.foreign.insert(id, ()) {
                    None => Undo::Foreign(id),
                    Some(()) => Undo::Nothing,
                }
            }
            Record::Reconciled { left, .. } => {
                self.guards.clean |= self.guards.account_is_up();
                self.guards.held = *left > 0;
                let before = std::mem::replace(&mut self.fold.compared, true);
                if before { Undo::Nothing } else { Undo::Compared }
            }
            Record::Trading { state, cause, .. } if state.is_latched() => self.halted(cause),
            Record::Trading { state, .. } => {
                if self.fold.halted {
                    self.break_rule("I19", || format!("halted, and then {state:?}"));
                }
                Undo::Nothing
            }
            Record::Resumed { .. } => self.resumed(),
            Record::Refused { agent, intent, because, .. } => {
                self.refused(*agent, *intent, because);
                Undo::Nothing
            }
            Record::Decided { intent, .. } => {
                self.decided(intent);
                Undo::Nothing
            }
            Record::Busted { fill, .. } => self.busted(fill),
            Record::Ramp { percent, .. } => Undo::Ramp(self.fold.ramp.replace((*percent).into())),
            Record::EquityMark { mark } => {
                self.worth.is_marked(mark.high);
                Undo::Nothing
            }
            Record::DifferencesAccepted { .. } => {
                self.guards.held = false;
                Undo::Nothing
            }
            Record::Started { .. }
            | Record::Stopped
            | Record::Flatten { .. }
            | Record::ResumeRequested { .. }
            | Record::ResumeRefused { .. }
            | Record::Triggered { .. }
            | Record::ForeignGone { .. }
            | Record::ForeignCancel { .. }
            | Record::CancelRejected { .. }
            | Record::Balances { .. }
            | Record::Transferred { .. }
            | Record::TransferKnown { .. }
            | Record::Link { .. }
            | Record::Gap { .. }
            | Record::Duplicates { .. }
            | Record::MissedTrades { .. }
            | Record::HandedOver { .. }
            | Record::Rules { .. }
            | Record::Feed { .. }
            | Record::RateLimited { .. }
            | Record::BudgetWait { .. }
            | Record::Breaker { .. }
            | Record::Discrepancy { .. }
            | Record::Limits { .. }
            | Record::GateOverridden { .. }
            | Record::AgentDisabled { .. }
            | Record::AgentEnabled { .. }
            | Record::KeyAudited { .. }
            | Record::Answered { .. }
            | Record::Alerted { .. }
            | Record::Agent { .. } => Undo::Nothing,
        }
    }

    fn decided(&mut self, intent: &model::Intent) {
        let agent = intent.agent;
        match &intent.action {
            Action::Place(_) | Action::Halt => {}
            Action::Cancel(of) => {
                self.unwanted.entry((agent, *of)).or_insert(self.now);
            }
            Action::CancelAll(_) => {
                let open = self.fold.open.keys().filter_map(|id| self.fold.orders.get(id));
                let theirs = open.filter(|line| line.agent == agent);
                let intents: Vec<IntentId> = theirs.map(|line| line.intent).collect();
                for intent in intents {
                    self.unwanted.entry((agent, intent)).or_insert(self.now);
                }
            }
        }
    }

    /// I7: nothing refuses to take an order back that is there.
    fn refused(&mut self, agent: AgentId, intent: IntentId, because: &Refusal) {
        let places = self.said.contains_key(&(agent, intent));
        if !places && *because != Refusal::NothingToCancel {
            self.break_rule("I7", || {
                format!("intent {} of {agent} only takes away and was refused: {because}", intent.0)
            });
        }
    }

    fn prepared(&mut self, agent: AgentId, intent: IntentId, order: &NewOrder) -> Undo {
        let id = order.client_order_id;
        self.seen.orders += 1;
        if self.truth.contains_key(&id) {
            self.break_rule("I3", || format!("{id} was given to a second order"));
        }
        let said = self.said.get_mut(&(agent, intent)).map(|said| {
            let again = std::mem::replace(&mut said.used, true);
            (said.spec.clone(), again)
        });
        let Some((said, again)) = said else {
            self.break_rule("I14", || format!("{id}: nobody wanted it"));
            return Undo::Nothing;
        };
        if again {
            self.break_rule("I3", || format!("{id}: a second order of one intent"));
        }
        self.check_guards(order);
        self.check_order(order, &said);
        self.check_exposure(order, self.fold.position, self.fold.working());
        if order.reduce_only || said.reduce_only {
            let working = self.fold.working();
            self.check_reducing(order, self.fold.position, working);
        }
        let qty = match order.qty {
            OrderQty::Base(qty) => lots(qty).unwrap_or(0),
            OrderQty::Quote(_) => 0,
        };
        let held = if order.side == Side::Sell { self.fold.position } else { -self.fold.position };
        let reduces = qty + self.fold.working()[at(order.side)] <= held;
        let truth = Truth {
            side: order.side,
            qty,
            session: self.sessions.last().copied(),
            sent: 0,
            accepted: 0,
            pretended: false,
            leaves: 0,
            filled: 0,
        };
        self.truth.insert(id, truth);
        let line = Line {
            agent,
            intent,
            side: order.side,
            qty,
            filled: 0,
            ended: false,
            absent: None,
            has_trigger: order.kind.trigger().is_some(),
            reduces,
            accepted: false,
            taken_back: false,
        };
        self.fold.set(id, Some(line));
        Undo::Order(id, None)
    }

    /// G8: an order in doubt is settled soon after the quiet time.
    fn settled(&mut self, id: ClientOrderId) {
        let Some((most, since)) = self.settles_within.zip(self.in_doubt_since.take()) else {
            return;
        };
        let took = self.now.since(since);
        if took > most {
            self.break_rule("I5", || format!("{id} was in doubt for {took:?}, at most {most:?}"));
        }
    }

    /// It is called accepted only if it was.
    fn accepted(&mut self, id: ClientOrderId) -> Undo {
        self.settled(id);
        let there = self.truth.get(&id).is_some_and(|truth| truth.accepted > 0 || truth.pretended);
        if !there {
            self.break_rule("I5", || format!("{id} is called accepted, and the venue has none"));
        }
        let Some(line) = self.fold.orders.get(&id).copied() else { return Undo::Nothing };
        // A ghost is open again.
        let alive = self.truth.get(&id).is_some_and(|truth| truth.leaves > 0);
        let ended = line.ended && !alive;
        self.fold.set(id, Some(Line { accepted: true, ended, absent: None, ..line }));
        Undo::Order(id, Some(line))
    }

    fn taken_back(&mut self, id: ClientOrderId) -> Undo {
        let Some(line) = self.fold.orders.get(&id).copied() else { return Undo::Nothing };
        self.fold.set(id, Some(Line { taken_back: true, ..line }));
        Undo::Order(id, Some(line))
    }

    /// I21: with the halt goes a cancel for every entry order that is known to stand (T_cancel1).
    fn check_taken_back(&mut self) {
        let standing = self.fold.open.keys().find(|id| {
            self.fold
                .orders
                .get(id)
                .is_some_and(|line| line.accepted && !line.taken_back && !line.has_trigger)
        });
        if let Some(id) = standing.copied() {
            self.break_rule("I21", || format!("{id} stands, and the halt does not take it back"));
        }
    }

    /// I5: an order is over only if it can no longer execute.
    fn ended(&mut self, id: ClientOrderId, ending: Ending) -> Undo {
        self.settled(id);
        let alive = self.is_alive(&id);
        let taken = self.truth.get(&id).is_some_and(|truth| truth.accepted > 0);
        if alive {
            self.break_rule("I5", || format!("{id} is called {ending:?} and can still execute"));
        }
        if taken && matches!(ending, Ending::Rejected | Ending::NotPlaced) {
            self.break_rule("I5", || format!("{id} is called {ending:?}, and the venue took it"));
        }
        let Some(line) = self.fold.orders.get(&id).copied() else {
            self.break_rule("I15", || format!("{id} ended and was never written down"));
            return Undo::Nothing;
        };
        let absent = (ending == Ending::NotPlaced).then_some(self.now);
        self.fold.set(id, Some(Line { ended: true, absent, ..line }));
        Undo::Order(id, Some(line))
    }

    /// I10: an execution is counted once, as it was.
    fn filled(&mut self, id: Option<&ClientOrderId>, fill: &Fill) -> Undo {
        let trade = fill.trade_id;
        self.seen.fills += 1;
        self.filled_at = Some(self.now);
        let told = if self.trades.contains_key(&trade) { trade } else { (self.name_of)(trade) };
        let happened = self.trades.get(&told).or_else(|| self.busted.get(&told));
        let Some(traded) = happened.copied() else {
            self.break_rule("I10", || format!("trade {trade} was counted and never happened"));
            return Undo::Nothing;
        };
        let human = traded.order.as_str().starts_with(HUMAN);
        let named = id.is_none_or(|id| *id == traded.order) && id.is_none() == human;
        let theirs = traded.fill;
        let same = (fill.qty, fill.price, fill.side, fill.fee, fill.venue_order_id)
            == (theirs.qty, theirs.price, theirs.side, theirs.fee, theirs.venue_order_id);
        if !named || !same {
            self.break_rule("I10", || format!("trade {trade} was counted as {fill:?} of {id:?}"));
        }
        if self.fold.fills.insert(told, ()).is_some() {
            self.break_rule("I10", || format!("trade {trade} was counted twice"));
        }
        let (qty, signed) = (lots(fill.qty).unwrap_or(0), signed(fill));
        self.fold.position += signed;
        if human {
            self.fold.human_position += signed;
        }
        let line = id.and_then(|id| Some((*id, *self.fold.orders.get(id)?)));
        if let Some((id, line)) = line {
            let filled = line.filled + qty;
            let ended = line.ended || filled >= line.qty;
            self.fold.set(id, Some(Line { filled, ended, ..line }));
        }
        Undo::Fill { trade: told, order: line, signed, human }
    }

    /// I10: what is taken out of the books was counted, and the venue has taken it back.
    fn busted(&mut self, fill: &Fill) -> Undo {
        let trade = fill.trade_id;
        let name = if self.busted.contains_key(&trade) { trade } else { (self.name_of)(trade) };
        let Some(traded) = self.busted.get(&name).copied() else {
            self.break_rule("I10", || format!("trade {trade} is called taken back and is not"));
            return Undo::Nothing;
        };
        if self.fold.fills.remove(&name).is_none() {
            self.break_rule("I10", || format!("trade {trade} was taken out and never counted"));
            return Undo::Nothing;
        }
        self.seen.busts += 1;
        // From here on a person knows of it, and not before.
        self.busted_at = Some(self.now);
        let (signed, human) = (signed(fill), traded.order.as_str().starts_with(HUMAN));
        self.fold.position -= signed;
        if human {
            self.fold.human_position -= signed;
        }
        Undo::Busted { trade: name, signed, human }
    }

    /// I19: a person lifts a halt in two steps with time between them, and nothing else does.
    fn resumed(&mut self) -> Undo {
        if !self.may_resume || !self.fold.halted {
            self.break_rule("I19", || "a halt was lifted, and not by two steps in time".to_owned());
        }
        self.seen.resumes += 1;
        self.fold.resumed = true;
        self.guards.halted_in_life = false;
        if std::mem::replace(&mut self.fold.halted, false) { Undo::Resumed } else { Undo::Nothing }
    }

    /// A halt that nobody asked for says that the gateway has lost its way, unless that much was lost (I30).
    fn halted(&mut self, cause: &str) -> Undo {
        self.seen.halts += 1;
        self.guards.halted_in_life = true;
        if cause.starts_with("drawdown") && !self.halt_asked {
            let (worst, limit) = (self.worth.worst_bps(), self.drawdown_bps);
            if worst + EQUITY_SLACK_BPS < limit && !self.is_valued_by_a_wide_book() {
                self.break_rule("I30", || {
                    format!("halted ({cause}), and not more than {worst} bps were ever lost")
                });
            }
        } else if !self.halt_asked {
            self.break_rule("I31 (halt)", || format!("it halted by itself: {cause}"));
        }
        if std::mem::replace(&mut self.fold.halted, true) { Undo::Nothing } else { Undo::Halted }
    }
}
