//! Flattening: the gateway closes what is held by orders of its own, slice after slice.
//!
//! Never a naked market order. A slice is a limit order that expires at once, at most the collar away from the
//! reference, for at most half of what the book shows within it and within every limit (`slice.rs`);
//! like all orders it passes the guardrails and is written down before it is sent. There is one at a time for
//! an instrument, and the next one follows when it is proven what became of it, so that a position only
//! shrinks. Where the market is not fit to be sold into it holds instead of dumping, says why, and goes on by
//! itself when that is over. What is too little to be sold is dust and is left.
//!
//! What is sold is what the books count as bought: what the account held before the journal began is not a
//! position. One that is short by the books has sold of that, and is not bought back. A protective stop locks
//! what it would sell, so it is taken back, and not before the market is fit for a slice.

use std::time::Duration;

use model::market::MarketView;
use model::{
    Action, AgentId, ClientOrderId, Closing, Effects, FeedHealth, InstrumentId, Intent, IntentId,
    NetQty, OrderSpec, Position, Record, Side, Timestamp, TradingState,
};

use crate::gateway::Gateway;
use crate::slice::{self, Held, Sight};

/// How often each position is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Time from one slice of an instrument to the next, at least; also after a refusal.
pub(crate) const SLICE_EVERY: Duration = Duration::from_millis(500);
/// A pause that is shorter is not told.
pub(crate) const HELD_SAID_AFTER: Duration = Duration::from_secs(2);
/// How long a slice may wait for the disk.
const SLICE_VALID: Duration = Duration::from_secs(2);

impl Gateway {
    /// Looks at every position that is due.
    pub(crate) fn flatten_when_due(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.books.latch().is_none_or(|latch| latch.state != TradingState::Flattening) {
            return;
        }
        let held: Vec<(InstrumentId, NetQty)> =
            self.books.positions().map(|(id, position)| (id, Position::net(position))).collect();
        for (instrument, net) in held {
            let progress = self.flatten.of.entry(instrument).or_default();
            if now < progress.next || (net == NetQty::ZERO && progress.said.is_none()) {
                continue;
            }
            progress.next = now.after(LOOK_EVERY);
            let closing = match net.side() {
                None => Closing::Flat,
                Some(Side::Sell) => Closing::Held(Held::Short.to_string()),
                Some(Side::Buy) => self.close(now, instrument, net, effects),
            };
            self.closing_is(now, (instrument, net), closing, effects);
        }
    }

    /// When a position is to be looked at again.
    pub(crate) fn next_flatten(&self) -> Option<Timestamp> {
        if self.books.latch().is_none_or(|latch| latch.state != TradingState::Flattening) {
            return None;
        }
        let open = self.books.positions().filter(|(_, p)| p.net().side() == Some(Side::Buy));
        let ends = |id: &InstrumentId| {
            matches!(self.flatten.of.get(id)?.said, Some(Closing::Dust(_) | Closing::Flat))
                .then_some(())
        };
        let due = open.filter(|(id, _)| ends(id).is_none());
        due.map(|(id, _)| self.flatten.of.get(&id).map_or(self.started_at, |p| p.next)).min()
    }

    /// Takes the next step, and says how far it is.
    fn close(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        net: NetQty,
        effects: &mut Effects,
    ) -> Closing {
        if let Some(cause) = self.unready() {
            return Closing::Held(cause.to_owned());
        }
        let Some(own) = self.own else { return Closing::Held(Held::Unnamed.to_string()) };
        let of_it = self.books.open_orders().filter(|o| o.order.instrument == instrument);
        let (ours, others): (Vec<_>, Vec<_>) = of_it.partition(|order| order.agent == own);
        if !ours.is_empty() {
            return Closing::Slices;
        }
        let sells = others.into_iter().filter(|order| order.order.side == Side::Sell);
        let locks: Vec<ClientOrderId> = sells.map(|order| order.order.client_order_id).collect();
        let is_fresh = self.is_fresh(instrument);
        let Some(progress) = self.flatten.of.get_mut(&instrument) else { return Closing::Slices };
        let limits = self.config.limits.instrument.get(&instrument);
        let Some((market, limits)) = self.markets.get(instrument).zip(limits) else {
            return Closing::Held(Held::NotFollowed.to_string());
        };
        let available = self.books.available(market.instrument().base);
        let sight = Sight {
            now,
            market,
            limits,
            is_fresh,
            position: net.size(),
            // What others lock is free when they are taken back.
            available: available.filter(|_| locks.is_empty()),
            owned: self.books.counted(market.instrument().base),
        };
        let slice = match slice::next(&sight, &mut progress.steady) {
            Ok(slice) => slice,
            Err(Held::Dust) => return Closing::Dust(Held::Dust.to_string()),
            Err(held) => return Closing::Held(held.to_string()),
        };
        if !locks.is_empty() {
            locks.into_iter().for_each(|id| self.cancel(now, id, effects));
            return Closing::Slices;
        }
        progress.next = now.after(SLICE_EVERY);
        let spec = slice.order(instrument);
        self.send_slice(now, own, spec, "flatten: a slice within the collar", effects)
    }

    /// Is the book whole, and heard of lately?
    pub(crate) fn is_fresh(&self, instrument: InstrumentId) -> bool {
        let is_live = matches!(self.feeds.get(instrument), Some((FeedHealth::Live, _)));
        is_live && self.markets.get(instrument).is_some_and(MarketView::is_live)
    }

    pub(crate) fn send_slice(
        &mut self,
        now: Timestamp,
        own: AgentId,
        spec: OrderSpec,
        reason: &str,
        effects: &mut Effects,
    ) -> Closing {
        self.flatten.slices += 1;
        // Never used before, in this session or another.
        let id = IntentId((self.books.session() << 32) | self.flatten.slices);
        let intent = Intent {
            id,
            agent: own,
            action: Action::Place(spec),
            reason: reason.to_owned(),
            expires: now.after(SLICE_VALID),
        };
        self.submit(now, &intent, effects);
        match self.books.order_of(own, id) {
            Some(_) => Closing::Slices,
            None => Closing::Held(Held::Refused.to_string()),
        }
    }

    /// Writes down and says what has changed; a pause only when it lasts.
    fn closing_is(
        &mut self,
        now: Timestamp,
        (instrument, left): (InstrumentId, NetQty),
        closing: Closing,
        effects: &mut Effects,
    ) {
        let Some(progress) = self.flatten.of.get_mut(&instrument) else { return };
        let lasts = progress.lasts(now, &closing, HELD_SAID_AFTER);
        if !lasts || progress.said.as_ref() == Some(&closing) {
            return;
        }
        progress.said = Some(closing.clone());
        let text = match &closing {
            Closing::Slices => None,
            Closing::Held(why) => {
                Some(format!("flatten: {left} {instrument} is held and not sold: {why}"))
            }
            Closing::Flat => Some(format!("flatten: {instrument} is flat; trading stays halted")),
            Closing::Dust(why) => Some(format!(
                "flatten: {instrument} is flat but for {left}, which is dust: {why}; trading stays halted"
            )),
            Closing::Dropped(why) => {
                Some(format!("flatten: {left} {instrument} is held and stays so: {why}"))
            }
        };
        self.record(now, Record::Flatten { instrument, left, closing }, effects);
        if let Some(text) = text {
            self.alert(text, effects);
        }
    }
}

#[cfg(test)]
mod tests;
