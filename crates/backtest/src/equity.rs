//! What the account is worth in the course of a backtest, by the exchange's own books and the last prices.
//!
//! For people, so in binary floating point; the balance at the end is exact. Drawdowns are looked at with every
//! price, the curve is kept in a bounded number of points.

use std::collections::BTreeMap;

use model::market::Grid;
use model::{AccountId, Amount, Asset, Instrument, Timestamp};
use sim_venue::SimVenue;

use crate::metrics::Returns;
use crate::points::Point;
use crate::tally::float;

/// Points of the curve, at most; when there are more every second one goes.
const POINTS_MAX: usize = 4_096;
/// Distance of the first points, nanoseconds.
const FIRST_EVERY: i64 = 1_000_000_000;

/// The account's worth, and how it got there.
#[derive(Debug)]
pub(crate) struct Equity {
    markets: Vec<Holding>,
    quote: Option<Asset>,
    /// Of the quote asset, exact.
    cash: Amount,
    /// The same for reckoning.
    cash_float: f64,
    pub(crate) first: f64,
    pub(crate) peak: f64,
    pub(crate) drawdown: f64,
    pub(crate) points: Vec<Point>,
    every: i64,
    next: i64,
    pub(crate) returns: Returns,
    begin: i64,
    pub(crate) begun: i64,
    pub(crate) ended: i64,
    /// Nanoseconds with something held.
    pub(crate) exposed: i64,
    is_priced: bool,
    /// Since when something is held.
    exposed_since: Option<i64>,
    /// Until then a price that is the last one changes nothing: no point, no period begins.
    same_until: i64,
}

#[derive(Debug)]
struct Holding {
    base: Asset,
    grid: Grid,
    /// Grid counts.
    qty: i64,
    held: f64,
    price: Option<i64>,
    price_float: f64,
    scale: f64,
}

impl Equity {
    pub(crate) fn new(
        venue: &SimVenue,
        account: AccountId,
        instruments: &[Instrument],
        begin: Timestamp,
    ) -> Equity {
        let holding = |instrument: &Instrument| Holding {
            base: instrument.base,
            grid: instrument.grid(),
            qty: 0,
            held: 0.0,
            price: None,
            price_float: 0.0,
            scale: float(1, instrument.grid().price_decimals),
        };
        let mut equity = Equity {
            markets: instruments.iter().map(holding).collect(),
            quote: instruments.first().map(|instrument| instrument.quote),
            cash: Amount::ZERO,
            cash_float: 0.0,
            first: 0.0,
            peak: 0.0,
            drawdown: 0.0,
            points: Vec::new(),
            every: FIRST_EVERY,
            next: i64::MIN,
            returns: Returns::default(),
            begin: begin.nanos(),
            begun: begin.nanos(),
            ended: begin.nanos(),
            exposed: 0,
            is_priced: false,
            exposed_since: None,
            same_until: i64::MIN,
        };
        equity.balances(begin.nanos(), venue, account);
        equity
    }

    /// The balances may have changed.
    pub(crate) fn balances(&mut self, at: i64, venue: &SimVenue, account: AccountId) {
        let balances: BTreeMap<Asset, Amount> = venue
            .balances_of(account)
            .into_iter()
            .filter_map(|(asset, balance)| Some((asset, balance.total()?)))
            .collect();
        let of = |asset: Asset| balances.get(&asset).copied().unwrap_or(Amount::ZERO);
        self.cash = self.quote.map_or(Amount::ZERO, of);
        self.cash_float = self.cash.get().to_f64();
        for market in &mut self.markets {
            let base = of(market.base).get();
            market.held = base.to_f64();
            let lots = base.down_to(model::Decimal::new(1, u32::from(market.grid.qty_decimals)));
            let lots = lots.and_then(|lots| lots.mantissa_at(u32::from(market.grid.qty_decimals)));
            market.qty = lots.unwrap_or(0);
        }
        self.is_exposed_from(at);
        // At the same price it is worth something else.
        self.same_until = i64::MIN;
    }

    fn is_exposed_from(&mut self, at: i64) {
        let holds = self.markets.iter().any(|market| market.held != 0.0);
        match (holds, self.exposed_since) {
            (true, None) => self.exposed_since = Some(at),
            (false, Some(since)) => {
                self.exposed += at - since;
                self.exposed_since = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Whole lots held of an instrument, grid counts.
    pub(crate) fn held(&self, market: usize) -> i64 {
        self.markets[market].qty
    }

    /// Is it worth looking at a price at this time?
    pub(crate) fn is_interested(&self, at: i64) -> bool {
        at >= self.next || self.markets.iter().any(|market| market.held != 0.0)
    }

    /// An instrument has this price now.
    pub(crate) fn priced(&mut self, at: i64, market: usize, price: i64) {
        let market = &mut self.markets[market];
        if at < self.same_until && market.price == Some(price) {
            return;
        }
        market.price = Some(price);
        market.price_float = price as f64 * market.scale;
        let is_flat = market.held == 0.0;
        // With nothing held a price changes nothing, and the curve goes on by itself.
        if is_flat && at < self.next {
            return;
        }
        self.look(at);
    }

    fn look(&mut self, at: i64) {
        let worth = self.worth();
        if !self.is_priced {
            // What is held from the beginning has to have a price before anything is worth something.
            if self.markets.iter().any(|market| market.held != 0.0 && market.price.is_none()) {
                return;
            }
            (self.first, self.peak, self.is_priced) = (worth, worth, true);
            self.begun = at;
            self.exposed_since = self.exposed_since.map(|_| at);
            self.next = at;
        }
        if worth > self.peak {
            self.peak = worth;
        } else if self.peak > 0.0 {
            self.drawdown = self.drawdown.max((self.peak - worth) / self.peak);
        }
        if at >= self.next {
            self.next = at.saturating_add(self.every);
            self.point(at, worth);
        }
        self.returns.look(at, worth);
        self.same_until = self.next.min(self.returns.next());
    }

    fn point(&mut self, at: i64, equity: f64) {
        if self.points.len() >= POINTS_MAX {
            let mut keep = false;
            self.points.retain(|_| {
                keep = !keep;
                keep
            });
            self.every = self.every.saturating_mul(2);
        }
        let first = &self.markets[0];
        self.points.push(Point { at, equity, price: first.price_float, held: first.held });
    }

    /// The data has ended.
    pub(crate) fn ends(&mut self, at: i64) {
        self.ended = at.max(self.begin);
        if self.is_priced {
            self.next = i64::MIN;
            self.look(at);
            self.exposed += self.exposed_since.take().map_or(0, |since| at - since);
            self.returns.ends(self.worth());
        }
    }

    /// What the account is worth at the last prices; what has none counts as nothing.
    pub(crate) fn worth(&self) -> f64 {
        self.markets
            .iter()
            .fold(self.cash_float, |sum, market| sum + market.held * market.price_float)
    }
}

#[cfg(test)]
mod tests {
    use model::{Rounding, Step};
    use proptest::prelude::*;
    use proptest::test_runner::Config;
    use sim_venue::{FeesIn, SimConfig};

    use super::*;

    /// An exchange with one instrument and an account that holds some of it.
    fn exchange() -> (SimVenue, AccountId, Vec<Instrument>) {
        let step = |text: &str| text.parse::<Step>().unwrap();
        let (btc, usdt) = (Asset::new("BTC").unwrap(), Asset::new("USDT").unwrap());
        let instruments = vec![Instrument::spot(btc, usdt, step("0.01"), step("0.001")).unwrap()];
        let none = model::Decimal::ZERO;
        let fees = model::venue::FeeRates { maker: none, taker: none };
        let config = SimConfig { instruments: instruments.clone(), fees, fees_in: FeesIn::Quote };
        let (mut venue, account) = (SimVenue::new(config), AccountId::new("a").unwrap());
        let much: Amount = "1000".parse().unwrap();
        venue.add_account(account, &BTreeMap::from([(usdt, much)]));
        (venue, account, instruments)
    }

    proptest! {
        #![proptest_config(Config { cases: 64, ..Config::default() })]

        /// The twin looks at each price, also where it is the last one.
        #[test]
        fn a_price_that_is_the_last_one_changes_nothing(
            steps in prop::collection::vec((prop_oneof![8 => 0i64..3, 1 => 0i64..4_000], 99i64..102, -2i64..3), 1..100),
        ) {
            let (mut venue, account, instruments) = exchange();
            let begin = Timestamp::from_nanos(1_700_000_000_000_000_000);
            let equity = || Equity::new(&exchange().0, account, &instruments, begin);
            let (mut one, mut other, mut at) = (equity(), equity(), begin.nanos());
            for (seconds, price, moved) in steps {
                at += seconds * 1_000_000_000;
                if moved.abs() == 1 && price == 100 {
                    let base = instruments[0].base;
                    let qty = model::Decimal::new(moved, 1).round_to(3, Rounding::Down).unwrap();
                    let qty = Amount::try_from(qty).unwrap();
                    venue.transfer(Timestamp::from_nanos(at), account, base, qty, &mut Vec::new());
                    one.balances(at, &venue, account);
                    other.balances(at, &venue, account);
                }
                one.priced(at, 0, price * 100);
                other.same_until = i64::MIN;
                other.priced(at, 0, price * 100);
                other.same_until = one.same_until;
                prop_assert_eq!((one.worth(), one.drawdown), (other.worth(), other.drawdown));
            }
            prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
        }
    }
}
