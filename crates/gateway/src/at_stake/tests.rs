//! What is open in all instruments together, against sums that are added up from nothing.

use model::{Ending, OrderSpec, Refusal};
use proptest::prelude::*;

use super::*;
use crate::foreign_orders::ForeignOrders;
use crate::headroom::Headroom;
use crate::stakes::Stakes;
use crate::testing::{TELLS_ALL, Venue, World, ether, id, instrument, limits, number, spec};

type Open = (&'static str, &'static str);
type Case = (&'static str, Open, Open, &'static str, &'static str);

/// Position, open buys with their cost, open sells with theirs, and what each side could lose. The price is 100,
/// the collar 10 %.
const CASES: &[Case] = &[
    ("0", ("0", "0"), ("0", "0"), "0", "0"),
    ("0", ("2", "210"), ("0", "0"), "30", "0"), // at 105 each: 15 each
    ("0", ("0", "0"), ("2", "190"), "0", "30"),
    // Each at its own price: 105 and 91.
    ("0", ("2", "196"), ("0", "0"), "16", "0"),
    // A buy so low that the market would have gone there first.
    ("0", ("1", "80"), ("0", "0"), "0", "0"),
    // What closes loses nothing; of what closes in part at most the whole width for each that opens.
    ("2", ("0", "0"), ("2", "180"), "0", "0"),
    ("2", ("0", "0"), ("3", "285"), "0", "20"),
    ("2", ("0", "0"), ("3", "326"), "0", "4"),
    ("-2", ("3", "315"), ("0", "0"), "20", "0"),
    ("2", ("1", "105"), ("0", "0"), "15", "0"), // a position does not help the side that adds to it
];

fn of(
    position: &str,
    (buys, buys_cost): (&str, &str),
    (sells, sells_cost): (&str, &str),
) -> (Exposure, Costs) {
    let exposure = Exposure {
        position: number(position),
        working_buys: number(buys),
        working_sells: number(sells),
    };
    let costs = serde_json::json!({"buys": buys_cost, "sells": sells_cost});
    (exposure, serde_json::from_value(costs).unwrap())
}

#[test]
fn each_order_at_its_own_price() {
    let range =
        Range::Known { low: Some(number("90")), reference: number("100"), high: number("110") };
    for (position, buys, sells, of_buys, of_sells) in CASES {
        let (exposure, costs) = of(position, *buys, *sells);
        let lost = |side| could_lose(side, &exposure, &costs, (range, Qty::ZERO));
        assert_eq!(lost(Side::Buy), Some(number(of_buys)), "{position} {buys:?} {sells:?}");
        assert_eq!(lost(Side::Sell), Some(number(of_sells)), "{position} {buys:?} {sells:?}");
    }
}

#[test]
fn without_a_price_a_buy_loses_all_and_a_sell_nobody_knows() {
    let (exposure, costs) = of("0", ("2", "210"), ("1", "95"));
    let lost = |side, range| could_lose(side, &exposure, &costs, (range, Qty::ZERO));
    for range in [Range::Unknown, Range::Nothing] {
        assert_eq!(lost(Side::Buy, range), Some(number("210")));
    }
    assert_eq!(lost(Side::Sell, Range::Unknown), None);
    assert_eq!(lost(Side::Sell, Range::Nothing), Some(Notional::ZERO), "it counts for nothing");
    let (closes, costs) = of("1", ("0", "0"), ("1", "95"));
    assert_eq!(
        could_lose(Side::Sell, &closes, &costs, (Range::Unknown, Qty::ZERO)),
        Some(Notional::ZERO)
    );
}

/// What the account held before the journal began is no position, and who sells it is not short: it loses at most from
/// the reference to the lower end. What is not there is.
#[test]
fn who_sells_what_was_held_before_is_not_short() {
    let range =
        Range::Known { low: Some(number("90")), reference: number("100"), high: number("110") };
    for (position, sells, owned, lost) in [
        ("0", ("2", "170"), "2", "20"),
        ("0", ("2", "170"), "0", "40"),
        ("0", ("2", "170"), "1", "30"),
        ("0", ("2", "210"), "2", "10"),
        ("1", ("2", "170"), "2", "10"),  // one of them closes
        ("1", ("2", "170"), "1", "20"),  // and all that is owned is the position
        ("-5", ("2", "170"), "3", "20"), // of what was there five are sold, and three are left
    ] {
        let (exposure, costs) = of(position, ("0", "0"), sells);
        let found = could_lose(Side::Sell, &exposure, &costs, (range, number(owned)));
        assert_eq!(found, Some(number(lost)), "{position} {sells:?} {owned}");
    }
    let (exposure, costs) = of("0", ("0", "0"), ("2", "170"));
    let unpriced =
        |owned| could_lose(Side::Sell, &exposure, &costs, (Range::Unknown, number(owned)));
    assert_eq!((unpriced("2"), unpriced("1")), (Some(Notional::ZERO), None));
}

/// A person's stop on what was there before, adopted: it does not take the room of a side that is short.
#[test]
fn a_stop_on_what_was_held_before_leaves_room() {
    let mut world = two("1000");
    let kind = model::OrderKind::StopLimit { trigger: number("86"), price: number("85") };
    let stop = OrderSpec { kind, ..spec(Side::Sell, "2", "85") };
    world.venue.foreign(world.now, "somebody", &stop);
    world.apply(&model::Input::Operator(model::Command::Reconcile));
    world.answer_all();
    assert_eq!(world.gateway.beside(ether().id, Side::Buy), Some(number("20")));
}

/// Where nobody knows what one instrument's orders could lose, people are told once that it is this one which keeps all
/// others shut.
#[test]
fn what_cannot_be_told_is_named_once() {
    let mut world = two("1000");
    let unknown = Stake { buys: Some(Notional::ZERO), sells: None };
    world.gateway.stakes.is(ether().id, Some(unknown));
    for _ in 0..2 {
        world.gateway.headroom = Headroom::Left(number("1000"));
        let refused = refusal(&world, &spec(Side::Buy, "0.1", "99"));
        assert_eq!(refused, Some(Refusal::HeadroomUnknown));
        assert_eq!(world.place(spec(Side::Buy, "0.1", "99")), None);
        let of_it = |notice: &&model::Notice| matches!(notice, model::Notice::Alert(alert) if alert.text.contains("the sells of ETH-USDT"));
        assert_eq!(world.notices.iter().filter(of_it).count(), 1);
    }
}

/// What is paid in an asset is worth another sum when that asset moves, without a word of its own market.
#[test]
fn what_is_paid_in_another_asset_follows_its_price() {
    let crossed =
        model::Instrument::spot(number("ETH"), number("BTC"), number("0.01"), number("0.001"))
            .unwrap();
    let mut limits = crate::limits::Limits::wide([id(), crossed.id]);
    limits.breakers.valuation = Some(number("USDT"));
    limits.reference_age_max_ms = 3_600_000;
    let balances = [("USDT", "100000"), ("BTC", "100"), ("ETH", "10")];
    let balances = balances.map(|(asset, amount)| (number(asset), number(amount))).into();
    let venue = Venue { balances, ..Venue::default() };
    let instruments = vec![instrument(), crossed.clone()];
    let mut world = World::with(TELLS_ALL, instruments, ForeignOrders::Adopt, limits, venue);
    world.book_for(crossed.id, 1_000);
    world.pass_answering(2);
    world.book_for(crossed.id, 1_000);
    world
        .place(OrderSpec { instrument: crossed.id, ..spec(Side::Buy, "1", "10") })
        .unwrap_or_else(|| panic!("{:?}", world.entries.last()));
    let before = world.gateway.beside(id(), Side::Buy).unwrap();
    assert!(before > Notional::ZERO);
    for _ in 0..30 {
        world.pass_alarms(std::time::Duration::from_millis(100));
        world.book_around(10_400, world.now);
    }
    let after = world.gateway.beside(id(), Side::Buy).unwrap();
    assert!(after > before, "{before} {after}");
}

fn two(headroom: &str) -> World {
    let balances = [("USDT", "100000"), ("BTC", "10"), ("ETH", "10")];
    let balances = balances.map(|(asset, amount)| (number(asset), number(amount))).into();
    let mut limits = limits();
    limits.reference_age_max_ms = 3_600_000;
    let wide = crate::limits::Limits::wide([id(), ether().id]);
    limits.instrument.insert(ether().id, wide.instrument[&ether().id]);
    let venue = Venue { balances, ..Venue::default() };
    let instruments = vec![instrument(), ether()];
    let mut world = World::with(TELLS_ALL, instruments, ForeignOrders::Adopt, limits, venue);
    world.book_for(ether().id, 10_000);
    world.gateway.headroom = Headroom::Left(number(headroom));
    world
}

fn in_ether(side: Side, qty: &str, price: &str) -> OrderSpec {
    OrderSpec { instrument: ether().id, ..spec(side, qty, price) }
}

fn refusal(world: &World, spec: &OrderSpec) -> Option<Refusal> {
    world.gateway.approve(world.now, crate::testing::agent(), spec).err()
}

/// The room for losses is the account's: what is open or in doubt in one instrument is not there for another.
/// Both cost 100, and the collar is 10 %: a buy at 99 could lose 9 each.
#[test]
fn what_is_open_elsewhere_is_spoken_for() {
    let mut world = two("30");
    let ether = world.place(in_ether(Side::Buy, "2", "99")).unwrap();
    world.gateway.headroom = Headroom::Left(number("30"));
    assert_eq!(refusal(&world, &spec(Side::Buy, "1.333", "99")), None, "18 and 11.997");
    let refused = refusal(&world, &spec(Side::Buy, "1.334", "99"));
    assert_eq!(
        refused,
        Some(Refusal::LossHeadroom { limit: number("12"), worst: number("12.006") })
    );
    // The side that is not as bad as the other adds nothing; one that is worse takes its place.
    assert_eq!(refusal(&world, &in_ether(Side::Sell, "3.333", "101")), None, "9 each, alone");
    assert!(refusal(&world, &in_ether(Side::Sell, "3.334", "101")).is_some());
    assert!(refusal(&world, &in_ether(Side::Buy, "1.334", "99")).is_some(), "18 on this side");
    // In doubt is as good as open, and over is over.
    world.answer(crate::testing::Wire::LosesRequest);
    world.gateway.headroom = Headroom::Left(number("30"));
    assert!(refusal(&world, &spec(Side::Buy, "1.334", "99")).is_some());
    for _ in 0..30 {
        world.trade();
        world.book();
        world.pass_answering(1);
    }
    assert_eq!(world.gateway.books().order(&ether).unwrap().ending(), Some(Ending::NotPlaced));
    world.gateway.headroom = Headroom::Left(number("30"));
    assert_eq!(refusal(&world, &spec(Side::Buy, "2", "99")), None);
}

/// What is open of one instrument alone is counted when somebody asks. That comes to what counting it at once does,
/// also for who asks of another instrument, and when another one opens.
#[test]
fn what_waits_to_be_counted_is_what_it_comes_to() {
    let mut world = two("1000");
    let all = |world: &World| {
        let of =
            |instrument| [Side::Buy, Side::Sell].map(|side| world.gateway.beside(instrument, side));
        [of(id()), of(ether().id)]
    };
    let counted_at_once = |world: &mut World| {
        let asked = all(world);
        world.gateway.stake_all();
        assert_eq!((all(world), world.gateway.stakes.moved()), (asked, None));
        asked
    };
    world.place(spec(Side::Buy, "2", "99")).unwrap();
    world.answer_all();
    let before = counted_at_once(&mut world);
    world.book_for(id(), 9_800);
    assert_eq!(world.gateway.stakes.moved(), Some(id()));
    let after = counted_at_once(&mut world);
    assert_ne!(before, after, "a lower reference, a lower end of the collar");
    world.book_for(id(), 10_000);
    assert_eq!(world.gateway.stakes.moved(), Some(id()));
    world.gateway.headroom = Headroom::Left(number("1000"));
    world.place(in_ether(Side::Buy, "1", "99")).unwrap();
    let both = counted_at_once(&mut world);
    assert_eq!(
        both[1][0].zip(before[0][0]).and_then(|(both, one)| both.checked_sub(one)),
        Some(number("9"))
    );
}

/// An order at a better price does not make those that are open better.
#[test]
fn what_is_open_keeps_its_own_price() {
    let mut world = two("1000");
    world.place(spec(Side::Buy, "2", "105")).unwrap();
    world.gateway.headroom = Headroom::Left(number("31"));
    assert_eq!(refusal(&world, &spec(Side::Buy, "0.5", "92")), None, "30 and 1");
    assert!(refusal(&world, &spec(Side::Buy, "0.501", "92")).is_some());
}

/// What is open after a restart counts before anything is asked.
#[test]
fn a_restart_counts_what_is_open() {
    let mut world = two("1000");
    world.place(in_ether(Side::Buy, "2", "99")).unwrap();
    world.answer_all();
    world.restart();
    world.connect();
    world.book_for(ether().id, 10_000);
    let beside = world.gateway.beside(id(), Side::Buy);
    assert_eq!(beside, Some(number("18")));
    assert_eq!(world.gateway.beside(ether().id, Side::Sell), Some(Notional::ZERO));
}

proptest! {
    /// Whatever changes in whatever order, the sum is what is there.
    #[test]
    fn the_sum_is_what_is_there(
        steps in prop::collection::vec((0usize..4, prop::option::of((prop::option::of(0i64..100), prop::option::of(0i64..100)))), 1..60),
    ) {
        let names = ["A-USDT", "B-USDT", "C-USDT", "D-USDT"].map(number::<InstrumentId>);
        let amount = |number: Option<i64>| {
            number.map(|number| Notional::try_from(model::Decimal::new(number, 1)).unwrap())
        };
        let (mut stakes, mut naive) = (Stakes::default(), [None; 4]);
        for (at, stake) in steps {
            stakes.is(names[at], stake.map(|(buys, sells)| Stake { buys: amount(buys), sells: amount(sells) }));
            naive[at] = stake;
            for (own, name) in names.iter().enumerate() {
                let others = (0..4).filter(|other| *other != own);
                let worst = |of: usize| naive[of].map_or(Some(0), |(b, s): (Option<i64>, Option<i64>)| Some(b?.max(s?)));
                let known = (0..4).all(|of| worst(of).is_some());
                let sum: Option<i64> = others.map(worst).sum();
                let own = naive[own].map_or(Some(0), |(buys, _)| buys);
                let expected = sum.zip(own).map(|(sum, own)| sum + own).filter(|_| known);
                prop_assert_eq!(stakes.beside(*name, Side::Buy), amount(expected));
            }
        }
    }
}
