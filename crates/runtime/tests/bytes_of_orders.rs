//! What an order is when it leaves, byte by byte: the gateway and the codec together. No order leaves
//! without a limit price, whatever an agent asks for, because an exchange fills one without at any price.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use gateway::{Books, Config, Gateway, Limits};
use model::market::{BookUpdate, GridPrice, GridQty, LevelUpdate, MarketEvent, MarketKind};
use model::venue::{AccountRequest, AccountSnapshot, Request, Response};
use model::{
    Action, Balance, Effect, Effects, Input, Instrument, Intent, IntentId, Link, OrderKind,
    OrderSpec, Outcome, Reply, RequestId, Side, StoreTag, TimeInForce, Timestamp, TradingState,
};
use venues::binance::Symbols;
use venues::binance::client::{Credentials, encode};
use venues::binance::sign::SigningKey;

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

fn instrument() -> Instrument {
    Instrument::spot(number("BTC"), number("USDT"), number("0.01"), number("0.00001")).unwrap()
}

const NOW: Timestamp = Timestamp::from_nanos(1_767_225_600_000_000_000);

/// A gateway that trades, with the limits of the example configuration and a book that is thin: 0.001
/// at 60010 and after that nothing below 200000.
fn trading() -> Gateway {
    let mut limits = Limits::wide([instrument().id]);
    for limits in limits.instrument.values_mut() {
        limits.qty_max = number("1");
        limits.notional_max = number("1000");
        limits.position_max = number("1");
        limits.collar_bps = 50;
    }
    let config = Config {
        profile: venues::binance::PROFILE,
        limits,
        foreign_orders: gateway::ForeignOrders::Adopt,
        late_stops: gateway::LateStops::Say,
        watched: false,
        paper: false,
        ramp: None,
        overridden: Vec::new(),
        reconcile_every: Duration::from_secs(30),
        version: String::new(),
        text: String::new(),
    };
    let mut effects = Effects::new();
    let books = Books::default();
    let mut gateway = Gateway::start(
        config,
        books,
        StoreTag::default(),
        1,
        vec![instrument()],
        NOW,
        &mut effects,
    );
    let level = |side, price, qty| LevelUpdate { side, price: GridPrice(price), qty: GridQty(qty) };
    let levels = vec![
        level(Side::Buy, 6_000_000, 100_000),
        level(Side::Sell, 6_001_000, 100),
        level(Side::Sell, 20_000_000, 100_000),
    ];
    let kind = MarketKind::Book(BookUpdate { snapshot: true, levels });
    let book = MarketEvent { instrument: instrument().id, venue_time: NOW, kind };
    let up = |link| Input::Link { link, up: true, cause: String::new() };
    for input in [up(Link::Market), Input::Market(book), up(Link::Account)] {
        gateway.apply(NOW, &input, &mut effects);
    }
    // The reading, of an account that has done nothing yet.
    while let Some((id, request)) = sent(&mut effects).pop() {
        let response = match request {
            AccountRequest::OpenOrders(_) => Response::Orders(Vec::new()),
            AccountRequest::Fills { .. } => Response::Fills(Vec::new()),
            AccountRequest::Account => {
                let held = |free: &str| Balance { free: number(free), locked: number("0") };
                Response::Account(AccountSnapshot {
                    rights: None,
                    updated: NOW,
                    balances: BTreeMap::from([
                        (number("USDT"), held("100000")),
                        (number("BTC"), held("10")),
                    ]),
                })
            }
            other => panic!("{other:?}"),
        };
        let reply =
            Reply { request: id, outcome: Outcome::Done(response), sent: model::Sent::default() };
        gateway.apply(NOW, &Input::Reply(reply), &mut effects);
    }
    assert_eq!(gateway.state().0, TradingState::Active);
    gateway
}

fn sent(effects: &mut Effects) -> Vec<(RequestId, AccountRequest)> {
    let sent = effects.drain(..).filter_map(|effect| match effect {
        Effect::Send { id, request: Request::Account(request), .. } => Some((id, request)),
        _ => None,
    });
    sent.collect()
}

/// The parameters of the call that an agent's order becomes.
fn parameters(side: Side, kind: OrderKind) -> BTreeMap<String, String> {
    let spec = OrderSpec {
        instrument: instrument().id,
        side,
        kind,
        qty: number("0.01"),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        effect: None,
    };
    let intent = Intent {
        id: IntentId(1),
        agent: number("one"),
        action: Action::Place(spec),
        reason: String::new(),
        expires: NOW.after(Duration::from_secs(1)),
    };
    let mut effects = Effects::new();
    trading().apply(NOW, &Input::Intent(intent), &mut effects);
    let (_, request) = sent(&mut effects).pop().expect("the order is sent");
    let symbols = Symbols::new(vec![instrument()]);
    let credentials =
        Credentials { api_key: "key".to_owned(), key: SigningKey::new("secret").unwrap() };
    let call = encode(&Request::Account(request), &symbols, Some(&credentials), NOW).unwrap();
    assert_eq!((call.method, call.path), ("POST", "/api/v3/order"));
    let pairs = call.query.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The middle is 60005: half a percent either way is 60305.025 and 59704.975, half a percent around
/// 60200 is 60501 and 59899.
#[test]
fn every_order_leaves_with_a_limit_price() {
    let trigger = number("60200");
    for (side, kind, word, price, time_in_force) in [
        (Side::Buy, OrderKind::Market, "LIMIT", "60305.02", "IOC"),
        (Side::Sell, OrderKind::Market, "LIMIT", "59704.98", "IOC"),
        (Side::Buy, OrderKind::StopLoss { trigger }, "STOP_LOSS_LIMIT", "60501", "GTC"),
        (Side::Sell, OrderKind::StopLoss { trigger }, "STOP_LOSS_LIMIT", "59899", "GTC"),
        (Side::Buy, OrderKind::TakeProfit { trigger }, "TAKE_PROFIT_LIMIT", "60501", "GTC"),
        (Side::Sell, OrderKind::TakeProfit { trigger }, "TAKE_PROFIT_LIMIT", "59899", "GTC"),
        (Side::Buy, OrderKind::Limit { price: number("60000") }, "LIMIT", "60000", "GTC"),
    ] {
        let sent = parameters(side, kind);
        assert_eq!(sent["type"], word, "{side:?} {kind:?}");
        assert_eq!(sent["price"], price, "{side:?} {kind:?}");
        assert_eq!(sent["timeInForce"], time_in_force, "{side:?} {kind:?}");
        let stop = kind.trigger().map(|trigger| trigger.to_string());
        assert_eq!(sent.get("stopPrice"), stop.as_ref(), "{side:?} {kind:?}");
        let notional = sent["price"].parse::<f64>().unwrap() * 0.01;
        assert!(notional <= 1_000.0, "the most it can cost is within the limit: {notional}");
    }
}
