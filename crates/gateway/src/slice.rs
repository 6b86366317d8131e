//! The next slice of a position that is to be closed, or why there is none now. Pure.
//!
//! The rules of a thin book: none is sold into that is stale, has one side or a spread wider than the collar,
//! or whose price has not held still for a second, for a wick is over by then and a fall is not.

use std::fmt;
use std::time::Duration;

use model::market::MarketView;
use model::{
    Amount, Decimal, InstrumentId, Notional, OrderKind, OrderSpec, Price, Qty, Rounding, Side,
    TimeInForce, Timestamp, TradingMode,
};

use crate::limits::InstrumentLimits;

/// How long the reference has to have held still.
const STEADY_FOR: Duration = Duration::from_secs(1);
/// It is still while it is within so much of where it was, hundredths of a percent: a fall of 10 % in a
/// minute moves a third of that in a second.
const STEADY_BPS: i64 = 50;
/// Of what the book shows within the collar one slice takes the half.
const SHARE_OF_DEPTH: i64 = 2;

/// What is looked at.
pub(crate) struct Sight<'a> {
    pub(crate) now: Timestamp,
    pub(crate) market: &'a MarketView,
    pub(crate) limits: &'a InstrumentLimits,
    /// The book is whole, and heard of lately.
    pub(crate) is_fresh: bool,
    /// Base units bought and not sold.
    pub(crate) position: Qty,
    /// Base units that can be sold; `None` while orders lock some, or when they cannot be counted.
    pub(crate) available: Option<Amount>,
    /// Base units there are by our own count, locked or not; `None` when they cannot be counted.
    pub(crate) owned: Option<Amount>,
}

/// One order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) price: Price,
    pub(crate) qty: Qty,
}

impl Slice {
    /// What is sent: it takes within the collar, and leaves nothing behind.
    pub(crate) fn order(self, instrument: InstrumentId) -> OrderSpec {
        OrderSpec {
            instrument,
            side: Side::Sell,
            kind: OrderKind::Limit { price: self.price },
            qty: self.qty,
            time_in_force: TimeInForce::Ioc,
            post_only: false,
            reduce_only: true,
            effect: None,
        }
    }
}

/// Where the reference price was, and since when it is near there.
#[derive(Debug, Default)]
pub(crate) struct Steady(Option<(Price, Timestamp)>);

impl Steady {
    /// Has it held still for long enough?
    fn is_still(&mut self, now: Timestamp, reference: Price) -> bool {
        let near = |anchor: Price| {
            let low = anchor.shifted_bps(-STEADY_BPS).is_none_or(|low| low <= reference);
            low && anchor.shifted_bps(STEADY_BPS).is_some_and(|high| reference <= high)
        };
        match self.0 {
            Some((anchor, since)) if near(anchor) => now.since(since) >= STEADY_FOR,
            _ => {
                self.0 = Some((reference, now));
                false
            }
        }
    }
}

/// Why nothing is sold now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Unnamed,
    Short,
    NotFollowed,
    NotTraded,
    Stale,
    OneSided,
    NoReference,
    WideSpread,
    Moving,
    Thin,
    Refused,
    /// The venue's figures still show it locked, or an order locks it.
    Locked,
    /// Not for now but for good: what is left is too little.
    Dust,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Held::Unnamed => "the gateway has no name for orders of its own",
            Held::Short => {
                "it is short by the books: what was there before was sold, and is not bought back"
            }
            Held::NotFollowed => "it is not followed, or has no limits",
            Held::NotTraded => "the exchange takes no new orders in it",
            Held::Stale => "its book is not whole, or not fresh",
            Held::OneSided => "one side of its book is empty",
            Held::NoReference => "there is no reference price",
            Held::WideSpread => "the spread is wider than the collar",
            Held::Moving => "the price has not held still for a second",
            Held::Thin => "too little stands in its book within the collar",
            Held::Refused => "a guardrail refuses the slices; why is in the journal",
            Held::Locked => "it is not free yet: an order locks it, or just did",
            Held::Dust => "it is less than the exchange takes in one order",
        })
    }
}

/// The next slice.
pub(crate) fn next(sight: &Sight<'_>, steady: &mut Steady) -> Result<Slice, Held> {
    let instrument = sight.market.instrument();
    let is_too_little = |qty: Qty| qty.is_zero() || qty < instrument.limits.qty_min;
    let of = |amount: Option<Amount>| at_most(sight.position, amount).on_grid(instrument.lot);
    // What fees in the base have taken is not there to be sold.
    if is_too_little(of(sight.owned)) {
        return Err(Held::Dust);
    }
    let left = of(sight.available);
    if is_too_little(left) {
        return Err(Held::Locked);
    }
    match instrument.mode {
        TradingMode::Live => {}
        TradingMode::CancelOnly | TradingMode::Halted => return Err(Held::NotTraded),
    }
    if !sight.is_fresh {
        return Err(Held::Stale);
    }
    let reference = sight.market.reference_price().ok_or(Held::NoReference)?;
    // Looked at whatever comes of the rest, so that time counts from when it came to rest.
    let is_still = steady.is_still(sight.now, reference);
    let collar = i64::from(sight.limits.collar_bps);
    let low = match reference.shifted_bps(-collar) {
        Some(low) => low.on_grid(instrument.tick, Side::Sell).ok_or(Held::NoReference)?,
        None => Price::try_from(instrument.tick.get()).map_err(|_| Held::NoReference)?,
    };
    let high = reference.shifted_bps(collar).ok_or(Held::NoReference)?;
    if is_worth_less(low, of(sight.owned), instrument.limits.notional_min) {
        return Err(Held::Dust);
    }
    if is_worth_less(low, left, instrument.limits.notional_min) {
        return Err(Held::Locked);
    }
    let (book, grid) = (sight.market.book(), instrument.grid());
    let exact = |level: model::market::Level| grid.price(level.price);
    let (bid, ask) = (book.best_bid().and_then(exact), book.best_ask().and_then(exact));
    let (bid, ask) = bid.zip(ask).ok_or(Held::OneSided)?;
    if bid < low || ask > high {
        return Err(Held::WideSpread);
    }
    if !is_still {
        return Err(Held::Moving);
    }
    let within = book.bids().take_while(|level| exact(*level).is_some_and(|price| price >= low));
    let shown =
        within.filter_map(|level| grid.qty(level.qty)).try_fold(Qty::ZERO, Qty::checked_add);
    let share = shown.and_then(|shown| {
        let half = shown.get().checked_div(Decimal::from(SHARE_OF_DEPTH), Rounding::Down)?;
        Qty::try_from(half).ok()
    });
    let most = [
        share,
        Some(sight.limits.qty_max),
        Some(instrument.limits.qty_max.unwrap_or(left)),
        affordable(low, sight.limits.notional_max),
        instrument.limits.notional_max.map_or(Some(left), |max| affordable(low, max)),
    ];
    let most = most.into_iter().try_fold(left, |least, most| Some(least.min(most?)));
    let qty = most.ok_or(Held::Thin)?.on_grid(instrument.lot);
    let is_small = qty.is_zero() || qty < instrument.limits.qty_min;
    if is_small || is_worth_less(low, qty, instrument.limits.notional_min) {
        return Err(Held::Thin);
    }
    Ok(Slice { price: low, qty })
}

fn at_most(qty: Qty, amount: Option<Amount>) -> Qty {
    let Some(amount) = amount else { return qty };
    Qty::try_from(amount.get()).map_or(Qty::ZERO, |amount| qty.min(amount))
}

fn is_worth_less(price: Price, qty: Qty, least: Notional) -> bool {
    price.notional(qty, Rounding::Up).is_none_or(|notional| notional < least)
}

/// How much of it is worth at most this.
fn affordable(price: Price, most: Notional) -> Option<Qty> {
    Qty::try_from(most.get().checked_div(price.get(), Rounding::Down)?).ok()
}

#[cfg(test)]
mod tests {
    use model::market::{BookUpdate, GridPrice, GridQty, LevelUpdate, MarketEvent, MarketKind};

    use super::*;
    use crate::testing::{id, instrument, limits, number};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + ms).unwrap()
    }

    /// A book of bids and asks, in cents and thousandths.
    fn view(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> MarketView {
        let mut view = MarketView::new(instrument());
        let level =
            |side, (price, qty)| LevelUpdate { side, price: GridPrice(price), qty: GridQty(qty) };
        let show = |view: &mut MarketView, levels: Vec<LevelUpdate>| {
            let kind = MarketKind::Book(BookUpdate { snapshot: true, levels });
            view.apply(at(0), &MarketEvent { instrument: id(), venue_time: at(0), kind });
        };
        // It had two sides once, so there is a reference.
        show(&mut view, vec![level(Side::Buy, (9_999, 1)), level(Side::Sell, (10_001, 1))]);
        let bids = bids.iter().map(|bid| level(Side::Buy, *bid));
        let asks = asks.iter().map(|ask| level(Side::Sell, *ask));
        show(&mut view, bids.chain(asks).collect());
        view
    }

    /// What a book that has been so for a while gives, by position and what is free.
    fn slice(view: &MarketView, position: &str, free: Option<&str>) -> Result<Slice, Held> {
        let limits = &limits().instrument[&id()];
        let mut steady = Steady::default();
        let mut sight = Sight {
            now: at(0),
            market: view,
            limits,
            is_fresh: true,
            position: number(position),
            available: free.map(number),
            owned: free.map(number),
        };
        let _ = next(&sight, &mut steady);
        sight.now = at(1_000);
        next(&sight, &mut steady)
    }

    /// Bids, asks, position, free, and the slice's quantity or why there is none. The collar is 10 %, the most of
    /// an order 2 and 250, the least notional 5, the lot 0.001.
    type Case<'a> =
        (&'a [(i64, i64)], &'a [(i64, i64)], &'a str, Option<&'a str>, Result<&'a str, Held>);

    const ASKS: &[(i64, i64)] = &[(10_001, 9_000)];

    const CASES: &[Case<'_>] = &[
        (&[(9_999, 9_000)], ASKS, "1", None, Ok("1")),
        // Half of what stands there, on the lot; what stands below the collar does not count.
        (&[(9_999, 1_000)], ASKS, "1", None, Ok("0.5")),
        (&[(9_999, 501), (9_500, 500), (8_999, 90_000)], ASKS, "1", None, Ok("0.5")),
        // The most of one order.
        (&[(9_999, 90_000)], ASKS, "5", None, Ok("2")),
        // What fees have taken, and what cannot be counted.
        (&[(9_999, 9_000)], ASKS, "1", Some("0.9995"), Ok("0.999")),
        (&[(9_999, 9_000)], ASKS, "1", Some("0.0005"), Err(Held::Dust)),
        (&[(9_999, 9_000)], ASKS, "1", Some("-3"), Err(Held::Dust)),
        // Less than the venue takes: of 0.05 at 90 it is worth 4.5.
        (&[(9_999, 9_000)], ASKS, "0.05", None, Err(Held::Dust)),
        (&[(9_999, 9_000)], ASKS, "0.0009", None, Err(Held::Dust)),
        (&[(9_999, 9_000)], ASKS, "0.056", None, Ok("0.056")),
        // Thin, one-sided and wide books.
        (&[(9_999, 100)], ASKS, "1", None, Err(Held::Thin)),
        (&[], ASKS, "1", None, Err(Held::OneSided)),
        (&[(9_999, 9_000)], &[], "1", None, Err(Held::OneSided)),
        (&[(8_000, 9_000)], &[(12_000, 1)], "1", None, Err(Held::WideSpread)),
        (&[(1, 9_000)], ASKS, "1", None, Err(Held::WideSpread)),
    ];

    #[test]
    fn a_slice_is_within_the_collar_and_half_of_what_stands_there() {
        for (bids, asks, position, free, expected) in CASES {
            let view = view(bids, asks);
            let found = slice(&view, position, *free);
            let qty = found.map(|slice| slice.qty.to_string());
            assert_eq!(qty, expected.map(str::to_owned), "{bids:?} {asks:?} {position} {free:?}");
            if let Ok(slice) = found {
                let low = view.reference_price().unwrap().shifted_bps(-1_000).unwrap();
                assert!(slice.price >= low && slice.price.get() > Decimal::from(0));
            }
        }
    }

    /// What is owned and not free is no dust: it is locked, or was a moment ago.
    #[test]
    fn what_is_locked_is_no_dust() {
        let view = view(&[(9_999, 9_000)], ASKS);
        let limits = &limits().instrument[&id()];
        for (owned, free, expected) in [
            ("10", "0", Err(Held::Locked)),
            ("10", "-1", Err(Held::Locked)),
            ("10", "0.05", Err(Held::Locked)),
            ("10", "0.3", Ok("0.3")),
            ("0.0005", "0", Err(Held::Dust)),
            ("0.05", "0.05", Err(Held::Dust)),
        ] {
            let mut sight = Sight {
                now: at(0),
                market: &view,
                limits,
                is_fresh: true,
                position: number("1"),
                available: Some(number(free)),
                owned: Some(number(owned)),
            };
            let mut steady = Steady::default();
            let _ = next(&sight, &mut steady);
            sight.now = at(1_000);
            let found = next(&sight, &mut steady).map(|slice| slice.qty.to_string());
            assert_eq!(found, expected.map(str::to_owned), "{owned} {free}");
        }
    }

    /// A price that falls for eight milliseconds, or ten seconds, is not sold into in its first second; one
    /// that has come to rest is.
    #[test]
    fn a_wick_is_not_sold_into() {
        let mut steady = Steady::default();
        let mut still = |ms, price: &str| steady.is_still(at(ms), number(price));
        assert!(!still(0, "100"), "nobody knows since when it is so");
        assert!(still(1_000, "100.4"));
        assert!(!still(1_200, "0.1"), "down by 99.9 %");
        assert!(!still(1_208, "100"), "and back");
        assert!(!still(2_207, "100"));
        assert!(still(2_208, "100"));
        // Ten percent in a minute, looked at each second: it is still more often than not.
        let price = |second: i64| Decimal::new(100_000 - second * 167, 3).to_string();
        let fall = (0..60).filter(|second| still(3_000 + second * 1_000, &price(*second)));
        assert!(fall.count() >= 30);
    }

    #[test]
    fn what_is_stale_or_not_traded_is_not_sold_into() {
        let mut view = view(&[(9_999, 9_000)], ASKS);
        let limits = &limits().instrument[&id()];
        let sight = Sight {
            now: at(5_000),
            market: &view,
            limits,
            is_fresh: false,
            position: number("1"),
            available: None,
            owned: None,
        };
        assert_eq!(next(&sight, &mut Steady::default()), Err(Held::Stale));
        let kind = MarketKind::BookLost;
        view.apply(at(1), &MarketEvent { instrument: id(), venue_time: at(1), kind });
        assert_eq!(slice(&view, "1", None), Err(Held::NoReference));
    }
}
