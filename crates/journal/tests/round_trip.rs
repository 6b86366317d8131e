//! Every record with any content is read back as it was written, through JSON text and SQLite.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

use std::collections::BTreeMap;
use std::time::Duration;

use model::venue::{
    ExpiryReason as Expiry, Filter, VenueError, VenueOrder, VenueOrderStatus as Status,
};
use model::{
    Action, AgentId, Alert, AlertKey, Amount, Asked, Asset, Balance, Check, ClientOrderId, Closing,
    Decimal, Discrepancy, Ending, Entry, Fee, Fill, Guardrail, HaltedBy, InstrumentId, Intent,
    IntentId, LimitsVersion, Link, Liquidity, NetQty, NewOrder, Notional, OrderKind, OrderQty,
    OrderSpec, PositionEffect, Price, Qty, Record, Refusal, ResumeStep, Scope, Seen,
    SelfTradePrevention, Side, TimeInForce, Timestamp, TradeId, TradingState, VenueOrderId,
};
use plimsoll_journal::{Sqlite, Storage as _};
use proptest::prelude::*;
use proptest::sample::select;

/// Any decimal, the largest and the finest among them.
fn decimal() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        (any::<i64>(), 0u32..=18).prop_map(|(m, d)| Decimal::from_mantissa(m.into(), d).unwrap()),
        select(vec![Decimal::ZERO, Decimal::MAX, Decimal::new(1, 18), Decimal::new(-1, 18)]),
    ]
}

fn qty() -> impl Strategy<Value = Qty> {
    decimal().prop_map(|d| Qty::try_from(d.abs()).unwrap())
}

fn notional() -> impl Strategy<Value = Notional> {
    decimal().prop_map(|d| Notional::try_from(d.abs()).unwrap())
}

fn price() -> impl Strategy<Value = Price> {
    decimal().prop_map(|d| Price::try_from(d.abs()).unwrap_or_else(|_| "1".parse().unwrap()))
}

fn amount() -> impl Strategy<Value = Amount> {
    decimal().prop_map(|d| Amount::try_from(d).unwrap())
}

fn net_qty() -> impl Strategy<Value = NetQty> {
    decimal().prop_map(|d| NetQty::try_from(d).unwrap())
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_nanos)
}

fn duration() -> impl Strategy<Value = Duration> {
    (any::<u64>(), 0u32..1_000_000_000).prop_map(|(s, n)| Duration::new(s, n))
}

/// What people, venues and programs write: quotes, line ends, nulls, any script.
fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

fn instrument() -> impl Strategy<Value = InstrumentId> {
    "[A-Z0-9]{1,10}-[A-Z]{3,5}".prop_map(|t| InstrumentId::new(&t).unwrap())
}

fn agent() -> impl Strategy<Value = AgentId> {
    "[a-zé][a-z0-9._-]{0,6}".prop_map(|t| AgentId::new(&t).unwrap())
}

fn asset() -> impl Strategy<Value = Asset> {
    "[A-Z0-9$]{1,10}".prop_map(|t| Asset::new(&t).unwrap())
}

fn order_id() -> impl Strategy<Value = ClientOrderId> {
    r#"[!-~]{1,36}"#.prop_map(|t| ClientOrderId::new(&t).unwrap())
}

fn venue_order_id() -> impl Strategy<Value = VenueOrderId> {
    any::<u64>().prop_map(VenueOrderId::from_number)
}

/// An order of somebody else, with its instrument or as older versions knew it.
fn theirs() -> impl Strategy<Value = (Option<InstrumentId>, VenueOrderId)> {
    (prop::option::of(instrument()), venue_order_id())
}

fn trade_id() -> impl Strategy<Value = TradeId> {
    any::<u64>().prop_map(TradeId::from_number)
}

fn intent_id() -> impl Strategy<Value = IntentId> {
    any::<u64>().prop_map(IntentId)
}

fn side() -> impl Strategy<Value = Side> {
    select(vec![Side::Buy, Side::Sell])
}

fn ending() -> impl Strategy<Value = Ending> {
    select(vec![
        Ending::Filled,
        Ending::Canceled,
        Ending::Rejected,
        Ending::Expired,
        Ending::NotPlaced,
    ])
}

fn state() -> impl Strategy<Value = TradingState> {
    select(vec![
        TradingState::Active,
        TradingState::Starting,
        TradingState::Reducing,
        TradingState::Throttled,
        TradingState::Halted,
        TradingState::Flattening,
        TradingState::Dark,
    ])
}

fn halted_by() -> impl Strategy<Value = HaltedBy> {
    select(vec![
        HaltedBy::Person,
        HaltedBy::Agent,
        HaltedBy::Breaker,
        HaltedBy::Watchdog,
        HaltedBy::ForeignOrder,
        HaltedBy::Ghost,
        HaltedBy::CrashLoop,
        HaltedBy::Journal,
        HaltedBy::Key,
    ])
}

fn closing() -> impl Strategy<Value = Closing> {
    prop_oneof![
        Just(Closing::Slices),
        text().prop_map(Closing::Held),
        Just(Closing::Flat),
        text().prop_map(Closing::Dust),
        text().prop_map(Closing::Dropped),
    ]
}

fn kind() -> impl Strategy<Value = OrderKind> {
    (price(), price(), 0..6).prop_map(|(trigger, price, which)| match which {
        0 => OrderKind::Market,
        1 => OrderKind::Limit { price },
        2 => OrderKind::StopLoss { trigger },
        3 => OrderKind::StopLimit { trigger, price },
        4 => OrderKind::TakeProfit { trigger },
        _ => OrderKind::TakeProfitLimit { trigger, price },
    })
}

fn time_in_force() -> impl Strategy<Value = TimeInForce> {
    prop_oneof![
        select(vec![TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok]),
        time().prop_map(TimeInForce::Gtd),
    ]
}

fn order_qty() -> impl Strategy<Value = OrderQty> {
    prop_oneof![qty().prop_map(OrderQty::Base), notional().prop_map(OrderQty::Quote)]
}

fn prevention() -> impl Strategy<Value = SelfTradePrevention> {
    use SelfTradePrevention as P;
    select(vec![P::None, P::ExpireMaker, P::ExpireTaker, P::ExpireBoth, P::Decrement])
}

fn new_order() -> impl Strategy<Value = NewOrder> {
    let names = (order_id(), instrument(), side(), kind());
    let rest = (order_qty(), time_in_force(), any::<[bool; 2]>(), prop::option::of(prevention()));
    (names, rest).prop_map(|((client_order_id, instrument, side, kind), rest)| {
        let (qty, time_in_force, [post_only, reduce_only], self_trade_prevention) = rest;
        NewOrder {
            client_order_id,
            instrument,
            side,
            kind,
            qty,
            time_in_force,
            post_only,
            reduce_only,
            self_trade_prevention,
        }
    })
}

fn intent() -> impl Strategy<Value = Intent> {
    let spec = (new_order(), qty(), prop::option::of(effect())).prop_map(|(order, qty, effect)| {
        Action::Place(OrderSpec {
            instrument: order.instrument,
            side: order.side,
            kind: order.kind,
            qty,
            time_in_force: order.time_in_force,
            post_only: order.post_only,
            reduce_only: order.reduce_only,
            effect,
        })
    });
    let action = prop_oneof![
        spec,
        intent_id().prop_map(Action::Cancel),
        instrument().prop_map(Action::CancelAll),
        Just(Action::Halt),
    ];
    (intent_id(), agent(), action, text(), time()).prop_map(
        |(id, agent, action, reason, expires)| Intent { id, agent, action, reason, expires },
    )
}

fn fill() -> impl Strategy<Value = Fill> {
    let fee = (asset(), amount()).prop_map(|(asset, amount)| Fee { asset, amount });
    let liquidity = select(vec![Liquidity::Maker, Liquidity::Taker]);
    let names = (trade_id(), venue_order_id(), prop::option::of(order_id()), instrument());
    let what = (side(), price(), qty(), prop::option::of(fee), liquidity, time());
    (names, what).prop_map(|((trade_id, venue_order_id, client_order_id, instrument), what)| {
        let (side, price, qty, fee, liquidity, venue_time) = what;
        Fill {
            trade_id,
            venue_order_id,
            client_order_id,
            instrument,
            side,
            price,
            qty,
            fee,
            liquidity,
            venue_time,
        }
    })
}

fn venue_error() -> impl Strategy<Value = VenueError> {
    use VenueError as E;
    let filters = [
        Filter::Price,
        Filter::PriceBand,
        Filter::Lot,
        Filter::MarketLot,
        Filter::Notional,
        Filter::OpenOrders,
        Filter::StopOrders,
    ];
    let mut plain = vec![
        E::InsufficientBalance,
        E::UnknownInstrument,
        E::UnknownOrder,
        E::OrderNamesDiffer,
        E::DuplicateClientOrderId,
        E::WouldTake,
        E::WouldTrigger,
        E::MarketClosed,
        E::CancelRestricted,
        E::NoLiquidity,
        E::Unsupported,
        E::NotAllowed,
    ];
    plain.extend(filters.map(|filter| E::Filter { filter }));
    prop_oneof![
        select(plain),
        (any::<i64>(), text()).prop_map(|(code, message)| E::Other { code, message }),
    ]
}

fn refusal() -> impl Strategy<Value = Refusal> {
    use Refusal as R;
    let numbers = prop_oneof![
        instrument().prop_map(|instrument| R::InstrumentNotAllowed { instrument }),
        (state(), text()).prop_map(|(state, cause)| R::NotTrading { state, cause }),
        (time(), time()).prop_map(|(expired, now)| R::Expired { expired, now }),
        (duration(), prop::option::of(duration()))
            .prop_map(|(limit, age)| R::StalePrice { limit, age }),
        (price(), price()).prop_map(|(price, tick)| R::OffTick { price, tick }),
        (qty(), qty()).prop_map(|(qty, lot)| R::OffLot { qty, lot }),
        (qty(), qty()).prop_map(|(limit, qty)| R::QtyTooSmall { limit, qty }),
        (qty(), qty()).prop_map(|(limit, qty)| R::QtyTooLarge { limit, qty }),
        (notional(), notional())
            .prop_map(|(limit, notional)| R::NotionalTooSmall { limit, notional }),
    ];
    let more = prop_oneof![
        (notional(), notional())
            .prop_map(|(limit, notional)| R::NotionalTooLarge { limit, notional }),
        (price(), price(), price(), price()).prop_map(|(price, reference, low, high)| {
            R::Collar { price, reference, low, high }
        }),
        (amount(), amount()).prop_map(|(needed, available)| R::Balance { needed, available }),
        (net_qty(), net_qty()).prop_map(|(limit, worst)| R::PositionLimit { limit, worst }),
        (scope(), notional(), notional()).prop_map(|(scope, limit, worst)| R::ExposureLimit {
            scope,
            limit,
            worst
        }),
        (net_qty(), qty()).prop_map(|(position, qty)| R::NotReducing { position, qty }),
        any::<(u32, u32)>().prop_map(|(limit, open)| R::OpenOrders { limit, open }),
        (any::<(u32, u32)>(), duration()).prop_map(|((limit, sent), window)| R::OrderRate {
            limit,
            sent,
            window
        }),
        text().prop_map(|what| R::Unsupported { what }),
        select(vec![R::NothingToCancel, R::Unrepresentable]),
    ];
    prop_oneof![numbers, more, newer_refusal()]
}

fn scope() -> impl Strategy<Value = Scope> {
    select(vec![Scope::Instrument, Scope::Agent, Scope::Account])
}

fn effect() -> impl Strategy<Value = PositionEffect> {
    select(vec![PositionEffect::Open, PositionEffect::Close])
}

fn newer_refusal() -> impl Strategy<Value = Refusal> {
    use Refusal as R;
    let counts = || any::<(u32, u32)>();
    prop_oneof![
        (scope(), counts(), duration()).prop_map(|(scope, (limit, sent), window)| {
            R::MessageRate { scope, limit, sent, window }
        }),
        (counts(), duration()).prop_map(|((limit, alike), window)| R::Duplicate {
            limit,
            alike,
            window
        }),
        (scope(), notional(), notional(), duration()).prop_map(
            |(scope, limit, notional, window)| R::Turnover { scope, limit, notional, window }
        ),
        (price(), price(), price(), price(), duration()).prop_map(
            |(price, reference, low, high, window)| R::Walk { price, reference, low, high, window }
        ),
        (price(), price()).prop_map(|(price, resting)| R::SelfTrade { price, resting }),
        counts().prop_map(|(limit, open)| R::Stops { limit, open }),
        (effect(), net_qty()).prop_map(|(declared, position)| R::Effect { declared, position }),
        text().prop_map(|cause| R::AgentDisabled { cause }),
        (time(), duration()).prop_map(|(since, limit)| R::Lease { since, limit }),
        (notional(), notional()).prop_map(|(limit, worst)| R::LossHeadroom { limit, worst }),
        instrument().prop_map(|instrument| R::NoValue { instrument }),
        (scope(), text(), asset()).prop_map(|(scope, key, asset)| R::NoLimit { scope, key, asset }),
        Just(R::HeadroomUnknown),
    ]
}

fn discrepancy() -> impl Strategy<Value = Discrepancy> {
    use Discrepancy as D;
    prop_oneof![
        (prop::option::of(order_id()), trade_id())
            .prop_map(|(client_order_id, trade_id)| D::MissedFill { client_order_id, trade_id }),
        (order_id(), ending())
            .prop_map(|(client_order_id, ending)| D::MissedEnd { client_order_id, ending }),
        order_id().prop_map(|client_order_id| D::MissedAccept { client_order_id }),
        order_id().prop_map(|client_order_id| D::Ghost { client_order_id }),
        order_id().prop_map(|client_order_id| D::UnknownToVenue { client_order_id }),
        theirs().prop_map(|(instrument, venue_order_id)| D::Foreign { instrument, venue_order_id }),
        (asset(), amount(), amount()).prop_map(|(asset, ours, theirs)| D::Balance {
            asset,
            ours,
            theirs
        }),
        (asset(), amount(), amount()).prop_map(|(asset, ours, theirs)| D::Dust {
            asset,
            ours,
            theirs
        }),
        (asset(), amount()).prop_map(|(asset, amount)| D::Deposit { asset, amount }),
        order_id().prop_map(|client_order_id| D::MissedTrigger { client_order_id }),
        (prop::option::of(order_id()), instrument(), trade_id()).prop_map(
            |(client_order_id, instrument, trade_id)| D::Busted {
                client_order_id,
                instrument,
                trade_id
            }
        ),
        (order_id(), instrument(), trade_id(), trade_id()).prop_map(
            |(client_order_id, instrument, trade_id, counted_as)| D::TwoIds {
                client_order_id,
                instrument,
                trade_id,
                counted_as
            }
        ),
        (order_id(), qty(), qty()).prop_map(|(client_order_id, ordered, filled)| D::Overfill {
            client_order_id,
            ordered,
            filled
        }),
    ]
}

fn remaining() -> impl Strategy<Value = Vec<Discrepancy>> {
    prop::collection::vec(discrepancy(), 0..3)
}

fn venue_order() -> impl Strategy<Value = VenueOrder> {
    let status = select(vec![
        Status::New,
        Status::PartiallyFilled,
        Status::Filled,
        Status::Canceled,
        Status::Rejected,
        Status::Expired,
        Status::ExpiredInMatch,
    ]);
    let expiry = select(vec![
        Expiry::IocRemainder,
        Expiry::FokUnfilled,
        Expiry::InsufficientLiquidity,
        Expiry::Venue,
    ]);
    let money = (qty(), qty(), notional(), qty());
    let times = (time(), time(), prop::option::of(time()));
    let names = (venue_order_id(), new_order(), prevention(), status);
    (names, money, times, prop::option::of(expiry)).prop_map(|(names, money, times, expiry)| {
        let (id, order, self_trade_prevention, status) = names;
        let (qty, filled, filled_notional, prevented) = money;
        let (created, updated, working_since) = times;
        VenueOrder {
            id,
            client_order_id: order.client_order_id,
            instrument: order.instrument,
            side: order.side,
            kind: order.kind,
            ordered: order.qty,
            qty,
            time_in_force: order.time_in_force,
            post_only: order.post_only,
            self_trade_prevention,
            status,
            filled,
            filled_notional,
            prevented,
            created,
            updated,
            working_since,
            expiry,
        }
    })
}

fn seen() -> impl Strategy<Value = Seen> {
    let level = || prop::option::of((price(), qty()));
    (level(), level(), prop::option::of(time()), any::<bool>())
        .prop_map(|(bid, ask, as_of, live)| Seen { bid, ask, as_of, live })
}

fn checks() -> impl Strategy<Value = Vec<Check>> {
    let guardrail = select(vec![Guardrail::Collar, Guardrail::Balance, Guardrail::LossHeadroom]);
    let check = (guardrail, decimal(), decimal());
    prop::collection::vec(check.prop_map(Check::from), 0..4)
}

/// Records about one order, one intent or one execution.
fn order_record() -> impl Strategy<Value = Record> {
    use Record as R;
    prop_oneof![
        (
            intent(),
            net_qty(),
            prop::option::of(price()),
            prop::option::of(version()),
            prop::option::of(seen())
        )
            .prop_map(|(intent, position, reference, limits, seen)| R::Decided {
                intent,
                position,
                reference,
                limits,
                seen
            }),
        (agent(), intent_id(), refusal(), checks()).prop_map(|(agent, intent, because, checks)| {
            R::Refused { agent, intent, because, checks }
        }),
        (agent(), intent_id(), new_order(), price(), prop::option::of(version()), checks())
            .prop_map(|(agent, intent, order, worst_price, limits, checks)| R::Prepared {
                agent,
                intent,
                order,
                worst_price,
                limits,
                checks
            }),
        (
            order_id(),
            select(vec![Asked::Place, Asked::Cancel]),
            prop::option::of(time()),
            prop::option::of(time()),
            time(),
            text()
        )
            .prop_map(|(client_order_id, asked, durable, left, came, outcome)| {
                R::Answered { client_order_id, asked, durable, left, came, outcome }
            }),
        (order_id(), proptest::option::of(qty()))
            .prop_map(|(client_order_id, instead)| R::CancelPrepared { client_order_id, instead }),
        (order_id(), venue_order_id(), time()).prop_map(
            |(client_order_id, venue_order_id, venue_time)| R::Accepted {
                client_order_id,
                venue_order_id,
                venue_time
            }
        ),
        (order_id(), venue_error())
            .prop_map(|(client_order_id, because)| R::Rejected { client_order_id, because }),
        (order_id(), venue_error())
            .prop_map(|(client_order_id, because)| R::CancelRejected { client_order_id, because }),
        (order_id(), text())
            .prop_map(|(client_order_id, because)| R::InDoubt { client_order_id, because }),
        (prop::option::of(order_id()), fill(), any::<bool>())
            .prop_map(|(client_order_id, fill, late)| R::Filled { client_order_id, fill, late }),
        (prop::option::of(order_id()), fill())
            .prop_map(|(client_order_id, fill)| R::Busted { client_order_id, fill }),
        order_id().prop_map(|client_order_id| R::Triggered { client_order_id }),
        (order_id(), ending(), any::<bool>(), prop::option::of(text())).prop_map(
            |(client_order_id, ending, lost, cause)| R::Ended {
                client_order_id,
                ending,
                lost,
                cause
            }
        ),
    ]
}

fn version() -> impl Strategy<Value = LimitsVersion> {
    any::<u64>().prop_map(LimitsVersion::from_number)
}

/// Records about the account, the connections and the gateway.
fn other_record() -> impl Strategy<Value = Record> {
    use Record as R;
    let link = select(vec![Link::Market, Link::Account]);
    let balance = (amount(), amount()).prop_map(|(free, locked)| Balance { free, locked });
    let fills_to = prop::collection::btree_map(instrument(), trade_id(), 0..3);
    let fills_until = prop::collection::btree_map(instrument(), time(), 0..3);
    prop_oneof![
        (any::<u64>(), text(), text(), any::<bool>()).prop_map(
            |(session, version, config, paper)| R::Started { session, version, config, paper }
        ),
        Just(R::Stopped),
        venue_order().prop_map(|order| R::Foreign { order }),
        theirs()
            .prop_map(|(instrument, venue_order_id)| R::ForeignGone { instrument, venue_order_id }),
        theirs().prop_map(|(instrument, venue_order_id)| R::ForeignCancel {
            instrument,
            venue_order_id
        }),
        remaining().prop_map(|accepted| R::DifferencesAccepted { accepted }),
        (prop::collection::btree_map(asset(), balance, 0..4), time(), any::<bool>()).prop_map(
            |(balances, venue_time, partial): (BTreeMap<_, _>, _, _)| R::Balances {
                balances,
                venue_time,
                partial
            }
        ),
        (asset(), amount(), prop::option::of(time())).prop_map(|(asset, amount, taken_until)| {
            R::Transferred { asset, amount, taken_until }
        }),
        (asset(), amount(), time()).prop_map(|(asset, amount, venue_time)| R::TransferKnown {
            asset,
            amount,
            venue_time
        }),
        (link, any::<bool>(), text()).prop_map(|(link, up, cause)| R::Link { link, up, cause }),
        (instrument(), text()).prop_map(|(instrument, detail)| R::Gap { instrument, detail }),
        any::<u64>().prop_map(|dropped| R::Duplicates { dropped }),
        (duration(), text()).prop_map(|(wait, detail)| R::RateLimited { wait, detail }),
        (duration(), text(), any::<u64>()).prop_map(|(wait, limiter, requests)| R::BudgetWait {
            limiter,
            wait,
            requests
        }),
        discrepancy().prop_map(|found| R::Discrepancy { found }),
        (any::<(u32, u32)>(), fills_to, fills_until, remaining()).prop_map(
            |((found, left), fills_to, fills_until, remaining)| R::Reconciled {
                found,
                left,
                fills_to,
                fills_until,
                remaining
            }
        ),
        (state(), text(), proptest::option::of(halted_by()))
            .prop_map(|(state, cause, by)| R::Trading { state, cause, by }),
        (instrument(), net_qty(), closing()).prop_map(|(instrument, left, closing)| R::Flatten {
            instrument,
            left,
            closing
        }),
        text().prop_map(|cause| R::ResumeRequested { cause }),
        (
            select(vec![ResumeStep::First, ResumeStep::Second]),
            proptest::collection::vec(text(), 0..4)
        )
            .prop_map(|(step, because)| R::ResumeRefused { step, because }),
        (state(), text(), time()).prop_map(|(from, cause, probation_until)| R::Resumed {
            from,
            cause,
            probation_until
        }),
        (agent(), text()).prop_map(|(agent, event)| R::Agent { agent, event }),
        (text(), text()).prop_map(|(about, text)| R::Alerted {
            alert: Alert::critical(AlertKey::Halted, about, text)
        }),
        (version(), text()).prop_map(|(version, limits)| R::Limits { version, limits }),
        (agent(), text()).prop_map(|(agent, cause)| R::AgentDisabled { agent, cause }),
        agent().prop_map(|agent| R::AgentEnabled { agent }),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    (time(), prop_oneof![order_record(), other_record()])
        .prop_map(|(at, record)| Entry { at, record })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn through_text(entry in entry()) {
        let text = serde_json::to_string(&entry).unwrap();
        let read: Entry = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &entry, "{}", text);
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), text, "the same text again");
    }
}

proptest! {
    // Each case flushes the disk.
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn through_sqlite(batches in prop::collection::vec(prop::collection::vec(entry(), 0..12), 1..4)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("j.db");
        for batch in &batches {
            Sqlite::open(&path).unwrap().append(batch).unwrap();
        }
        let mut found = Vec::new();
        Sqlite::open(&path).unwrap().replay(0, &mut |seq, entry| {
            found.push((seq, entry));
            Ok(())
        }).unwrap();
        let written: Vec<_> = (1u64..).zip(batches.into_iter().flatten()).collect();
        prop_assert_eq!(found, written);
    }
}

/// A reconciliation as versions before the time of the newest execution wrote it.
#[test]
fn a_reconciliation_of_an_older_journal_is_read() {
    let old = r#"{"at":5,"kind":"reconciled","found":1,"left":0,"fills_to":{"BTC-USDT":"7"}}"#;
    let entry: Entry = serde_json::from_str(old).unwrap();
    let Record::Reconciled { fills_to, fills_until, remaining, .. } = &entry.record else {
        panic!("{entry:?}")
    };
    assert_eq!((fills_to.len(), fills_until.len(), remaining.len()), (1, 0, 0));
    assert_eq!(serde_json::to_string(&entry).unwrap(), old, "and written as it was");
}
