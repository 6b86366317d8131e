//! What the guardrails found, for the journal: how near an order was to each limit.
//!
//! It is read off beside the verdict and decides nothing, so what an order costs in [`super::approve`] is not
//! made more by it. Where a figure is a worst case the guardrail's own function counts it: it is asked with a
//! limit of nothing and says by how much that is passed.

use model::{
    Amount, Check, Decimal, Guardrail, NetQty, Notional, OrderKind, OrderSpec, Price, Refusal,
    Rounding, Scope, Side, Timestamp,
};

use super::{Situation, exposure, loss_headroom, self_trade, worst_price};
use crate::books::Fingerprint;
use crate::headroom::Headroom;
use crate::limits::InstrumentLimits;
use crate::window::Sums;

const BPS_OF_ONE: i64 = 10_000;
/// Digits behind the point of a distance in hundredths of a percent.
const BPS_DIGITS: u32 = 2;

/// The figures of the guardrails that an order passed, in their order; of a refused one those before the
/// refusal. What cannot be counted is left out.
pub(crate) fn figures(
    situation: &Situation<'_>,
    wanted: &OrderSpec,
    refused: Option<&Refusal>,
) -> Vec<Check> {
    let end = refused.map(first_not_passed);
    let mut found = Found { checks: Vec::with_capacity(20), end };
    // What cannot be counted further ends the list; the verdict does not hang on it.
    let _ = found.all(situation, wanted);
    found.checks
}

/// The guardrail with a figure that an order did not get past which was refused so.
fn first_not_passed(because: &Refusal) -> Guardrail {
    match because {
        Refusal::OffTick { .. } | Refusal::OffLot { .. } => Guardrail::Collar,
        Refusal::Effect { .. } | Refusal::NotReducing { .. } => Guardrail::Balance,
        Refusal::NoValue { .. } => Guardrail::AccountExposure,
        Refusal::NoLimit { scope: Scope::Account, .. } => Guardrail::AccountExposure,
        Refusal::NoLimit { key, .. } if key == "turnover_max" => Guardrail::AgentTurnover,
        Refusal::NoLimit { .. } => Guardrail::AgentExposure,
        Refusal::SelfTrade { .. } => Guardrail::OpenOrders,
        // The others have no figure and come before all that have one.
        other => Guardrail::of(other).unwrap_or(Guardrail::ReferenceAge),
    }
}

struct Found {
    checks: Vec<Check>,
    end: Option<Guardrail>,
}

impl Found {
    fn note(&mut self, guardrail: Guardrail, actual: Option<Decimal>, limit: Decimal) {
        if let Some(actual) = actual.filter(|_| self.end.is_none_or(|end| guardrail < end)) {
            self.checks.push(Check { guardrail, actual, limit });
        }
    }

    fn count(&mut self, guardrail: Guardrail, actual: u32, limit: u32) {
        self.note(guardrail, Some(whole(actual)), whole(limit));
    }

    fn all(&mut self, situation: &Situation<'_>, wanted: &OrderSpec) -> Option<()> {
        let limits = situation.limits.instrument.get(&wanted.instrument)?;
        let market = situation.market?;
        let reference = market.reference_price()?;
        let age = market.reference_as_of(situation.venue_ahead_ms);
        let age = age.map(|as_of| situation.now.since(as_of).as_millis());
        let age_max = situation.limits.reference_age_max().as_millis();
        self.note(Guardrail::ReferenceAge, age.and_then(millis), millis(age_max)?);

        let instrument = market.instrument();
        let from = worst_price::start(wanted, reference);
        let (tick, collar_bps) = (instrument.tick, limits.collar_bps);
        let mut bound = worst_price::bound(wanted.clone(), from, tick, collar_bps).ok()?;
        if wanted.kind == OrderKind::Market && !situation.own_slice {
            bound = self_trade::stop_short(bound, from, tick, situation.standing);
        }
        let (order, worst_price) = bound;
        self.note(Guardrail::Collar, farthest(wanted, reference), whole(collar_bps));
        if !wanted.reduce_only {
            let walked_from = situation.walked_from.unwrap_or(reference);
            self.note(Guardrail::Walk, farthest(wanted, walked_from), whole(limits.walk_bps));
        }
        let most = self.size(situation, &order, (worst_price, from), limits)?;
        self.worst(situation, &order, reference, limits)?;
        let open_max = situation.limits.orders.open_max;
        self.count(Guardrail::OpenOrders, situation.open_orders, open_max);
        if order.kind.trigger().is_some() {
            let stops = situation.standing.map_or(0, crate::books::Standing::stops);
            self.count(Guardrail::Stops, stops, situation.limits.orders.stops_max);
        }
        self.flow(situation, wanted, most, limits);
        if order.qty > situation.exposure.closable(order.side)
            && let Headroom::Left(limit) = situation.headroom
        {
            let could = order.qty.checked_add(situation.shadow)?;
            let nothing = Headroom::Left(Notional::ZERO);
            let side = (order.side, could);
            let said = loss_headroom::check(nothing, side, worst_price, reference, collar_bps);
            let lost = match said {
                Err(Refusal::LossHeadroom { worst, .. }) => worst,
                _ => Notional::ZERO,
            };
            self.note(Guardrail::LossHeadroom, Some(lost.get()), limit.get());
        }
        Some(())
    }

    /// Quantity, notional and funds; the notional that counts in the turnover.
    fn size(
        &mut self,
        situation: &Situation<'_>,
        order: &OrderSpec,
        (worst_price, from): (Price, Price),
        limits: &InstrumentLimits,
    ) -> Option<Notional> {
        let venue = &situation.market?.instrument().limits;
        let qty_max = venue.qty_max.map_or(limits.qty_max, |max| max.min(limits.qty_max));
        self.note(Guardrail::Qty, Some(order.qty.get()), qty_max.get());
        let worst = worst_price.notional(order.qty, Rounding::Up)?;
        let most = worst.max(from.notional(order.qty, Rounding::Up)?);
        let ours = limits.notional_max;
        let limit = venue.notional_max.map_or(ours, |max| max.min(ours));
        self.note(Guardrail::Notional, Some(most.get()), limit.get());
        let needed = match order.side {
            Side::Sell => Amount::from(order.qty),
            Side::Buy => Amount::from(worst),
        };
        if let Some(available) = situation.available {
            self.note(Guardrail::Balance, Some(needed.get()), available.get());
        }
        Some(most)
    }

    /// The worst cases.
    fn worst(
        &mut self,
        situation: &Situation<'_>,
        order: &OrderSpec,
        reference: Price,
        limits: &InstrumentLimits,
    ) -> Option<()> {
        let could_execute = order.qty.checked_add(situation.shadow)?;
        let net = situation.exposure.worst(order.side, could_execute)?;
        // One-sided, as the limit is: what is held the other way is less than nothing.
        let towards = match order.side {
            Side::Buy => net.get(),
            Side::Sell => NetQty::get(net).checked_neg()?,
        };
        self.note(Guardrail::Position, Some(towards), limits.position_max.get());
        let quote = situation.market?.instrument().quote;
        let what = (order.side, order.qty);
        let of = |said: Result<(), Refusal>| match said {
            Err(Refusal::ExposureLimit { worst, .. }) => Some(worst.get()),
            _ => None,
        };
        let (nothing, huge) = (Notional::ZERO, Notional::try_from(Decimal::MAX).ok()?);
        let worst = &situation.worst;
        let instrument = exposure::check(what, worst, reference, nothing, (quote, None));
        self.note(Guardrail::InstrumentExposure, of(instrument), limits.exposure_max.get());
        if let Some(max) = situation.limits.account.exposure_max.get(&quote) {
            let account = exposure::check(what, worst, reference, huge, (quote, Some(&nothing)));
            self.note(Guardrail::AccountExposure, of(account), max.get());
        }
        if let Some(max) = situation.agent.limits.and_then(|own| own.exposure_max.get(&quote)) {
            let agent = exposure::check_agent(what, worst, reference, (quote, Some(&nothing)));
            self.note(Guardrail::AgentExposure, of(agent), max.get());
        }
        Some(())
    }

    /// What was sent lately.
    fn flow(
        &mut self,
        situation: &Situation<'_>,
        wanted: &OrderSpec,
        most: Notional,
        limits: &InstrumentLimits,
    ) {
        let (now, lately, of) = (situation.now, &situation.lately, &situation.limits.orders);
        let window = of.messages_window();
        let agent = lately.agent;
        let orders = agent.map_or(0, |agent| agent.orders.within(now, of.rate_window()));
        self.count(Guardrail::OrderRate, orders, of.rate_max);
        let messages = agent.map_or(0, |agent| agent.messages.within(now, window));
        self.count(Guardrail::AgentMessages, messages, of.messages_max);
        let print = Fingerprint::of(wanted);
        let alike = agent.map_or(0, |agent| agent.alike.within(now, of.alike_window(), &print));
        self.count(Guardrail::Duplicate, alike, of.alike_max);
        let account = lately.account.within(now, window);
        self.count(Guardrail::AccountMessages, account, situation.limits.account.messages_max);
        if wanted.reduce_only {
            return;
        }
        let sum = |sums: Option<&Sums>, since: std::time::Duration| {
            turned_over(sums, now, since).and_then(|sent| sent.checked_add(most))
        };
        let all = sum(lately.turnover, limits.turnover_window());
        self.note(Guardrail::Turnover, all.map(Notional::get), limits.turnover_max.get());
        let quote = situation.market.map(|market| market.instrument().quote);
        let own = situation.agent.limits;
        if let Some((own, max)) = own
            .zip(quote)
            .and_then(|(own, quote)| own.turnover_max.get(&quote).map(|max| (own, max)))
        {
            let mine = sum(lately.agent_turnover, own.turnover_window());
            self.note(Guardrail::AgentTurnover, mine.map(Notional::get), max.get());
        }
    }
}

fn turned_over(
    sums: Option<&Sums>,
    now: Timestamp,
    window: std::time::Duration,
) -> Option<Notional> {
    sums.map_or(Some(Notional::ZERO), |sums| sums.within(now, window))
}

/// How far the price or the trigger of an order is from another price, whichever is farther, hundredths of
/// a percent.
fn farthest(order: &OrderSpec, from: Price) -> Option<Decimal> {
    let prices = [order.kind.price(), order.kind.trigger()].into_iter().flatten();
    let bps = |price: Price| {
        let distance = price.get().checked_sub(from.get())?.abs();
        let scaled = distance.checked_times(BPS_OF_ONE)?;
        scaled.checked_div(from.get(), Rounding::Up)?.round_to(BPS_DIGITS, Rounding::Up)
    };
    prices.filter_map(bps).max()
}

fn whole(number: u32) -> Decimal {
    Decimal::new(i64::from(number), 0)
}

fn millis(millis: u128) -> Option<Decimal> {
    i64::try_from(millis).ok().map(|millis| Decimal::new(millis, 0))
}

#[cfg(test)]
mod tests {
    use model::Qty;

    use super::*;

    #[test]
    fn a_refusal_ends_the_list_where_it_was_said() {
        for (because, first) in [
            (Refusal::NothingToCancel, Guardrail::ReferenceAge),
            (Refusal::HeadroomUnknown, Guardrail::LossHeadroom),
            (Refusal::OpenOrders { limit: 1, open: 1 }, Guardrail::OpenOrders),
            (Refusal::QtyTooLarge { limit: Qty::ZERO, qty: "1".parse().unwrap() }, Guardrail::Qty),
        ] {
            assert_eq!(first_not_passed(&because), first, "{because}");
        }
        let mut found = Found { checks: Vec::new(), end: Some(Guardrail::Walk) };
        found.count(Guardrail::Collar, 1, 2);
        found.count(Guardrail::Walk, 1, 2);
        found.count(Guardrail::Qty, 1, 2);
        let names: Vec<_> = found.checks.iter().map(|check| check.guardrail).collect();
        assert_eq!(names, [Guardrail::Collar]);
    }
}
