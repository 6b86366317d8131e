//! A record in words, as one line of a story.

use model::{
    Action, AlertLevel, Asked, Asset, Balance, BreakerEvent, FeedHealth, NewOrder, OrderKind,
    OrderQty, OrderSpec, Price, Record, Seen, Side, Timestamp,
};

use crate::fold::link_name;

pub(super) fn of(record: &Record) -> String {
    match record {
        Record::Started { session, version, paper, .. } => {
            let paper = if *paper { ", on paper" } else { "" };
            format!("a gateway starts: session {session}, version {version}{paper}")
        }
        Record::Stopped => "the gateway was asked to end".to_owned(),
        Record::Decided { intent, position, reference, seen, .. } => {
            let what = action(&intent.action);
            let seen = seen.as_ref().map(market).unwrap_or_default();
            let reference =
                reference.map(|price| format!(", reference {price}")).unwrap_or_default();
            format!(
                "{} decides: {what}, because {:?}; it holds {position}{seen}{reference}",
                intent.agent, intent.reason
            )
        }
        Record::Refused { because, .. } => format!("a guardrail refuses it: {because}"),
        Record::Prepared { order, worst_price, .. } => {
            format!("approved and written down: {}, at {worst_price} at worst", new(order))
        }
        Record::CancelPrepared { instead, .. } => {
            let instead = instead.map(|qty| format!(", and {qty} is sold in slices instead"));
            format!("a cancel is sent{}", instead.unwrap_or_default())
        }
        Record::Answered { asked, durable, left, came, outcome, .. } => {
            answered(*asked, (*durable, *left, *came), outcome)
        }
        Record::Accepted { venue_order_id, .. } => {
            format!("the venue has it, as order {venue_order_id}")
        }
        Record::Rejected { because, .. } => format!("the venue rejects it: {because}"),
        Record::CancelRejected { because, .. } => {
            format!("the venue says that its cancel did nothing: {because}")
        }
        Record::InDoubt { because, .. } => {
            format!("IN DOUBT: {because}; it is asked for and never sent again")
        }
        Record::Filled { fill, late, .. } => {
            let fee = fill.fee.map(|fee| format!(", fee {} {}", fee.amount, fee.asset));
            let late = if *late {
                format!(", FOUND AFTERWARDS: it executed at {}", fill.venue_time)
            } else {
                String::new()
            };
            format!(
                "execution {}: {} {} at {}{}{late}",
                fill.trade_id,
                did(fill.side),
                fill.qty,
                fill.price,
                fee.unwrap_or_default()
            )
        }
        Record::Busted { fill, .. } => format!(
            "execution {} is TAKEN BACK: {} at {} is counted no more",
            fill.trade_id, fill.qty, fill.price
        ),
        Record::Triggered { .. } => "its trigger is reached".to_owned(),
        Record::Ended { ending, lost, cause, .. } => {
            let lost = if *lost {
                ", by the proof alone that the venue does not know it any more"
            } else {
                ""
            };
            let cause = cause.as_deref().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("over: {}{lost}{cause}", ending.word())
        }
        Record::Link { link, up, cause } => {
            let up = if *up { "up" } else { "DOWN" };
            format!("{} connection {up} ({cause})", link_name(*link))
        }
        Record::Gap { instrument, detail } => {
            format!("the book of {instrument} has a hole: {detail}")
        }
        Record::MissedTrades { instrument, count } => {
            format!("{count} public trades of {instrument} were missed and are fetched")
        }
        Record::Feed { instrument, health } => {
            let health = match health {
                FeedHealth::Live => "live",
                FeedHealth::Stale => "STALE",
                FeedHealth::Resyncing => "being fetched anew",
                FeedHealth::Down => "DOWN",
            };
            format!("market data of {instrument} {health}")
        }
        Record::RateLimited { wait, detail } => {
            format!("the venue holds requests for {wait:?}: {detail}")
        }
        Record::BudgetWait { limiter, wait, requests } => {
            format!("our budget held {requests} requests back, {wait:?} at most: {limiter}")
        }
        Record::Discrepancy { found } => format!("found: {found} ({})", found.correction()),
        Record::Reconciled { found, left, .. } => {
            format!("books compared with the venue's: {found} differences found, {left} left")
        }
        Record::Trading { state, cause, by } => {
            let by = by.map(|by| format!(", by {}", by.words())).unwrap_or_default();
            let cause = if cause.is_empty() { String::new() } else { format!(": {cause}") };
            let state = format!("{state:?}").to_lowercase();
            format!("trading {state}{by}{cause}")
        }
        Record::Limits { version, .. } => format!("limits {version} in force"),
        Record::Breaker { name, about, event, value, limit } => {
            let event = match event {
                BreakerEvent::Tripped => "TRIPPED",
                BreakerEvent::Cleared => "acts no more",
                BreakerEvent::Warning => "is near its limit",
            };
            let about = about.as_deref().map(|about| format!(" of {about}")).unwrap_or_default();
            format!("breaker {name:?}{about} {event} at {value}, its limit is {limit}")
        }
        Record::Alerted { alert } => {
            let level = match alert.level {
                AlertLevel::Info => "told",
                AlertLevel::Warning => "warned",
                AlertLevel::Critical => "ALERTED",
            };
            format!("the operator is {level}: {}", alert.text)
        }
        Record::Agent { agent, event, version } => {
            let of = version.map(|version| format!(" (version {})", version.short()));
            format!("process of agent {agent}: {event}{}", of.unwrap_or_default())
        }
        Record::GateOverridden { opened } => format!(
            "gate {} is opened by a person, {:?}, although {}",
            opened.gate.as_str(),
            opened.reason,
            opened.unmet
        ),
        Record::Ramp { percent, because, .. } => {
            format!("the ramp is at {percent} % of the limits: {because}")
        }
        Record::AgentDisabled { agent, cause } => format!("agent {agent} is disabled: {cause}"),
        Record::AgentEnabled { agent } => format!("a person lets agent {agent} trade again"),
        Record::Resumed { cause, .. } => format!("a person lifts the halt: {cause}"),
        Record::Rules { instrument } => format!("the venue's rules of {} change", instrument.id),
        Record::Flatten { instrument, left, .. } => {
            format!("the position is being closed: {left} of {instrument} is left")
        }
        Record::Balances { balances, .. } => {
            let one = |(asset, balance): (&Asset, &Balance)| {
                format!("{asset} {} free, {} locked", balance.free, balance.locked)
            };
            let all: Vec<String> = balances.iter().map(one).collect();
            format!("the venue tells balances: {}", all.join("; "))
        }
        Record::EquityMark { mark } => format!(
            "losses are measured anew: worth {} {}, high-water mark {}, the day began with {}",
            mark.equity, mark.valuation, mark.high, mark.day_start
        ),
        Record::Duplicates { dropped } => {
            format!("messages that had been seen are dropped: {dropped} so far in this session")
        }
        Record::HandedOver { link } => {
            format!("the {} connection is handed over to a new one", link_name(*link))
        }
        Record::ResumeRequested { cause } => {
            format!("a person takes the first step to lift the halt: {cause}")
        }
        Record::ResumeRefused { because, .. } => {
            format!("the halt is not lifted: {}", because.join("; "))
        }
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

fn answered(
    asked: Asked,
    (durable, left, came): (Option<Timestamp>, Option<Timestamp>, Timestamp),
    outcome: &str,
) -> String {
    let what = match asked {
        Asked::Place => "the order",
        Asked::Cancel => "the cancel",
    };
    let millis = |from: Timestamp, to: Timestamp| (to.nanos() - from.nanos()) as f64 / 1e6;
    let durable = durable.map(|at| format!("durable at {}, ", clock(at))).unwrap_or_default();
    match left {
        Some(left) => format!(
            "{what}: {durable}left at {}, answered after {:.3} ms: {outcome}",
            clock(left),
            millis(left, came)
        ),
        None => format!("{what} never left: {outcome}"),
    }
}

/// The time of day, UTC, to the microsecond.
pub(super) fn clock(at: Timestamp) -> String {
    let micros = at.nanos().div_euclid(1_000);
    let (second, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let of_day = second.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{micros:06}")
}

fn market(seen: &Seen) -> String {
    let level = |name: &str, level: Option<(Price, model::Qty)>| {
        level.map_or(format!("no {name}"), |(price, qty)| format!("{name} {price} × {qty}"))
    };
    let live = if seen.live { "" } else { " (the book was not complete)" };
    format!("; it saw {}, {}{live}", level("bid", seen.bid), level("ask", seen.ask))
}

fn action(action: &Action) -> String {
    match action {
        Action::Place(spec) => wanted(spec),
        Action::Cancel(of) => format!("take back the order of decision {}", of.0),
        Action::CancelAll(instrument) => format!("take back all orders of {instrument}"),
        Action::Halt => "stop all trading".to_owned(),
    }
}

fn wanted(spec: &OrderSpec) -> String {
    let flags = flags(spec.post_only, spec.reduce_only);
    format!("{} {} {}{}{flags}", verb(spec.side), spec.qty, spec.instrument, priced(spec.kind))
}

fn new(order: &NewOrder) -> String {
    let qty = match order.qty {
        OrderQty::Base(qty) => qty.to_string(),
        OrderQty::Quote(notional) => format!("for {notional}"),
    };
    let flags = flags(order.post_only, order.reduce_only);
    format!("{} {qty} {}{}{flags}", verb(order.side), order.instrument, priced(order.kind))
}

fn flags(post_only: bool, reduce_only: bool) -> String {
    let post_only = if post_only { ", post-only" } else { "" };
    let reduce_only = if reduce_only { ", reduce-only" } else { "" };
    format!("{post_only}{reduce_only}")
}

fn priced(kind: OrderKind) -> String {
    let price = match kind.price() {
        Some(price) => format!(" at {price}"),
        None if kind == OrderKind::Market => " at the market".to_owned(),
        None => String::new(),
    };
    let trigger = kind.trigger().map(|trigger| format!(", from {trigger} on"));
    format!("{price}{}", trigger.unwrap_or_default())
}

pub(super) const fn verb(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

const fn did(side: Side) -> &'static str {
    match side {
        Side::Buy => "bought",
        Side::Sell => "sold",
    }
}
