//! The exchange of a paper run by itself: what fills, when, and what does not.

use model::market::{BookUpdate, GridPrice, GridQty, LevelUpdate, PublicTrade};
use model::venue::Execution;
use model::{NewOrder, OrderKind, OrderQty, Side, TimeInForce};

use super::*;

const LATENCY_MS: i64 = 20;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + ms).unwrap()
}

fn instrument(tick: &str) -> Instrument {
    let asset = |name| model::Asset::new(name).unwrap();
    let (tick, lot) = (tick.parse().unwrap(), "0.001".parse().unwrap());
    Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap()
}

fn exchange() -> Exchange {
    let text = "cash = \"10000 USDT, 1 BTC\"\nmaker_bps = 0\ntaker_bps = 0\nlatency_ms = 20";
    let paper = crate::config::paper_of(text);
    let (instruments, books) = (&[instrument("0.01")], &Books::default());
    let venue = VenueKind::of(&venues::binance::VENUE);
    let of = Of { paper: &paper, venue, instruments, books, session: 3, token: None };
    Exchange::open(of, at(0))
}

fn hears(exchange: &mut Exchange, ms: i64, kind: MarketKind) {
    let instrument = instrument("0.01").id;
    let event = MarketEvent { instrument, venue_time: at(ms), kind };
    // The live exchange's clock is a second ahead of ours.
    exchange.hears((at(ms), at(ms + 1_000)), &Input::Market(event));
}

/// One unit at 99.00 and one at 101.00, as a whole or not.
fn book(snapshot: bool) -> MarketKind {
    let level = |side, price| LevelUpdate { side, price: GridPrice(price), qty: GridQty(1_000) };
    let levels = vec![level(Side::Buy, 9_900), level(Side::Sell, 10_100)];
    MarketKind::Book(BookUpdate { snapshot, levels })
}

fn trade(price: i64, taker_side: Side) -> MarketKind {
    let (price, qty) = (GridPrice(price), GridQty(5_000));
    MarketKind::Trade(PublicTrade { id: 1, price, qty, taker_side, time: at(0) })
}

fn order(number: u64, side: Side, price: &str) -> AccountRequest {
    AccountRequest::Place(NewOrder {
        client_order_id: ClientOrderId::new(&format!("c{number}")).unwrap(),
        instrument: instrument("0.01").id,
        side,
        kind: OrderKind::Limit { price: price.parse().unwrap() },
        qty: OrderQty::Base("0.5".parse().unwrap()),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    })
}

fn cost(request: &AccountRequest) -> Cost {
    let places = matches!(request, AccountRequest::Place(_));
    let charge = ::budget::binance::charge(1, places, ::budget::Keys::default());
    Cost { charge, free_when_it_works: Some((Counted::Weight, 1)), places }
}

fn sends(exchange: &mut Exchange, ms: i64, request: AccountRequest) -> oneshot::Receiver<Told> {
    let (reply, answer) = oneshot::channel();
    let cost = cost(&request);
    let leaves = Leaving { now: at(ms), venue_now: at(ms + 1_000), decided: None };
    exchange.sends(leaves, (request, cost), reply);
    answer
}

/// What was decided at a time, with a number, and came here at another one.
fn decided(exchange: &mut Exchange, (ms, number): (i64, u64), now: i64, request: AccountRequest) {
    let (reply, _) = oneshot::channel();
    let decided = Some((at(ms), RequestId(number)));
    let leaves = Leaving { now: at(now), venue_now: at(now + 1_000), decided };
    let cost = cost(&request);
    exchange.sends(leaves, (request, cost), reply);
}

/// The latency counts from the decision, and of one moment the lower number is first, whichever came first.
#[test]
fn the_order_of_requests_is_that_of_their_decisions() {
    let mut exchange = exchange();
    hears(&mut exchange, 0, book(true));
    decided(&mut exchange, (100, 8), 109, order(2, Side::Buy, "102"));
    decided(&mut exchange, (100, 7), 110, order(1, Side::Buy, "103"));
    assert_eq!(exchange.next_at(), Some(at(120)));
    let executed = executed(&mut exchange, 200);
    assert_eq!(executed.len(), 2, "half of what stands there each: {executed:?}");
    assert!(executed.iter().all(|(_, time)| *time == at(1_120)), "{executed:?}");
}

/// A request that came too late for its time is behind what happened meanwhile, and what is heard after it was
/// done is later than it: so the order of times is the order of what was done.
#[test]
fn times_rise_in_the_order_in_which_things_happen() {
    let mut exchange = exchange();
    hears(&mut exchange, 0, book(true));
    hears(&mut exchange, 150, trade(10_100, Side::Buy));
    decided(&mut exchange, (100, 1), 149, order(1, Side::Buy, "100"));
    let late = at(150).after(TURN);
    assert_eq!(exchange.next_at(), Some(late));
    decided(&mut exchange, (140, 2), 149, order(2, Side::Buy, "100"));
    exchange.pass(at(170));
    // Read before the pass and told after it.
    let event =
        MarketEvent { instrument: instrument("0.01").id, venue_time: at(155), kind: book(false) };
    let heard = exchange.hears((at(155), at(1_155)), &Input::Market(event));
    assert_eq!(heard, at(160).after(TURN));
}

/// Delivers what is at the gateway by now: executions, with the venue's time of each.
fn executed(exchange: &mut Exchange, ms: i64) -> Vec<(String, Timestamp)> {
    exchange.pass(at(ms));
    let mut all = Vec::new();
    while let Some(leaves) = exchange.leaves(at(ms)) {
        match leaves {
            Leaves::Answer(reply, told) => drop(reply.send(told)),
            Leaves::Report(AccountEvent::Order { execution: Execution::Trade(fill), .. }) => {
                all.push((fill.price.to_string(), fill.venue_time));
            }
            Leaves::Report(_) => {}
        }
    }
    all
}

#[test]
fn an_order_meets_the_book_after_its_latency_and_is_told_after_as_much_again() {
    let mut exchange = exchange();
    hears(&mut exchange, 0, book(true));
    let mut answer = sends(&mut exchange, 100, order(1, Side::Buy, "102"));
    assert_eq!(exchange.next_at(), Some(at(100 + LATENCY_MS)));
    // It gets dearer while the order is under way.
    let dearer = [(Side::Sell, 10_100, 0), (Side::Sell, 10_150, 1_000)];
    let level =
        |(side, price, qty)| LevelUpdate { side, price: GridPrice(price), qty: GridQty(qty) };
    let levels = dearer.map(level).to_vec();
    hears(&mut exchange, 110, MarketKind::Book(BookUpdate { snapshot: false, levels }));
    assert!(executed(&mut exchange, 139).is_empty());
    assert!(answer.try_recv().is_err());
    assert_eq!(executed(&mut exchange, 140), [("101.5".to_owned(), at(1_120))]);
    let outcome = answer.try_recv().unwrap().outcome;
    assert!(matches!(outcome, Outcome::Done(Response::Placed { .. })), "{outcome:?}");
}

#[test]
fn nothing_fills_on_a_book_that_is_not_known() {
    let mut exchange = exchange();
    // Before the first snapshot, after a gap, and after a connection was lost.
    hears(&mut exchange, 0, book(false));
    sends(&mut exchange, 0, order(1, Side::Buy, "100"));
    hears(&mut exchange, 50, trade(9_000, Side::Sell));
    assert!(executed(&mut exchange, 100).is_empty());
    hears(&mut exchange, 100, book(true));
    hears(&mut exchange, 110, MarketKind::BookLost);
    hears(&mut exchange, 120, trade(9_000, Side::Sell));
    hears(&mut exchange, 130, book(false));
    assert!(executed(&mut exchange, 200).is_empty());
    hears(&mut exchange, 200, book(true));
    let down = Input::Link { link: Link::Market, up: false, cause: String::new() };
    exchange.hears((at(210), at(1_210)), &down);
    hears(&mut exchange, 220, trade(9_000, Side::Sell));
    sends(&mut exchange, 220, order(2, Side::Sell, "98"));
    assert!(executed(&mut exchange, 300).is_empty());
    // And on one that is known again both meet the market.
    hears(&mut exchange, 300, book(true));
    hears(&mut exchange, 310, trade(9_000, Side::Sell));
    assert!(!executed(&mut exchange, 400).is_empty());
}

/// What was traded of those before it while nobody looked is not known: it is decided against the order.
#[test]
fn in_a_book_that_was_lost_an_order_stands_behind_all_others() {
    // What trades between is less than what stood before it; with nothing lost, the rest of it is.
    for (is_lost, fills) in [(false, 1), (true, 0)] {
        let mut exchange = exchange();
        hears(&mut exchange, 0, book(true));
        sends(&mut exchange, 0, order(1, Side::Buy, "99"));
        executed(&mut exchange, 50);
        hears(&mut exchange, 60, sold(600));
        if is_lost {
            hears(&mut exchange, 70, MarketKind::BookLost);
            hears(&mut exchange, 80, book(true));
        }
        hears(&mut exchange, 90, sold(600));
        assert_eq!(executed(&mut exchange, 200).len(), fills, "lost: {is_lost}");
        hears(&mut exchange, 210, sold(900));
        assert_eq!(executed(&mut exchange, 300).len(), 1);
    }
}

/// So much at 99.00, in thousandths.
fn sold(qty: i64) -> MarketKind {
    let (price, qty) = (GridPrice(9_900), GridQty(qty));
    let taker_side = Side::Sell;
    MarketKind::Trade(PublicTrade { id: 1, price, qty, taker_side, time: at(0) })
}

#[test]
fn a_finer_grid_ends_trading_and_coarser_rules_do_not() {
    let mut exchange = exchange();
    hears(&mut exchange, 0, book(true));
    let rules = |exchange: &mut Exchange, tick| {
        let input = Input::Instruments { found: vec![instrument(tick)], gone: Vec::new() };
        exchange.hears((at(10), at(1_010)), &input);
    };
    rules(&mut exchange, "0.1");
    sends(&mut exchange, 10, order(1, Side::Buy, "102"));
    assert_eq!(executed(&mut exchange, 100).len(), 1);
    rules(&mut exchange, "0.001");
    hears(&mut exchange, 110, book(true));
    let mut answer = sends(&mut exchange, 110, order(2, Side::Buy, "102"));
    assert!(executed(&mut exchange, 200).is_empty());
    assert_eq!(answer.try_recv().unwrap().outcome, Outcome::Refused(VenueError::MarketClosed));
    rules(&mut exchange, "0.01");
    let mut answer = sends(&mut exchange, 210, order(3, Side::Buy, "102"));
    executed(&mut exchange, 300);
    assert_eq!(answer.try_recv().unwrap().outcome, Outcome::Refused(VenueError::MarketClosed));
}

/// A gateway without a budget: the fifty-first order that takes nothing is refused with a stop of orders alone, and
/// the count of the refused and of the free calls is not in what is told.
#[test]
fn who_asks_for_too_much_is_told_to_stop() {
    let mut exchange = exchange();
    hears(&mut exchange, 0, book(true));
    let small = |number| {
        let AccountRequest::Place(order) = order(number, Side::Buy, "50") else { panic!() };
        AccountRequest::Place(NewOrder { qty: OrderQty::Base("0.001".parse().unwrap()), ..order })
    };
    for number in 0..50 {
        let mut answer = sends(&mut exchange, 10, small(number));
        executed(&mut exchange, 60);
        let told = answer.try_recv().unwrap();
        assert!(matches!(told.outcome, Outcome::Done(_)), "{number}: {told:?}");
        let orders = told.used.iter().find(|usage| usage.counts == Counted::Order).unwrap();
        assert_eq!((u64::from(orders.used), told.stop), (number + 1, None));
    }
    let mut answer = sends(&mut exchange, 70, small(50));
    executed(&mut exchange, 200);
    let told = answer.try_recv().unwrap();
    assert!(matches!(told.outcome, Outcome::Refused(VenueError::Other { code: -1015, .. })));
    assert_eq!(told.stop.unwrap().counts, Some(Counted::Order));
    let weight = told.used.iter().find(|usage| usage.counts == Counted::Weight).unwrap();
    assert_eq!(weight.used, 0);
    let mut cancel = sends(&mut exchange, 210, AccountRequest::CancelAll(instrument("0.01").id));
    executed(&mut exchange, 400);
    assert!(matches!(cancel.try_recv().unwrap().outcome, Outcome::Done(_)), "a cancel passes");
}
