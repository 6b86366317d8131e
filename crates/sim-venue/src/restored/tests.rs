//! An order that is put back stands as it did, behind everything.

use std::collections::BTreeMap;

use model::market::{GridPrice, LevelUpdate};
use model::venue::{
    AccountEvent, AccountRequest, Execution, FeeRates, OrderKey, Response, VenueError, VenueEvent,
};
use model::{Amount, Asset, ClientOrderId, OrderKind, Side};

use super::*;
use crate::testing::btc_usdt;
use crate::{FeesIn, MarketNumber, SimConfig};

/// Numbers up to this one are those of the exchange before.
const BEFORE: u64 = 1_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn account() -> AccountId {
    AccountId::new("a").unwrap()
}

fn venue() -> (SimVenue, MarketNumber) {
    let fees = FeeRates { maker: Decimal::ZERO, taker: Decimal::ZERO };
    let config = SimConfig { instruments: vec![btc_usdt()], fees, fees_in: FeesIn::Quote };
    let mut venue = SimVenue::new(config);
    venue.number_behind(BEFORE);
    let amount = |text: &str| text.parse::<Amount>().unwrap();
    let cash = [("USDT", "1000"), ("BTC", "5")];
    let cash: BTreeMap<Asset, Amount> =
        cash.map(|(asset, sum)| (Asset::new(asset).unwrap(), amount(sum))).into();
    venue.add_account(account(), &cash);
    let number = venue.number_of(btc_usdt().id).unwrap();
    (venue, number)
}

fn stood(number: u64, side: Side, kind: OrderKind) -> StoodOrder {
    let order = NewOrder {
        client_order_id: ClientOrderId::new(&format!("c{number}")).unwrap(),
        instrument: btc_usdt().id,
        side,
        kind,
        qty: OrderQty::Base("1".parse().unwrap()),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    };
    let (id, filled) = (VenueOrderId::from_number(number), Qty::ZERO);
    StoodOrder { id, order, filled, created: at(1), triggered: false }
}

fn limit(price: &str) -> OrderKind {
    OrderKind::Limit { price: price.parse().unwrap() }
}

/// A whole book with so many units at 99 and at 101, or moved by so many whole units of price.
fn book(venue: &mut SimVenue, number: MarketNumber, by: i64) -> Vec<VenueEvent> {
    let level = |side, price: i64| LevelUpdate {
        side,
        price: GridPrice((price + by) * 100),
        qty: GridQty(300_000),
    };
    let mut events = Vec::new();
    let levels = [level(Side::Buy, 99), level(Side::Sell, 101)];
    venue.recorded_book(at(10), number, true, &levels, &mut events);
    events
}

/// So many units were sold at this price.
fn sold(venue: &mut SimVenue, number: MarketNumber, price: i64, units: i64) -> Vec<VenueEvent> {
    let mut events = Vec::new();
    let print = (GridPrice(price * 100), GridQty(units * 100_000));
    venue.recorded_trade_of(at(20), number, print, Side::Sell, &mut events);
    events
}

fn executed(events: &[VenueEvent]) -> Vec<String> {
    let fills = events.iter().filter_map(|event| match event {
        VenueEvent::Account {
            event: AccountEvent::Order { execution: Execution::Trade(fill), .. },
            ..
        } => Some(format!("{} at {}", fill.qty, fill.price)),
        _ => None,
    });
    fills.collect()
}

fn open(venue: &mut SimVenue) -> usize {
    let mut events = Vec::new();
    let request = AccountRequest::OpenOrders(None);
    match venue.execute(at(30), account(), &request, &mut events) {
        Ok(Response::Orders(orders)) => orders.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_stands_behind_all_that_the_first_book_shows_and_keeps_its_name() {
    let (mut venue, number) = venue();
    let order = stood(7, Side::Buy, limit("99"));
    assert!(venue.put_back(account(), &order));
    assert_eq!(venue.balances_of(account())[1].1.locked.to_string(), "99");
    assert!(executed(&book(&mut venue, number, 0)).is_empty());
    assert!(executed(&sold(&mut venue, number, 99, 3)).is_empty(), "three stand before it");
    assert_eq!(executed(&sold(&mut venue, number, 99, 1)), ["1 at 99"]);
    let key = OrderKey::Venue(order.id);
    let (instrument, since) = (btc_usdt().id, None);
    let ask = AccountRequest::Order { instrument, order: key, since };
    let Ok(Response::Order(told)) = venue.execute(at(30), account(), &ask, &mut Vec::new()) else {
        panic!()
    };
    assert_eq!(
        (told.client_order_id, told.status),
        (order.order.client_order_id, VenueOrderStatus::Filled)
    );
}

#[test]
fn a_first_book_beyond_its_price_fills_it_at_its_own() {
    let (mut venue, number) = venue();
    assert!(venue.put_back(account(), &stood(7, Side::Buy, limit("99"))));
    assert_eq!(executed(&book(&mut venue, number, -10)), ["1 at 99"]);
}

#[test]
fn a_stop_waits_again_and_sells_at_the_market_of_then() {
    let (mut venue, number) = venue();
    let stop = OrderKind::StopLoss { trigger: "98".parse().unwrap() };
    assert!(venue.put_back(account(), &stood(7, Side::Sell, stop)));
    assert!(executed(&book(&mut venue, number, 0)).is_empty());
    assert!(executed(&sold(&mut venue, number, 99, 1)).is_empty());
    book(&mut venue, number, -10);
    assert_eq!(executed(&sold(&mut venue, number, 89, 1)), ["1 at 89"]);
}

#[test]
fn what_has_executed_of_it_does_not_again() {
    let (mut venue, number) = venue();
    let half = StoodOrder { filled: "0.6".parse().unwrap(), ..stood(7, Side::Buy, limit("99")) };
    assert!(venue.put_back(account(), &half));
    assert_eq!(executed(&book(&mut venue, number, -10)), ["0.4 at 99"]);
}

#[test]
fn what_cannot_stand_here_changes_nothing() {
    let (mut venue, _) = venue();
    let good = stood(7, Side::Buy, limit("99"));
    let with = |change: fn(&mut StoodOrder)| {
        let mut other = stood(8, Side::Buy, limit("99"));
        change(&mut other);
        other
    };
    for other in [
        with(|other| other.id = VenueOrderId::from_number(BEFORE + 1)),
        with(|other| other.order.instrument = "ETH-USDT".parse().unwrap()),
        with(|other| other.order.kind = limit("99.001")),
        with(|other| other.order.kind = limit("1001")),
        with(|other| other.order.kind = OrderKind::Market),
        with(|other| other.order.time_in_force = TimeInForce::Ioc),
        with(|other| other.filled = "1".parse().unwrap()),
    ] {
        assert!(!venue.put_back(account(), &other), "{other:?}");
        assert_eq!(open(&mut venue), 0);
    }
    assert!(venue.put_back(account(), &good));
    assert!(!venue.put_back(account(), &good), "its number is taken");
    let renamed = StoodOrder { id: VenueOrderId::from_number(9), ..good.clone() };
    assert!(!venue.put_back(account(), &renamed), "its name is taken");
    assert_eq!(open(&mut venue), 1);
    let again = AccountRequest::Place(good.order);
    let refused = venue.execute(at(30), account(), &again, &mut Vec::new());
    assert_eq!(refused.unwrap_err(), VenueError::DuplicateClientOrderId);
}
