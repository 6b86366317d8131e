//! Fees by what was traded: which tier an execution pays, what is forgotten, and what is set aside.

use std::collections::BTreeMap;

use model::market::{GridPrice, GridQty, Level};
use model::venue::{AccountRequest, Response};
use model::{
    Amount, ClientOrderId, Instrument, NewOrder, Notional, OrderKind, OrderQty, TimeInForce,
};

use super::*;
use crate::{Background, SimConfig};

const HOUR: i64 = 3_600_000_000_000;
const DAY: i64 = 24 * HOUR;

fn rates(maker_bps: i64, taker_bps: i64) -> FeeRates {
    FeeRates { maker: Decimal::new(maker_bps, 4), taker: Decimal::new(taker_bps, 4) }
}

fn tier(from: i64, maker_bps: i64, taker_bps: i64) -> FeeTier {
    let from = Notional::try_from(Decimal::new(from, 0)).unwrap();
    FeeTier { from, rates: rates(maker_bps, taker_bps) }
}

fn schedule() -> FeeSchedule {
    let first = FeeSchedule::flat(rates(10, 20));
    first.with_tier(tier(200, 5, 10)).unwrap().with_tier(tier(400, -1, 5)).unwrap()
}

fn account() -> AccountId {
    AccountId::new("a").unwrap()
}

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000 / DAY * DAY + nanos)
}

fn venue(schedule: FeeSchedule) -> SimVenue {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.001".parse().unwrap());
    let instrument = Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap();
    let id = instrument.id;
    let mut venue = SimVenue::new(SimConfig {
        instruments: vec![instrument],
        fees: rates(0, 0),
        fees_in: FeesIn::Quote,
    });
    venue.charge_by(at(0), schedule);
    let funds = [("USDT", "10000"), ("BTC", "10")];
    let funds = funds.map(|(name, sum)| (asset(name), sum.parse::<Amount>().unwrap()));
    venue.add_account(account(), &BTreeMap::from(funds));
    let level = |price| Level { price: GridPrice(price), qty: GridQty(1_000_000) };
    let book = Background::Snapshot { bids: vec![level(9_900)], asks: vec![level(10_000)] };
    venue.background(at(0), id, &book, &mut Vec::new());
    venue
}

/// Buys one at 100, and says what it paid.
fn buys(venue: &mut SimVenue, now: Timestamp) -> String {
    let count = venue.oracle().orders.len();
    let order = NewOrder {
        client_order_id: ClientOrderId::new(&format!("c{count}")).unwrap(),
        instrument: venue.instruments().next().unwrap().id,
        side: Side::Buy,
        kind: OrderKind::Limit { price: "100".parse().unwrap() },
        qty: OrderQty::Base("1".parse().unwrap()),
        time_in_force: TimeInForce::Ioc,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    };
    let place = AccountRequest::Place(order);
    let placed = venue.execute(now, account(), &place, &mut Vec::new()).unwrap();
    let Response::Placed { fills, .. } = placed else { panic!("{placed:?}") };
    assert_eq!((fills.len(), fills[0].liquidity), (1, Liquidity::Taker));
    fills[0].fee.unwrap().amount.to_string()
}

/// Each execution pays what held before it: the second hundred reaches the next tier for the third.
#[test]
fn an_execution_pays_the_tier_that_held_at_its_moment() {
    let mut venue = venue(schedule());
    let paid: Vec<String> = (0..6).map(|n| buys(&mut venue, at(n))).collect();
    assert_eq!(paid, ["0.2", "0.2", "0.1", "0.1", "0.05", "0.05"]);
    let (tier, volume) = venue.fee_tier(at(7), account()).unwrap();
    assert_eq!((tier.rates, volume), (rates(-1, 5), Decimal::new(600, 0)));
    let asked = AccountRequest::Fees(venue.instruments().next().unwrap().id);
    let told = venue.execute(at(7), account(), &asked, &mut Vec::new());
    assert_eq!(told, Ok(Response::Fees(rates(-1, 5))));
}

/// Thirty days of hours count: the last moment at which the first hour does, and the one after it.
#[test]
fn what_is_thirty_days_old_does_not_count() {
    let mut venue = venue(schedule());
    assert_eq!(buys(&mut venue, at(HOUR - 1)), "0.2");
    assert_eq!(buys(&mut venue, at(2 * HOUR)), "0.2");
    assert_eq!(venue.fee_tier(at(30 * DAY - 1), account()).unwrap().0, tier(200, 5, 10));
    let (lowest, volume) = venue.fee_tier(at(30 * DAY), account()).unwrap();
    assert_eq!((lowest, volume), (tier(0, 10, 20), Decimal::new(100, 0)));
    assert_eq!(buys(&mut venue, at(30 * DAY)), "0.2");
    assert_eq!(buys(&mut venue, at(90 * DAY)), "0.2", "a long pause forgets all");
    assert_eq!(venue.fee_tier(at(90 * DAY), account()).unwrap().1, Decimal::new(100, 0));
}

#[test]
fn what_was_traded_before_is_forgotten_bit_by_bit() {
    let before = Notional::try_from(Decimal::new(401, 0)).unwrap();
    let mut venue = venue(schedule().traded_before(before));
    let (highest, volume) = venue.fee_tier(at(0), account()).unwrap();
    assert_eq!((highest.rates, volume), (rates(-1, 5), Decimal::new(401, 0)));
    let (half, volume) = venue.fee_tier(at(15 * DAY), account()).unwrap();
    assert_eq!(half.rates, rates(5, 10));
    assert_eq!(volume.round_to(3, Rounding::Down), Some(Decimal::new(200_500, 3)));
    let (lowest, volume) = venue.fee_tier(at(30 * DAY), account()).unwrap();
    assert_eq!((lowest.rates, volume), (rates(10, 20), Decimal::ZERO));
}

/// A rebate is paid to who rested, and what is set aside is what the dearest tier may cost.
#[test]
fn a_tier_may_pay_and_what_is_set_aside_is_enough_for_the_dearest() {
    let before = Notional::try_from(Decimal::new(1_000, 0)).unwrap();
    let mut venue = venue(schedule().traded_before(before));
    let id = venue.instruments().next().unwrap().id;
    let order = NewOrder {
        client_order_id: ClientOrderId::new("r").unwrap(),
        instrument: id,
        side: Side::Buy,
        kind: OrderKind::Limit { price: "99.5".parse().unwrap() },
        qty: OrderQty::Base("2".parse().unwrap()),
        time_in_force: TimeInForce::Gtc,
        post_only: true,
        reduce_only: false,
        self_trade_prevention: None,
    };
    let usdt = Asset::new("USDT").unwrap();
    let place = AccountRequest::Place(order);
    venue.execute(at(1), account(), &place, &mut Vec::new()).unwrap();
    let locked = venue.oracle().balances[&account()][&usdt].locked;
    assert_eq!(locked.to_string(), "199.398", "199 and the 20 bps of the lowest tier");
    let print =
        Background::Trade { price: GridPrice(9_950), qty: GridQty(2_000), taker_side: Side::Sell };
    venue.background(at(2), id, &print, &mut Vec::new());
    let fill = venue.oracle().fills[0].fill;
    assert_eq!(
        (fill.liquidity, fill.fee.unwrap().amount.to_string()),
        (Liquidity::Maker, "-0.0199".into())
    );
    let left = venue.oracle().balances[&account()][&usdt];
    assert_eq!((left.free.to_string(), left.locked.to_string()), ("9801.0199".into(), "0".into()));
}

#[test]
fn tiers_are_named_from_the_smallest_on() {
    let first = FeeSchedule::flat(rates(10, 20));
    for from in [0, 200] {
        let schedule = first.clone().with_tier(tier(200, 5, 10)).unwrap();
        let error = schedule.with_tier(tier(from, 1, 2)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("the fee tier from {from} comes after")), "{error}");
    }
    assert!(!first.has_tiers());
}
