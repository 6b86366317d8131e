//! How fast the exchange is, for whoever changes it:
//! `cargo test --release -p plimsoll-sim-venue --test speed -- --ignored --nocapture`.
//!
//! Nothing is asserted: figures belong to the machine they were taken on. What is promised is
//! measured by `cargo xtask bench`.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::disallowed_types, clippy::disallowed_macros, reason = "measures and prints")]

use std::collections::BTreeMap;
use std::time::Instant;

use model::market::{GridPrice, GridQty, Level, LevelUpdate};
use model::venue::{AccountRequest, FeeRates, OrderKey};
use model::{
    AccountId, Amount, Asset, ClientOrderId, Decimal, Instrument, NewOrder, OrderIdSequence,
    OrderKind, OrderQty, Price, Qty, Side, TimeInForce, Timestamp,
};
use plimsoll_sim_venue::synthetic::{SplitMix, Synthetic};
use plimsoll_sim_venue::{Background, SimConfig, SimVenue};

fn instrument() -> Instrument {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.00001".parse().unwrap());
    Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap()
}

fn venue() -> (SimVenue, AccountId) {
    let fees = FeeRates { maker: Decimal::new(1, 3), taker: Decimal::new(1, 3) };
    let instrument = instrument();
    let rich: Amount = "1000000000000".parse().unwrap();
    let funds = BTreeMap::from([(instrument.base, rich), (instrument.quote, rich)]);
    let mut venue = SimVenue::new(SimConfig { instruments: vec![instrument], fees });
    let account = AccountId::new("a").unwrap();
    venue.add_account(account, &funds);
    venue.add_account(AccountId::new("b").unwrap(), &funds);
    (venue, account)
}

fn order(name: ClientOrderId, side: Side, cents: i64, qty: i64, tif: TimeInForce) -> NewOrder {
    NewOrder {
        client_order_id: name,
        instrument: instrument().id,
        side,
        kind: OrderKind::Limit { price: Price::try_from(Decimal::new(cents, 2)).unwrap() },
        qty: OrderQty::Base(Qty::try_from(Decimal::new(qty, 5)).unwrap()),
        time_in_force: tif,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    }
}

fn measure(what: &str, count: usize, mut each: impl FnMut(usize)) {
    let start = Instant::now();
    (0..count).for_each(&mut each);
    let spent = start.elapsed();
    let nanos = spent.as_nanos() as f64 / count as f64;
    println!("{what:<44} {nanos:>8.0} ns   {:>10.0} a second", 1e9 / nanos);
}

fn names(count: usize) -> Vec<ClientOrderId> {
    let mut sequence = OrderIdSequence { session: 1, used: 0 };
    let agent = model::AgentId::new("speed").unwrap();
    (0..count).map(|_| sequence.next(agent).unwrap()).collect()
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    const ORDERS: usize = 1_000_000;
    const EVENTS: usize = 3_000_000;
    let names = names(ORDERS);
    let mut events = Vec::new();
    let now = Timestamp::from_millis(1_767_225_600_000).unwrap();
    let at = |n: usize| now.after(std::time::Duration::from_millis(n as u64));

    let (mut venue, a) = venue();
    let b = AccountId::new("b").unwrap();
    let id = instrument().id;
    measure("two accounts trade with each other, an order", ORDERS, |n| {
        let (who, side) = if n % 2 == 0 { (a, Side::Sell) } else { (b, Side::Buy) };
        let order = order(names[n], side, 6_000_000, 1_000, TimeInForce::Gtc);
        events.clear();
        venue.execute(at(n), who, &AccountRequest::Place(order), &mut events).unwrap();
    });

    let (mut venue, a) = self::venue();
    let mut random = SplitMix(1);
    measure("place and cancel, 2000 orders resting, a pair", ORDERS / 2, |n| {
        let price = 5_999_000 - random.below(500) as i64;
        let order = order(names[n], Side::Buy, price, 1_000, TimeInForce::Gtc);
        events.clear();
        venue.execute(at(n), a, &AccountRequest::Place(order), &mut events).unwrap();
        if n >= 2_000 {
            let order = OrderKey::Client(names[n - 2_000]);
            let cancel =
                AccountRequest::Cancel { instrument: id, order, cancel_id: None, only: None };
            venue.execute(at(n), a, &cancel, &mut events).unwrap();
        }
    });

    let (mut venue, a) = self::venue();
    let level = |i: i64| Level { price: GridPrice(i), qty: GridQty(100_000) };
    let book = Background::Snapshot {
        bids: (5_999_000..6_000_000).map(level).collect(),
        asks: (6_000_001..6_001_000).map(level).collect(),
    };
    venue.background(now, id, &book, &mut events);
    let updates: Vec<Background> = (0..EVENTS).map(|n| change(&mut random, n)).collect();
    measure("a recorded level", EVENTS, |n| {
        events.clear();
        venue.background(at(n / 100), id, &updates[n], &mut events);
    });
    measure("market orders on a recorded book", ORDERS / 4, |n| {
        let side = if n % 2 == 0 { Side::Buy } else { Side::Sell };
        let limit = if n % 2 == 0 { 6_100_000 } else { 5_900_000 };
        let order = order(names[n], side, limit, 10, TimeInForce::Ioc);
        events.clear();
        venue.execute(at(n), a, &AccountRequest::Place(order), &mut events).unwrap();
        venue.background(at(n), id, &updates[n], &mut events);
    });
    let prints: Vec<Background> = (0..EVENTS).map(print).collect();
    measure("a recorded print", EVENTS, |n| {
        events.clear();
        venue.background(at(n / 10), id, &prints[n], &mut events);
    });

    let (mut venue, _) = self::venue();
    let mut market = Synthetic::new(1, &instrument(), "60000".parse().unwrap());
    measure("a made-up event, made and applied", EVENTS / 10, |_| {
        let (at, event) = market.next_event();
        events.clear();
        venue.background(now.after(at), id, &event, &mut events);
    });
}

/// A level near the touch, seldom far from it.
fn change(random: &mut SplitMix, n: usize) -> Background {
    let away = if random.below(10) == 0 { random.below(900) } else { random.below(12) } as i64;
    let qty = GridQty(random.below(4) as i64 * 50_000);
    let (side, price) = match n % 2 {
        0 => (Side::Buy, 5_999_999 - away),
        _ => (Side::Sell, 6_000_001 + away),
    };
    Background::Level(LevelUpdate { side, price: GridPrice(price), qty })
}

fn print(n: usize) -> Background {
    let (price, taker_side) = match n % 2 {
        0 => (6_000_001, Side::Buy),
        _ => (5_999_999, Side::Sell),
    };
    Background::Trade { price: GridPrice(price), qty: GridQty(10), taker_side }
}
