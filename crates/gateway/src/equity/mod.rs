//! What the account is worth: all that it holds, at prices that nothing short-lived moves.
//!
//! Holdings are our own counts, so that an execution counts the moment it is heard of, with its price and its
//! fee. Prices are marks (`mark.rs`), and what losses are measured by is in `worth.rs`. Amounts are exact and in
//! units of the valuation asset. What cannot be valued by anything that is followed is left out.
//!
//! So is dust that never had a price: of what is followed and dead, too little to be sold. It would otherwise keep
//! from being known what everything else is worth. When it gets a price it is taken for something that was paid
//! in and never for a gain. What had a price once needs one, and so does what can be sold.

mod held;
mod mark;
mod routes;
mod worth;

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Amount, Asset, ByInstrument, CountedAssets, Decimal, Instrument, InstrumentId, Price, Rounding,
    Timestamp,
};

use held::Held;
pub(crate) use mark::Look;
use mark::Mark;
pub use mark::TRADES_LOOKED_AT;
use routes::Route;
pub(crate) use routes::valuation;
pub(crate) use worth::Worth;

/// Equity of one account.
#[derive(Debug)]
pub(crate) struct Equity {
    valuation: Option<Asset>,
    routes: BTreeMap<Asset, Route>,
    marks: ByInstrument<Mark>,
    /// In a box: it is taken out and put back with each look.
    pub(crate) worth: Option<Box<Worth>>,
    /// What all is worth now, at the kindest prices; `None` while one is missing.
    pub(crate) now: Option<Amount>,
    /// Something has changed since it was last counted.
    pub(crate) changed: bool,
    /// Assets that had a price at some time, also before a restart.
    priced: BTreeSet<Asset>,
    /// Those of them that can be valued.
    counted: CountedAssets,
    /// Of others, how much was left out when it was last counted.
    dust: BTreeMap<Asset, Amount>,
    /// What of that has a price now and is to be taken for paid in.
    came: BTreeMap<Asset, Amount>,
    /// Assets that were said to be left out.
    said: BTreeSet<Asset>,
    /// What of the account counts; `None` when that has to be looked through again.
    held: Option<Held>,
    /// Prices moved until then and nothing that is held is valued by them: all of it is worth what it was.
    pub(crate) stayed: Option<Timestamp>,
}

/// Which of the last second's prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// Those at which a holding is worth the most.
    Highest,
    /// Those at which it is worth the least.
    Lowest,
}

impl Equity {
    /// Of an account that follows these, with no price known.
    pub(crate) fn new(configured: Option<Asset>, instruments: &[Instrument]) -> Equity {
        let marks = instruments.iter().map(|i| (i.id, Mark::default())).collect();
        let mut equity = Equity {
            valuation: None,
            routes: BTreeMap::new(),
            marks,
            worth: None,
            now: None,
            changed: false,
            priced: BTreeSet::new(),
            counted: CountedAssets::default(),
            dust: BTreeMap::new(),
            came: BTreeMap::new(),
            said: BTreeSet::new(),
            held: None,
            stayed: None,
        };
        equity.count_in(configured, instruments);
        equity
    }

    /// Counted in this from now on; prices stay. Losses are measured by what is written down.
    pub(crate) fn count_in(&mut self, configured: Option<Asset>, instruments: &[Instrument]) {
        self.valuation = routes::valuation(configured, instruments);
        let routes = self.valuation.map(|valuation| routes::routes(valuation, instruments));
        self.routes = routes.unwrap_or_default();
        (self.worth, self.now, self.changed, self.held) = (None, None, true, None);
        self.count_those_priced();
        self.dust.clear();
        self.came.clear();
        self.said.clear();
    }

    /// These had a price when it was last written down.
    pub(crate) fn were_priced(&mut self, assets: &BTreeSet<Asset>) {
        self.priced.extend(assets);
        self.count_those_priced();
    }

    /// The asset that all is counted in; `None` where nothing is followed.
    pub(crate) const fn valuation(&self) -> Option<Asset> {
        self.valuation
    }

    /// What counts: all that can be valued and had a price at some time.
    pub(crate) const fn assets(&self) -> &CountedAssets {
        &self.counted
    }

    fn count_those_priced(&mut self) {
        let can = |asset: &&Asset| self.routes.contains_key(*asset);
        self.counted = self.priced.iter().filter(can).copied().collect();
    }

    /// Is what counts something else than these, as far as it is held?
    pub(crate) fn counts_others(
        &self,
        counted: &BTreeSet<Asset>,
        amounts: &BTreeMap<Asset, Amount>,
    ) -> bool {
        let is_held = |asset: &Asset| amounts.get(asset).is_some_and(|a| *a != Amount::ZERO);
        let is_new =
            |asset: &&Asset| !counted.contains(asset) && is_held(asset) && !self.is_dust(asset);
        counted.iter().any(|asset| !self.routes.contains_key(asset))
            || self.routes.keys().any(|asset| is_new(&asset))
    }

    /// Prices may have come since it was last counted, and amounts have changed. `is_little`: can so much of an
    /// asset not be sold? Returns what is left out as dust and was not said to be.
    pub(crate) fn sort_out_dust(
        &mut self,
        amounts: &BTreeMap<Asset, Amount>,
        is_little: impl Fn(Asset, Amount) -> bool,
    ) -> Vec<Asset> {
        let mut new = Vec::new();
        let priced_before = self.priced.len();
        for (asset, route) in &self.routes {
            if self.priced.contains(asset) {
                continue;
            }
            if self.has_price(*route) {
                self.priced.insert(*asset);
                self.came.extend(self.dust.remove_entry(asset));
                continue;
            }
            let amount = amounts.get(asset).copied().unwrap_or(Amount::ZERO);
            if amount > Amount::ZERO && is_little(*asset, amount) {
                self.dust.insert(*asset, amount);
                new.extend(self.said.insert(*asset).then_some(*asset));
            } else if amount > Amount::ZERO {
                // Too much by now to be left out: what was, comes in with the rest when there is a price.
                self.came.extend(self.dust.remove_entry(asset));
            } else {
                self.dust.remove(asset);
            }
        }
        if self.priced.len() != priced_before {
            self.count_those_priced();
        }
        new
    }

    /// What was left out and counts from now on, until it is taken in.
    pub(crate) const fn came(&self) -> &BTreeMap<Asset, Amount> {
        &self.came
    }

    /// Losses are measured with it.
    pub(crate) fn came_is_taken_in(&mut self) {
        if !self.came.is_empty() {
            self.came.clear();
        }
    }

    fn has_price(&self, route: Route) -> bool {
        let known =
            |id: &InstrumentId| self.marks.get(*id).is_some_and(|mark| mark.low().is_some());
        match route {
            Route::Itself => true,
            Route::By(one) | Route::Inverse(one) => known(&one),
            Route::Over(one, other) => known(&one) && known(&other),
        }
    }

    fn is_dust(&self, asset: &Asset) -> bool {
        self.dust.contains_key(asset)
    }

    /// Is a look at this instrument's book due?
    pub(crate) fn is_due(&self, now: Timestamp, instrument: InstrumentId) -> bool {
        self.marks.get(instrument).is_some_and(|mark| mark.is_due(now))
    }

    /// When the next look at this instrument's book is due; `None` where nothing is valued by it.
    pub(crate) fn next_look(&self, instrument: InstrumentId) -> Option<Timestamp> {
        self.marks.get(instrument).map(Mark::next_look)
    }

    /// What its book shows. `rests`: may it be left at that where nothing that is held is valued by it?
    pub(crate) fn looked(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        look: Look,
        rests: bool,
    ) {
        let Some(mark) = self.marks.get_mut(instrument) else { return };
        let is_first = mark.low().is_none();
        if !mark.looked(now, look) {
            return;
        }
        if is_first {
            self.held = None;
        }
        let is_held = self.held.as_ref().is_none_or(|held| held.is_valued_by(instrument));
        if is_held || !rests {
            self.changed = true;
        } else {
            self.stayed = Some(now);
        }
    }

    /// What is held, or what of it counts, may be something else.
    pub(crate) fn is_to_be_gathered(&mut self) {
        self.held = None;
    }

    /// What of the account counts; `None` where it has to be looked through again.
    pub(crate) const fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// Looks through what the account holds.
    pub(crate) fn gather(&mut self, amounts: &BTreeMap<Asset, Amount>) {
        let counts = self.routes.iter().filter(|(asset, _)| !self.is_dust(asset));
        let of = |asset: &Asset| amounts.get(asset).copied().unwrap_or(Amount::ZERO);
        self.held = Some(Held::of(counts.map(|(asset, route)| (of(asset), *route))));
    }

    /// What is held is worth this much, at the kindest prices and at the strictest. `None` while the price of
    /// something is missing, or a sum has no room, or it has to be looked through again.
    pub(crate) fn value_of_held(&self) -> Option<(Amount, Amount)> {
        let held = self.held.as_ref()?;
        let mut sums = (held.itself(), held.itself());
        for (amount, route) in held.others() {
            let (kind, strict) = self.worth_both_ways(amount, route)?;
            sums = (sums.0.checked_add(kind)?, sums.1.checked_add(strict)?);
        }
        Some(sums)
    }

    /// The most and the least that so much is worth by the prices of the last second.
    fn worth_both_ways(&self, amount: Amount, route: Route) -> Option<(Amount, Amount)> {
        // One price for both ways most often, and nearly always one instrument.
        if let Route::By(one) = route {
            let mark = self.marks.get(one)?;
            let (high, low) = (mark.high()?, mark.low()?);
            let times = |price: Price| {
                let worth = amount.get().checked_mul(price.get(), Rounding::Down)?;
                Amount::try_from(worth).ok()
            };
            let kind = times(high)?;
            let strict = if low == high { kind } else { times(low)? };
            return Some((kind, strict));
        }
        let kind = self.worth_by(amount, route, At::Highest)?;
        Some((kind, self.worth_by(amount, route, At::Lowest)?))
    }

    /// May gains and losses of it be measured yet?
    pub(crate) fn is_settled(&self) -> bool {
        let settled = |id: &InstrumentId| self.marks.get(*id).is_some_and(Mark::is_settled);
        let by = |route: Route| match route {
            Route::Itself => true,
            Route::By(one) | Route::Inverse(one) => settled(&one),
            Route::Over(one, other) => settled(&one) && settled(&other),
        };
        self.held.as_ref().is_some_and(|held| held.others().all(|(_, route)| by(route)))
    }

    /// A public trade.
    pub(crate) fn traded(&mut self, now: Timestamp, instrument: InstrumentId, price: Price) {
        if let Some(mark) = self.marks.get_mut(instrument) {
            mark.traded(now, price);
        }
    }

    /// All that counts of these amounts. `None` while the price of one is missing, or a sum has no room.
    pub(crate) fn value(&self, amounts: &BTreeMap<Asset, Amount>, at: At) -> Option<Amount> {
        let mut sum = Amount::ZERO;
        for (asset, route) in &self.routes {
            let amount = amounts.get(asset).copied().unwrap_or(Amount::ZERO);
            if amount != Amount::ZERO && !self.is_dust(asset) {
                sum = sum.checked_add(self.worth_by(amount, *route, at)?)?;
            }
        }
        Some(sum)
    }

    /// Assets held that nothing values and that were not said to be left out before.
    pub(crate) fn left_out(&mut self, amounts: &BTreeMap<Asset, Amount>) -> Vec<Asset> {
        let held = amounts.iter().filter(|(_, amount)| **amount != Amount::ZERO);
        let new = held
            .map(|(asset, _)| *asset)
            .filter(|asset| !self.routes.contains_key(asset) && !self.said.contains(asset));
        let new: Vec<Asset> = new.collect();
        self.said.extend(&new);
        new
    }

    /// What so much of an asset is worth; `None` where nothing values it.
    pub(crate) fn worth_of(&self, asset: Asset, amount: Amount, at: At) -> Option<Amount> {
        self.worth_by(amount, *self.routes.get(&asset)?, at)
    }

    /// Does the price in this instrument say what this asset is worth?
    pub(crate) fn is_valued_by(&self, asset: Asset, instrument: InstrumentId) -> bool {
        self.routes.get(&asset).is_some_and(|route| route.is_by(instrument))
    }

    fn worth_by(&self, amount: Amount, route: Route, at: At) -> Option<Amount> {
        let price = |id: InstrumentId, at: At| {
            let mark = self.marks.get(id)?;
            let price = match at {
                At::Highest => mark.high(),
                At::Lowest => mark.low(),
            };
            price.map(Price::get)
        };
        let times = |amount: Decimal, price: Decimal| amount.checked_mul(price, Rounding::Down);
        let amount = amount.get();
        let worth = match route {
            Route::Itself => amount,
            Route::By(one) => times(amount, price(one, at)?)?,
            Route::Inverse(one) => {
                let other = match at {
                    At::Highest => At::Lowest,
                    At::Lowest => At::Highest,
                };
                amount.checked_div(price(one, other)?, Rounding::Down)?
            }
            Route::Over(one, other) => times(times(amount, price(one, at)?)?, price(other, at)?)?,
        };
        Amount::try_from(worth).ok()
    }
}

#[cfg(test)]
mod tests;
