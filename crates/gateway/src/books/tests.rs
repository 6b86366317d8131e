//! Books by themselves: what a record changes, and what it does not. That a replay equals the live
//! books is checked at every step of every story in `gateway/tests.rs`.

use model::venue::{VenueOrder, VenueOrderStatus};
use model::{Amount, Asset, Balance, Entry, OrderSpec, Record, Side, Timestamp, VenueOrderId};

use super::foreign::KEPT as FOREIGN_KEPT;
use super::{Books, VenueKey};
use crate::testing::{Venue, World, ether, id, number, spec};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn balances(free: &str, venue_time: i64) -> Entry {
    let held = Balance { free: number(free), locked: Amount::ZERO };
    let balances = [(number::<Asset>("USDT"), held)].into();
    Entry {
        at: at(1),
        record: Record::Balances { balances, venue_time: at(venue_time), partial: false },
    }
}

#[test]
fn an_older_balance_does_not_replace_a_newer_one() {
    let mut books = Books::default();
    for (free, time, expected) in [("10", 5, "10"), ("7", 4, "10"), ("8", 5, "8"), ("9", 6, "9")] {
        books.apply(&balances(free, time));
        let held = books.balances()[&number::<Asset>("USDT")];
        assert_eq!(held.free, number(expected), "{free} of {time}");
    }
    assert_eq!(books.counted(number("USDT")), Some(number("10")), "the first one starts the count");
}

#[test]
fn exposure_is_kept_order_by_order_and_equals_the_sum() {
    let mut world = World::new();
    let orders: Vec<_> = [("0.5", Side::Buy), ("0.7", Side::Sell), ("1.1", Side::Buy)]
        .map(|(qty, side)| {
            let price = if side == Side::Buy { "100" } else { "101" };
            world.place(spec(side, qty, price)).unwrap()
        })
        .into();
    world.answer_all();
    let event = world.venue.fill(world.now, &orders[0], "0.2").unwrap();
    world.report(event);
    let exposure = world.gateway.books().exposure(id());
    // 0.2 held, 0.3 and 1.1 may still be bought, 0.7 sold.
    assert_eq!(exposure.worst(Side::Buy, number("0")), Some(number("1.6")));
    assert_eq!(exposure.worst(Side::Sell, number("0")), Some(number("-0.5")));
}

/// An account with a busy second owner must not fill the memory.
#[test]
fn orders_of_others_are_forgotten_in_the_end() {
    let mut books = Books::default();
    let key = |number: usize| (id(), VenueOrderId::from_number(number as u64));
    for number in 0..=FOREIGN_KEPT {
        let order = VenueOrder { status: VenueOrderStatus::Filled, ..foreign(key(number)) };
        // Told twice, as a stream and a list do.
        for _ in 0..2 {
            let record = Record::Foreign { order: order.clone() };
            books.apply(&Entry { at: at(1), record });
        }
    }
    assert!(!books.knows_foreign(key(0)), "the oldest");
    assert!(books.knows_foreign(key(1)) && books.knows_foreign(key(FOREIGN_KEPT)));
}

/// An order to buy 2 that somebody else has placed.
fn foreign((instrument, venue_order_id): VenueKey) -> VenueOrder {
    let mut venue = Venue::default();
    let spec = OrderSpec { instrument, ..spec(Side::Buy, "2", "99") };
    venue.foreign(at(1), "by-hand", &spec);
    VenueOrder { id: venue_order_id, ..venue.orders.remove(0) }
}

/// The end of one whose name another one has on another instrument. Records of older versions have the name
/// alone, and mean whatever has it; one that is there after all is read anew before anything is traded.
#[test]
fn an_order_of_somebody_else_is_gone_on_its_own_instrument() {
    let [btc, eth] = [id(), ether().id].map(|instrument| (instrument, number("500")));
    for (instrument, left) in [(Some(btc.0), [false, true]), (None, [false, false])] {
        let mut books = Books::default();
        let venue_order_id = btc.1;
        let orders = [btc, eth].map(|key| Record::Foreign { order: foreign(key) });
        let gone = Record::ForeignGone { instrument, venue_order_id };
        for record in orders.into_iter().chain([gone]) {
            books.apply(&Entry { at: at(1), record });
        }
        for (key, is_left) in [btc, eth].into_iter().zip(left) {
            assert_eq!(books.knows_foreign(key), is_left, "{instrument:?} {key:?}");
            assert_eq!(books.foreign_order(key).is_some(), is_left);
            let working = books.exposure(key.0).working_buys;
            assert_eq!(working, number(if is_left { "2" } else { "0" }));
        }
    }
}

/// What is said of an order of one instrument makes one of the same number on another one no clearer.
#[test]
fn an_order_is_understood_on_its_own_instrument() {
    let [btc, eth] = [id(), ether().id].map(|instrument| (instrument, number("7")));
    let mut books = Books::default();
    let found = model::Discrepancy::NotUnderstood {
        instrument: Some(btc.0),
        venue_order_id: Some(btc.1),
        trade_id: None,
        because: "side".to_owned(),
    };
    let mut apply = |record| {
        books.apply(&Entry { at: at(1), record });
        books.unaccepted().len()
    };
    assert_eq!(apply(Record::Discrepancy { found }), 1);
    assert_eq!(apply(Record::Foreign { order: foreign(eth) }), 1);
    assert_eq!(apply(Record::Foreign { order: foreign(btc) }), 0);
}

/// Sessions with clocks hours apart: a shadow stays for as long as it had left, whichever is right.
#[test]
fn a_shadow_outlives_any_change_of_the_clock() {
    use model::{AgentId, ClientOrderId, Ending, IntentId, NewOrder, OrderKind, OrderQty};
    for shift in [-7_200, 0, 7_200] {
        let mut books = Books::default();
        let client_order_id: ClientOrderId = number("trend-1-1");
        let order = NewOrder {
            client_order_id,
            instrument: id(),
            side: Side::Buy,
            kind: OrderKind::Limit { price: number("99") },
            qty: OrderQty::Base(number("2")),
            time_in_force: model::TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: None,
        };
        let (agent, intent): (AgentId, _) = (number("trend"), IntentId(1));
        let prepared = Record::Prepared {
            agent,
            intent,
            order,
            worst_price: number("99"),
            limits: None,
            checks: vec![],
        };
        let (ending, cause) = (Ending::NotPlaced, None);
        let because = "no answer".to_owned();
        let doubt = Record::InDoubt { client_order_id, because };
        let ended = Record::Ended { client_order_id, ending, lost: false, cause };
        let (version, config) = (String::new(), String::new());
        let started = Record::Started { session: 2, version, config, paper: false };
        let steps = [(0, prepared), (1, doubt), (2, ended), (302, Record::Stopped)];
        for (second, record) in steps.into_iter().chain([(302 + shift, started)]) {
            books.apply(&Entry { at: at(10_000 + second), record });
        }
        let of = |second| books.shadow(at(10_302 + shift + second), id(), Side::Buy);
        assert_eq!((of(299), of(301)), (number("2"), number("0")), "{shift}");
    }
}

/// Two instruments, and the venue has given orders of both the same name: each execution finds its own.
#[test]
fn a_venues_name_is_one_only_with_its_instrument() {
    use model::{AgentId, ClientOrderId, InstrumentId, IntentId, NewOrder, OrderKind, OrderQty};
    let mut books = Books::default();
    let theirs: VenueOrderId = number("500");
    let instruments: [InstrumentId; 2] = [number("BTC-USDT"), number("ETH-USDT")];
    for (intent, instrument) in (1..).zip(instruments) {
        let client_order_id: ClientOrderId = number(&format!("trend-1-{intent}"));
        let order = NewOrder {
            client_order_id,
            instrument,
            side: Side::Buy,
            kind: OrderKind::Limit { price: number("100") },
            qty: OrderQty::Base(number("1")),
            time_in_force: model::TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: None,
        };
        let agent: AgentId = number("trend");
        let intent = IntentId(intent);
        let worst_price = number("100");
        let prepared =
            Record::Prepared { agent, intent, order, worst_price, limits: None, checks: vec![] };
        let accepted =
            Record::Accepted { client_order_id, venue_order_id: theirs, venue_time: at(1) };
        for record in [prepared, accepted] {
            books.apply(&Entry { at: at(1), record });
        }
    }
    for instrument in instruments {
        let found = books.order_at_venue((instrument, theirs)).unwrap();
        assert_eq!(found.order.instrument, instrument);
    }
}
