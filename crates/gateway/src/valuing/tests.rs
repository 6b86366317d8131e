//! What the account is worth, and the breakers of losses: EXS-05, ACC-04, AGT-09, CLK-04. The account has
//! 10 BTC and 1000 USDT, and BTC costs 100: 2000 USDT.

use model::market::{BookUpdate, GridQty, LevelUpdate, PublicTrade};
use model::venue::AccountEvent;
use model::{BreakerEvent, Command, Fee, Input, InstrumentId, Side, TradingState};
use proptest::prelude::*;

use super::*;
use crate::breakers::BreakerLimits;
use crate::foreign_orders::ForeignOrders;
use crate::testing::{TELLS_ALL, Venue, World, ether, id, instrument, limits, number, spec};

/// Only these breakers are as they are by default.
fn world(breakers: BreakerLimits) -> World {
    let balances = [("USDT", "1000"), ("BTC", "10")];
    let balances = balances.map(|(asset, amount)| (number(asset), number(amount))).into();
    let mut limits = limits();
    limits.breakers = breakers;
    limits.reference_age_max_ms = 3_600_000;
    let venue = Venue { balances, ..Venue::default() };
    World::with(TELLS_ALL, vec![instrument()], ForeignOrders::Adopt, limits, venue)
}

fn drawdown() -> BreakerLimits {
    BreakerLimits { drawdown_bps: 1_000, ..BreakerLimits::wide() }
}

/// A book around this middle, in hundredths; two of them a second apart make it count.
fn middle(world: &mut World, ticks: i64) {
    sides(world, id(), ((ticks - 1).max(1), ticks + 1));
}

/// A book of one bid and one ask.
fn sides(world: &mut World, instrument: InstrumentId, (bid, ask): (i64, i64)) {
    let level = |side, price| LevelUpdate { side, price: GridPrice(price), qty: GridQty(1) };
    let levels = vec![level(Side::Buy, bid), level(Side::Sell, ask)];
    let kind = MarketKind::Book(BookUpdate { snapshot: true, levels });
    let venue_time = world.now;
    world.apply(&Input::Market(MarketEvent { instrument, venue_time, kind }));
}

fn print(world: &mut World, ticks: i64) {
    let (price, qty) = (GridPrice(ticks), GridQty(1));
    let trade = PublicTrade { id: 1, price, qty, taker_side: Side::Sell, time: world.now };
    let kind = MarketKind::Trade(trade);
    let venue_time = world.now;
    world.apply(&Input::Market(MarketEvent { instrument: id(), venue_time, kind }));
}

fn after(world: &mut World, ms: u64) {
    world.now = world.now.after(Duration::from_millis(ms));
}

/// The market is there for so long, as it trades.
fn stays(world: &mut World, ticks: i64, ms: u64) {
    for _ in 0..ms.div_ceil(100) {
        after(world, 100);
        print(world, ticks);
        middle(world, ticks);
    }
}

fn settled_in(breakers: BreakerLimits) -> World {
    let mut world = world(breakers);
    stays(&mut world, 10_000, 1_500);
    world
}

fn settled(breakers: BreakerLimits) -> World {
    let world = settled_in(breakers);
    assert_eq!(world.gateway.equity(), Some(number("2000")));
    world
}

fn is_halted(world: &World) -> bool {
    world.gateway.state().0 == TradingState::Halted
}

/// An order that executes at once, at this price.
fn executes(world: &mut World, side: Side, qty: &str, price: &str) {
    let order = world.place(spec(side, qty, price)).expect("let through");
    world.answer_all();
    let event = world.venue.fill(world.now, &order, qty).unwrap();
    world.report(event);
    world.answer_all();
}

fn transfer(world: &mut World, asset: &str, amount: &str) {
    world.venue.transfer(asset, amount);
    let (asset, amount, time) = (number(asset), number(amount), world.now);
    world.report(AccountEvent::Transfer { asset, amount, time });
}

/// EXS-05: the book and two prints are gone by 99.9 % for less than a second. Shaped like ATOM in 2025: down
/// in 8 ms, and back.
#[test]
fn a_wick_of_less_than_a_second_latches_nothing() {
    for ms in [8, 100, 500, 900, 999] {
        for depth in [9_000, 5_000, 1_000, 10] {
            let mut world = settled(BreakerLimits::default());
            after(&mut world, 100);
            let end = world.now.after(Duration::from_millis(ms));
            print(&mut world, depth);
            print(&mut world, depth);
            while world.now < end {
                middle(&mut world, depth);
                after(&mut world, 5);
            }
            stays(&mut world, 10_000, 3_000);
            assert!(!is_halted(&world), "{ms} ms at {depth}: {:?}", world.gateway.state());
            assert_eq!(world.gateway.equity(), Some(number("2000")));
        }
    }
}

/// EXS-05: prints alone, or a book without a trade near it, move nothing for seconds.
#[test]
fn prints_and_empty_books_move_nothing() {
    let mut world = settled(BreakerLimits::default());
    for _ in 0..80 {
        after(&mut world, 100);
        print(&mut world, 10);
        middle(&mut world, 10_000);
    }
    assert_eq!(world.gateway.equity(), Some(number("2000")));
    for _ in 0..90 {
        after(&mut world, 100);
        middle(&mut world, 10);
    }
    assert_eq!(world.gateway.equity(), Some(number("2000")));
    assert!(!is_halted(&world));
}

/// EXS-05: ten percent of the price in a minute are five percent of the account: the velocity of 1 % trips.
/// With that wide, a fall by 20 % trips the drawdown of 10 % within two seconds.
#[test]
fn a_real_fall_halts_within_two_seconds() {
    let mut world = settled(BreakerLimits::default());
    let mut fell = 10_000;
    for _ in 0..60 {
        fell -= 17;
        stays(&mut world, fell, 1_000);
        if is_halted(&world) {
            break;
        }
    }
    assert!(is_halted(&world));
    // 1 % of 2000 are 20, which is 200 ticks of 10 BTC.
    assert!((9_700..=9_800).contains(&fell), "{fell}");
    let mut world = settled(drawdown());
    for step in 1..=20 {
        stays(&mut world, 10_000 - step * 100, 2_000);
        assert_eq!(is_halted(&world), step == 20, "{step}");
    }
}

/// What is executed is lost at once: no second look is waited for.
#[test]
fn what_is_executed_counts_at_once() {
    let breakers = BreakerLimits { loss_velocity_bps: 50, ..BreakerLimits::wide() };
    let mut world = settled(breakers);
    // Two at 105 when it is worth 100: 10 of 2000.
    executes(&mut world, Side::Buy, "2", "105");
    assert_eq!(world.gateway.equity(), Some(number("1990")));
    assert!(is_halted(&world));
    let trips = |r: &Record| matches!(r, Record::Breaker { event: BreakerEvent::Tripped, .. });
    assert_eq!(world.count(trips), 1);
    assert_eq!(
        world.count(|r| matches!(r, Record::Trading { state: TradingState::Halted, .. })),
        1
    );
}

/// AGT-09: round trips that only pay fees.
#[test]
fn fees_alone_trip_the_day_loss() {
    let mut world = settled(BreakerLimits { day_loss_bps: 300, ..BreakerLimits::wide() });
    world.venue.fee = Some(Fee { asset: number("USDT"), amount: number("5") });
    let mut trips = 0;
    while !is_halted(&world) {
        executes(&mut world, Side::Buy, "1", "100");
        if !is_halted(&world) {
            executes(&mut world, Side::Sell, "1", "100");
        }
        trips += 1;
        assert!(trips < 20, "{:?}", world.gateway.equity());
    }
    // 3 % of 2000 are 60: six round trips of 10.
    assert_eq!((trips, world.gateway.equity()), (6, Some(number("1940"))));
}

/// ACC-04: money comes and goes, told or found and accepted, and no breaker takes it for a loss.
#[test]
fn deposits_and_withdrawals_are_no_profit_and_no_loss() {
    let mut world = settled(BreakerLimits::default());
    transfer(&mut world, "USDT", "-900");
    stays(&mut world, 10_000, 500);
    let mark = world.gateway.equity_mark().unwrap();
    assert_eq!(
        (mark.equity, mark.high, mark.day_start),
        (number("1100"), number("1100"), number("1100"))
    );
    transfer(&mut world, "BTC", "5");
    stays(&mut world, 10_000, 500);
    assert_eq!(world.gateway.equity_mark().unwrap().high, number("1600"));
    // Nobody tells of this one; a person accepts it.
    world.venue.transfer("USDT", "-50");
    for _ in 0..3 {
        world.apply(&Input::Operator(Command::Reconcile));
        world.answer_all();
        stays(&mut world, 10_000, 40_000);
    }
    world.apply(&Input::Operator(Command::AcceptDifferences));
    world.answer_all();
    stays(&mut world, 10_000, 500);
    let mark = world.gateway.equity_mark().unwrap();
    assert_eq!((mark.equity, mark.high), (number("1550"), number("1550")));
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    let records = |r: &Record| matches!(r, Record::Breaker { .. });
    assert_eq!(world.count(records), 0, "not even a warning");
}

/// What was lost stays the part that it was, and so does the room to the next limit.
#[test]
fn who_has_lost_and_withdraws_has_still_lost() {
    let mut world = settled(drawdown());
    stays(&mut world, 9_200, 2_000);
    let lost = |world: &World| {
        let shown = world.gateway.breakers(world.now);
        shown[0].value.unwrap().round_to(6, Rounding::Down).unwrap()
    };
    assert_eq!((world.gateway.equity(), lost(&world)), (Some(number("1920")), number("4")));
    transfer(&mut world, "BTC", "-9");
    stays(&mut world, 9_200, 500);
    assert_eq!((world.gateway.equity(), lost(&world)), (Some(number("1092")), number("4")));
    transfer(&mut world, "USDT", "-1000");
    transfer(&mut world, "BTC", "-1");
    stays(&mut world, 9_200, 500);
    assert_eq!(world.gateway.equity(), Some(Amount::ZERO));
    assert!(!is_halted(&world), "an account that was emptied has lost nothing");
    transfer(&mut world, "USDT", "500");
    stays(&mut world, 9_200, 500);
    assert_eq!((world.gateway.equity(), lost(&world)), (Some(number("500")), number("4")));
}

#[test]
fn a_restart_keeps_what_losses_are_measured_by() {
    let mut world = settled(drawdown());
    stays(&mut world, 11_000, 3_000);
    stays(&mut world, 10_300, 61_000);
    let before = world.gateway.equity_mark().unwrap();
    assert_eq!((before.equity, before.high), (number("2030"), number("2100")));
    // Written down, and the power goes before anybody has looked at what it is worth.
    world.restart();
    world.connect();
    transfer(&mut world, "USDT", "-500");
    world.restart();
    world.connect();
    stays(&mut world, 10_300, 1_500);
    let after = world.gateway.equity_mark().unwrap();
    let high = after.high.get().round_to(4, Rounding::Down);
    assert_eq!((after.equity, high), (number("1530"), Some(number("1582.7586"))));
    assert_eq!(after.day, before.day);
    stays(&mut world, 9_500, 2_000);
    assert!(!is_halted(&world), "8.4 % are lost: {:?}", world.gateway.state());
    stays(&mut world, 9_200, 2_000);
    assert!(is_halted(&world), "10.3 % are lost");
}

/// CLK-04: the day's loss is at 99 % of its limit at midnight; it begins anew, the drawdown does not, and a
/// clock that is set back gives no second day.
#[test]
fn a_day_begins_by_the_venue_s_clock_and_once() {
    let breakers = BreakerLimits { day_loss_bps: 300, drawdown_bps: 500, ..BreakerLimits::wide() };
    let mut world = world(breakers);
    let hours = 3_600_000;
    // The world begins at 00:16:40; by the venue's clock it is 23:59:50 of that day.
    let ahead_ms = 23 * hours + 59 * 60_000 + 50_000 - 1_000_000 - 3_000;
    world.apply(&Input::Clock { ahead_ms });
    world.apply(&Input::Clock { ahead_ms });
    stays(&mut world, 10_000, 1_500);
    let lost = |world: &World, at: usize| world.gateway.breakers(world.now)[at].value.unwrap();
    stays(&mut world, 9_406, 2_000);
    assert_eq!((lost(&world, 1), lost(&world, 0)), (number("2.97"), number("2.97")));
    let day = world.gateway.equity_mark().unwrap().day;
    stays(&mut world, 9_406, 12_000);
    assert_eq!(world.gateway.equity_mark().unwrap().day, day + 1);
    assert_eq!((lost(&world, 1), lost(&world, 0)), (Decimal::ZERO, number("2.97")));
    // Back by a day, and forth again.
    for ahead_ms in [ahead_ms - 24 * hours, ahead_ms] {
        stays(&mut world, 9_200, 2_000);
        world.apply(&Input::Clock { ahead_ms });
        world.apply(&Input::Clock { ahead_ms });
        stays(&mut world, 9_200, 2_000);
        assert_eq!(world.gateway.equity_mark().unwrap().day, day + 1);
    }
    assert!(lost(&world, 1) > Decimal::ONE, "{}", lost(&world, 1));
    assert!(!is_halted(&world));
}

#[test]
fn the_room_is_known_from_the_first_price_on() {
    let mut world = world(BreakerLimits::default());
    assert_eq!(world.gateway.loss_headroom(), Some(number("60")), "3 % of what is there");
    stays(&mut world, 10_000, 1_500);
    stays(&mut world, 9_950, 1_500);
    assert_eq!(world.gateway.loss_headroom(), Some(number("55")));
    world.gateway.equity.now = None;
    assert_eq!(world.gateway.loss_headroom(), None);
}

/// What was lost before a restart is not there to be lost again, not even before prices were seen for a second.
#[test]
fn the_room_survives_a_restart() {
    let mut world = settled(BreakerLimits::default());
    world.restart();
    world.link(model::Link::Market, true);
    world.link(model::Link::Account, true);
    world.answer_all();
    middle(&mut world, 9_900);
    assert_eq!(world.gateway.equity(), Some(number("1990")));
    assert_eq!(world.gateway.loss_headroom(), Some(number("50")), "3 % of 2000 less what is lost");
}

/// Limits of losses are counted in one asset, and an order may be paid in another.
#[test]
fn the_room_of_an_order_is_in_what_it_is_paid_in() {
    let bitcoin = number("BTC");
    let world = settled_in(BreakerLimits { valuation: Some(bitcoin), ..BreakerLimits::default() });
    assert_eq!(world.gateway.loss_headroom(), Some(number("0.6")), "3 % of 20 BTC");
    let room = |asset: &str| world.gateway.headroom_for(id(), Side::Buy, Some(number(asset)));
    assert_eq!(room("BTC"), Headroom::Left(number("0.6")));
    assert_eq!(room("USDT"), Headroom::Left(number("60")));
    assert_eq!(world.gateway.headroom_for(id(), Side::Buy, None), Headroom::Unknown);
}

/// A holding that nothing values is said once and counts for nothing.
#[test]
fn what_cannot_be_valued_is_left_out() {
    let mut world = settled(BreakerLimits::default());
    let alerts = |world: &World| {
        world.notices.iter().filter(|n| matches!(n, model::Notice::Alert(_))).count()
    };
    let before = alerts(&world);
    transfer(&mut world, "DOGE", "1000");
    stays(&mut world, 10_000, 500);
    transfer(&mut world, "DOGE", "1000");
    stays(&mut world, 10_000, 500);
    assert_eq!((world.gateway.equity(), alerts(&world)), (Some(number("2000")), before + 1));
}

/// The same account, with some ETH, which is followed and whose market is dead.
fn with_ether(qty: &str, breakers: BreakerLimits) -> World {
    let balances = [("USDT", "1000"), ("BTC", "10"), ("ETH", qty)];
    let balances = balances.map(|(asset, amount)| (number(asset), number(amount))).into();
    let mut limits = limits();
    limits.breakers = breakers;
    limits.reference_age_max_ms = 3_600_000;
    let venue = Venue { balances, ..Venue::default() };
    let instruments = vec![instrument(), ether()];
    let mut world = World::with(TELLS_ALL, instruments, ForeignOrders::Adopt, limits, venue);
    stays(&mut world, 10_000, 1_500);
    world
}

fn said(world: &World, text: &str) -> usize {
    let is = |notice: &&model::Notice| matches!(notice, model::Notice::Alert(alert) if alert.text.contains(text));
    world.notices.iter().filter(is).count()
}

/// ETH, for a second and a half.
fn ether_is(world: &mut World, ticks: i64) {
    for _ in 0..15 {
        after(world, 100);
        sides(world, ether().id, (ticks - 1, ticks + 1));
        middle(world, 10_000);
    }
}

/// Less than a lot that never had a price does not keep the rest from being known, and is never a gain.
#[test]
fn dust_that_never_had_a_price_is_left_out() {
    let mut world = with_ether("0.0009", BreakerLimits::default());
    assert_eq!(world.gateway.equity(), Some(number("2000")));
    stays(&mut world, 10_000, 15_000);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    assert_eq!(said(&world, "of ETH is left out of equity: it never had a price"), 1);
    // Half a percent is lost, and what comes in then makes that no less.
    stays(&mut world, 9_900, 3_000);
    assert_eq!(world.gateway.equity(), Some(number("1990")));
    stays(&mut world, 10_000, 3_000);
    ether_is(&mut world, 100_000_000);
    let mark = world.gateway.equity_mark().unwrap();
    assert_eq!((mark.equity, mark.high), (number("2900"), number("2900")), "worth a million each");
    assert_eq!(mark.day_start, number("2900"));
    assert!(mark.assets.contains(&number("ETH")));
    // What had a price needs one: after a restart it is not dust any more.
    world.restart();
    world.connect();
    stays(&mut world, 10_000, 1_500);
    assert_eq!(world.gateway.equity(), None);
    ether_is(&mut world, 100_000_000);
    assert_eq!(world.gateway.equity_mark().unwrap().high, number("2900"));
}

/// What is lost before dust gets a price stays the part that it was, also over a restart without one.
#[test]
fn dust_hides_no_loss() {
    let mut world = with_ether("0.0009", drawdown());
    stays(&mut world, 9_200, 2_000);
    let lost = |world: &World| {
        let shown = world.gateway.breakers(world.now);
        shown[0].value.unwrap().round_to(6, Rounding::Down).unwrap()
    };
    assert_eq!(lost(&world), number("4"));
    world.restart();
    world.connect();
    stays(&mut world, 9_200, 1_500);
    assert_eq!((world.gateway.equity(), lost(&world)), (Some(number("1920")), number("4")));
    for _ in 0..15 {
        after(&mut world, 100);
        sides(&mut world, ether().id, (9_999, 10_001));
        middle(&mut world, 9_200);
    }
    assert_eq!((world.gateway.equity(), lost(&world)), (Some(number("1920.09")), number("4")));
}

/// What can be sold, or is owed, is no dust; and dust that grows is none any more.
#[test]
fn what_can_be_sold_needs_a_price() {
    for qty in ["0.001", "-0.0009"] {
        let mut world = with_ether(qty, BreakerLimits::default());
        stays(&mut world, 10_000, 11_000);
        assert_eq!(world.gateway.equity(), None, "{qty}");
        assert_eq!(world.gateway.state().0, TradingState::Reducing, "{qty}");
    }
    let mut world = with_ether("0.0009", BreakerLimits::default());
    transfer(&mut world, "ETH", "0.0001");
    stays(&mut world, 10_000, 500);
    assert_eq!(world.gateway.equity(), None);
    ether_is(&mut world, 1_000_000);
    let mark = world.gateway.equity_mark().unwrap();
    assert_eq!((mark.equity, mark.high), (number("2010"), number("2010")), "paid in, both parts");
}

/// A book that is two percent wide is followed as it falls, and halts like any other.
#[test]
fn a_wide_book_that_falls_halts() {
    let mut world = settled(drawdown());
    let mut fell = 10_000;
    while !is_halted(&world) && fell > 7_000 {
        fell -= 20;
        after(&mut world, 100);
        print(&mut world, fell + 90);
        sides(&mut world, id(), (fell - 100, fell + 100));
    }
    // 10 % of 2000 are lost at 80; its upper side is a hundred above, and the price has to last.
    assert!((7_600..=7_900).contains(&fell), "{fell}");
}

fn reload(world: &mut World, breakers: BreakerLimits) {
    let limits = crate::limits::Limits { breakers, ..world.gateway.limits_in_force().0.clone() };
    let limits = serde_json::to_string(&limits).unwrap();
    world.apply(&Input::Operator(Command::SetLimits { limits }));
    world.answer_all();
}

/// A longer time to look back over holds at once, and so does a shorter one.
#[test]
fn a_time_to_look_back_that_is_changed_holds_at_once() {
    let velocity = |window_ms| BreakerLimits {
        loss_velocity_bps: 100,
        loss_velocity_window_ms: window_ms,
        ..BreakerLimits::wide()
    };
    for (first, second, halts) in [(5_000, 60_000, true), (60_000, 5_000, false)] {
        let mut world = settled(velocity(first));
        reload(&mut world, velocity(second));
        // 1.2 % in twelve seconds.
        for step in 1..=12 {
            stays(&mut world, 10_000 - 20 * step, 1_000);
        }
        assert_eq!(is_halted(&world), halts, "{first} {second}");
    }
}

/// Another asset to count in holds at once, and what is lost stays lost.
#[test]
fn another_valuation_holds_at_once() {
    let in_bitcoin = || BreakerLimits { valuation: Some(number("BTC")), ..drawdown() };
    let mut world = settled(drawdown());
    stays(&mut world, 9_200, 2_000);
    assert_eq!(world.gateway.equity(), Some(number("1920")));
    reload(&mut world, in_bitcoin());
    let lost = |world: &World| {
        let shown = world.gateway.breakers(world.now);
        shown[0].value.unwrap().round_to(4, Rounding::Down).unwrap()
    };
    let mark = world.gateway.equity_mark().unwrap();
    assert_eq!((mark.valuation, lost(&world)), (number("BTC"), number("4")));
    let bitcoin = mark.equity.get().round_to(4, Rounding::Down).unwrap();
    assert_eq!(bitcoin, number("20.8695"), "1000 of 92 each, and ten");
    world.restart();
    world.connect();
    // The world starts with the limits that it began with; what was reloaded is asked for again.
    reload(&mut world, in_bitcoin());
    stays(&mut world, 9_200, 1_500);
    assert_eq!(lost(&world).round_to(1, Rounding::Down), Some(number("4")));
    reload(&mut world, drawdown());
    stays(&mut world, 9_200, 200);
    assert_eq!(
        (world.gateway.equity(), lost(&world).round_to(1, Rounding::Down)),
        (Some(number("1920")), Some(number("4")))
    );
}

#[derive(Clone, Debug)]
enum Step {
    Trades { buys: bool, lots: i64, ticks: i64, fee: i64 },
    Transfers { base: bool, amount: i64 },
    Market(i64),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<bool>(), 60i64..500, 9_600i64..10_400, 0i64..100)
            .prop_map(|(buys, lots, ticks, fee)| Step::Trades { buys, lots, ticks, fee }),
        (any::<bool>(), 1i64..500).prop_map(|(base, amount)| Step::Transfers { base, amount }),
        (9_700i64..10_300).prop_map(Step::Market),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// The equity is what the journal comes to, added up from nothing in plain integers.
    #[test]
    fn it_is_what_the_journal_comes_to(steps in prop::collection::vec(steps(), 1..25)) {
        let mut world = settled(BreakerLimits::wide());
        let mut ticks = 10_000;
        for step in steps {
            match step {
                Step::Trades { buys, lots, ticks, fee } => {
                    let amount = Decimal::new(fee, 3).to_string();
                    world.venue.fee = Some(Fee { asset: number("USDT"), amount: number(&amount) });
                    let side = if buys { Side::Buy } else { Side::Sell };
                    let (qty, price) = (Decimal::new(lots, 3).to_string(), Decimal::new(ticks, 2).to_string());
                    if let Some(order) = world.place(spec(side, &qty, &price)) {
                        world.answer_all();
                        if let Some(event) = world.venue.fill(world.now, &order, &qty) {
                            world.report(event);
                        }
                        world.answer_all();
                    }
                }
                Step::Transfers { base: true, amount } => {
                    transfer(&mut world, "BTC", &Decimal::new(amount, 3).to_string());
                }
                Step::Transfers { base: false, amount } => {
                    transfer(&mut world, "USDT", &Decimal::new(amount, 2).to_string());
                }
                Step::Market(to) => ticks = to,
            }
            stays(&mut world, ticks, 1_200);
            // In units of 10⁻⁵ USDT: hundredths of a price times thousandths of a quantity.
            let (mut usdt, mut lots) = (100_000_000i64, 10_000i64);
            let count = |number: Decimal, decimals| number.mantissa_at(decimals).unwrap();
            for entry in &world.entries {
                match &entry.record {
                    Record::Filled { fill, .. } => {
                        let (price, qty) = (count(fill.price.get(), 2), count(fill.qty.get(), 3));
                        let sign = if fill.side == Side::Buy { 1 } else { -1 };
                        lots += sign * qty;
                        usdt -= sign * price * qty;
                        usdt -= fill.fee.map_or(0, |fee| count(fee.amount.get(), 5));
                    }
                    Record::Transferred { asset, amount, .. } if asset.as_str() == "BTC" => {
                        lots += count(amount.get(), 3);
                    }
                    Record::Transferred { amount, .. } => usdt += count(amount.get(), 5),
                    _ => {}
                }
            }
            let naive = Decimal::new(usdt + lots * ticks, 5);
            prop_assert_eq!(world.gateway.equity().unwrap().get(), naive);
        }
    }
}
