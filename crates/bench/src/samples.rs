//! What the measurements work on.

use gateway::Limits;
use model::market::{BookUpdate, GridPrice, GridQty, LevelUpdate, MarketEvent, MarketKind};
use model::venue::{AccountEvent, AccountSnapshot, Response};
use model::{
    AccountId, AgentId, Asset, Balance, Check, Effect, Effects, Guardrail, Input, Instrument,
    InstrumentId, Link, NewOrder, OrderKind, OrderQty, OrderSpec, Outcome, Reply, Seen, Side,
    StoreTag, TimeInForce, Timestamp,
};

pub(crate) const MILLIS: i64 = 1_767_225_600_000;

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_nanos((MILLIS + millis) * 1_000_000)
}

pub(crate) fn parse<T: std::str::FromStr>(text: &str) -> T {
    match text.parse() {
        Ok(value) => value,
        Err(_) => unreachable!("the constant {text:?} is valid"),
    }
}

pub(crate) fn instrument() -> Instrument {
    let (base, quote): (Asset, Asset) = (parse("BTC"), parse("USDT"));
    match Instrument::spot(base, quote, parse("0.01"), parse("0.00001")) {
        Ok(instrument) => instrument,
        Err(_) => unreachable!("two short names"),
    }
}

pub(crate) fn id() -> InstrumentId {
    parse("BTC-USDT")
}

pub(crate) fn agent() -> AgentId {
    parse("bench")
}

pub(crate) fn account() -> AccountId {
    parse("account-1")
}

/// A book of 20 levels a side around 60 000.
pub(crate) fn book() -> MarketEvent {
    let level = |side, cents| LevelUpdate { side, price: GridPrice(cents), qty: GridQty(100_000) };
    let levels = (0..20).flat_map(|step| {
        [level(Side::Buy, 6_000_000 - step * 10), level(Side::Sell, 6_000_010 + step * 10)]
    });
    let update = BookUpdate { snapshot: true, levels: levels.collect() };
    MarketEvent { instrument: id(), venue_time: at(0), kind: MarketKind::Book(update) }
}

/// A text of a depth change as the venue prints it: five bids, five asks near the best prices.
pub(crate) fn depth_text(number: u64) -> String {
    let step = number % 40;
    let level = |cents: u64, salt: u64| {
        let qty = 1 + (number * 31 + salt * 17) % 900;
        format!("[\"{}.{:02}000000\",\"0.{qty:05}000\"]", cents / 100, cents % 100)
    };
    let bids: Vec<String> = (0..5).map(|i| level(5_999_990 - (step + i) * 10, i)).collect();
    let asks: Vec<String> = (0..5).map(|i| level(6_000_020 + (step + i) * 10, i + 5)).collect();
    let (first, last) = (number * 10 + 1, number * 10 + 10);
    format!(
        "{{\"e\":\"depthUpdate\",\"E\":{MILLIS},\"s\":\"BTCUSDT\",\"U\":{first},\"u\":{last},\
         \"b\":[{}],\"a\":[{}]}}",
        bids.join(","),
        asks.join(",")
    )
}

/// The same product where it is paid in dollars.
pub(crate) fn usd() -> Instrument {
    let (base, quote): (Asset, Asset) = (parse("BTC"), parse("USD"));
    match Instrument::spot(base, quote, parse("0.01"), parse("0.00000001")) {
        Ok(spot) => Instrument { symbol: "BTC-USD".to_owned(), ..spot },
        Err(_) => unreachable!("two short names"),
    }
}

/// A message of `l2_data` as Coinbase prints it, with so many levels near the best prices. The first
/// one is the snapshot that a book begins with.
pub(crate) fn l2_text(number: u64, updates: u64) -> String {
    let step = number % 40;
    let kind = if number == 0 { "snapshot" } else { "update" };
    let level = |salt: u64| {
        let away = (step + salt) * 10;
        let (side, cents) = match salt % 2 {
            0 => ("bid", 5_999_990 - away),
            _ => ("offer", 6_000_020 + away),
        };
        let qty = 1 + (number * 31 + salt * 17) % 900;
        format!(
            "{{\"side\":\"{side}\",\"event_time\":\"2026-01-01T00:00:01.448312Z\",\
             \"price_level\":\"{}.{:02}\",\"new_quantity\":\"0.{qty:08}\"}}",
            cents / 100,
            cents % 100
        )
    };
    // One level at a time the sides take turns.
    let levels: Vec<String> = (0..updates).map(|i| level(i + number % 2)).collect();
    format!(
        "{{\"channel\":\"l2_data\",\"client_id\":\"\",\
         \"timestamp\":\"2026-01-01T00:00:01.450127Z\",\"sequence_num\":{number},\
         \"events\":[{{\"type\":\"{kind}\",\"product_id\":\"BTC-USD\",\"updates\":[{}]}}]}}",
        levels.join(",")
    )
}

pub(crate) fn limits() -> Limits {
    let mut limits = Limits::wide([id()]);
    limits.reference_age_max_ms = 3_600_000;
    for limits in limits.instrument.values_mut() {
        limits.qty_max = parse("1");
        limits.notional_max = parse("1000000");
        limits.position_max = parse("100000");
        limits.collar_bps = 500;
    }
    limits
}

pub(crate) fn order() -> OrderSpec {
    OrderSpec {
        instrument: id(),
        side: Side::Buy,
        kind: OrderKind::Limit { price: parse("59990.00") },
        qty: parse("0.001"),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        effect: None,
    }
}

/// The same as it goes to the venue, under this name.
pub(crate) fn new_order(name: &str) -> NewOrder {
    let OrderSpec { instrument, side, kind, qty, time_in_force, post_only, reduce_only, .. } =
        order();
    NewOrder {
        client_order_id: parse(name),
        instrument,
        side,
        kind,
        qty: OrderQty::Base(qty),
        time_in_force,
        post_only,
        reduce_only,
        self_trade_prevention: None,
    }
}

/// A gateway that trades: connected, reconciled, with a book and more than enough money.
pub(crate) fn gateway() -> gateway::Gateway {
    let config = gateway::Config {
        limits: limits(),
        profile: venues::binance::PROFILE,
        foreign_orders: gateway::ForeignOrders::Adopt,
        late_stops: gateway::LateStops::Say,
        watched: false,
        paper: false,
        reconcile_every: std::time::Duration::from_secs(86_400),
        version: String::new(),
        text: String::new(),
    };
    let mut effects = Effects::new();
    let books = gateway::Books::default();
    let mut gateway = gateway::Gateway::start(
        config,
        books,
        StoreTag::default(),
        1,
        vec![instrument()],
        at(0),
        &mut effects,
    );
    let up = |link| Input::Link { link, up: true, cause: String::new() };
    let balance = Balance { free: parse("1000000000000"), locked: parse("0") };
    let balances: Vec<(Asset, Balance)> = vec![(parse("USDT"), balance), (parse("BTC"), balance)];
    let inputs = [
        up(Link::Market),
        up(Link::Account),
        Input::Market(book()),
        Input::Account(AccountEvent::Balances { balances: balances.clone(), time: at(0) }),
    ];
    for input in inputs {
        gateway.apply(at(0), &input, &mut effects);
        answer(&mut gateway, &balances, &mut effects);
    }
    gateway
}

/// Orders of the agent within the last second, and how many of them are open.
const SENT: u64 = 400;
const OPEN: u64 = 20;

/// The same after a busy second, with limits of the agent's own.
pub(crate) fn busy_gateway() -> gateway::Gateway {
    use model::{Action, Command, Intent, IntentId};
    let mut limits = limits();
    let (quote, much) = (parse("USDT"), parse("1000000000000"));
    let own = gateway::AgentLimits {
        exposure_max: [(quote, much)].into(),
        turnover_max: [(quote, much)].into(),
        turnover_window_ms: 60_000,
    };
    limits.agent.insert(agent(), own);
    limits.orders.messages_window_ms = 60_000;
    limits.orders.rate_window_ms = 60_000;
    limits.orders.alike_window_ms = 2_000;
    limits.orders.alike_max = 1;
    limits.instrument.values_mut().for_each(|limits| limits.turnover_window_ms = 60_000);
    let mut gateway = gateway();
    let mut effects = Effects::new();
    let text = serde_json::to_string(&limits).unwrap_or_default();
    let set = Input::Operator(Command::SetLimits { limits: text });
    gateway.apply(at(0), &set, &mut effects);
    for number in 0..SENT {
        let kind = OrderKind::Limit { price: parse(&format!("{}.00", 59_000 + number)) };
        let wanted = OrderSpec { kind, ..order() };
        let intend = |id, action| {
            let (reason, expires) = (String::new(), at(10_000));
            Input::Intent(Intent { id: IntentId(id), agent: agent(), action, reason, expires })
        };
        gateway.apply(at(0), &intend(number, Action::Place(wanted)), &mut effects);
        for effect in std::mem::take(&mut effects) {
            let Effect::Send { id: request, .. } = effect else { continue };
            // All but a few are refused by the venue and over.
            if number >= OPEN {
                let outcome = Outcome::Refused(model::venue::VenueError::WouldTake);
                gateway.apply(
                    at(0),
                    &Input::Reply(Reply { request, outcome, sent: model::Sent::default() }),
                    &mut effects,
                );
            }
        }
        effects.clear();
    }
    gateway
}

/// Plays an honest venue without orders until the gateway asks no more.
fn answer(gateway: &mut gateway::Gateway, held: &[(Asset, Balance)], effects: &mut Effects) {
    use model::venue::{AccountRequest, Request};
    while !effects.is_empty() {
        for effect in std::mem::take(effects) {
            let Effect::Send { id: request, request: Request::Account(asked), .. } = effect else {
                continue;
            };
            let response = match asked {
                AccountRequest::OpenOrders(_) => Response::Orders(Vec::new()),
                AccountRequest::Fills { .. } => Response::Fills(Vec::new()),
                _ => Response::Account(AccountSnapshot {
                    rights: None,
                    updated: at(0),
                    balances: held.iter().copied().collect(),
                }),
            };
            let reply =
                Reply { request, outcome: Outcome::Done(response), sent: model::Sent::default() };
            gateway.apply(at(0), &Input::Reply(reply), effects);
        }
    }
}

/// What a journal keeps of the guardrails' figures for one order.
pub(crate) fn checks() -> Vec<Check> {
    [
        (Guardrail::ReferenceAge, "12", "2000"),
        (Guardrail::Collar, "1.67", "50"),
        (Guardrail::Walk, "3.5", "200"),
        (Guardrail::Qty, "0.01", "0.05"),
        (Guardrail::Notional, "599.9", "5000"),
        (Guardrail::Balance, "599.9", "39400.125"),
        (Guardrail::Position, "0.06", "0.5"),
        (Guardrail::InstrumentExposure, "3600", "30000"),
        (Guardrail::AccountExposure, "3600", "30000"),
        (Guardrail::OpenOrders, "3", "10"),
        (Guardrail::OrderRate, "5", "20"),
        (Guardrail::AgentMessages, "9", "60"),
        (Guardrail::Duplicate, "0", "1"),
        (Guardrail::AccountMessages, "9", "200"),
        (Guardrail::Turnover, "12000.5", "20000"),
        (Guardrail::LossHeadroom, "3.2", "140.75"),
    ]
    .map(|(guardrail, actual, limit)| Check {
        guardrail,
        actual: parse(actual),
        limit: parse(limit),
    })
    .into()
}

/// The market as a decision finds it.
pub(crate) fn seen() -> Seen {
    Seen {
        bid: Some((parse("59999.9"), parse("1.5"))),
        ask: Some((parse("60000.1"), parse("0.75"))),
        as_of: Some(at(0)),
        live: true,
    }
}
