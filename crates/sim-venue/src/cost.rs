//! What an order will meet in the book, and what it costs at most.
//!
//! All questions that must be answered before a taker moves: does fill-or-kill fill, what does an
//! amount of quote buy, can the account pay. Each follows the same walk over what the order would
//! really meet, in queue order and with its self-trade prevention, so that the answer and the
//! matching that follows cannot differ.

use model::market::{GridPrice, GridQty};
use model::{Asset, Decimal, OrderKind, OrderQty, SelfTradePrevention, Side};

use crate::matching::within;
use crate::order::{SimOrder, product, qty, value};
use crate::queue::Entry;
use crate::venue::{SimVenue, to_lot};

/// One entry that a taker would come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    /// It would trade with it.
    Liquidity(GridPrice, i64),
    /// An order of the same account that takes some of it away without a trade.
    Own(i64),
    /// An order of the same account that ends it.
    End,
}

/// What an amount of quote comes to in the book as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bought {
    /// Whole lots; all that is there, be it whole lots or not, where the book ran out.
    pub(crate) qty: GridQty,
    /// The book, or what of it the order may take, is not enough.
    pub(crate) ran_out: bool,
}

impl SimVenue {
    fn meets<'a>(&'a self, order: &'a SimOrder) -> impl Iterator<Item = Met> + 'a {
        let market = &self.markets[order.market];
        let has_book = market.prints_only.is_none();
        let last = market.last_for_takers();
        let last = last.filter(|(price, _)| within(order.side, order.price, *price));
        let last = last.map(|(price, there)| {
            Met::Liquidity(self.taken_at(market, order.side, price, order.price), there)
        });
        let levels = market.book.levels(order.side.opposite()).take_while(move |_| has_book);
        let levels = levels.take_while(|queue| within(order.side, order.price, queue.price()));
        let entries = levels.flat_map(|queue| {
            let price = queue.price();
            queue.entries().map(move |entry| (price, entry))
        });
        let met = entries.filter_map(move |(price, entry)| self.meet(order, price, entry));
        last.into_iter().chain(met)
    }

    fn meet(&self, order: &SimOrder, price: GridPrice, entry: Entry) -> Option<Met> {
        match entry {
            Entry::Market(qty) => {
                let market = &self.markets[order.market];
                let paid = self.taken_at(market, order.side, price, order.price);
                Some(Met::Liquidity(paid, qty.0))
            }
            Entry::Order(at, qty) if self.orders[at].account != order.account => {
                Some(Met::Liquidity(price, qty.0))
            }
            Entry::Order(_, qty) => match order.stp {
                SelfTradePrevention::None => Some(Met::Liquidity(price, qty.0)),
                SelfTradePrevention::ExpireMaker => None,
                SelfTradePrevention::ExpireTaker | SelfTradePrevention::ExpireBoth => {
                    Some(Met::End)
                }
                SelfTradePrevention::Decrement => Some(Met::Own(qty.0)),
            },
        }
    }

    /// Is all of it there within its limit? An order of its own in the way means no.
    pub(crate) fn fills_whole(&self, index: usize) -> bool {
        let order = &self.orders[index];
        let mut left = order.leaves().0;
        for met in self.meets(order) {
            match met {
                Met::Liquidity(_, there) => left -= there.min(left),
                Met::Own(_) | Met::End => return false,
            }
            if left == 0 {
                return true;
            }
        }
        left == 0
    }

    /// What an order for an amount of quote buys or sells: as many whole lots as that pays for, or
    /// as bring no more than that.
    pub(crate) fn quote_to_base(&self, order: &SimOrder, notional: Decimal) -> Bought {
        let market = &self.markets[order.market];
        let budget = match order.side {
            Side::Buy => self.without_fee(notional),
            Side::Sell => notional,
        };
        let mut budget = self.grid_value(order.market, budget);
        let (mut bought, mut ran_out) = (0i64, true);
        for met in self.meets(order) {
            let Met::Liquidity(price, there) = met else { break };
            let affordable = budget / i128::from(price.0.max(1));
            let taken = i64::try_from(affordable).unwrap_or(i64::MAX).min(there);
            bought = bought.saturating_add(taken);
            budget -= product(price, GridQty(taken));
            if affordable <= i128::from(there) {
                ran_out = false;
                break;
            }
        }
        let qty = if ran_out { GridQty(bought) } else { to_lot(bought, market.lot) };
        Bought { qty, ran_out }
    }

    /// A number of quote units in counts of the grid, rounded down; what cannot be counted buys any
    /// book empty.
    fn grid_value(&self, market: usize, notional: Decimal) -> i128 {
        let grid = &self.markets[market].grid;
        let decimals = u32::from(grid.price_decimals) + u32::from(grid.qty_decimals);
        let digits = decimals.min(model::SCALE);
        // Whole units and the rest apart, because each of them fits 64 bits.
        let count = || {
            let whole = notional.down_to(Decimal::ONE)?;
            let rest = notional.checked_sub(whole)?.down_to(Decimal::new(1, digits))?;
            let (whole, rest) = (whole.mantissa_at(0)?, rest.mantissa_at(digits)?);
            let whole = i128::from(whole).checked_mul(10i128.checked_pow(decimals)?)?;
            whole.checked_add(i128::from(rest).checked_mul(10i128.pow(decimals - digits))?)
        };
        count().unwrap_or(i128::MAX)
    }

    pub(crate) fn paying_asset(&self, order: &SimOrder) -> Asset {
        let instrument = &self.markets[order.market].instrument;
        match order.side {
            Side::Buy => instrument.quote,
            Side::Sell => instrument.base,
        }
    }

    /// What is set aside while the order is open. A market order pays as it goes.
    pub(crate) fn needed(&self, order: &SimOrder) -> Decimal {
        if order.kind == OrderKind::Market { Decimal::ZERO } else { self.cost(order) }
    }

    /// What the order costs at most, in the asset that pays: a limit order its own price, a stop
    /// that becomes a market order its trigger, a market order what it would really take.
    pub(crate) fn cost(&self, order: &SimOrder) -> Decimal {
        let market = &self.markets[order.market];
        let trigger = order.kind.trigger().and_then(|price| market.grid.grid_price(price));
        match (order.side, order.ordered, order.price.or(trigger)) {
            (Side::Sell, OrderQty::Base(_), _) => qty(&market.grid, order.leaves()).get(),
            (Side::Buy, OrderQty::Base(_), Some(price)) => {
                self.with_fee(value(&market.grid, product(price, order.leaves())))
            }
            (Side::Buy, OrderQty::Base(_), None) => {
                self.with_fee(value(&market.grid, self.walk(order)))
            }
            (Side::Buy, OrderQty::Quote(notional), _) => notional.get(),
            (Side::Sell, OrderQty::Quote(notional), _) => {
                qty(&market.grid, self.quote_to_base(order, notional.get()).qty).get()
            }
        }
    }

    /// What taking the whole order from the book comes to, in grid counts.
    fn walk(&self, order: &SimOrder) -> i128 {
        let (mut left, mut cost) = (order.leaves().0, 0i128);
        for met in self.meets(order) {
            match met {
                Met::Liquidity(price, there) => {
                    let taken = left.min(there);
                    cost += product(price, GridQty(taken));
                    left -= taken;
                }
                Met::Own(there) => left -= left.min(there),
                Met::End => break,
            }
            if left == 0 {
                break;
            }
        }
        cost
    }
}
