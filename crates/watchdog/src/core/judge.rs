//! The triggers: whether what is known is a reason to trip. In doubt it is.

use super::Core;
use super::effect::Effect;
use super::entries::entries;
use super::ledger::Fall;
use super::words::{Kind, Moment, Order};
use crate::amount::Amount;

impl Core {
    /// Asks every trigger; the first that has a reason trips.
    pub(super) fn judge(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let reason = self
            .heartbeat_lost(now.steady_ms)
            .or_else(|| self.foreign())
            .or_else(|| self.unreadable(now.steady_ms))
            .or_else(|| self.lies())
            .or_else(|| self.unexplained())
            .or_else(|| self.losses())
            .or_else(|| self.exposure());
        if let Some((kind, cause)) = reason {
            self.trip(now, kind, cause, effects);
        }
    }

    /// What would trip again if the latch were lifted. Losses are accepted by the reset, and a heartbeat that is missing trips again only when something is open.
    pub(super) fn holds(&self) -> Option<(Kind, String)> {
        self.foreign().or_else(|| self.lies()).or_else(|| self.exposure())
    }

    /// Open orders that would have to go.
    pub(super) fn entry_orders(&self) -> Vec<&Order> {
        let balances = self.seen.has_balances().then(|| self.ledger.balances());
        let orders = self.seen.orders().unwrap_or_default();
        entries(orders, balances, &self.setup.instruments)
    }

    fn heartbeat_lost(&self, now_ms: u64) -> Option<(Kind, String)> {
        let lost = self.heart.lost(now_ms)?;
        let open = self.entry_orders().len();
        (open > 0).then(|| (Kind::HeartbeatLost, format!("{lost}; {open} entry orders are open")))
    }

    fn unreadable(&self, now_ms: u64) -> Option<(Kind, String)> {
        let (since, problem) = self.seen.blind_since(now_ms);
        let blind = now_ms.saturating_sub(since);
        if blind < self.setup.limits.unreadable_max_s * 1_000 {
            return None;
        }
        // The last list may be empty and old: only a living gateway can say that it placed nothing since.
        let none = self.seen.orders().is_some_and(|_| self.entry_orders().is_empty());
        if none && self.heart.says_nothing_is_open(now_ms) {
            return None;
        }
        // On paper the account went with the gateway: nothing rests but what it had then, which is asked for below.
        if self.setup.paper && self.entry_orders().is_empty() && self.heart.lost(now_ms).is_some() {
            return None;
        }
        let open = match self.seen.orders() {
            None => "nobody knows what is open".to_owned(),
            Some(_) => format!("{} entry orders were open", self.entry_orders().len()),
        };
        Some((Kind::Unreadable, format!("not to be read for {blind} ms ({problem}); {open}")))
    }

    fn is_foreign(&self, order: &Order) -> bool {
        let own = &self.setup.own_prefix;
        !own.is_empty() && !own.iter().any(|prefix| order.client_id.starts_with(prefix.as_str()))
    }

    fn foreign(&self) -> Option<(Kind, String)> {
        let mut foreign = self.seen.orders()?.iter().filter(|order| self.is_foreign(order));
        let first = foreign.next()?;
        let more = foreign.count();
        let Order { symbol, id, client_id, side, .. } = first;
        Some((
            Kind::ForeignOrder,
            format!(
                "{side:?} {symbol}, order {id} named {client_id:?}, and {more} more, are not the \
                 gateway's; somebody else has a key: revoke it"
            ),
        ))
    }

    fn lies(&self) -> Option<(Kind, String)> {
        let text = self.heart.lie()?;
        Some((Kind::HeartbeatLies, format!("{text}, and not for a moment only")))
    }

    fn unexplained(&self) -> Option<(Kind, String)> {
        let (gone, allowed, last) =
            self.ledger.unexplained(self.setup.limits.unexplained_max_bps)?;
        let text = format!(
            "{gone} has left the account today ({last}), and neither an execution nor a known transfer \
             explains it; {allowed} is allowed. Traded away where nobody looks? Revoke the key"
        );
        Some((Kind::Unexplained, text))
    }

    fn losses(&self) -> Option<(Kind, String)> {
        let limits = &self.setup.limits;
        let says = |fall: Fall, what: &str, bps: u32| {
            let Fall { from, to, floor } = fall;
            format!(
                "worth {to} at most for a second, {what} {from}; the limit of {bps} bps is {floor}"
            )
        };
        let drawdown = self
            .ledger
            .drawdown(limits.drawdown_max_bps)
            .map(|fall| (Kind::Drawdown, says(fall, "high-water mark", limits.drawdown_max_bps)));
        drawdown.or_else(|| {
            let fall = self.ledger.day_loss(limits.day_loss_max_bps)?;
            Some((
                Kind::DayLoss,
                says(fall, "at the beginning of the day", limits.day_loss_max_bps),
            ))
        })
    }

    /// What prices and balances come to now; judged once it has held for a second.
    pub(super) fn look(&mut self, now: Moment) {
        for balance in self.ledger.balances() {
            if self.setup.limits.asset.contains_key(&balance.asset)
                && let Some(price) = self.ledger.price(&balance.asset)
            {
                // What cannot be represented is above every limit.
                let value = price.checked_mul(balance.total).unwrap_or(Amount::MAX);
                self.values.entry(balance.asset.clone()).or_default().look(now.steady_ms, value);
            }
        }
        if let Some(equity) = self.ledger.equity() {
            // What has come or gone is not understood yet, here or there.
            let equity = (!self.ledger.is_pending()).then_some(equity);
            self.heart.compare_equity(now.steady_ms, equity);
        }
    }

    /// A list has come: what its entry orders come to, and whether the gateway knows of them.
    pub(super) fn look_at_orders(&mut self, now: Moment) {
        let worth = |order: &&Order| {
            let instrument = self.setup.instruments.iter().find(|i| i.symbol == order.symbol)?;
            let price = order.price.or_else(|| {
                self.ledger
                    .price(&instrument.base)?
                    .checked_div(self.ledger.price(&instrument.quote)?)
            })?;
            price.checked_mul(order.leaves?)?.checked_mul(self.ledger.price(&instrument.quote)?)
        };
        let entries = self.entry_orders();
        let sum = entries.iter().filter_map(worth).try_fold(Amount::ZERO, Amount::checked_add);
        let listed = self.seen.orders().unwrap_or_default().len() as u64;
        self.open_notional.look(now.steady_ms, sum.unwrap_or(Amount::MAX));
        self.heart.compare_count(now.steady_ms, listed);
    }

    fn exposure(&self) -> Option<(Kind, String)> {
        let limits = &self.setup.limits;
        for (asset, window) in &self.values {
            let (Some((low, _)), Some(limit)) = (window.bounds(), limits.asset.get(asset)) else {
                continue;
            };
            let max = limit.value_max;
            if low > max {
                return Some((
                    Kind::Exposure,
                    format!("{asset} worth {low} is held; the limit is {max}"),
                ));
            }
        }
        let (low, _) = self.open_notional.bounds()?;
        let max = limits.open_notional_max;
        (low > max).then(|| {
            (Kind::OpenNotional, format!("open entry orders come to {low}; the limit is {max}"))
        })
    }
}
