//! What the journal says, as the checkers count it, and how a record is taken back that was not durable.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{AgentId, ClientOrderId, IntentId, Side, Timestamp, TradeId, VenueOrderId};

use super::sides::at;

/// How long the size of an order may count after its absence was proven: ten minutes in which a gateway runs,
/// and as long again for the time in which none does.
const SHADOW: Duration = Duration::from_secs(1_200);

/// What the journal says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fold {
    pub(super) orders: BTreeMap<ClientOrderId, Line>,
    /// Open orders.
    pub(super) open: BTreeMap<ClientOrderId, ()>,
    /// Executions that were counted.
    pub(super) fills: BTreeMap<TradeId, ()>,
    pub(super) foreign: BTreeMap<VenueOrderId, ()>,
    /// Net of the executions counted, ours and others'.
    pub(super) position: i64,
    pub(super) human_position: i64,
    pub(super) halted: bool,
    /// A halt was lifted by a person.
    pub(super) resumed: bool,
    /// The books have been compared once.
    pub(super) compared: bool,
    /// The part of the limits that holds, percent; `None` where the ramp is not on.
    pub(super) ramp: Option<i64>,
}

/// What it says of one order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(super) agent: AgentId,
    pub(super) intent: IntentId,
    pub(super) side: Side,
    pub(super) qty: i64,
    pub(super) filled: i64,
    pub(super) ended: bool,
    /// Proven never to have been placed, at this time by the gateway's clock.
    pub(super) absent: Option<Timestamp>,
    pub(super) has_trigger: bool,
    /// It could only shrink the position when it was let through.
    pub(super) reduces: bool,
    /// Known to be at the venue.
    pub(super) accepted: bool,
    /// A cancel of it was written down.
    pub(super) taken_back: bool,
}

/// How to take a record back that was not durable.
#[derive(Clone, Debug)]
pub(crate) enum Undo {
    Nothing,
    Order(ClientOrderId, Option<Line>),
    Fill { trade: TradeId, order: Option<(ClientOrderId, Line)>, signed: i64, human: bool },
    Busted { trade: TradeId, signed: i64, human: bool },
    Foreign(VenueOrderId),
    Halted,
    Resumed,
    Compared,
    Ramp(Option<i64>),
}

impl Fold {
    pub(super) fn set(&mut self, id: ClientOrderId, line: Option<Line>) {
        match line {
            Some(line) => {
                if line.ended {
                    self.open.remove(&id);
                } else {
                    self.open.insert(id, ());
                }
                self.orders.insert(id, line);
            }
            None => {
                self.orders.remove(&id);
                self.open.remove(&id);
            }
        }
    }

    /// What works on each side, in lots.
    pub(super) fn working(&self) -> [i64; 2] {
        let mut working = [0; 2];
        for line in self.open.keys().filter_map(|id| self.orders.get(id)) {
            working[at(line.side)] += line.qty - line.filled;
        }
        working
    }

    /// What of orders that were proven absent lately counts on each side, in lots.
    pub(super) fn shadows(&self, now: Timestamp) -> [i64; 2] {
        let mut shadows = [0; 2];
        let lately = |since: &Timestamp| since.after(SHADOW) > now;
        for line in self.orders.values().filter(|line| line.absent.as_ref().is_some_and(lately)) {
            shadows[at(line.side)] += line.qty;
        }
        shadows
    }

    pub(super) fn take_back(&mut self, undo: Undo) {
        match undo {
            Undo::Nothing => {}
            Undo::Order(id, line) => self.set(id, line),
            Undo::Fill { trade, order, signed, human } => {
                self.fills.remove(&trade);
                self.position -= signed;
                if human {
                    self.human_position -= signed;
                }
                if let Some((id, line)) = order {
                    self.set(id, Some(line));
                }
            }
            Undo::Busted { trade, signed, human } => {
                self.fills.insert(trade, ());
                self.position += signed;
                if human {
                    self.human_position += signed;
                }
            }
            Undo::Foreign(id) => {
                self.foreign.remove(&id);
            }
            Undo::Halted => self.halted = false,
            Undo::Resumed => self.halted = true,
            Undo::Compared => self.compared = false,
            Undo::Ramp(before) => self.ramp = before,
        }
    }
}
