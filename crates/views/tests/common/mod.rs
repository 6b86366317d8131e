//! A story with all that can happen to an order: an outage with a doubt and late executions, a refusal, partial
//! executions, one that is taken back, and an order that loses money.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use journal::{Address, Sqlite, Storage as _};
use model::{
    Action, Alert, AlertKey, Asked, Balance, Check, ClientOrderId, Discrepancy, Ending, Entry, Fee,
    FeedHealth, Fill, Guardrail, Intent, IntentId, Link, Liquidity, NewOrder, OrderKind, OrderQty,
    OrderSpec, Record, Refusal, Seen, Side, TimeInForce, Timestamp, TradeId, TradingState,
    VenueOrderId,
};
use plimsoll_views::Views;

pub(crate) fn number<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// 2026-01-15T12:00:00Z and so many milliseconds.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_768_478_400_000 + millis).unwrap()
}

pub(crate) struct Journal {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Journal {
    pub(crate) fn of(entries: &[Entry]) -> Journal {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.db");
        Sqlite::open(&path).unwrap().append(entries).unwrap();
        Journal { folder, path }
    }

    pub(crate) fn append(&self, entries: &[Entry]) {
        Sqlite::open(&self.path).unwrap().append(entries).unwrap();
    }

    pub(crate) fn address(&self) -> Address {
        Address::Sqlite(self.path.clone())
    }

    pub(crate) fn views(&self) -> Views {
        open(&self.address(), self.folder.path())
    }
}

/// A journal of these entries, and what is asked of it. The journal goes with the first.
pub(crate) fn asked(entries: &[Entry]) -> (Journal, Views) {
    let journal = Journal::of(entries);
    let views = journal.views();
    (journal, views)
}

pub(crate) fn open(address: &Address, directory: &Path) -> Views {
    Views::open(address, directory, &mut |_, _| {}).unwrap()
}

fn spec(side: Side, qty: &str, price: &str) -> OrderSpec {
    OrderSpec {
        instrument: number("BTC-USDT"),
        side,
        kind: OrderKind::Limit { price: number(price) },
        qty: number(qty),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        effect: None,
    }
}

pub(crate) fn decided(
    intent: u64,
    side: Side,
    (qty, price): (&str, &str),
    reason: &str,
    holds: &str,
) -> Record {
    let (price, tick): (model::Decimal, model::Decimal) = (number(price), number("0.1"));
    let shifted = |to: Option<model::Decimal>| model::Price::try_from(to.unwrap()).unwrap();
    Record::Decided {
        intent: Intent {
            id: IntentId(intent),
            agent: number("trend"),
            action: Action::Place(spec(side, qty, &price.to_string())),
            reason: reason.to_owned(),
            expires: at(99_000),
        },
        position: number(holds),
        reference: Some(model::Price::try_from(price).unwrap()),
        limits: Some(number("00000000000000ff")),
        seen: Some(Seen {
            bid: Some((shifted(price.checked_sub(tick)), number("2"))),
            ask: Some((shifted(price.checked_add(tick)), number("1.5"))),
            as_of: Some(at(995)),
            live: true,
        }),
    }
}

pub(crate) fn checks() -> Vec<Check> {
    [
        (Guardrail::ReferenceAge, "5", "2000"),
        (Guardrail::Collar, "0", "50"),
        (Guardrail::Qty, "0.5", "1"),
        (Guardrail::Notional, "30000", "50000"),
        (Guardrail::Balance, "30000", "40000"),
        (Guardrail::Position, "0.5", "1"),
        (Guardrail::OpenOrders, "0", "10"),
    ]
    .map(|(guardrail, actual, limit)| Check {
        guardrail,
        actual: number(actual),
        limit: number(limit),
    })
    .into()
}

pub(crate) fn prepared(intent: u64, id: &str, side: Side, (qty, price): (&str, &str)) -> Record {
    Record::Prepared {
        agent: number("trend"),
        intent: IntentId(intent),
        order: NewOrder {
            client_order_id: number(id),
            instrument: number("BTC-USDT"),
            side,
            kind: OrderKind::Limit { price: number(price) },
            qty: OrderQty::Base(number(qty)),
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: None,
        },
        worst_price: number(price),
        limits: Some(number("00000000000000ff")),
        checks: checks(),
    }
}

pub(crate) fn filled(
    id: &str,
    trade: u64,
    side: Side,
    (qty, price): (&str, &str),
    venue: i64,
    late: bool,
) -> Record {
    Record::Filled {
        client_order_id: Some(number(id)),
        fill: fill(id, trade, side, (qty, price), venue),
        late,
    }
}

pub(crate) fn fill(
    id: &str,
    trade: u64,
    side: Side,
    (qty, price): (&str, &str),
    venue: i64,
) -> Fill {
    Fill {
        trade_id: TradeId::from_number(trade),
        venue_order_id: VenueOrderId::from_number(7),
        client_order_id: Some(number(id)),
        instrument: number("BTC-USDT"),
        side,
        price: number(price),
        qty: number(qty),
        fee: Some(Fee { asset: number("USDT"), amount: number("1.5") }),
        liquidity: Liquidity::Maker,
        venue_time: at(venue),
    }
}

fn link(link: Link, up: bool, cause: &str) -> Record {
    Record::Link { link, up, cause: cause.to_owned() }
}

fn feed(health: FeedHealth) -> Record {
    Record::Feed { instrument: number("BTC-USDT"), health }
}

fn answered(id: &str, (durable, left, came): (i64, i64, i64), outcome: &str) -> Record {
    Record::Answered {
        client_order_id: number(id),
        asked: Asked::Place,
        durable: Some(at(durable)),
        left: Some(at(left)),
        came: at(came),
        outcome: outcome.to_owned(),
    }
}

fn accepted(id: &str, venue: u64, when: i64) -> Record {
    Record::Accepted {
        client_order_id: number(id),
        venue_order_id: VenueOrderId::from_number(venue),
        venue_time: at(when),
    }
}

fn ended(id: &str) -> Record {
    Record::Ended { client_order_id: number(id), ending: Ending::Filled, lost: false, cause: None }
}

/// The beginning of a session: all is up, with 40 000 USDT.
fn beginning() -> Vec<(i64, Record)> {
    let balances = BTreeMap::from([
        (number("USDT"), Balance { free: number("40000"), locked: number("0") }),
        (number("BTC"), Balance { free: number("0"), locked: number("0") }),
    ]);
    vec![
        (
            0,
            Record::Started {
                session: 1,
                version: "0.1.0".to_owned(),
                config: "mode = \"live\"".to_owned(),
                paper: false,
            },
        ),
        (1, Record::Limits { version: number("00000000000000ff"), limits: "{}".to_owned() }),
        (10, link(Link::Market, true, "connected")),
        (11, link(Link::Account, true, "subscribed")),
        (20, feed(FeedHealth::Live)),
        (30, Record::Balances { balances, venue_time: at(25), partial: false }),
        (40, Record::Trading { state: TradingState::Active, cause: String::new(), by: None }),
    ]
}

/// All of it.
pub(crate) fn story() -> Vec<Entry> {
    let first: ClientOrderId = number("trend-1-1");
    let mut told = beginning();
    told.extend([
        (
            1_000,
            decided(
                1,
                Side::Buy,
                ("0.5", "60000"),
                "fast EMA 60012.5 crossed above slow EMA 60010.1",
                "0",
            ),
        ),
        (1_000, prepared(1, "trend-1-1", Side::Buy, ("0.5", "60000"))),
        (1_100, link(Link::Account, false, "connection reset by peer")),
        (1_101, link(Link::Market, false, "connection reset by peer")),
        (1_102, feed(FeedHealth::Down)),
        (3_006, answered("trend-1-1", (1_004, 1_005, 3_005), "in doubt: timed out")),
        (3_006, Record::InDoubt { client_order_id: first, because: "timed out".to_owned() }),
        (
            3_006,
            Record::Alerted {
                alert: Alert::warning(AlertKey::Order, first, "order trend-1-1 is in doubt"),
            },
        ),
        (6_100, link(Link::Account, true, "subscribed")),
        (6_101, link(Link::Market, true, "connected")),
        (6_150, feed(FeedHealth::Live)),
        (
            6_200,
            Record::Discrepancy { found: Discrepancy::MissedAccept { client_order_id: first } },
        ),
        (6_200, accepted("trend-1-1", 7, 1_006)),
        (
            6_210,
            Record::Discrepancy {
                found: Discrepancy::MissedFill {
                    client_order_id: Some(first),
                    trade_id: TradeId::from_number(5),
                },
            },
        ),
        (6_210, filled("trend-1-1", 5, Side::Buy, ("0.2", "60000"), 4_000, true)),
        (6_300, decided(2, Side::Sell, ("0.3", "59000"), "stop out", "0.2")),
        (
            6_300,
            Record::Refused {
                agent: number("trend"),
                intent: IntentId(2),
                because: Refusal::Balance { needed: number("0.3"), available: number("0.2") },
                checks: checks()[..4].to_vec(),
            },
        ),
        (6_400, filled("trend-1-1", 6, Side::Buy, ("0.3", "60000"), 6_390, false)),
        (6_401, ended("trend-1-1")),
        (
            6_500,
            Record::Busted {
                client_order_id: Some(first),
                fill: fill("trend-1-1", 6, Side::Buy, ("0.3", "60000"), 6_390),
            },
        ),
        (
            6_600,
            Record::BudgetWait {
                limiter: "request weight per 1m".to_owned(),
                wait: Duration::from_millis(1_500),
                requests: 7,
            },
        ),
        (7_000, decided(3, Side::Sell, ("0.2", "59000"), "stop out", "0.2")),
        (7_000, prepared(3, "trend-1-2", Side::Sell, ("0.2", "59000"))),
        (7_020, answered("trend-1-2", (7_004, 7_005, 7_019), "done")),
        (7_020, accepted("trend-1-2", 8, 7_010)),
        (7_021, filled("trend-1-2", 9, Side::Sell, ("0.2", "59000"), 7_010, false)),
        (7_022, ended("trend-1-2")),
        (9_000, Record::Stopped),
    ]);
    told.into_iter().map(|(millis, record)| Entry { at: at(millis), record }).collect()
}
