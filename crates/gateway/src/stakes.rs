//! What the open orders of each instrument could lose, and all together. How it is told is in `at_stake.rs`.

use std::collections::BTreeSet;

use model::{ByInstrument, InstrumentId, Notional, Price, Side};

/// What the open orders of one instrument could lose. `None` where that cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stake {
    pub(crate) buys: Option<Notional>,
    pub(crate) sells: Option<Notional>,
}

impl Stake {
    fn worst(self) -> Option<Notional> {
        Some(self.buys?.max(self.sells?))
    }

    /// What counts of it beside an order of this side, where it is of the same instrument.
    pub(crate) fn beside(self, side: Option<Side>) -> Option<Notional> {
        let worst = self.worst()?;
        side.map_or(Some(worst), |side| self.of(side))
    }

    const fn of(self, side: Side) -> Option<Notional> {
        match side {
            Side::Buy => self.buys,
            Side::Sell => self.sells,
        }
    }
}

/// Of all instruments that have open orders, valuation units.
#[derive(Clone, Debug)]
pub(crate) struct Stakes {
    of: ByInstrument<Stake>,
    /// Reference prices that they were counted at.
    at: ByInstrument<Option<Price>>,
    /// The worst of each, together.
    sum: Notional,
    /// Those that are not in the sum, for it cannot be told.
    unknown: BTreeSet<InstrumentId>,
    /// The only one that is open, where its reference price is another than it was counted at.
    moved: Option<InstrumentId>,
    /// Of these people know that they are such.
    said: BTreeSet<InstrumentId>,
}

impl Default for Stakes {
    fn default() -> Stakes {
        Stakes {
            of: ByInstrument::default(),
            at: ByInstrument::default(),
            sum: Notional::ZERO,
            unknown: BTreeSet::new(),
            moved: None,
            said: BTreeSet::new(),
        }
    }
}

impl Stakes {
    /// It is so now; `None` where nothing is open.
    pub(crate) fn is(&mut self, instrument: InstrumentId, stake: Option<Stake>) {
        if self.moved == Some(instrument) {
            self.moved = None;
        }
        let before = match stake {
            Some(stake) => self.of.insert(instrument, stake),
            None => {
                self.at.remove(instrument);
                self.of.remove(instrument)
            }
        };
        if before == stake {
            return;
        }
        if !self.unknown.remove(&instrument)
            && let Some(worst) = before.and_then(Stake::worst)
        {
            self.sum = self.sum.checked_sub(worst).unwrap_or(Notional::ZERO);
        }
        let Some(stake) = stake else { return };
        match stake.worst().and_then(|worst| self.sum.checked_add(worst)) {
            Some(sum) => self.sum = sum,
            None => drop(self.unknown.insert(instrument)),
        }
    }

    /// Is nothing open?
    pub(crate) fn are_none(&self) -> bool {
        self.of.is_empty()
    }

    /// Is something open of this instrument, and of no other?
    pub(crate) fn are_only_of(&self, instrument: InstrumentId) -> bool {
        self.of.len() == 1 && self.of.contains(instrument)
    }

    /// The reference price of the only one that is open is another than it was counted at, or is not any more. It is
    /// counted anew when somebody asks: prices move a thousand times as often.
    pub(crate) fn has_moved(&mut self, instrument: InstrumentId, has: bool) {
        self.moved = has.then_some(instrument);
    }

    /// What is to be counted anew.
    pub(crate) const fn moved(&self) -> Option<InstrumentId> {
        self.moved
    }

    /// It was counted at this reference price.
    pub(crate) fn is_counted_at(&mut self, instrument: InstrumentId, price: Option<Price>) {
        self.at.insert(instrument, price);
    }

    /// The reference price, if there was one, that what is open was counted at. `None` where nothing is open.
    pub(crate) fn counted_at(&self, instrument: InstrumentId) -> Option<Option<Price>> {
        self.at.get(instrument).copied()
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = InstrumentId> {
        self.of.keys()
    }

    /// Those that cannot be told.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = InstrumentId> {
        self.unknown.iter().copied()
    }

    /// Those that cannot be told and that people do not know of; each once.
    pub(crate) fn not_yet_said(&mut self) -> Vec<InstrumentId> {
        let new: Vec<InstrumentId> = self.unknown.difference(&self.said).copied().collect();
        self.said.extend(&new);
        new
    }

    /// What counts beside an order of this side of an instrument, with nothing to be counted anew.
    pub(crate) fn beside(&self, instrument: InstrumentId, side: Side) -> Option<Notional> {
        if !self.unknown.is_empty() {
            return None;
        }
        let Some(own) = self.of.get(instrument) else { return Some(self.sum) };
        self.sum.checked_sub(own.worst()?)?.checked_add(own.of(side)?)
    }
}
