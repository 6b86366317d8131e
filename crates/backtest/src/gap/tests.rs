//! Runs with one thing planted in each: the cause that is named for it, and sums that are those of the accounts.

use std::collections::BTreeMap;
use std::time::Duration;

use data::record::{Recorder, Recording, Rotation};
use model::market::{
    BookUpdate, Grid, GridPrice, GridQty, LevelUpdate, MarketEvent, MarketKind, PublicTrade,
};
use model::venue::{FeeRates, VenueError};
use model::{
    Amount, Asset, Balance, ClientOrderId, Decimal, Ending, Entry, Fee, FeedHealth, Fill,
    InstrumentId, IntentId, Liquidity, NewOrder, OrderKind, OrderQty, Record, Side, TimeInForce,
    Timestamp, TradeId, VenueOrderId,
};
use sim_venue::{Assumptions, FeesIn, RestingFills};
use tempfile::TempDir;

use super::*;

const LATENCY: Duration = Duration::from_millis(20);

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + ms).unwrap()
}

fn btc() -> InstrumentId {
    "BTC-USDT".parse().unwrap()
}

fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

fn cash() -> BTreeMap<Asset, Amount> {
    BTreeMap::from([
        (asset("USDT"), "10000".parse().unwrap()),
        (asset("BTC"), "10".parse().unwrap()),
    ])
}

fn models() -> Models {
    Models {
        fees: FeeRates { maker: Decimal::ZERO, taker: "0.001".parse().unwrap() },
        fees_in: FeesIn::Quote,
        assumptions: Assumptions {
            resting: RestingFills::Queue,
            slippage_bps: 0,
            share_percent: None,
        },
        latency: LATENCY,
    }
}

/// A book of 1 at 99 and at 101, in which the ask moves to 102 at 500 ms; at 700 ms 3 are sold at 99, and at 1500 ms
/// 5 of them.
fn recorded(folder: &TempDir) -> Recording {
    let (mut recorder, _) = Recorder::open(folder.path(), "sim", Rotation::default()).unwrap();
    recorder.follow(btc(), Grid { price_decimals: 2, qty_decimals: 3 }).unwrap();
    let level = |side, price, qty| LevelUpdate { side, price: GridPrice(price), qty: GridQty(qty) };
    let book = |snapshot, levels| MarketKind::Book(BookUpdate { snapshot, levels });
    let sold = |id, qty| {
        let (price, qty) = (GridPrice(9_900), GridQty(qty));
        MarketKind::Trade(PublicTrade { id, price, qty, taker_side: Side::Sell, time: at(0) })
    };
    let whole = vec![level(Side::Buy, 9_900, 1_000), level(Side::Sell, 10_100, 1_000)];
    let moved = vec![level(Side::Sell, 10_100, 0), level(Side::Sell, 10_200, 1_000)];
    for (ms, kind) in [
        (100, book(true, whole)),
        (500, book(false, moved)),
        (700, sold(1, 3_000)),
        (1_500, sold(2, 5_000)),
        (4_000, sold(3, 1)),
    ] {
        let event = MarketEvent { instrument: btc(), venue_time: at(ms), kind };
        recorder.take(at(ms), &event).unwrap();
    }
    let ended = recorder.end(at(5_000)).unwrap();
    ended.unfinished.iter().for_each(|file| drop(file.finish().unwrap()));
    Recording::of(folder.path(), "sim")
}

fn id(number: u64) -> ClientOrderId {
    ClientOrderId::new(&format!("c{number}")).unwrap()
}

/// A journal of one session, record by record.
struct Run(Vec<Entry>);

impl Run {
    fn new() -> Run {
        let mut run = Run(Vec::new());
        let (version, config) = ("0".to_owned(), String::new());
        run.note(0, Record::Started { session: 1, version, config, paper: true });
        let balances = cash()
            .into_iter()
            .map(|(asset, free)| (asset, Balance { free, locked: "0".parse().unwrap() }));
        let balances = balances.collect();
        run.note(10, Record::Balances { balances, venue_time: at(10), partial: false });
        run
    }

    fn note(&mut self, ms: i64, record: Record) {
        self.0.push(Entry { at: at(ms), record });
    }

    fn order(&mut self, ms: i64, number: u64, price: &str) {
        let order = NewOrder {
            client_order_id: id(number),
            instrument: btc(),
            side: Side::Buy,
            kind: OrderKind::Limit { price: price.parse().unwrap() },
            qty: OrderQty::Base("0.5".parse().unwrap()),
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: None,
        };
        let agent = "test".parse().unwrap();
        let (intent, worst_price) = (IntentId(number), price.parse().unwrap());
        self.note(
            ms,
            Record::Prepared {
                agent,
                intent,
                order,
                worst_price,
                limits: None,
                checks: Vec::new(),
            },
        );
    }

    /// It was there at this time, by an exchange whose clock is a second ahead.
    fn accepted(&mut self, there: i64, number: u64) {
        let record = Record::Accepted {
            client_order_id: id(number),
            venue_order_id: VenueOrderId::from_number(number),
            venue_time: at(there + 1_000),
        };
        self.note(there + 20, record);
    }

    fn filled(&mut self, there: i64, number: u64, (qty, price): (&str, &str), fee: &str) {
        let fee = (fee != "0").then(|| Fee { asset: asset("USDT"), amount: fee.parse().unwrap() });
        let fill = Fill {
            trade_id: TradeId::from_number(self.0.len() as u64),
            venue_order_id: VenueOrderId::from_number(number),
            client_order_id: Some(id(number)),
            instrument: btc(),
            side: Side::Buy,
            price: price.parse().unwrap(),
            qty: qty.parse().unwrap(),
            fee,
            liquidity: if fee.is_some() { Liquidity::Taker } else { Liquidity::Maker },
            venue_time: at(there + 1_000),
        };
        self.note(
            there + 20,
            Record::Filled { client_order_id: Some(id(number)), fill, late: false },
        );
    }

    /// Order 1 takes at 101 and order 2 rests at 99, both as the models say.
    fn honest() -> Run {
        let mut run = Run::new();
        run.order(200, 1, "105");
        run.accepted(220, 1);
        run.filled(220, 1, ("0.5", "101"), "0.0505");
        run.order(300, 2, "99");
        run.accepted(320, 2);
        run.filled(700, 2, ("0.5", "99"), "0");
        run
    }

    fn compared(self, models: &Models) -> (Orders, Suggested) {
        self.compared_of(models, LATENCY)
    }

    /// Of a run whose own exchange waited so long one way.
    fn compared_of(mut self, models: &Models, latency: Duration) -> (Orders, Suggested) {
        self.note(4_500, Record::Stopped);
        self.read(models, latency)
    }

    /// Of a run that was killed behind its last record.
    fn killed(self) -> Orders {
        self.read(&models(), LATENCY).0
    }

    fn read(self, models: &Models, latency: Duration) -> (Orders, Suggested) {
        let folder = tempfile::tempdir().unwrap();
        let recording = recorded(&folder);
        let (mut spans, mut session) = (Vec::new(), Session::of(1));
        for entry in &self.0 {
            SessionSpan::note(&mut spans, entry);
            session.take(entry);
        }
        let material =
            Material::new(&session, spans[0], &recording, &[btc()], &cash(), latency).unwrap();
        let found = orders(&material, models, Timestamp::EPOCH).unwrap();
        let suggested = suggest(&material, models, Timestamp::EPOCH, &found).unwrap();
        (found, suggested)
    }
}

/// All differences together are what one account has become more worth than the other, to the last digit.
fn assert_conserved(found: &Orders) {
    let usdt = asset("USDT");
    let accounts = found.accounts.as_ref().unwrap()[&usdt];
    let sum = found.comparison.difference.get(&usdt).copied().unwrap_or_default();
    assert_eq!(sum, accounts, "{found:#?}");
    let mut causes = found.comparison.causes.values().filter_map(|total| total.value.get(&usdt));
    let causes = causes.try_fold(Decimal::ZERO, |sum, one| sum.checked_add(*one)).unwrap();
    assert_eq!(causes, sum);
}

#[test]
fn a_run_that_was_as_the_models_say_has_no_gap() {
    let (found, suggested) = Run::honest().compared(&models());
    assert!(found.comparison.is_empty(), "{:#?}", found.comparison);
    assert_eq!((found.comparison.orders, found.comparison.fills_run), (2, 2));
    assert!(suggested.is_best);
    assert_conserved(&found);
}

/// The record that is planted, and the cause that is named for the order.
#[test]
fn each_difference_has_the_cause_that_was_planted() {
    type Plant = fn(&mut Run);
    let cases: [(&str, &str, Plant); 10] = [
        ("latency", "different", |run| {
            // Three hundred milliseconds late, when the ask had moved.
            run.order(250, 3, "105");
            run.accepted(570, 3);
            run.filled(570, 3, ("0.5", "102"), "0.051");
        }),
        ("slippage", "different", |run| {
            run.order(250, 3, "105");
            run.accepted(270, 3);
            run.filled(270, 3, ("0.5", "101.5"), "0.05075");
        }),
        ("partial_fill", "different", |run| {
            run.order(250, 3, "105");
            run.accepted(270, 3);
            run.filled(270, 3, ("0.2", "101"), "0.0202");
        }),
        ("fees", "different", |run| {
            run.order(250, 3, "105");
            run.accepted(270, 3);
            run.filled(270, 3, ("0.5", "101"), "0.06");
        }),
        ("fill_model", "missed", |run| {
            run.order(350, 3, "99");
            run.accepted(370, 3);
        }),
        ("fill_model", "extra", |run| {
            run.order(350, 3, "98");
            run.accepted(370, 3);
            run.filled(1_500, 3, ("0.5", "98"), "0");
        }),
        ("refused", "missed", |run| {
            run.order(250, 3, "105");
            let because = VenueError::UnknownOrder;
            run.note(290, Record::Rejected { client_order_id: id(3), because });
        }),
        ("refused", "missed", |run| {
            run.order(250, 3, "105");
            let cause = Some("trading stopped before it left".to_owned());
            let (client_order_id, ending, lost) = (id(3), Ending::NotPlaced, false);
            run.note(251, Record::Ended { client_order_id, ending, lost, cause });
        }),
        ("rate_limit", "different", |run| {
            run.order(250, 3, "105");
            let (limiter, wait) = ("orders per 10s".to_owned(), Duration::from_millis(300));
            run.note(560, Record::BudgetWait { limiter, wait, requests: 1 });
            run.accepted(570, 3);
            run.filled(570, 3, ("0.5", "102"), "0.051");
        }),
        ("stale_feed", "missed", |run| {
            run.order(350, 3, "99");
            run.accepted(370, 3);
            run.note(600, Record::Feed { instrument: btc(), health: FeedHealth::Down });
            run.note(1_000, Record::Feed { instrument: btc(), health: FeedHealth::Live });
        }),
    ];
    for (cause, is, plant) in cases {
        let mut run = Run::honest();
        plant(&mut run);
        let (found, _) = run.compared(&models());
        let causes: Vec<_> =
            found.comparison.differences.iter().map(|pair| (pair.order, pair.is)).collect();
        assert_eq!(causes, [(id(3), is)], "{cause}: {:#?}", found.comparison);
        let named = found.comparison.differences[0].cause.as_ref().unwrap();
        assert_eq!(named.name(), cause, "{named:?}");
        assert!(Cause::NAMES.contains(&cause));
        assert_conserved(&found);
    }
}

/// Two orders that the exchange took, the second of which it filled at 700 ms: the last of which the journal of a killed run tells.
#[test]
fn what_a_killed_run_may_not_have_heard_of_is_no_difference() {
    let untold = |until: i64| {
        let mut run = Run::honest();
        run.0.pop();
        run.note(until, Record::Link { link: model::Link::Market, up: true, cause: String::new() });
        run.killed()
    };
    // On its way, and there but not yet written down.
    for until in [710, 1_200, 5_500] {
        let found = untold(until);
        assert!(found.comparison.is_empty(), "{until}: {:#?}", found.comparison);
        assert_eq!((found.comparison.fills_replay, &found.accounts), (1, &None), "{until}");
    }
    // That cannot be any more.
    let found = untold(6_000);
    assert_eq!(found.comparison.differences[0].is, "missed", "{:#?}", found.comparison);
    // Something newer was told.
    let mut run = Run::honest();
    run.0.pop();
    run.order(750, 3, "98");
    run.accepted(770, 3);
    assert_eq!(run.killed().comparison.differences[0].is, "missed");
}

/// The recording ends at five seconds.
#[test]
fn executions_of_a_killed_run_behind_its_recording_are_counted_and_not_compared() {
    let late = || {
        let mut run = Run::honest();
        run.order(1_900, 3, "98");
        run.accepted(1_920, 3);
        run.filled(5_300, 3, ("0.5", "98"), "0");
        run
    };
    let found = late().killed();
    assert!(found.comparison.is_empty(), "{:#?}", found.comparison);
    assert_eq!((found.comparison.orders, found.fills_beyond, found.accounts), (3, 1, None));
    let (found, _) = late().compared(&models());
    assert_eq!((found.comparison.differences[0].is, found.fills_beyond), ("extra", 0));
}

#[test]
fn the_models_that_were_are_found_again() {
    // A second there, and one percent of slippage, in a run that is compared with neither.
    let mut run = Run::new();
    for (number, ms) in [(1, 600), (2, 1_700)] {
        run.order(ms, number, "110");
        run.accepted(ms + 1_000, number);
        run.filled(ms + 1_000, number, ("0.5", "103.02"), "0.05151");
    }
    let (found, suggested) = run.compared_of(&models(), Duration::from_secs(1));
    assert_eq!(found.comparison.different, 2);
    assert_conserved(&found);
    assert_eq!(suggested.slippage_bps, 100, "{suggested:?}");
    assert_eq!(suggested.latency_p50_us, Some(1_000_000));
    let last = suggested.tried.last().unwrap();
    assert_eq!((last.slippage_bps, last.latency_us, last.different), (100, 1_000_000, 0));
    assert!(!suggested.is_best);
}

/// Whatever was filled, and whatever the models make of it: nothing is lost between the sums.
#[test]
fn sums_are_conserved_whatever_was_filled() {
    use proptest::prelude::*;
    let order = (150i64..3_000, 90u32..110, 1u32..500, 90u32..110, 0u32..100);
    proptest!(ProptestConfig::with_cases(24), |(all in prop::collection::vec(order, 1..8), slip in 0u32..30)| {
        let mut run = Run::new();
        let mut all = all;
        all.sort_by_key(|(ms, ..)| *ms);
        for (number, (ms, limit, qty, price, fee)) in (1u64..).zip(&all) {
            run.order(*ms, number, &limit.to_string());
            run.accepted(ms + 20 + i64::from(*fee), number);
            let qty = format!("0.{qty:03}");
            run.filled(ms + 20, number, (&qty, &price.to_string()), &format!("0.{fee:07}1"));
        }
        let assumptions = Assumptions { slippage_bps: slip, ..models().assumptions };
        let (found, _) = run.compared(&Models { assumptions, ..models() });
        assert_conserved(&found);
    });
}
