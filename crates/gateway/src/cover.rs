//! What a late stop should have sold is sold in slices, where the configuration says so (`late_stops = "close"`).
//!
//! It is a flatten (`flatten.rs`) of a part: the same slices, within the collar and for half of what stands in it,
//! one at a time, and the same pauses where the market is not fit to be sold into. The stop locks what it would
//! sell. So it is taken back, not before a slice could follow, and nothing is sold before it is proven what became of
//! it. What is sold of the instrument meanwhile, by whomever, is taken off what is left to sell: nothing is closed
//! twice. That there is something to sell is one line with the cancel (`CancelPrepared`), written before that is sent:
//! no power cut leaves a stop without what is sold instead, or the other way round, and a stop whose cancel cannot leave
//! yet stays what it is. It outlives a restart, unless that one is told to sell nothing (`late_stops = "say"`); a halt
//! keeps it back, and a person who lifts one, or flattens, has taken it over.

use std::collections::BTreeSet;

use model::{
    AgentId, ClientOrderId, Closing, Effects, InstrumentId, NetQty, Qty, Record, Side, Timestamp,
};

use crate::books::TrackedOrder;
use crate::flatten::{HELD_SAID_AFTER, LOOK_EVERY, SLICE_EVERY};
use crate::gateway::Gateway;
use crate::late_stops::LateStops;
use crate::slice::{self, Held, Sight, Slice};

/// Why nothing is sold while a halt holds.
const HALTED: &str = "trading is halted";

/// Late stops of one instrument.
struct LateOf {
    /// Not yet taken back, and what each would sell.
    fresh: Vec<(ClientOrderId, Qty)>,
    /// Has one of them been late for long enough? Then they are those that have.
    is_time: bool,
}

impl Gateway {
    /// Takes the next step for each instrument that is due.
    pub(crate) fn cover_when_due(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.config.late_stops != LateStops::Close {
            return;
        }
        let of_stop = |id: &ClientOrderId| Some(self.books.order(id)?.order.instrument);
        let late = self.stops.late.keys().filter_map(of_stop);
        let all: BTreeSet<InstrumentId> =
            late.chain(self.books.covering().map(|(id, _)| id)).collect();
        for instrument in all {
            let progress = self.cover.of.entry(instrument).or_default();
            if now < progress.next {
                continue;
            }
            progress.next = now.after(LOOK_EVERY);
            if let Some(closing) = self.cover(now, instrument, effects) {
                self.cover_is(now, instrument, closing, effects);
            }
        }
    }

    /// A start that is told to sell nothing drops what an earlier one had still to sell: a later one would sell it
    /// long after its time.
    pub(crate) fn drop_covers(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.config.late_stops == LateStops::Close {
            return;
        }
        let all: Vec<(InstrumentId, Qty)> = self.books.covering().collect();
        for (instrument, left) in all {
            let closing = Closing::Dropped("late_stops is \"say\"".to_owned());
            let net = NetQty::of(Side::Buy, left);
            self.record(now, Record::Flatten { instrument, left: net, closing }, effects);
            let text = format!(
                "late stop: {left} {instrument} were to be sold instead of it and are not, for late_stops is \"say\" now; \
                 plimsoll flatten closes the position"
            );
            self.alert(text, effects);
        }
    }

    /// When it is looked at again, if there is news of the market by then: what is late and not yet taken back has
    /// no alarm.
    pub(crate) fn next_look_at_late(&self) -> Option<Timestamp> {
        if self.config.late_stops != LateStops::Close {
            return None;
        }
        let instruments = self.stops.late.keys().filter_map(|id| self.books.order(id));
        let due = |id: InstrumentId| self.cover.of.get(&id).map_or(self.started_at, |p| p.next);
        instruments.map(|order| due(order.order.instrument)).min()
    }

    /// When time alone lets one go on. What is late and not taken back waits for news of the market.
    pub(crate) fn next_cover(&self) -> Option<Timestamp> {
        if self.config.late_stops != LateStops::Close {
            return None;
        }
        let halted = self.books.latch().is_some();
        let due = |id: InstrumentId| match self.cover.of.get(&id) {
            Some(progress) if halted && matches!(progress.said, Some(Closing::Held(_))) => None,
            Some(progress) => Some(progress.next),
            None => Some(self.started_at),
        };
        self.books.covering().filter_map(|(id, _)| due(id)).min()
    }

    /// `None` when nothing is to be said.
    fn cover(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        effects: &mut Effects,
    ) -> Option<Closing> {
        let left = self.books.left_to_cover(instrument);
        let held = |why: &str| left.map(|_| Closing::Held(why.to_owned()));
        if self.books.latch().is_some() {
            return held(HALTED);
        }
        if let Some(cause) = self.unready() {
            return held(cause);
        }
        let own = self.own?;
        let is_ours = |o: &TrackedOrder| o.agent == own && o.order.instrument == instrument;
        if self.books.open_orders().any(is_ours) {
            return left.map(|_| Closing::Slices);
        }
        let late = self.late_of(instrument);
        let position = self.books.exposure(instrument).position;
        if !late.fresh.is_empty() && position.side() == Some(Side::Buy) {
            return self.replace_late_stops(now, (instrument, position.size()), &late, effects);
        }
        let left = left?;
        // Whatever the price does meanwhile: what becomes of it is proven first.
        if self.books.takes_a_stop_back(instrument) {
            return Some(Closing::Slices);
        }
        // What somebody else's orders close by now need not be closed.
        let qty = left.min(self.books.exposure(instrument).closable(Side::Sell));
        if qty.is_zero() {
            return Some(Closing::Flat);
        }
        match self.next_slice(now, instrument, (qty, false)) {
            Ok(slice) => Some(self.sell(now, (own, instrument), slice, effects)),
            Err(Held::Dust) => Some(Closing::Dust(Held::Dust.to_string())),
            Err(held) => Some(Closing::Held(held.to_string())),
        }
    }

    /// Takes late stops back when the market takes a slice, and so much is sold instead of each.
    fn replace_late_stops(
        &mut self,
        now: Timestamp,
        (instrument, held): (InstrumentId, Qty),
        late: &LateOf,
        effects: &mut Effects,
    ) -> Option<Closing> {
        let left = self.books.left_to_cover(instrument);
        let mut all = left.unwrap_or(Qty::ZERO).min(held);
        let mut stops = Vec::new();
        for (id, leaves) in &late.fresh {
            let instead = (*leaves).min(held.saturating_sub(all));
            all = all.checked_add(instead)?;
            stops.push((*id, instead));
        }
        // Looked at also before it is time, so that it is known by then whether the price holds still.
        let slice = self.next_slice(now, instrument, (all, true));
        if !late.is_time {
            return left.map(|_| Closing::Slices);
        }
        if let Err(held) = slice {
            // They stay, and are protection when the price comes back.
            return Some(Closing::Held(held.to_string()));
        }
        stops.into_iter().for_each(|(id, qty)| self.take_back(now, id, Some(qty), effects));
        let left = self.books.left_to_cover(instrument)?;
        let closing = Closing::Slices;
        let record = Record::Flatten { instrument, left: NetQty::of(Side::Buy, left), closing };
        self.record(now, record, effects);
        let text = format!(
            "late stop: {left} {instrument} are sold in slices within the collar instead of it"
        );
        self.alert(text, effects);
        if let Some(progress) = self.cover.of.get_mut(&instrument) {
            (progress.said, progress.held_since) = (Some(Closing::Slices), None);
        }
        None
    }

    /// Those that can be taken back now. Of the others one waits for the venue's answer, and one is wanted back by
    /// somebody else.
    fn late_of(&self, instrument: InstrumentId) -> LateOf {
        let mut late = Vec::new();
        for (id, since) in &self.stops.late {
            let order = self.books.order(id).filter(|o| o.order.instrument == instrument);
            let is_sell = |o: &&TrackedOrder| o.order.side == Side::Sell && o.state.is_open();
            let order = order.filter(is_sell).filter(|order| self.can_be_taken_back(order));
            late.extend(order.map(|order| (*id, order.leaves(), since.said)));
        }
        // Until one has been late for long enough all of them are looked at, and then those that have.
        let is_time = late.iter().any(|(_, _, is_time)| *is_time);
        late.retain(|(_, _, is_due)| *is_due || !is_time);
        LateOf { fresh: late.into_iter().map(|(id, leaves, _)| (id, leaves)).collect(), is_time }
    }

    fn next_slice(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        (qty, is_locked): (Qty, bool),
    ) -> Result<Slice, Held> {
        let limits = self.limits_to_reduce().instrument.get(&instrument).copied();
        let market = self.markets.get(instrument).zip(limits.as_ref());
        let (market, limits) = market.ok_or(Held::NotFollowed)?;
        let base = market.instrument().base;
        let (available, owned) = (self.books.available(base), self.books.counted(base));
        let sight = Sight {
            now,
            market,
            limits,
            is_fresh: self.is_fresh(instrument),
            position: qty,
            available: available.filter(|_| !is_locked),
            owned,
        };
        let progress = self.cover.of.entry(instrument).or_default();
        slice::next(&sight, &mut progress.steady)
    }

    fn sell(
        &mut self,
        now: Timestamp,
        (own, instrument): (AgentId, InstrumentId),
        slice: Slice,
        effects: &mut Effects,
    ) -> Closing {
        if let Some(progress) = self.cover.of.get_mut(&instrument) {
            progress.next = now.after(SLICE_EVERY);
        }
        let spec = slice.order(instrument);
        self.send_slice(now, own, spec, "late stop: a slice within the collar", effects)
    }

    /// Writes down and says what has changed; a pause only when it lasts.
    fn cover_is(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        closing: Closing,
        effects: &mut Effects,
    ) {
        let left = self.books.left_to_cover(instrument);
        let Some(progress) = self.cover.of.get_mut(&instrument) else { return };
        let lasts = progress.lasts(now, &closing, HELD_SAID_AFTER);
        if !lasts || progress.said.as_ref() == Some(&closing) {
            return;
        }
        progress.said = Some(closing.clone());
        let text = match &closing {
            Closing::Slices => None,
            Closing::Held(why) => {
                Some(format!("late stop of {instrument}: nothing is sold: {why}"))
            }
            Closing::Flat => {
                Some(format!("late stop of {instrument}: what it should have sold is sold"))
            }
            Closing::Dust(why) => {
                Some(format!("late stop of {instrument}: sold but for dust: {why}"))
            }
            Closing::Dropped(why) => {
                Some(format!("late stop of {instrument}: what is left is not sold: {why}"))
            }
        };
        // Before a stop is taken back there is nothing to sell, and a pause is no news for the journal.
        if let Some(left) = left {
            let left = NetQty::of(Side::Buy, left);
            self.record(now, Record::Flatten { instrument, left, closing }, effects);
        }
        if let Some(text) = text {
            self.alert(text, effects);
        }
    }
}

#[cfg(test)]
mod tests;
