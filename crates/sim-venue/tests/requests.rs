//! Tables of requests: filters at both sides of each limit, refusals, cancels, questions.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use model::market::{GridPrice, GridQty, LevelUpdate};
use model::venue::{
    AccountRequest, CancelReplace, CancelRestriction, FeeRates, Filter, OrderKey, Response,
    TradesFrom, VenueError, VenueEvent, VenueOrder,
};
use model::{
    AccountId, Amount, Asset, ClientOrderId, Decimal, Fill, Instrument, InstrumentId,
    InstrumentKind, NewOrder, OrderKind, OrderQty, PriceBand, Qty, Side, TimeInForce, Timestamp,
    TradingMode, VenueOrderId,
};
use plimsoll_sim_venue::{Background, FeesIn, SimConfig, SimVenue};

fn asset(name: &str) -> Asset {
    Asset::new(name).unwrap()
}

fn me() -> AccountId {
    AccountId::new("me").unwrap()
}

/// Tick 0.5, lot 0.1, and a limit of every kind.
fn instrument() -> Instrument {
    let (tick, lot) = ("0.5".parse().unwrap(), "0.1".parse().unwrap());
    let mut instrument = Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap();
    let limits = &mut instrument.limits;
    limits.price_min = Some("10".parse().unwrap());
    limits.price_max = Some("1000".parse().unwrap());
    limits.qty_min = "0.2".parse().unwrap();
    limits.qty_max = Some("5".parse().unwrap());
    limits.market_qty_max = Some("3".parse().unwrap());
    limits.notional_min = "25".parse().unwrap();
    limits.notional_max = Some("450".parse().unwrap());
    let (low, high) = ("0.8".parse().unwrap(), "1.2".parse().unwrap());
    let (lower, higher) = ("0.5".parse().unwrap(), "5".parse().unwrap());
    limits.band = Some(PriceBand { bid_min: lower, bid_max: high, ask_min: low, ask_max: higher });
    limits.open_orders_max = Some(4);
    limits.stop_orders_max = Some(2);
    instrument
}

fn venue() -> SimVenue {
    let fees = FeeRates { maker: Decimal::ZERO, taker: Decimal::ZERO };
    let mut venue = SimVenue::new(SimConfig {
        instruments: vec![instrument()],
        fees,
        fees_in: FeesIn::Received,
    });
    let amount = |text: &str| text.parse::<Amount>().unwrap();
    let funds = [(asset("USDT"), amount("10000")), (asset("BTC"), amount("100"))];
    venue.add_account(me(), &BTreeMap::from(funds));
    venue
}

/// With a last trade at 100 and a book of 99.5 / 100.5.
fn traded() -> SimVenue {
    let mut venue = venue();
    let mut events = Vec::new();
    let level = |side, price| {
        Background::Level(LevelUpdate { side, price: GridPrice(price), qty: GridQty(100) })
    };
    let print =
        Background::Trade { price: GridPrice(1_000), qty: GridQty(10), taker_side: Side::Buy };
    for event in [level(Side::Buy, 995), level(Side::Sell, 1_005), print] {
        venue.background(at(0), instrument().id, &event, &mut events);
    }
    venue
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn order(name: &str, side: Side, kind: OrderKind, qty: &str) -> NewOrder {
    NewOrder {
        client_order_id: id(name),
        instrument: instrument().id,
        side,
        kind,
        qty: OrderQty::Base(qty.parse::<Qty>().unwrap()),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    }
}

fn id(name: &str) -> ClientOrderId {
    ClientOrderId::new(name).unwrap()
}

fn limit(price: &str) -> OrderKind {
    OrderKind::Limit { price: price.parse().unwrap() }
}

fn ask(
    venue: &mut SimVenue,
    now: Timestamp,
    request: &AccountRequest,
) -> Result<Response, VenueError> {
    venue.execute(now, me(), request, &mut Vec::new())
}

fn place(venue: &mut SimVenue, now: i64, order: NewOrder) -> Result<VenueOrder, VenueError> {
    match ask(venue, at(now), &AccountRequest::Place(order))? {
        Response::Placed { order, .. } => Ok(order),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_filter_stands_at_its_limit() {
    use Filter::{Lot, MarketLot, Notional, Price, PriceBand};
    use Side::{Buy, Sell};
    let stop = |trigger: &str| OrderKind::StopLoss { trigger: trigger.parse().unwrap() };
    // Side, kind, quantity, which filter; the average price is 100.
    let cases: &[(Side, OrderKind, &str, Option<Filter>)] = &[
        (Buy, limit("99.5"), "1", None),
        (Buy, limit("99.6"), "1", Some(Price)), // between two ticks
        (Buy, limit("99.25"), "1", Some(Price)), // more digits than the grid
        (Buy, limit("9.5"), "5", Some(Price)),  // below the smallest price
        (Sell, limit("1000.5"), "0.2", Some(Price)),
        (Buy, limit("50"), "1", None),
        (Buy, limit("49.5"), "1", Some(PriceBand)),
        (Buy, limit("120"), "1", None),
        (Buy, limit("120.5"), "1", Some(PriceBand)),
        (Sell, limit("80"), "1", None),
        (Sell, limit("79.5"), "1", Some(PriceBand)),
        (Sell, limit("500"), "0.5", None),
        (Sell, limit("500.5"), "0.5", Some(PriceBand)),
        (Buy, limit("80"), "5", None),
        (Buy, limit("80"), "5.1", Some(Lot)),
        (Sell, limit("200"), "0.2", None),
        (Sell, limit("400"), "0.1", Some(Lot)),
        (Buy, limit("90"), "0.25", Some(Lot)), // between two lots
        (Buy, limit("90"), "0", Some(Lot)),
        (Buy, OrderKind::Market, "3", None),
        (Buy, OrderKind::Market, "3.1", Some(MarketLot)),
        (Buy, OrderKind::Market, "5.1", Some(Lot)),
        (Buy, limit("62.5"), "0.4", None), // exactly 25
        (Buy, limit("62"), "0.4", Some(Notional)),
        (Buy, limit("90"), "5", None), // exactly 450
        (Buy, limit("90.5"), "5", Some(Notional)),
        (Sell, OrderKind::Market, "0.3", None),
        (Sell, OrderKind::Market, "0.2", Some(Notional)), // 20 at the average price
        (Sell, stop("62.5"), "0.4", None),
        (Sell, stop("62"), "0.4", Some(Notional)),
        (Sell, stop("9.5"), "5", Some(Price)), // a trigger is a price, too
    ];
    for (side, kind, qty, broken) in cases {
        let mut venue = traded();
        let before = venue.state_hash();
        let order = order("a", *side, *kind, qty);
        let expected = broken.map(|filter| VenueError::Filter { filter });
        let tested = ask(&mut venue, at(1), &AccountRequest::Test(order.clone()));
        assert_eq!(tested.err(), expected, "test of {side:?} {kind:?} {qty}");
        assert_eq!(venue.state_hash(), before, "a test changes nothing");
        let placed = place(&mut venue, 1, order);
        assert_eq!(placed.err(), expected, "{side:?} {kind:?} {qty}");
        assert_eq!(venue.state_hash() == before, broken.is_some());
    }
}

#[test]
fn the_reference_price_is_the_average_of_five_minutes_then_the_last_trade_then_the_middle() {
    // A bid may be 1.2 times the reference price.
    let highest = |venue: &mut SimVenue, now: i64, good: &str, bad: &str| {
        let test = |price| AccountRequest::Test(order("a", Side::Buy, limit(price), "1"));
        assert_eq!(ask(venue, at(now), &test(good)), Ok(Response::Tested));
        let filter = Filter::PriceBand;
        assert_eq!(ask(venue, at(now), &test(bad)), Err(VenueError::Filter { filter }));
    };
    let mut venue = venue();
    let wide = AccountRequest::Test(order("a", Side::Buy, limit("440"), "1"));
    assert_eq!(ask(&mut venue, at(0), &wide), Ok(Response::Tested), "no price, no band");
    let mut events = Vec::new();
    let level = |side, price| {
        Background::Level(LevelUpdate { side, price: GridPrice(price), qty: GridQty(100) })
    };
    for event in [level(Side::Buy, 900), level(Side::Sell, 1_100)] {
        venue.background(at(0), instrument().id, &event, &mut events);
    }
    highest(&mut venue, 0, "120", "120.5");
    // 1 at 200 and 3 at 100: 125 on average, for five minutes after the first of them.
    for (now, price, qty) in [(0, 2_000, 10), (1_000, 1_000, 30)] {
        let print =
            Background::Trade { price: GridPrice(price), qty: GridQty(qty), taker_side: Side::Buy };
        venue.background(at(now), instrument().id, &print, &mut events);
    }
    highest(&mut venue, 2_000, "150", "150.5");
    highest(&mut venue, 300_000, "150", "150.5");
    highest(&mut venue, 300_001, "120", "120.5");
    highest(&mut venue, 900_000, "120", "120.5");
}

#[test]
fn open_orders_and_stops_are_counted() {
    let mut venue = traded();
    let stop = |trigger: &str| OrderKind::StopLoss { trigger: trigger.parse().unwrap() };
    let broken = |filter| Err(VenueError::Filter { filter });
    place(&mut venue, 1, order("s1", Side::Sell, stop("90"), "1")).unwrap();
    place(&mut venue, 1, order("s2", Side::Sell, stop("90"), "1")).unwrap();
    let third = order("s3", Side::Sell, stop("90"), "1");
    assert_eq!(place(&mut venue, 1, third.clone()), broken(Filter::StopOrders));
    place(&mut venue, 1, order("l1", Side::Buy, limit("90"), "1")).unwrap();
    place(&mut venue, 1, order("l2", Side::Buy, limit("90"), "1")).unwrap();
    let fifth = order("l3", Side::Buy, limit("90"), "1");
    assert_eq!(place(&mut venue, 1, fifth.clone()), broken(Filter::OpenOrders));
    // Replacing one of them does not make it one more, and a stop makes room for a stop.
    for (cancel, new) in [("l1", fifth), ("s1", third)] {
        let replace = AccountRequest::CancelReplace(CancelReplace {
            cancel: OrderKey::Client(id(cancel)),
            cancel_id: None,
            only: None,
            stop_on_failure: true,
            order: new,
        });
        let Ok(Response::Replaced(replaced)) = ask(&mut venue, at(2), &replace) else {
            panic!("not replaced")
        };
        assert!(replaced.cancel.is_ok() && replaced.new.is_some_and(|new| new.is_ok()));
    }
    let replace = AccountRequest::CancelReplace(CancelReplace {
        cancel: OrderKey::Client(id("nobody")),
        cancel_id: None,
        only: None,
        stop_on_failure: false,
        order: order("l4", Side::Buy, limit("90"), "1"),
    });
    assert_eq!(ask(&mut venue, at(3), &replace), broken_response(Filter::OpenOrders));
}

fn broken_response(filter: Filter) -> Result<Response, VenueError> {
    Err(VenueError::Filter { filter })
}

#[test]
fn what_this_venue_lacks_is_unsupported_before_all_else() {
    let mut venue = traded();
    // Each would break the lot filter as well.
    let base = order("a", Side::Buy, limit("90"), "0.01");
    let by_quote = OrderQty::Quote("0.01".parse().unwrap());
    let cases = [
        NewOrder { reduce_only: true, ..base.clone() },
        NewOrder { time_in_force: TimeInForce::Gtd(at(1)), ..base.clone() },
        NewOrder {
            time_in_force: TimeInForce::Gtd(at(9)),
            kind: OrderKind::Market,
            ..base.clone()
        },
        NewOrder { qty: by_quote, ..base.clone() },
        NewOrder { post_only: true, time_in_force: TimeInForce::Ioc, ..base.clone() },
        NewOrder { post_only: true, time_in_force: TimeInForce::Fok, ..base.clone() },
        NewOrder { post_only: true, kind: OrderKind::Market, ..base.clone() },
    ];
    for order in cases {
        assert_eq!(place(&mut venue, 1, order.clone()), Err(VenueError::Unsupported), "{order:?}");
    }
    let nowhere = NewOrder { instrument: InstrumentId::new("X-Y").unwrap(), ..base };
    assert_eq!(place(&mut venue, 1, nowhere), Err(VenueError::UnknownInstrument));
    let stranger = AccountId::new("stranger").unwrap();
    let asked = venue.execute(at(1), stranger, &AccountRequest::Account, &mut Vec::new());
    assert_eq!(asked, Err(VenueError::NotAllowed));
    let mut perpetual = instrument();
    perpetual.kind =
        InstrumentKind::Perpetual { contract: "1".parse().unwrap(), settle: asset("USDT") };
    let fees = FeeRates { maker: Decimal::ZERO, taker: Decimal::ZERO };
    let mut venue =
        SimVenue::new(SimConfig { instruments: vec![perpetual], fees, fees_in: FeesIn::Received });
    venue.add_account(me(), &BTreeMap::new());
    let order = order("a", Side::Buy, limit("90"), "1");
    assert_eq!(place(&mut venue, 1, order), Err(VenueError::Unsupported));
}

#[test]
fn refusals_come_in_the_venues_order() {
    use VenueError::{DuplicateClientOrderId, InsufficientBalance, MarketClosed, WouldTrigger};
    let mut venue = traded();
    place(&mut venue, 1, order("a", Side::Buy, limit("90"), "1")).unwrap();
    // A duplicate that would trigger and that nobody could pay.
    let worst = |name, kind| NewOrder {
        post_only: matches!(kind, OrderKind::Limit { .. }),
        ..order(name, Side::Buy, kind, "4")
    };
    let poor = Amount::try_from(Decimal::new(-9_900, 0)).unwrap();
    venue.transfer(at(1), me(), asset("USDT"), poor, &mut Vec::new());
    let triggers = OrderKind::StopLoss { trigger: "99".parse().unwrap() };
    venue.set_mode(instrument().id, TradingMode::CancelOnly);
    assert_eq!(place(&mut venue, 1, worst("a", triggers)), Err(MarketClosed));
    venue.set_mode(instrument().id, TradingMode::Live);
    assert_eq!(place(&mut venue, 1, worst("a", triggers)), Err(DuplicateClientOrderId));
    assert_eq!(place(&mut venue, 1, worst("b", triggers)), Err(WouldTrigger));
    assert_eq!(place(&mut venue, 1, worst("b", limit("101"))), Err(InsufficientBalance));
    let rich = Amount::try_from(Decimal::new(9_900, 0)).unwrap();
    venue.transfer(at(1), me(), asset("USDT"), rich, &mut Vec::new());
    assert_eq!(place(&mut venue, 1, worst("b", limit("101"))), Err(VenueError::WouldTake));
}

#[test]
fn a_cancel_may_ask_for_a_state() {
    use CancelRestriction::{OnlyNew, OnlyPartlyFilled};
    for (filled, only, allowed) in [
        (false, OnlyNew, true),
        (false, OnlyPartlyFilled, false),
        (true, OnlyNew, false),
        (true, OnlyPartlyFilled, true),
    ] {
        let mut venue = traded();
        place(&mut venue, 1, order("a", Side::Buy, limit("100"), "1")).unwrap();
        if filled {
            let print = Background::Trade {
                price: GridPrice(1_000),
                qty: GridQty(5),
                taker_side: Side::Sell,
            };
            venue.background(at(2), instrument().id, &print, &mut Vec::new());
        }
        let cancel = AccountRequest::Cancel {
            instrument: instrument().id,
            order: OrderKey::Client(id("a")),
            cancel_id: Some(id("mine")),
            only: Some(only),
        };
        match ask(&mut venue, at(3), &cancel) {
            Ok(Response::Canceled { cancel_id, .. }) => {
                assert!(allowed, "{filled} {only:?}");
                assert_eq!(cancel_id, id("mine"));
            }
            other => {
                assert!(!allowed, "{filled} {only:?}");
                assert_eq!(other, Err(VenueError::CancelRestricted));
            }
        }
    }
}

#[test]
fn orders_are_found_by_both_names_and_listed_by_range() {
    let mut venue = traded();
    for (n, name) in ["a", "b", "a", "c"].into_iter().enumerate() {
        let placed = place(&mut venue, n as i64, order(name, Side::Buy, limit("90"), "1"));
        assert_eq!(placed.unwrap().id, VenueOrderId::from_number(n as u64 + 1));
        let cancel = AccountRequest::CancelAll(instrument().id);
        ask(&mut venue, at(n as i64), &cancel).unwrap();
    }
    let number = VenueOrderId::from_number;
    let instrument = instrument().id;
    let mut find = |key| match ask(
        &mut venue,
        at(9),
        &AccountRequest::Order { instrument, order: key, since: None },
    ) {
        Ok(Response::Order(order)) => Ok(order.id),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal),
    };
    assert_eq!(find(OrderKey::Client(id("a"))), Ok(number(3)), "the newest of that name");
    assert_eq!(find(OrderKey::Venue(number(1))), Ok(number(1)));
    assert_eq!(find(OrderKey::Both(number(1), id("a"))), Ok(number(1)));
    assert_eq!(find(OrderKey::Both(number(2), id("a"))), Err(VenueError::OrderNamesDiffer));
    for missing in ["0", "5", "+1", "01", "x", "18446744073709551616"] {
        let key = OrderKey::Venue(VenueOrderId::new(missing).unwrap());
        assert_eq!(find(key), Err(VenueError::UnknownOrder), "{missing}");
    }
    // From, start, end, limit, and what is found.
    type Case<'a> = (Option<u64>, Option<i64>, Option<i64>, u32, &'a [u64]);
    let cases: &[Case<'_>] = &[
        (None, None, None, 9, &[1, 2, 3, 4]),
        (None, None, None, 2, &[3, 4]),
        (Some(2), None, None, 2, &[2, 3]),
        (None, Some(1), None, 2, &[2, 3]),
        (None, None, Some(2), 2, &[2, 3]),
        (None, Some(1), Some(1), 9, &[2]),
        (Some(9), None, None, 9, &[]),
        (None, None, None, 0, &[]),
    ];
    for (from, start, end, limit, found) in cases {
        let request = AccountRequest::Orders {
            instrument,
            from: from.map(number),
            start: start.map(at),
            end: end.map(at),
            limit: *limit,
        };
        let Ok(Response::Orders(orders)) = ask(&mut venue, at(9), &request) else { panic!() };
        let ids: Vec<VenueOrderId> = orders.iter().map(|order| order.id).collect();
        let found: Vec<VenueOrderId> = found.iter().map(|n| number(*n)).collect();
        assert_eq!(ids, found, "{request:?}");
    }
}

#[test]
fn fills_are_listed_by_order_trade_and_time() {
    let mut venue = traded();
    for (now, name) in [(10, "a"), (20, "b"), (30, "c")] {
        let placed = place(&mut venue, now, order(name, Side::Buy, OrderKind::Market, "1"));
        assert_eq!(placed.unwrap().filled, "1".parse().unwrap());
    }
    let instrument = instrument().id;
    let time = |start: Option<i64>, end: Option<i64>| TradesFrom::Time {
        start: start.map(at),
        end: end.map(at),
    };
    // The print of the background was trade 1.
    let cases: &[(Option<u64>, TradesFrom, u32, &[&str])] = &[
        (None, TradesFrom::Newest, 9, &["2", "3", "4"]),
        (None, TradesFrom::Newest, 2, &["3", "4"]),
        (None, TradesFrom::Id(3), 9, &["3", "4"]),
        (None, TradesFrom::Id(2), 1, &["2"]),
        (Some(2), TradesFrom::Newest, 9, &["3"]),
        (None, time(Some(20), None), 1, &["3"]),
        (None, time(None, Some(20)), 1, &["3"]),
        (None, time(Some(11), Some(29)), 9, &["3"]),
        (None, TradesFrom::Newest, 0, &[]),
    ];
    for (order, from, limit, found) in cases {
        let order = order.map(VenueOrderId::from_number);
        let request =
            AccountRequest::Fills { instrument, order, from: *from, limit: *limit, page: None };
        let Ok(Response::Fills(fills)) = ask(&mut venue, at(40), &request) else { panic!() };
        let ids: Vec<&str> = fills.iter().map(|fill: &Fill| fill.trade_id.as_str()).collect();
        assert_eq!(&ids, found, "{request:?}");
    }
}

#[test]
fn a_withdrawal_takes_no_more_than_what_is_free() {
    let mut venue = traded();
    place(&mut venue, 1, order("a", Side::Buy, limit("90"), "5")).unwrap();
    let mut events = Vec::new();
    let all = Amount::try_from(Decimal::new(-20_000, 0)).unwrap();
    venue.transfer(at(2), me(), asset("USDT"), all, &mut events);
    let balance = venue.oracle().balances[&me()][&asset("USDT")];
    assert_eq!((balance.free, balance.locked), (Amount::ZERO, "450".parse().unwrap()));
    assert_eq!(events.len(), 2, "a transfer and the balances");
    events.clear();
    venue.transfer(at(3), me(), asset("USDT"), all, &mut events);
    assert_eq!(events, Vec::<VenueEvent>::new(), "nothing is left to move");
}

/// Numbers at the edges of what fits come back as refusals or are ignored; nothing panics.
#[test]
fn extreme_numbers_are_survived() {
    let mut venue = venue();
    let mut events = Vec::new();
    for price in [i64::MIN, -1, 0, 1, i64::MAX] {
        for qty in [i64::MIN, -1, 0, 1, i64::MAX] {
            let (price, qty) = (GridPrice(price), GridQty(qty));
            for side in [Side::Buy, Side::Sell] {
                let id = instrument().id;
                let level = LevelUpdate { side, price, qty };
                venue.background(at(1), id, &Background::Level(level), &mut events);
                let trade = Background::Trade { price, qty, taker_side: side };
                venue.background(at(1), id, &trade, &mut events);
                let levels = vec![model::market::Level { price, qty }; 2];
                let snapshot = Background::Snapshot { bids: levels.clone(), asks: levels };
                venue.background(at(1), id, &snapshot, &mut events);
            }
        }
    }
    for qty in ["0.000000000000000001", "100000000000000000000"] {
        for kind in [OrderKind::Market, limit("1000"), limit("0.000000000000000001")] {
            for side in [Side::Buy, Side::Sell] {
                assert!(place(&mut venue, 2, order("a", side, kind, qty)).is_err());
            }
        }
    }
    for notional in ["0.000000000000000001", "26", "100000000000000000000"] {
        for side in [Side::Buy, Side::Sell] {
            let qty = OrderQty::Quote(notional.parse().unwrap());
            let _ =
                place(&mut venue, 3, NewOrder { qty, ..order("a", side, OrderKind::Market, "1") });
        }
    }
    for funds in venue.oracle().balances[&me()].values() {
        assert!(funds.free >= Amount::ZERO);
    }
}
