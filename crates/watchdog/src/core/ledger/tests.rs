//! Profit, loss, and what is neither.

use super::*;
use crate::core::testing::instruments;

/// An account and the time, looked at each half second.
struct World {
    ledger: Ledger,
    ms: u64,
    day_ms: i64,
    /// The exchange has told its time.
    told: bool,
    /// `None`: the book has an empty side.
    price: Option<i64>,
    usdt: Amount,
    btc: Amount,
}

const START_MS: i64 = 1_767_225_600_000;

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

impl World {
    fn new() -> World {
        let mut world = World::empty(false);
        world.passes(2_000);
        world
    }

    /// Nothing has been looked at yet; the exchange lists all executions, or those of what is followed.
    fn empty(all_executions: bool) -> World {
        let marks = Marks::default();
        let ledger = Ledger::new("USDT".into(), instruments(), 500, all_executions, marks);
        let (usdt, btc) = (Amount::whole(10_000), Amount::whole(1));
        let price = Some(10_000);
        World { ledger, ms: 0, day_ms: START_MS, told: true, price, usdt, btc }
    }

    fn now(&self) -> Moment {
        let utc_ms = self.day_ms + i64::try_from(self.ms).unwrap();
        Moment { steady_ms: self.ms, utc_ms, utc_told: self.told }
    }

    fn passes(&mut self, ms: u64) {
        for _ in 0..ms / 500 {
            self.ms += 500;
            let one = self.price.map(|price| (Amount::whole(price), Amount::whole(1)));
            let tops = [Top { symbol: "BTCUSDT".into(), bid: one, ask: one }];
            self.ledger.prices(self.now(), &tops);
            let balance = |asset: &str, total| Balance { asset: asset.into(), free: total, total };
            // What is bought where nobody looks, of whatever it is.
            let other = balance("XYZ", Amount::whole(1_000_000));
            let balances = vec![balance("USDT", self.usdt), balance("BTC", self.btc), other];
            self.ledger.balances_told(self.now(), balances);
            if self.ledger.wants_fills(self.now()) {
                self.fills(&[]);
            }
        }
    }

    fn fills(&mut self, fills: &[Fill]) {
        self.ledger.fills(self.now(), self.ms, fills, Cursors::from([("x".into(), "1".into())]));
    }

    fn traded(&mut self, btc: &str, usdt: &str) -> Fill {
        let moved = [("BTC", amount(btc)), ("USDT", amount(usdt))];
        self.btc = self.btc.checked_add(moved[0].1).unwrap();
        self.usdt = self.usdt.checked_add(moved[1].1).unwrap();
        Fill { moved: moved.map(|(asset, by)| (asset.to_owned(), by)).into() }
    }

    fn high_water(&self) -> String {
        self.ledger.marks().high_water.unwrap().to_string()
    }
}

#[test]
fn a_fall_that_holds_for_a_second_counts_and_a_wick_does_not() {
    let mut world = World::new();
    assert_eq!(world.high_water(), "20000");
    // Up and down for less than a second: neither moves a mark.
    for wick in [1, 90_000] {
        world.price = Some(wick);
        world.passes(500);
        assert_eq!((world.ledger.drawdown(1_000), world.high_water()), (None, "20000".into()));
        world.price = Some(10_000);
        world.passes(2_000);
        assert_eq!((world.ledger.drawdown(1_000), world.high_water()), (None, "20000".into()));
    }
    world.price = Some(8_000);
    world.passes(1_000);
    assert_eq!(world.ledger.drawdown(1_000), None);
    world.passes(500);
    assert_eq!(world.ledger.drawdown(1_000), None, "ten percent are allowed");
    world.price = Some(7_999);
    world.passes(1_500);
    let fall = world.ledger.drawdown(1_000).unwrap();
    assert_eq!((fall.from.to_string(), fall.to.to_string()), ("20000".into(), "17999".into()));
    assert_eq!(fall.floor.to_string(), "18000");
}

#[test]
fn money_that_comes_moves_the_marks() {
    let mut world = World::new();
    world.btc = amount("2");
    world.passes(3_000);
    assert_eq!((world.ledger.drawdown(1), world.high_water()), (None, "30000".into()));
    assert_eq!(world.ledger.marks().day_open, Some(amount("30000")));
    assert_eq!(world.ledger.news(), ["BTC 1 came, worth 10000: no profit"]);
    // What came is lost like anything else.
    world.price = Some(8_000);
    world.passes(2_000);
    assert_eq!(world.ledger.drawdown(1_000).unwrap().to.to_string(), "26000");
}

/// An exchange that lists the executions of every instrument proves what was not traded.
#[test]
fn money_that_goes_moves_the_marks_where_all_executions_are_known() {
    let mut world = World::empty(true);
    world.passes(2_000);
    world.usdt = amount("3000");
    world.passes(500);
    assert_eq!(world.ledger.drawdown(1_000), None, "not even while it is not explained");
    assert_eq!(world.ledger.wants_transfers(), None, "there is nothing to ask for");
    world.passes(3_000);
    assert_eq!((world.ledger.drawdown(1), world.high_water()), (None, "13000".into()));
    assert_eq!(world.ledger.marks().day_open, Some(amount("13000")));
    assert_eq!(world.ledger.unexplained(0), None);
    assert_eq!(world.ledger.news(), ["USDT -7000: -7000 of it is a transfer, and no loss"]);
}

/// A thief trades into a coin that nobody follows: it looks as if the money had gone, and it has.
#[test]
fn what_was_traded_away_where_nobody_looks_is_a_loss() {
    let mut world = World::new();
    world.usdt = amount("9800");
    world.passes(14_500);
    assert_eq!(world.ledger.unexplained(0), None, "it may still be explained");
    world.passes(2_500);
    let (gone, allowed, what) = world.ledger.unexplained(10).unwrap();
    assert_eq!((gone, allowed, what), (amount("200"), amount("20"), "USDT -200"));
    assert_eq!((world.high_water(), world.ledger.unexplained(100)), ("20000".into(), None));
    let marks = world.ledger.marks();
    assert_eq!(marks.day_open, Some(amount("20000")), "no mark has moved");
    let news = world.ledger.news();
    assert_eq!(news, ["USDT -200: nothing explains -200 of it, a loss"]);
    // The rest of it: the fall shows against the mark as any other.
    world.usdt = Amount::ZERO;
    world.passes(18_000);
    assert_eq!(world.ledger.drawdown(1_000).unwrap().to.to_string(), "10000");
    assert_eq!(world.ledger.unexplained(10).unwrap().0, amount("10000"), "all of it counts");
    world.ledger.accept_unexplained();
    assert_eq!(world.ledger.unexplained(0), None);
}

/// What is allowed without a word is allowed once a day, not once each time.
#[test]
fn many_small_ones_add_up_within_a_day() {
    let mut world = World::new();
    for usdt in ["9990", "9980", "9970"] {
        world.usdt = amount(usdt);
        world.passes(17_000);
    }
    assert_eq!(world.ledger.unexplained(10).unwrap().0, amount("30"));
    world.day_ms += DAY_MS;
    world.passes(2_000);
    assert_eq!(world.ledger.unexplained(0), None);
}

/// Whoever takes a little every few seconds is not waited for again each time.
#[test]
fn a_difference_that_changes_all_the_time_is_a_loss_as_well() {
    let mut world = World::new();
    for step in 0_i64..25 {
        world.usdt = Amount::whole(9_800 - 200 * step);
        world.passes(1_000);
    }
    assert!(world.ledger.drawdown(1_000).is_some());
    assert_eq!(world.high_water(), "20000");
}

#[test]
fn what_a_person_has_announced_is_no_loss_and_no_more_than_that() {
    let mut world = World::new();
    let now = world.now();
    assert!(world.ledger.announce(now, "USDT".into(), amount("7000")));
    world.usdt = amount("3000");
    world.passes(3_000);
    assert_eq!((world.ledger.drawdown(1), world.high_water()), (None, "13000".into()));
    assert!(world.ledger.marks().expected.is_empty(), "it is used up");
    // A part of the next one is announced.
    let now = world.now();
    world.ledger.announce(now, "USDT".into(), amount("500"));
    world.usdt = amount("2000");
    world.passes(17_000);
    assert_eq!(world.high_water(), "12500");
    assert_eq!(world.ledger.unexplained(10).unwrap().0, amount("500"));
    // An announcement of something else explains nothing.
    let now = world.now();
    world.ledger.announce(now, "BTC".into(), amount("1"));
    world.usdt = amount("1000");
    world.passes(17_000);
    assert_eq!(world.ledger.unexplained(10).unwrap().0, amount("1500"));
}

#[test]
fn what_the_exchanges_history_shows_is_no_loss_and_old_history_explains_nothing() {
    let mut world = World::new();
    let began = world.ledger.marks().settled_ms;
    assert_eq!(world.ledger.wants_transfers(), None);
    world.usdt = amount("3000");
    world.passes(2_000);
    assert_eq!(world.ledger.wants_transfers(), Some(began));
    let shown = |id: &str, at_ms| Transfer {
        id: id.into(),
        asset: "USDT".into(),
        amount: amount("7000"),
        at_ms,
    };
    let before = shown("before", began - 1);
    world.ledger.transfers(world.now(), vec![before.clone()]);
    world.passes(2_000);
    assert_eq!((world.ledger.is_pending(), world.high_water()), (true, "20000".into()));
    let now = world.now();
    let told = vec![before, shown("now", now.utc_ms)];
    world.ledger.transfers(now, told.clone());
    assert_eq!((world.ledger.drawdown(1), world.high_water()), (None, "13000".into()));
    // The same history, and somebody takes as much again.
    world.btc = amount("2");
    world.passes(3_000);
    world.usdt = amount("-4000");
    world.passes(2_000);
    world.ledger.transfers(world.now(), told);
    world.passes(17_000);
    assert_eq!(world.ledger.unexplained(10).unwrap().0, amount("7000"));
}

/// Dust that nobody trades: worth nothing, and no profit once somebody does.
#[test]
fn what_never_had_a_price_is_worth_nothing() {
    let mut world = World::empty(false);
    world.price = None;
    world.passes(3_000);
    assert_eq!(world.ledger.equity(), Some(amount("10000")));
    world.usdt = amount("9500");
    world.passes(17_000);
    assert!(world.ledger.drawdown(400).is_some());
    world.price = Some(10_000);
    world.passes(3_000);
    assert_eq!(world.ledger.equity(), Some(amount("19500")));
    let fall = world.ledger.drawdown(200).unwrap();
    assert_eq!((fall.from, fall.to), (amount("20000"), amount("19500")), "it makes up for nothing");
}

#[test]
fn what_had_a_price_keeps_it_for_a_while_and_is_unknown_then() {
    let mut world = World::new();
    world.price = None;
    world.passes(9_500);
    assert_eq!(world.ledger.equity(), Some(amount("20000")));
    world.passes(1_000);
    assert_eq!(world.ledger.equity(), None, "nobody knows");
    // It is not known after a restart either, and neither what comes nor what goes is booked meanwhile.
    let marks = world.ledger.marks().clone();
    world.ledger = Ledger::new("USDT".into(), instruments(), 500, false, marks);
    world.btc = amount("3");
    world.passes(20_000);
    assert_eq!((world.ledger.equity(), world.ledger.is_pending()), (None, true));
    world.price = Some(10_000);
    world.passes(3_000);
    assert_eq!(
        (world.ledger.equity(), world.high_water()),
        (Some(amount("40000")), "40000".into())
    );
}

/// Marks that were kept by the version before had a price for everything.
#[test]
fn marks_of_the_form_before_are_read_on() {
    let world = World::new();
    let Marks { high_water, day, day_open, anchor, cursors, .. } = world.ledger.marks().clone();
    let old = Marks { v: 1, high_water, day, day_open, anchor, cursors, ..Marks::default() };
    let mut world = World::empty(false);
    world.ledger = Ledger::new("USDT".into(), instruments(), 500, false, old);
    world.passes(3_000);
    assert_eq!((world.high_water(), world.ledger.drawdown(1)), ("20000".into(), None));
    assert_eq!(world.ledger.marks().v, super::super::marks::FORM);
}

/// I27: the host's clock is set forward before the exchange has told its own.
#[test]
fn no_day_begins_by_the_hosts_clock() {
    let mut world = World::new();
    world.price = Some(9_500);
    world.passes(2_000);
    (world.told, world.day_ms) = (false, world.day_ms + DAY_MS);
    world.passes(2_000);
    assert!(world.ledger.day_loss(200).is_some());
    world.told = true;
    world.passes(2_000);
    assert!(world.ledger.day_loss(200).is_none());
}

#[test]
fn executions_explain_what_moved_whoever_tells_first() {
    let mut world = World::new();
    let fill = world.traded("0.5", "-5000");
    world.passes(500);
    world.fills(&[fill]);
    world.passes(5_000);
    assert_eq!((world.ledger.drawdown(1), world.high_water()), (None, "20000".into()));
    // The execution is told, the balances are late.
    let (usdt, btc) = (world.usdt, world.btc);
    let fill = world.traded("-0.5", "4000");
    let after = (world.usdt, world.btc);
    (world.usdt, world.btc) = (usdt, btc);
    world.fills(&[fill]);
    world.passes(500);
    (world.usdt, world.btc) = after;
    world.passes(5_000);
    assert!(world.ledger.marks().transferred.is_empty());
    // A thousand was lost by trading, and that is a loss.
    assert_eq!(world.ledger.drawdown(400).unwrap().to.to_string(), "19000");
}

/// A reading that was under way when a balance moved may not have what moved it.
#[test]
fn a_reading_that_began_before_explains_nothing() {
    let mut world = World::empty(true);
    world.passes(2_000);
    world.btc = amount("2");
    for began_ms in [0, 2_000, 3_999] {
        world.ms += 1_000;
        let balance = |asset: &str, total| Balance { asset: asset.into(), free: total, total };
        let balances = vec![balance("USDT", world.usdt), balance("BTC", world.btc)];
        world.ledger.balances_told(world.now(), balances);
        assert_eq!(world.ledger.wants_fills(world.now()), world.ms > 3_000, "a second later");
        world.ledger.fills(world.now(), began_ms, &[], Cursors::default());
        assert_eq!((world.ledger.is_pending(), world.high_water()), (true, "20000".into()));
    }
    world.ledger.fills(world.now(), 4_000, &[], Cursors::default());
    assert_eq!((world.ledger.is_pending(), world.high_water()), (false, "30000".into()));
}

/// With many instruments it takes long until executions are read; only then the history is asked, and has its time.
#[test]
fn the_history_is_asked_before_anything_is_a_loss() {
    let mut world = World::new();
    world.usdt = amount("3000");
    let balance = |asset: &str, total| Balance { asset: asset.into(), free: total, total };
    let balances = |world: &World| vec![balance("USDT", world.usdt), balance("BTC", world.btc)];
    world.ledger.balances_told(world.now(), balances(&world));
    world.ms += 60_000;
    assert_eq!(world.ledger.wants_transfers(), None);
    world.fills(&[]);
    assert!(world.ledger.wants_transfers().is_some() && world.ledger.unexplained(0).is_none());
    let (id, asset, amount) = ("a".to_owned(), "USDT".to_owned(), amount("7000"));
    let told = vec![Transfer { id, asset, amount, at_ms: world.now().utc_ms }];
    world.ledger.transfers(world.now(), told);
    assert_eq!((world.ledger.is_pending(), world.high_water()), (false, "13000".into()));
}

/// A trade on an instrument that is not followed goes out of one asset and into another.
#[test]
fn what_goes_both_ways_is_no_transfer() {
    let mut world = World::new();
    (world.btc, world.usdt) = (Amount::ZERO, amount("12000"));
    world.passes(5_000);
    assert_eq!(world.high_water(), "20000");
    assert_eq!(world.ledger.drawdown(1_000).unwrap().to.to_string(), "12000");
}

/// Executions that cannot be read explain nothing: after a while a difference is a loss.
#[test]
fn in_doubt_it_is_a_loss() {
    let mut world = World::new();
    world.usdt = Amount::ZERO;
    for step in 0..40 {
        world.ms += 500;
        let total = world.btc;
        let balance = Balance { asset: "BTC".into(), free: total, total };
        world.ledger.balances_told(world.now(), vec![balance]);
        let lost = world.ledger.drawdown(1_000).is_some();
        assert!(!lost || step >= 30, "{step}");
    }
    assert!(world.ledger.drawdown(1_000).is_some());
}

#[test]
fn a_new_day_begins_once_and_a_drawdown_goes_on() {
    let mut world = World::new();
    world.price = Some(9_500);
    world.passes(2_000);
    assert!(world.ledger.day_loss(200).is_some() && world.ledger.drawdown(200).is_some());
    world.day_ms += DAY_MS;
    world.passes(2_000);
    assert_eq!(world.ledger.marks().day_open, Some(amount("19500")));
    assert!(world.ledger.day_loss(200).is_none() && world.ledger.drawdown(200).is_some());
    // A clock that goes back gives no second beginning.
    world.day_ms -= DAY_MS;
    world.price = Some(9_000);
    world.passes(2_000);
    assert_eq!(world.ledger.marks().day_open, Some(amount("19500")));
}

#[test]
fn marks_survive_a_restart() {
    let mut world = World::new();
    world.price = Some(8_500);
    world.passes(2_000);
    let marks = world.ledger.marks().clone();
    world.ledger = Ledger::new("USDT".into(), instruments(), 500, false, marks);
    // Money went while nobody looked, and its owner says so.
    let now = world.now();
    world.ledger.announce(now, "USDT".into(), amount("1000"));
    world.usdt = amount("9000");
    world.passes(5_000);
    assert_eq!(world.high_water(), "19000");
    assert_eq!(world.ledger.drawdown(700).unwrap().to.to_string(), "17500");
}

#[test]
fn prices_by_way_of_another_asset() {
    let mut instruments = instruments();
    instruments[1].quote = "BTC".into();
    instruments[1].symbol = "ETHBTC".into();
    let mut ledger = Ledger::new("USDT".into(), instruments, 500, false, Marks::default());
    let top = |symbol: &str, price: &str| {
        let side = Some((amount(price), Amount::whole(1)));
        Top { symbol: symbol.into(), bid: side, ask: side }
    };
    ledger.prices(Moment::default(), &[top("BTCUSDT", "60000"), top("ETHBTC", "0.05")]);
    assert_eq!(ledger.price("ETH"), Some(amount("3000")));
    assert_eq!(ledger.price("USDT"), Some(amount("1")));
    let later = Moment { steady_ms: PRICE_MAX_MS, ..Moment::default() };
    ledger.prices(later, &[top("ETHBTC", "0.05")]);
    assert_eq!(ledger.price("ETH"), None);
}
