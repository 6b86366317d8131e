//! The venue's rules for what is traded are not what they were.
//!
//! They are read again by the driver: on a timer, and at once when a refusal speaks of them. What is new
//! is written down, agents are told, and every order is judged by it from then on: one that is not on the
//! new steps is refused here, with the reason, and never rounded. Orders that stand are left alone. They
//! keep their prices and quantities, on whichever steps they were made, and can be taken back.
//!
//! The grid that the book is counted in never gets coarser: orders of the time before stand in it. When it
//! gets finer the book is begun anew, and so are the sessions that read it.

use model::{
    AgentEvent, Alert, AlertKey, Effect, Effects, Instrument, InstrumentId, Notice, Record,
    Timestamp, TradingMode,
};

use crate::gateway::Gateway;

impl Gateway {
    /// The rules of these instruments were read, and these are not listed any more.
    pub(crate) fn rules_read(
        &mut self,
        now: Timestamp,
        found: &[Instrument],
        gone: &[InstrumentId],
        effects: &mut Effects,
    ) {
        self.gone = gone.iter().copied().filter(|id| self.markets.get(*id).is_some()).collect();
        for instrument in found {
            self.rules_of(now, instrument.clone(), effects);
        }
        for id in gone {
            let Some(known) = self.markets.get(*id).map(|market| market.instrument()) else {
                continue;
            };
            if known.mode != TradingMode::Halted {
                let text =
                    format!("{id} is not listed by the venue any more: {}", self.at_stake(*id));
                self.raise(Alert::warning(AlertKey::Instrument, id, text), effects);
            }
            self.rules_of(now, Instrument { mode: TradingMode::Halted, ..known.clone() }, effects);
        }
    }

    fn rules_of(&mut self, now: Timestamp, read: Instrument, effects: &mut Effects) {
        let id = read.id;
        let Some(known) = self.markets.get(id).map(|market| market.instrument().clone()) else {
            return;
        };
        let new = read.on_grid_of(Some(&known));
        self.rules_are_known(id, new != known);
        if new == known {
            return;
        }
        for text in [self.new_steps(&known, &new), self.new_mode(&known, &new)] {
            let alert = text.map(|text| Alert::warning(AlertKey::Instrument, id, text));
            alert.into_iter().for_each(|alert| self.raise(alert, effects));
        }
        let instrument = Box::new(new.clone());
        self.record(now, Record::Rules { instrument: instrument.clone() }, effects);
        let regridded = new.grid != known.grid;
        self.markets.follow(new);
        if regridded {
            self.judge_feeds(now, effects);
        }
        effects.push(Effect::Notify(Notice::AllAgents(AgentEvent::Instrument(instrument))));
    }

    /// What to tell people about new steps and limits.
    fn new_steps(&self, known: &Instrument, new: &Instrument) -> Option<String> {
        if (known.tick, known.lot, known.limits) == (new.tick, new.lot, new.limits) {
            return None;
        }
        let open = self.books.open_orders().filter(|order| order.order.instrument == new.id);
        let is_off = |order: &&crate::TrackedOrder| {
            let on_tick = |price: model::Price| new.tick.divides(price.get());
            let kind = order.order.kind;
            let prices = kind.price().into_iter().chain(kind.trigger());
            !new.lot.divides(order.qty().get()) || !prices.into_iter().all(on_tick)
        };
        Some(format!(
            "{}: the venue has new rules: tick {} (was {}), lot {} (was {}), smallest notional {} (was {}); {} \
             open orders stand off the new steps and are left alone",
            new.id,
            new.tick.get(),
            known.tick.get(),
            new.lot.get(),
            known.lot.get(),
            new.limits.notional_min,
            known.limits.notional_min,
            open.filter(is_off).count(),
        ))
    }

    /// What to tell people about what the venue lets one do.
    fn new_mode(&self, known: &Instrument, new: &Instrument) -> Option<String> {
        if known.mode == new.mode {
            return None;
        }
        let what = match new.mode {
            TradingMode::Live => return Some(format!("{}: the venue trades again", new.id)),
            TradingMode::CancelOnly => "the venue only takes orders back",
            TradingMode::Halted => "the venue has stopped trading",
        };
        Some(format!("{}: {what}; {}", new.id, self.at_stake(new.id)))
    }
}

#[cfg(test)]
mod tests;
