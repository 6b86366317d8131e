//! What the account is worth is counted anew: with each execution, and with prices as they move.
//!
//! The figures are pure machines (`equity/`); what survives a restart is a record now and then, and what the
//! books make of it. Between two of them at most a tenth of a percent of a new high can be lost.

use std::time::Duration;

use model::market::{GridPrice, MarketEvent, MarketKind, MarketView, Markets};
use model::{
    Amount, Asset, Decimal, Effects, Entry, EquityMark, InstrumentId, Notional, Qty, Record,
    Rounding, Side, Timestamp,
};

use crate::breakers::room_of;
use crate::defects::Defect;
use crate::equity::{At, Look, Worth};
use crate::feeds::moves_book_of;
use crate::gateway::Gateway;
use crate::headroom::Headroom;

/// A day of the venue's clock.
const DAY_NANOS: i64 = 86_400_000_000_000;
/// While it changes it is written down so often.
const MARK_EVERY: Duration = Duration::from_secs(60);
/// A new high is written down when it is above the last one by one part in so many.
const HIGH_STEP: i64 = 1_000;
/// And not more often than this.
const HIGH_EVERY: Duration = Duration::from_secs(1);
/// Of a book whose sides are farther from each other than this part of it the middle means nothing,
/// hundredths of a percent.
const SPREAD_MAX_BPS: i64 = 1_000;
/// Sides within this part of the middle are close together.
const TIGHT_BPS: i64 = 100;
/// Assets named in one alert; all the others are counted.
const NAMED_MAX: usize = 10;

impl Gateway {
    /// What all is worth, valuation units, at prices that nothing short-lived moves. `None` while a price that
    /// it needs was never known.
    pub fn equity(&self) -> Option<Amount> {
        self.equity.now
    }

    /// The same, for somebody who looks at the exchange himself: `None` while a balance there is known to differ
    /// from our count, which is said and dealt with elsewhere.
    pub fn equity_to_compare(&self) -> Option<Amount> {
        let known = self.reading.suspects.is_empty() && self.reading.drift.is_empty();
        self.equity.now.filter(|_| known && self.reading.apart.is_empty())
    }

    /// What it is worth and what losses are measured by; `None` before both are known.
    pub fn equity_mark(&self) -> Option<EquityMark> {
        let valuation = self.equity.valuation()?;
        Some(self.equity.worth.as_ref()?.mark(valuation, self.equity.assets().clone()))
    }

    /// What may be lost before drawdown or day loss trips, valuation units. How fast it is lost is no question
    /// of one order. Until prices were seen for a second it is what the smallest of
    /// these limits makes of the account as it is. `None` while the account cannot be valued.
    pub fn loss_headroom(&self) -> Option<Notional> {
        let equity = self.equity.now?;
        let room = self.breakers.room().or_else(|| {
            // What was lost before a restart is lost.
            let mark = self.books.equity_mark().map(|(mark, _)| mark);
            let (high, day_start) =
                match mark.filter(|m| Some(m.valuation) == self.equity.valuation()) {
                    Some(mark) => (mark.high.max(equity), mark.day_start.max(equity)),
                    None => (equity, equity),
                };
            let limits = &self.config.limits.breakers;
            let of = |before: Amount, bps: u32| room_of(before, equity, bps);
            Some(of(high, limits.drawdown_bps)?.min(of(day_start, limits.day_loss_bps)?))
        })?;
        Notional::try_from(room.max(Amount::ZERO).get()).ok()
    }

    /// What an order of this side may lose yet, in the asset that its instrument is paid in: what may be lost, less
    /// what all other orders could lose that are open or in doubt, in whatever instrument.
    pub(crate) fn headroom_for(
        &self,
        instrument: InstrumentId,
        side: Side,
        quote: Option<Asset>,
    ) -> Headroom {
        let Headroom::Left(left) = self.headroom else { return self.headroom };
        let in_quote = || {
            let left = left.checked_sub(self.beside(instrument, side)?);
            let (left, quote) = (left.unwrap_or(Notional::ZERO), quote?);
            if Some(quote) == self.equity.valuation() {
                return Some(left);
            }
            let one = Amount::try_from(Decimal::new(1, 0)).ok()?;
            let worth = self.equity.worth_of(quote, one, At::Highest)?;
            let in_quote = left.get().checked_div(worth.get(), Rounding::Down)?;
            Notional::try_from(in_quote).ok()
        };
        in_quote().map_or(Headroom::Unknown, Headroom::Left)
    }

    /// The market moved: prices that holdings are valued by follow it.
    pub(crate) fn look_at_market(&mut self, now: Timestamp, event: &MarketEvent) {
        let instrument = event.instrument;
        let Some(market) = self.markets.get(instrument) else { return };
        let grid = market.instrument().grid();
        if moves_book_of(market, event)
            && self.equity.is_due(now, instrument)
            && let Some(look) = look(market)
        {
            let rests = self.valuing_may_rest(now);
            self.equity.looked(now, instrument, look, rests);
        }
        if let MarketKind::Trade(trade) = &event.kind
            && let Some(price) = grid.price(trade.price)
        {
            self.equity.traded(now, instrument, price);
        }
    }

    /// May it be left uncounted what the account is worth when that is what it was? Not when a day has begun, for then
    /// losses are measured by something else, and not while a breaker counts a loss or something is left out.
    fn valuing_may_rest(&self, now: Timestamp) -> bool {
        let is_same_day = self.equity.worth.as_ref().is_some_and(|w| w.day >= self.day(now));
        is_same_day && self.equity.now.is_some() && self.breakers.losses_rest()
    }

    /// A record that changes what the account holds.
    pub(crate) fn note_holdings(&mut self, entry: &Entry) {
        if !matches!(entry.record, Record::EquityMark { .. }) {
            self.equity.is_to_be_gathered();
        }
        self.equity.changed |= matches!(
            entry.record,
            Record::Filled { .. }
                | Record::Busted { .. }
                | Record::Transferred { .. }
                | Record::Balances { .. }
        );
    }

    /// Counts what the account is worth, if anything has changed, and lets the breakers of losses look.
    pub(crate) fn value_account(&mut self, now: Timestamp, effects: &mut Effects) {
        if !std::mem::take(&mut self.equity.changed) {
            return;
        }
        self.headroom_is_old = true;
        if self.books.counts().is_empty() {
            return;
        }
        if self.equity.held().is_none() {
            self.say_what_is_left_out(effects);
            self.sort_out_dust(effects);
            self.equity.gather(self.books.counts());
        }
        let Some((valuation, (kind, strict))) =
            self.equity.valuation().zip(self.equity.value_of_held())
        else {
            self.equity.now = None;
            return;
        };
        self.equity.now = Some(kind);
        if !self.equity.is_settled() {
            return;
        }
        let (mut worth, is_new) = self.measured_by(now, valuation, kind);
        // What is measured anew has all in it that came.
        let moved = if is_new { Some(false) } else { self.without_transfers(&mut worth, kind) };
        let Some(is_moved) = moved else {
            self.equity.worth = Some(worth);
            return;
        };
        self.equity.came_is_taken_in();
        // While two measurements differ nobody knows which day it is.
        let is_next_day = !self.clock_unsure && worth.day_is(now, self.day(now), kind);
        worth.is_now(now, kind, strict);
        let mut before = worth.before();
        if self.is(Defect::DrawdownIgnored) {
            before.high = kind;
        }
        self.breakers.valued(now, kind, &before);
        let is_due = is_new || is_moved || is_next_day || self.is_mark_due(now, valuation, &worth);
        let mark = is_due.then(|| worth.mark(valuation, self.equity.assets().clone()));
        self.equity.worth = Some(worth);
        if let Some(mark) = mark {
            self.record(now, Record::EquityMark { mark }, effects);
        }
    }

    /// What losses were measured by until now, and whether that is new.
    fn measured_by(
        &mut self,
        now: Timestamp,
        valuation: Asset,
        equity: Amount,
    ) -> (Box<Worth>, bool) {
        let stayed = self.equity.stayed.take();
        if let Some(mut worth) = self.equity.worth.take() {
            if let Some(until) = stayed {
                worth.stayed(until);
            }
            return (worth, false);
        }
        let window = self.config.limits.breakers.loss_velocity_window();
        let Some((mark, at)) = self.books.equity_mark() else {
            return (Box::new(Worth::begins(now, self.day(now), equity, window)), true);
        };
        let mut worth = Box::new(Worth::restored(mark, at, window));
        let counts = self.books.counts();
        let is_other =
            mark.valuation != valuation || self.equity.counts_others(&mark.assets, counts);
        if is_other {
            worth.counted_anew(equity);
        }
        (worth, is_other)
    }

    /// Takes deposits and withdrawals out of what is measured, and dust that has a price by now; says whether
    /// there were any. `None` when nothing is left: what was lost before stays what it was until funds come again.
    fn without_transfers(&self, worth: &mut Worth, equity: Amount) -> Option<bool> {
        let (transfers, dust) = (self.books.transfers_unmarked(), self.equity.came());
        if transfers.is_empty() && dust.is_empty() {
            return Some(false);
        }
        let transferred = self.equity.value(transfers, At::Highest)?;
        let came = transferred.checked_add(self.equity.value(dust, At::Highest)?)?;
        let before = equity.checked_sub(came)?;
        if equity <= Amount::ZERO {
            return None;
        }
        worth.transferred(before, equity);
        Some(true)
    }

    /// The day of now, by the venue's clock.
    fn day(&self, now: Timestamp) -> i64 {
        now.shifted_ms(self.venue_ahead_ms).nanos().div_euclid(DAY_NANOS)
    }

    /// Is it to be written down, with nothing but prices moved?
    fn is_mark_due(&self, now: Timestamp, valuation: Asset, worth: &Worth) -> bool {
        let Some((last, at)) = self.books.equity_mark() else { return true };
        let since = now.since(at);
        let is_high = || {
            let step = last.high.get().abs().checked_times(HIGH_STEP + 1);
            let high = worth.high.get().checked_times(HIGH_STEP);
            high.zip(step).is_some_and(|(h, s)| h >= s)
        };
        let is_other =
            || !(worth.is_marked(valuation, last) && *self.equity.assets() == last.assets);
        (since >= HIGH_EVERY && is_high()) || (since >= MARK_EVERY && is_other())
    }

    fn say_what_is_left_out(&mut self, effects: &mut Effects) {
        let left_out = self.equity.left_out(self.books.counts());
        let Some(valuation) = self.equity.valuation().filter(|_| !left_out.is_empty()) else {
            return;
        };
        let text = format!(
            "what the account holds of {} is left out of equity: nothing that is followed values it in {valuation}",
            named(&left_out)
        );
        self.alert(text, effects);
    }

    /// Dust that never had a price keeps nobody from knowing what the rest is worth.
    fn sort_out_dust(&mut self, effects: &mut Effects) {
        let (markets, counts) = (&self.markets, self.books.counts());
        let left_out =
            self.equity.sort_out_dust(counts, |asset, amount| is_little(markets, asset, amount));
        if left_out.is_empty() {
            return;
        }
        let text = format!(
            "what the account holds of {} is left out of equity: it never had a price, and is too little to be sold",
            named(&left_out)
        );
        self.alert(text, effects);
    }
}

/// Some of these, and how many others there are.
fn named(assets: &[Asset]) -> String {
    let named: Vec<&str> = assets.iter().take(NAMED_MAX).map(Asset::as_str).collect();
    let named = named.join(", ");
    match assets.len().saturating_sub(NAMED_MAX) {
        0 => named,
        others => format!("{named} and {others} more"),
    }
}

/// Is so much of an asset below what each instrument sells of it? What something is paid with can be spent, and
/// how little of it is too little nobody knows without a price.
fn is_little(markets: &Markets, asset: Asset, amount: Amount) -> bool {
    let Ok(qty) = Qty::try_from(amount.get()) else { return false };
    markets.iter().map(MarketView::instrument).all(|instrument| {
        let sold = qty.on_grid(instrument.lot);
        let is_sold = !sold.is_zero() && sold >= instrument.limits.qty_min;
        instrument.quote != asset && (instrument.base != asset || !is_sold)
    })
}

/// What a complete book shows.
fn look(market: &MarketView) -> Option<Look> {
    let (book, grid) = (market.book(), market.instrument().grid());
    let (bid, ask) = book.best_bid().zip(book.best_ask()).filter(|_| market.is_live())?;
    if ask.price <= bid.price {
        return None;
    }
    let middle = bid.price.0.midpoint(ask.price.0);
    let spread = i128::from(ask.price.0) - i128::from(bid.price.0);
    let within = |bps: i64| spread * 10_000 <= i128::from(middle) * i128::from(bps);
    let price = grid.price(GridPrice(middle));
    if within(TIGHT_BPS) {
        return price.map(Look::Tight);
    }
    let (bid, ask) = (grid.price(bid.price)?, grid.price(ask.price)?);
    Some(Look::Wide { bid, ask, middle: price.filter(|_| within(SPREAD_MAX_BPS)) })
}

#[cfg(test)]
mod tests;
