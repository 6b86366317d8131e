//! An hour of each venue at twice what it allows: nothing is throttled, nothing banned, no cancel
//! waits, and most of what is allowed is used.
//!
//! The venues are models written for this test (`venue.rs`). Their clocks differ a little from ours,
//! requests take a while and overtake each other, clients come in bursts.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::disallowed_macros, reason = "figures of a test are worth a look")]

mod venue;
mod world;

use std::time::Duration;

use model::Timestamp;
use plimsoll_budget::Priority::{Backfill, Doubt, Kill, Market, Order};
use plimsoll_budget::{
    Answer, Budget, Charge, Counted, Keys, Limit, Operation, Shares, Usage, binance, bybit,
    coinbase, key, kraken, okx,
};

use venue::{Binance, Bybit, Call, Coinbase, Kraken, Nanos, Okx, Reply, Venue};
use world::{Client, START, Tally, World, client};

const HOUR: i64 = 3_600;
/// Of what is not reserved, so much is used at least, percent.
const USED_PERCENT_MIN: f64 = 70.0;
/// The part of a limit that is not reserved. A counter that leaks is not shared out in time: all that
/// leaks can be used again.
const NOT_RESERVED: f64 = 0.8;

fn keys(instrument: u64) -> Keys {
    Keys { account: key("account"), instrument, socket: 0 }
}

fn operation(call: Call) -> (Operation, u64) {
    let age = Duration::from_secs;
    match call {
        Call::Place { instrument } => (Operation::Place, instrument),
        Call::Amend { instrument, age_s } => (Operation::Amend { age: age(age_s) }, instrument),
        Call::Cancel { instrument, age_s } => (Operation::Cancel { age: age(age_s) }, instrument),
        Call::ReadOrder { instrument } => (Operation::ReadOrder, instrument),
        Call::ReadOpen => (Operation::ReadOpen, 0),
        Call::ReadAccount => (Operation::ReadAccount, 0),
        Call::Book | Call::Trades => (Operation::ReadBook, 0),
        Call::Connect => (Operation::Connect, 0),
    }
}

fn by(costs: fn(Operation, Keys) -> Charge) -> Box<dyn Fn(Call) -> Charge> {
    Box::new(move |call| {
        let (operation, instrument) = operation(call);
        costs(operation, keys(instrument))
    })
}

fn binance_costs() -> Box<dyn Fn(Call) -> Charge> {
    Box::new(|call| match call {
        Call::Connect => binance::connection(true, keys(0)),
        _ => {
            let places = matches!(call, Call::Place { .. });
            binance::charge(Binance::weight_of(call), places, keys(0))
        }
    })
}

fn binance_told(_: Call, reply: &Reply) -> Vec<Usage> {
    let usage = |counts, window_ms, used| Usage { counts, window_ms, used };
    let weight = reply.weight.map(|used| usage(Counted::Weight, 60_000, used));
    let orders = reply.orders.map(|(ten, day)| {
        [usage(Counted::Order, 10_000, ten), usage(Counted::Order, 86_400_000, day)]
    });
    weight.into_iter().chain(orders.into_iter().flatten()).collect()
}

fn untold(_: Call, _: &Reply) -> Vec<Usage> {
    Vec::new()
}

fn world<V: Venue>(
    venue: V,
    budget: Budget,
    clients: Vec<Client>,
    costs: Box<dyn Fn(Call) -> Charge>,
) -> World<V> {
    World {
        venue,
        budget,
        clients,
        costs,
        told: untold,
        free: |_| false,
        ahead: 0,
        meddle: None,
        refuse_one_in: 0,
        seed: 42,
    }
}

fn check(name: &str, tally: &Tally, used: &[(&str, f64, f64)]) {
    println!("{name}: {} kills, {} waits of others", tally.kills, tally.waits);
    assert_eq!((tally.throttled, tally.banned), (0, 0), "{name}");
    let waited = &tally.kills_that_waited;
    assert!(waited.is_empty(), "{name}: {} of {}: {}", waited.len(), tally.kills, waited[0]);
    // A wait lasts to the end of a window, and all but one of a burst share it.
    assert!(tally.kills > 100 && tally.waits > 100, "{name}: not even busy: {tally:?}");
    for (what, used, allowed) in used {
        let percent = used / allowed * 100.0;
        println!("{name}: {what}: {used:.0} of {allowed:.0}, {percent:.1} %");
        assert!(percent > USED_PERCENT_MIN, "{name}: {what}: {percent:.1} %");
        // A counter begins empty and holds a little more than what leaks in the hour.
        assert!(percent < 102.0, "{name}: {what}: the reserve was spent: {percent:.1} %");
    }
}

const PLACE: Call = Call::Place { instrument: 1 };
const CANCEL: Call = Call::Cancel { instrument: 1, age_s: 20 };
const READ: Call = Call::ReadOrder { instrument: 1 };

fn binance_clients() -> Vec<Client> {
    vec![
        client(Kill, CANCEL, 500, 1),
        client(Doubt, READ, 2_000, 1),
        client(Doubt, Call::ReadAccount, 10_000, 1),
        client(Doubt, Call::Connect, 10_000, 1),
        client(Order, PLACE, 100, 1),
        client(Market, Call::Book, 800, 1),
        client(Market, Call::Connect, 1_000, 1),
        client(Backfill, Call::Trades, 6_000, 30),
    ]
}

fn binance_world(weight_limit: u32) -> World<Binance> {
    let budget = Budget::new(&binance::RULES, Shares::default());
    let venue = Binance::new(weight_limit);
    let mut world = world(venue, budget, binance_clients(), binance_costs());
    world.told = binance_told;
    world.free = |call| matches!(call, Call::Place { .. } | Call::Cancel { .. });
    // The venue's clock differs from ours by less than the windows allow for.
    world.ahead = -120_000_000;
    world
}

fn low_weight(tally: &Tally) -> f64 {
    let calls = [Call::Book, Call::Trades, Call::Connect];
    let of = |call: Call| f64::from(tally.low(|c| c == call)) * f64::from(Binance::weight_of(call));
    calls.into_iter().map(of).sum()
}

#[test]
fn binance_for_an_hour() {
    let tally = binance_world(6_000).run(HOUR);
    let orders = f64::from(tally.low(|call| call == PLACE));
    // What fills gives back its count, so more may be sent than this.
    let allowed = 50.0 * 360.0 * NOT_RESERVED;
    let used = [
        ("weight", low_weight(&tally), 6_000.0 * 60.0 * NOT_RESERVED),
        ("orders", orders.min(allowed), allowed),
    ];
    check("binance", &tally, &used);
}

#[test]
fn coinbase_for_an_hour() {
    let budget = Budget::new(&coinbase::RULES, Shares::default());
    let clients = vec![
        client(Kill, CANCEL, 1_000, 2),
        client(Doubt, READ, 2_000, 2),
        client(Order, PLACE, 20, 1),
        client(Backfill, Call::ReadOpen, 1_000, 10),
        client(Market, Call::Book, 50, 1),
        client(Backfill, Call::Trades, 2_000, 10),
        client(Market, Call::Connect, 100, 1),
    ];
    let mut world = world(Coinbase::default(), budget, clients, by(coinbase::charge));
    world.told = |call, reply| {
        let (counts, limit) = match call {
            Call::Book | Call::Trades => (Counted::Public, 10),
            Call::Connect => return Vec::new(),
            _ => (Counted::Private, 30),
        };
        let used = reply.remaining.map(|left| limit - left);
        used.map(|used| Usage { counts, window_ms: 1_000, used }).into_iter().collect()
    };
    let tally = world.run(HOUR);
    let is_public = |call| matches!(call, Call::Book | Call::Trades);
    let private = f64::from(tally.low(|call| !is_public(call) && call != Call::Connect));
    let used = [
        ("private", private, 30.0 * 3_600.0 * NOT_RESERVED),
        ("public", f64::from(tally.low(is_public)), 10.0 * 3_600.0 * NOT_RESERVED),
    ];
    check("coinbase", &tally, &used);
}

#[test]
fn kraken_for_an_hour() {
    let budget = Budget::new(&kraken::rules(kraken::Tier::Intermediate), Shares::default());
    let clients = vec![
        // Half of the reserve of 25: three young cancels a minute.
        client(Kill, Call::Cancel { instrument: 1, age_s: 2 }, 20_000, 1),
        client(Order, PLACE, 400, 1),
        client(Order, Call::Amend { instrument: 1, age_s: 7 }, 1_500, 1),
        client(Order, Call::Place { instrument: 2 }, 213, 1),
        client(Doubt, READ, 30_000, 1),
        client(Backfill, Call::ReadOpen, 1_000, 1),
        client(Market, Call::Book, 500, 1),
        client(Market, Call::Connect, 2_000, 1),
    ];
    let mut world = world(Kraken::default(), budget, clients, by(kraken::charge));
    let tally = world.run(HOUR);
    let second = f64::from(tally.low(|call| call == Call::Place { instrument: 2 }));
    let calls = f64::from(tally.low(|call| call == Call::ReadOpen));
    let public = f64::from(tally.low(|call| call == Call::Book));
    let used = [
        ("trading of an undisturbed pair", second, 2.34 * 3_600.0),
        ("calls", calls, 0.5 * 3_600.0),
        ("public", public, 3_600.0),
    ];
    check("kraken", &tally, &used);
}

#[test]
fn okx_for_an_hour() {
    let budget = Budget::new(&okx::RULES, Shares::default());
    let clients = vec![
        client(Kill, CANCEL, 1_000, 5),
        client(Doubt, READ, 1_000, 2),
        client(Order, PLACE, 17, 1),
        client(Order, Call::Place { instrument: 2 }, 170, 10),
        client(Order, CANCEL, 50, 1),
        client(Market, Call::Book, 25, 1),
        client(Backfill, Call::Trades, 1_000, 20),
        client(Market, Call::Connect, 200, 1),
    ];
    let tally = world(Okx::default(), budget, clients, by(okx::charge)).run(HOUR);
    let places = |instrument| f64::from(tally.low(|call| call == Call::Place { instrument }));
    let books = f64::from(tally.low(|call| matches!(call, Call::Book | Call::Trades)));
    let used = [
        ("orders in one instrument", places(1), 30.0 * 3_600.0 * NOT_RESERVED),
        ("orders in another", places(2), 30.0 * 3_600.0 * NOT_RESERVED),
        ("books", books, 20.0 * 3_600.0 * NOT_RESERVED),
    ];
    check("okx", &tally, &used);
}

#[test]
fn bybit_for_an_hour() {
    let budget = Budget::new(&bybit::RULES, Shares::default());
    let clients = vec![
        client(Kill, CANCEL, 1_000, 2),
        client(Doubt, READ, 500, 2),
        client(Order, PLACE, 25, 1),
        client(Order, Call::Amend { instrument: 1, age_s: 1 }, 500, 10),
        client(Backfill, Call::ReadOpen, 1_000, 60),
        client(Market, Call::Book, 6, 1),
        client(Market, Call::Connect, 300, 1),
    ];
    let mut world = world(Bybit::default(), budget, clients, by(bybit::charge));
    world.told = |call, reply| {
        let (counts, limit) = match call {
            Call::Place { .. } => (Counted::Place, 20),
            Call::Amend { .. } => (Counted::Amend, 10),
            Call::Cancel { .. } => (Counted::Cancel, 20),
            Call::ReadOrder { .. } | Call::ReadOpen => (Counted::ReadOpen, 50),
            _ => return Vec::new(),
        };
        let used = reply.remaining.map(|left| limit - left);
        used.map(|used| Usage { counts, window_ms: 1_000, used }).into_iter().collect()
    };
    let tally = world.run(HOUR);
    let of = |call: Call| f64::from(tally.low(|c| c == call));
    let all = f64::from(tally.low(|call| call != Call::Connect));
    let used = [
        ("orders", of(PLACE), 20.0 * 3_600.0 * NOT_RESERVED),
        ("amends", of(Call::Amend { instrument: 1, age_s: 1 }), 10.0 * 3_600.0 * NOT_RESERVED),
        ("requests of the address", all, 120.0 * 3_600.0 * NOT_RESERVED),
    ];
    check("bybit", &tally, &used);
}

/// RL-03: somebody else at our address takes 70 % of the weight.
#[test]
fn a_noisy_neighbour_shrinks_our_part() {
    let mut world = binance_world(6_000);
    let per_tick = 6_000.0 * 0.7 / 600.0;
    world.meddle = Some(Box::new(move |now, venue: &mut Binance, _| {
        venue.neighbour(now - 120_000_000, per_tick as u32);
    }));
    let tally = world.run(HOUR);
    println!("neighbour: low weight {:.0} an hour of 36000 left", low_weight(&tally));
    assert_eq!((tally.throttled, tally.banned), (0, 0));
    assert_eq!(tally.kills_that_waited, Vec::<String>::new());
    assert!(tally.kills > 1_000);
    // Of the 10 % that neither he nor the reserve takes; doubts are paid from it, too.
    assert!(low_weight(&tally) > 10_000.0, "{tally:?}");
}

/// RL-05: the limit is halved, and only the metadata says so; it is read a few seconds later.
#[test]
fn a_limit_halved_mid_session_is_followed() {
    let mut world = binance_world(6_000);
    let halved_at = START + 1_800 * 1_000_000_000;
    world.meddle = Some(Box::new(move |now: Nanos, venue: &mut Binance, budget: &mut Budget| {
        if now >= halved_at {
            // Read at once by the next look at the metadata, before the new minute begins.
            let limit = Limit { counts: Counted::Weight, window_ms: 60_000, limit: 3_000 };
            budget.learn(&[limit]);
        }
        if now >= halved_at + 60_000_000_000 {
            venue.weight_limit = 3_000;
        }
    }));
    let tally = world.run(HOUR);
    assert_eq!((tally.throttled, tally.banned), (0, 0));
    // In the minute that had held more than the new limit, the venue would refuse everything.
    let waited = &tally.kills_that_waited;
    assert!(
        waited.len() <= 2
            && waited.iter().all(|w| w.contains("T12:15") || w.contains("T12:16:00Z")),
        "{waited:?}"
    );
    let percent = low_weight(&tally) / (4_500.0 * 60.0 * NOT_RESERVED) * 100.0;
    assert!(percent > USED_PERCENT_MIN, "{percent}");
}

/// Older documents say 1200 a minute: where the metadata says so, it is so.
#[test]
fn the_old_limit_of_1200_holds_where_metadata_says_so() {
    let mut world = binance_world(1_200);
    world.clients = vec![
        client(Kill, CANCEL, 1_000, 1),
        client(Order, PLACE, 200, 1),
        client(Market, Call::Book, 1_250, 1),
    ];
    let limit = Limit { counts: Counted::Weight, window_ms: 60_000, limit: 1_200 };
    world.budget.learn(&[limit]);
    let tally = world.run(HOUR);
    check("1200", &tally, &[("weight", low_weight(&tally), 1_200.0 * 60.0 * NOT_RESERVED)]);
}

/// RL-01: one call in a hundred is answered with "stop for 30 s": nobody sends before that.
#[test]
fn a_throttle_reply_is_obeyed_by_all() {
    let mut world = binance_world(6_000);
    world.refuse_one_in = 100;
    let tally = world.run(HOUR);
    assert!(tally.throttled > 50, "{tally:?}");
    assert_eq!((tally.sent_in_a_stop, tally.banned), (0, 0));
}

/// A ban outlives the process: what was written down holds the next one, too.
#[test]
fn a_ban_is_remembered_across_a_restart() {
    let now = Timestamp::from_nanos(START);
    let mut budget = Budget::new(&binance::RULES, Shares::default());
    budget.stop(now, None, Duration::from_secs(180));
    let text = serde_json::to_string(&budget).unwrap();
    let read: Budget = serde_json::from_str(&text).unwrap();
    let mut next = Budget::new(&binance::RULES, Shares::default()).restored(read);
    let charge = binance::charge(1, false, keys(0));
    let later = now.after(Duration::from_secs(170));
    match next.ask(later, Kill, &charge) {
        Answer::Wait { wait, .. } => assert_eq!(wait, Duration::from_secs(10)),
        Answer::Granted(_) => panic!("banned"),
    }
    let after = now.after(Duration::from_secs(180));
    assert!(matches!(next.ask(after, Kill, &charge), Answer::Granted(_)));
}
