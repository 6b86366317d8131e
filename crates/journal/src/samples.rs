//! Samples of what is stored, for tests.

use std::collections::BTreeMap;
use std::time::Duration;

use model::venue::{
    ExpiryReason, Filter, KeyAudit, KeyFinding, KeyPolicy, KeyScopes, VenueError, VenueOrder,
    VenueOrderStatus,
};
use model::{
    Action, AgentId, AgentVersion, Alert, AlertKey, Asked, Asset, Balance, BreakerEvent,
    BreakerName, Check, ClientOrderId, Closing, Discrepancy, Ending, Entry, EquityMark, Fee,
    FeedHealth, Fill, GateName, GateOverride, Guardrail, HaltedBy, Instrument, InstrumentId,
    Intent, IntentId, Link, Liquidity, NewOrder, OrderKind, OrderQty, OrderSpec, Record, Refusal,
    ResumeStep, Seen, SelfTradePrevention, Side, TimeInForce, Timestamp, TradeId, TradingMode,
    TradingState, VenueOrderId,
};

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

/// A small entry that differs by its number.
pub(crate) fn entry(number: i64) -> Entry {
    let agent = AgentId::new("one").unwrap();
    Entry {
        at: at(number),
        record: Record::Agent { agent, event: format!("number {number}"), version: None },
    }
}

fn asset(name: &str) -> Asset {
    Asset::new(name).unwrap()
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// Every kind of record at least once.
pub(crate) fn sample() -> Vec<Entry> {
    let agent = AgentId::new("trend").unwrap();
    let id = ClientOrderId::new("trend-1-1").unwrap();
    let instrument = InstrumentId::new("BTC-USDT").unwrap();
    let kind = OrderKind::Limit { price: number("60000") };
    let spec = OrderSpec {
        instrument,
        side: Side::Buy,
        kind,
        qty: number("0.5"),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        effect: None,
    };
    let intent = Intent {
        id: IntentId(1),
        agent,
        action: Action::Place(spec),
        reason: "because".to_owned(),
        expires: at(9),
    };
    let order = NewOrder {
        client_order_id: id,
        instrument,
        side: Side::Buy,
        kind,
        qty: OrderQty::Base(number("0.5")),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    };
    let fill = Fill {
        trade_id: TradeId::from_number(5),
        venue_order_id: VenueOrderId::from_number(7),
        client_order_id: Some(id),
        instrument,
        side: Side::Buy,
        price: number("60000"),
        qty: number("0.5"),
        fee: Some(Fee { asset: asset("BTC"), amount: number("0.001") }),
        liquidity: Liquidity::Taker,
        venue_time: at(5),
    };
    let balance = |free: &str| Balance { free: number(free), locked: number("0") };
    let theirs = VenueOrderId::from_number(8);
    let balances =
        BTreeMap::from([(asset("USDT"), balance("40000")), (asset("BTC"), balance("0"))]);
    let check = Check { guardrail: Guardrail::Collar, actual: number("1.25"), limit: number("50") };
    let records = vec![
        Record::Started {
            session: 1,
            version: "0".to_owned(),
            config: "x = 1".to_owned(),
            paper: false,
        },
        Record::Link { link: Link::Account, up: true, cause: "subscribed".to_owned() },
        Record::Balances { balances: balances.clone(), venue_time: at(2), partial: false },
        Record::Decided {
            intent,
            position: number("0"),
            reference: Some(number("60000")),
            limits: Some(number("00000000000000ff")),
            seen: Some(Seen {
                bid: Some((number("59999"), number("2"))),
                ask: None,
                as_of: Some(at(3)),
                live: true,
            }),
        },
        Record::Prepared {
            agent,
            intent: IntentId(1),
            order,
            worst_price: number("60000"),
            limits: Some(number("00000000000000ff")),
            checks: vec![check],
        },
        Record::Accepted {
            client_order_id: id,
            venue_order_id: VenueOrderId::from_number(7),
            venue_time: at(5),
        },
        Record::Filled { client_order_id: Some(id), fill, late: true },
        Record::CancelPrepared { client_order_id: id, instead: None },
        Record::CancelRejected { client_order_id: id, because: VenueError::UnknownOrder },
        Record::InDoubt { client_order_id: id, because: "timed out".to_owned() },
        Record::Rejected {
            client_order_id: id,
            because: VenueError::Filter { filter: Filter::Lot },
        },
        Record::Ended { client_order_id: id, ending: Ending::Filled, lost: false, cause: None },
        Record::Foreign { order: venue_order(instrument, kind) },
        Record::Transferred { asset: asset("DOGE"), amount: number("-1.5"), taken_until: None },
        Record::Gap { instrument, detail: "1 is missing".to_owned() },
        Record::Duplicates { dropped: 3 },
        Record::MissedTrades { instrument, count: 2 },
        Record::HandedOver { link: Link::Market },
        Record::Feed { instrument, health: FeedHealth::Resyncing },
        Record::RateLimited { wait: Duration::from_secs(3), detail: "429".to_owned() },
        Record::Discrepancy { found: Discrepancy::MissedAccept { client_order_id: id } },
        Record::Reconciled {
            found: 1,
            left: 0,
            fills_to: BTreeMap::from([(instrument, TradeId::from_number(5))]),
            fills_until: BTreeMap::from([(instrument, Timestamp::from_nanos(5))]),
            remaining: Vec::new(),
        },
        Record::Refused {
            agent,
            intent: IntentId(2),
            because: Refusal::NothingToCancel,
            checks: vec![check],
        },
        Record::Trading {
            state: TradingState::Halted,
            cause: "asked for".to_owned(),
            by: Some(HaltedBy::Person),
        },
        Record::Agent { agent, event: "up".to_owned(), version: None },
        Record::BudgetWait {
            limiter: "request weight per 1m".to_owned(),
            wait: Duration::from_millis(1_500),
            requests: 7,
        },
        Record::Triggered { client_order_id: id },
        Record::ForeignCancel { instrument: Some(instrument), venue_order_id: theirs },
        Record::ForeignGone { instrument: Some(instrument), venue_order_id: theirs },
        Record::DifferencesAccepted {
            accepted: vec![Discrepancy::Busted {
                client_order_id: Some(id),
                instrument,
                trade_id: fill.trade_id,
            }],
        },
        Record::Busted {
            client_order_id: Some(id),
            fill: Fill { trade_id: TradeId::from_number(6), qty: number("0.1"), ..fill },
        },
        Record::Discrepancy {
            found: Discrepancy::Foreign { instrument: Some(instrument), venue_order_id: theirs },
        },
        Record::Discrepancy { found: Discrepancy::Ghost { client_order_id: id } },
        Record::Ended { client_order_id: id, ending: Ending::Canceled, lost: true, cause: None },
        Record::Ended {
            client_order_id: id,
            ending: Ending::NotPlaced,
            lost: false,
            cause: Some("it waited too long".to_owned()),
        },
        Record::Stopped,
        Record::Rules { instrument: Box::new(rules()) },
        Record::Balances { balances, venue_time: at(2), partial: true },
        Record::Transferred {
            asset: asset("DOGE"),
            amount: number("-1.5"),
            taken_until: Some(at(6)),
        },
        Record::Flatten {
            instrument,
            left: number("0.5"),
            closing: Closing::Held("one side of the book is empty".to_owned()),
        },
        Record::ResumeRequested { cause: "asked for".to_owned() },
        Record::ResumeRefused {
            step: ResumeStep::Second,
            because: vec!["2 orders are in doubt".to_owned()],
        },
        Record::Resumed {
            from: TradingState::Halted,
            cause: "asked for".to_owned(),
            probation_until: at(1_800),
        },
        Record::TransferKnown { asset: asset("DOGE"), amount: number("-1.5"), venue_time: at(5) },
        Record::EquityMark {
            mark: EquityMark {
                valuation: asset("USDT"),
                assets: [asset("BTC"), asset("USDT")].into(),
                equity: number("970.5"),
                high: number("1000"),
                day: 20_454,
                day_start: number("990"),
            },
        },
        Record::Breaker {
            name: BreakerName::DayLoss,
            about: None,
            event: BreakerEvent::Tripped,
            value: number("3.02"),
            limit: number("3"),
        },
        Record::Breaker {
            name: BreakerName::Position,
            about: Some("BTC-USDT".to_owned()),
            event: BreakerEvent::Warning,
            value: number("2.6"),
            limit: number("5"),
        },
        Record::KeyAudited { audit: key(true) },
        Record::KeyAudited { audit: key(false) },
        Record::Limits { version: number("00000000000000ff"), limits: "{}".to_owned() },
        Record::AgentDisabled { agent, cause: "31 of its orders have executed".to_owned() },
        Record::AgentEnabled { agent },
        Record::CancelPrepared { client_order_id: id, instead: Some(number("0.5")) },
        Record::Flatten {
            instrument,
            left: number("0.5"),
            closing: Closing::Dropped("late_stops is \"say\"".to_owned()),
        },
        Record::Agent {
            agent,
            event: "up".to_owned(),
            version: Some(AgentVersion::new([171; 32])),
        },
        Record::GateOverridden {
            opened: GateOverride {
                gate: GateName::PaperRecord,
                reason: "a rehearsal against a simulated exchange".to_owned(),
                unmet: "no paper store is named".to_owned(),
            },
        },
        Record::Ramp {
            percent: 25,
            clean: Duration::from_secs(86_400),
            because: "86400 s active and clean".to_owned(),
        },
        Record::Answered {
            client_order_id: id,
            asked: Asked::Place,
            durable: Some(at(5)),
            left: Some(at(6)),
            came: at(7),
            outcome: "done".to_owned(),
        },
        Record::Alerted {
            alert: Alert::critical(AlertKey::Halted, "asked for", "trading has stopped"),
        },
    ];
    let numbered = (1..).zip(records);
    numbered.map(|(second, record)| Entry { at: at(second), record }).collect()
}

/// A key that may do too much, or one of which nothing is told.
fn key(told: bool) -> KeyAudit {
    let scopes = KeyScopes {
        trade: Some(true),
        withdraw: Some(true),
        transfer: Some(true),
        leverage: None,
        ip_bound: Some(false),
        expires: Some(at(99)),
    };
    let policy = KeyPolicy { accept: [KeyFinding::Withdraw].into(), ..KeyPolicy::default() };
    KeyAudit::of(told.then_some(scopes), &policy, at(1))
}

/// With a tick that was finer once.
fn rules() -> Instrument {
    let spot = Instrument::spot(asset("BTC"), asset("USDT"), number("0.01"), number("0.001"));
    let mut rules = Instrument { tick: number("0.1"), ..spot.unwrap() };
    rules.limits.notional_min = number("10");
    rules.mode = TradingMode::CancelOnly;
    rules
}

fn venue_order(instrument: InstrumentId, kind: OrderKind) -> VenueOrder {
    VenueOrder {
        id: VenueOrderId::from_number(8),
        client_order_id: ClientOrderId::new("somebody").unwrap(),
        instrument,
        side: Side::Sell,
        kind,
        ordered: OrderQty::Quote(number("100")),
        qty: number("1"),
        time_in_force: TimeInForce::Gtd(at(99)),
        post_only: true,
        self_trade_prevention: SelfTradePrevention::Decrement,
        status: VenueOrderStatus::Expired,
        filled: number("0"),
        filled_notional: number("0"),
        prevented: number("0"),
        created: at(1),
        updated: at(2),
        working_since: None,
        expiry: Some(ExpiryReason::Venue),
    }
}
