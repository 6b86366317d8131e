//! Two gateways that hear the same: one looks at everything with each input, as if there were no quiet and any price
//! could change what the account is worth, and the other one does not. Nobody can tell them apart.

use std::time::Duration;

use model::market::{Candle, GridPrice, GridQty, Interval, MarketEvent, MarketKind, PublicTrade};
use model::{
    Action, ClientOrderId, Command, FeedHealth, HaltCause, HaltLevel, HaltedBy, Input, Link,
    Record, Side,
};
use proptest::prelude::*;

use crate::breakers::BreakerLimits;
use crate::foreign_orders::ForeignOrders;
use crate::testing::{
    TELLS_ALL, TELLS_SUMS, Venue, Wire, World, ether, id, instrument, limits, number, spec,
};

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Trade(i64),
    Bar,
    /// The middle is so far from 100, in hundredths, by news that is so old.
    Book(i64, u64),
    OfAnother(i64),
    Lost,
    Link(Link, bool),
    Place(Side, i64),
    CancelAll,
    /// The oldest open order executes in part.
    Executes,
    Answers(Wire),
    Alarm,
    Clock(i64),
    Halt,
}

fn step() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let middle = prop_oneof![8 => -5i64..5, 1 => -150i64..150];
    let age = prop_oneof![6 => 0u64..50, 1 => 0u64..6_000];
    let link = prop_oneof![Just(Link::Market), Just(Link::Account)];
    let wire = prop_oneof![6 => Just(Wire::Whole), 1 => Just(Wire::LosesRequest), 1 => Just(Wire::LosesAnswer)];
    prop_oneof![
        12 => (-5i64..5).prop_map(Step::Trade),
        6 => Just(Step::Bar),
        20 => (middle.clone(), age).prop_map(|(middle, age)| Step::Book(middle, age)),
        6 => middle.prop_map(Step::OfAnother),
        1 => Just(Step::Lost),
        1 => (link, any::<bool>()).prop_map(|(link, up)| Step::Link(link, up)),
        4 => (side, -20i64..20).prop_map(|(side, ticks)| Step::Place(side, ticks)),
        1 => Just(Step::CancelAll),
        3 => Just(Step::Executes),
        6 => wire.prop_map(Step::Answers),
        8 => Just(Step::Alarm),
        1 => (-40i64..40).prop_map(Step::Clock),
        1 => Just(Step::Halt),
    ]
}

fn take(world: &mut World, step: Step) {
    let price = |middle: i64| GridPrice(10_000 + middle);
    let (instrument, venue_time) = (id(), world.now);
    let tell = |world: &mut World, kind| {
        world.apply(&Input::Market(MarketEvent { instrument, venue_time, kind }));
    };
    match step {
        Step::Trade(middle) => {
            let (price, qty, taker_side) = (price(middle), GridQty(1), Side::Buy);
            let trade = PublicTrade { id: 1, price, qty, taker_side, time: world.now };
            tell(world, MarketKind::Trade(trade));
        }
        Step::Bar => {
            let bar = Candle::empty(Interval::Seconds(60), world.now, price(0));
            tell(world, MarketKind::Candle(bar));
        }
        Step::Book(middle, age) => {
            let at = world.now.before(Duration::from_millis(age));
            world.book_around(10_000 + middle, at);
        }
        Step::OfAnother(middle) => world.book_for(ether().id, 1_000 + middle),
        Step::Lost => tell(world, MarketKind::BookLost),
        Step::Link(link, up) => world.link(link, up),
        Step::Place(side, ticks) => {
            let price = format!("{}", 100 + ticks / 10);
            world.place(spec(side, "1", &price));
        }
        Step::CancelAll => drop(world.intend(Action::CancelAll(id()))),
        Step::Executes => {
            let open: Option<ClientOrderId> =
                world.gateway.books().open_orders().next().map(|o| o.order.client_order_id);
            if let Some(event) = open.and_then(|id| world.venue.fill(world.now, &id, "0.1")) {
                world.report(event);
            }
        }
        Step::Answers(wire) => (0..world.requests.len()).for_each(|_| world.answer(wire)),
        Step::Alarm => world.pass_alarms(Duration::ZERO),
        Step::Clock(ahead_ms) => world.apply(&Input::Clock { ahead_ms }),
        Step::Halt => {
            let cause = HaltCause::new(HaltedBy::Person, "enough");
            world.apply(&Input::Operator(Command::Halt { level: HaltLevel::Halted, cause }));
        }
    }
}

/// What the account has.
#[derive(Clone, Copy, Debug)]
enum Has {
    All,
    /// Nothing whose worth depends on a price, until something is bought.
    Money,
}

fn world(sums: bool, has: Has, never_quiet: bool) -> World {
    let profile = if sums { TELLS_SUMS } else { TELLS_ALL };
    let held = [("USDT", "1000"), ("BTC", "10"), ("ETH", "10")];
    let held = match has {
        Has::All => &held[..],
        Has::Money => &held[..1],
    };
    let held = held.iter().map(|(asset, amount)| (number(asset), number(amount)));
    let balances = held.collect();
    let venue = Venue { balances, sums, ..Venue::default() };
    let mut limits = limits();
    limits.breakers = BreakerLimits::default();
    limits.reference_age_max_ms = 2_000;
    let instruments = vec![instrument(), ether()];
    let mut world = World::with(profile, instruments, ForeignOrders::Adopt, limits, venue);
    world.never_quiet = never_quiet;
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn quiet_changes_nothing(
        sums in any::<bool>(),
        has in prop_oneof![Just(Has::All), Just(Has::Money)],
        steps in prop::collection::vec((prop_oneof![6 => 0u64..40, 1 => 0u64..2_500], step()), 1..200),
    ) {
        let mut worlds = [world(sums, has, false), world(sums, has, true)];
        for (pause, step) in steps {
            for world in &mut worlds {
                world.now = world.now.after(Duration::from_millis(pause));
                take(world, step);
            }
            let [one, other] = &worlds;
            prop_assert_eq!(&one.entries, &other.entries, "{:?}", step);
            prop_assert_eq!(&one.asked, &other.asked, "{:?}", step);
            prop_assert_eq!(&one.notices, &other.notices, "{:?}", step);
            prop_assert_eq!(&one.distrusted, &other.distrusted, "{:?}", step);
            prop_assert_eq!(one.wake, other.wake, "{:?}", step);
            prop_assert_eq!(one.gateway.state(), other.gateway.state(), "{:?}", step);
            prop_assert_eq!(one.gateway.loss_headroom(), other.gateway.loss_headroom(), "{:?}", step);
            for side in [Side::Buy, Side::Sell] {
                let stake = |world: &World| world.gateway.beside(ether().id, side);
                prop_assert_eq!(stake(one), stake(other), "{:?}", step);
            }
            let now = one.now;
            prop_assert_eq!(one.gateway.breakers(now), other.gateway.breakers(now), "{:?}", step);
        }
    }
}

/// The alarm is late, and meanwhile the book got news that are old: with the next print it is stale.
#[test]
fn a_book_that_turns_stale_before_a_late_alarm_is_said_to_be() {
    let mut steps = vec![(10, Step::Book(0, 0)); 250];
    steps.extend([(1, Step::Book(0, 1_900)), (150, Step::Trade(0))]);
    let mut worlds = [world(false, Has::All, false), world(false, Has::All, true)];
    for world in &mut worlds {
        for (pause, step) in &steps {
            world.now = world.now.after(Duration::from_millis(*pause));
            take(world, *step);
        }
        let last = world.entries.iter().rev().find_map(|entry| match &entry.record {
            Record::Feed { instrument, health } if *instrument == id() => Some((entry.at, *health)),
            _ => None,
        });
        assert_eq!(last, Some((world.now, FeedHealth::Stale)), "{}", world.never_quiet);
    }
    assert_eq!(worlds[0].entries, worlds[1].entries);
}

/// Otherwise the two above would look alike because they are.
#[test]
fn news_of_the_market_is_quiet_and_a_halt_is_not() {
    let mut world = world(false, Has::All, false);
    let mut looks = 0;
    for number in 0..1_000 {
        world.pass_alarms(Duration::from_millis(10));
        take(&mut world, if number % 2 == 0 { Step::Trade(1) } else { Step::Book(0, 0) });
        world.answer_all();
        looks += usize::from(world.gateway.quiet_until <= world.now);
    }
    assert!(looks < 100, "{looks}");
    take(&mut world, Step::Halt);
    take(&mut world, Step::Trade(1));
    assert!(world.gateway.quiet_until <= world.now);
}
