//! What is counted: a fold over the records of one session, from its start on.
//!
//! A counter that is derived from the journal is right whoever died meanwhile: read again it comes to the same. A new
//! start of the gateway begins at zero, which Prometheus knows as a restart. Every kind of record is a line of one
//! `match`, so that a new kind cannot be forgotten.

mod orders;

use model::{
    Action, BreakerEvent, BreakerName, Decimal, Ending, Entry, FeedHealth, Fill, Link, Liquidity,
    Record, Rounding,
};
use serde_json::Value;

use self::orders::Orders;
pub(crate) use self::orders::STAGE_NAMES;
use crate::catalog::{self as c, Metric};
use crate::known::Known;
use crate::page::Page;

/// Kinds of record that are about something that went wrong, as far as they are known before one comes.
const CLASSES: &[&str] = &[
    "agent",
    "agent_disabled",
    "alerted",
    "breaker",
    "busted",
    "cancel_rejected",
    "discrepancy",
    "ended",
    "gap",
    "in_doubt",
    "link",
    "rate_limited",
    "rejected",
    "resume_refused",
    "trading",
];
const LINKS: [Link; 2] = [Link::Market, Link::Account];

/// What one session came to so far.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    known: Known,
    pub(crate) page: Page,
    orders: Orders,
    /// Is that connection lost, and not up again?
    lost: [bool; 2],
}

impl Counted {
    /// Nothing yet; what is sure to be counted one day is zero.
    pub(crate) fn new(known: Known) -> Counted {
        let mut page = Page::default();
        let mut zero = |metric: &Metric, labels: &[&str]| page.add(metric, labels, 0.0);
        for metric in [&c::DOUBTS, &c::DUPLICATES, &c::RATE_LIMITS, &c::RECONCILIATIONS] {
            zero(metric, &[]);
        }
        for link in LINKS {
            for metric in [&c::LOSSES, &c::RECONNECTS, &c::HAND_OVERS] {
                zero(metric, &[views::link_name(link)]);
            }
        }
        for instrument in &known.instruments {
            for metric in [&c::GAPS, &c::RESYNCS, &c::MISSED, &c::TURNOVER] {
                zero(metric, &[instrument]);
            }
            for agent in &known.agents {
                zero(&c::ORDERS, &[agent, instrument]);
                for liquidity in ["maker", "taker"] {
                    zero(&c::FILLS, &[agent, instrument, liquidity]);
                }
            }
        }
        for agent in &known.agents {
            zero(&c::AGENT_STARTS, &[agent]);
            for ending in ["filled", "canceled", "rejected", "expired", "not_placed"] {
                zero(&c::ORDERS_ENDED, &[agent, ending]);
            }
        }
        CLASSES.iter().for_each(|class| zero(&c::ERRORS, &[class]));
        BreakerName::ALL.iter().for_each(|name| zero(&c::TRIPS, &[name.as_str()]));
        STAGE_NAMES.iter().for_each(|stage| page.begin(&c::STAGE, &[stage]));
        Counted { known, page, orders: Orders::default(), lost: [false; 2] }
    }

    /// Takes one entry.
    pub(crate) fn add(&mut self, entry: &Entry) {
        if let Record::Started { .. } = &entry.record {
            *self = Counted::new(std::mem::take(&mut self.known));
        }
        let kind = journal::facets(&entry.record).kind;
        self.more(&c::RECORDS, &[kind], 1);
        if views::what_went_wrong(&entry.record).is_some() {
            self.more(&c::ERRORS, &[kind], 1);
        }
        self.record(entry);
    }

    fn more(&mut self, metric: &Metric, labels: &[&str], more: u64) {
        self.page.add(metric, labels, more as f64);
    }

    fn record(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.record {
            Record::Decided { intent, .. } => {
                let action = match &intent.action {
                    Action::Place(_) => "place",
                    Action::Cancel(_) => "cancel",
                    Action::CancelAll(_) => "cancel_all",
                    Action::Halt => "halt",
                };
                self.more(&c::DECISIONS, &[intent.agent.as_str(), action], 1);
                self.orders.decided(intent.agent, intent.id, at);
            }
            Record::Refused { agent, because, .. } => {
                self.more(&c::REFUSALS, &[agent.as_str(), &views::refusal_tag(because)], 1);
            }
            Record::Prepared { agent, intent, order, .. } => {
                self.more(&c::ORDERS, &[agent.as_str(), order.instrument.as_str()], 1);
                self.orders.prepared(*agent, *intent, order);
            }
            Record::Answered { client_order_id, asked, durable, left, came, .. } => {
                let times = (*durable, *left, *came);
                self.orders.answered(&mut self.page, client_order_id, *asked, times);
            }
            Record::Accepted { client_order_id, .. } => {
                self.orders.accepted(&mut self.page, client_order_id, at);
            }
            Record::Rejected { client_order_id, because } => {
                self.more(&c::REJECTIONS, &[&tag(because, "refusal")], 1);
                self.orders.ended(&mut self.page, client_order_id, (Ending::Rejected, at));
            }
            Record::InDoubt { .. } => self.more(&c::DOUBTS, &[], 1),
            Record::Filled { client_order_id, fill, .. } => {
                let agent = client_order_id
                    .as_ref()
                    .and_then(|id| self.orders.filled(&mut self.page, id, fill, at));
                self.filled(agent.as_deref().unwrap_or("unknown"), fill);
            }
            Record::Ended { client_order_id, ending, .. } => {
                self.orders.ended(&mut self.page, client_order_id, (*ending, at));
            }
            Record::Link { link, up, .. } => self.link(*link, *up),
            Record::HandedOver { link } => self.more(&c::HAND_OVERS, &[views::link_name(*link)], 1),
            Record::Gap { instrument, .. } => self.more(&c::GAPS, &[instrument.as_str()], 1),
            Record::Feed { instrument, health: FeedHealth::Resyncing } => {
                self.more(&c::RESYNCS, &[instrument.as_str()], 1);
            }
            Record::MissedTrades { instrument, count } => {
                self.more(&c::MISSED, &[instrument.as_str()], *count);
            }
            Record::Duplicates { dropped } => self.more(&c::DUPLICATES, &[], *dropped),
            Record::RateLimited { .. } => self.more(&c::RATE_LIMITS, &[], 1),
            Record::BudgetWait { limiter, wait, requests } => {
                self.more(&c::WAITS_COUNT, &[limiter], *requests);
                self.page.observe(&c::WAIT, &[limiter], wait.as_secs_f64());
            }
            Record::Alerted { alert } => {
                let (level, key) = (word(&alert.level), alert.key.word());
                self.more(&c::ALERTS, &[&level, key], 1);
            }
            Record::Trading { state, by, .. } if state.is_latched() => {
                let by = by.as_ref().map_or_else(|| "unknown".to_owned(), word);
                self.more(&c::HALTS, &[&by], 1);
            }
            Record::Breaker { name, event: BreakerEvent::Tripped, .. } => {
                self.more(&c::TRIPS, &[name.as_str()], 1);
            }
            Record::Reconciled { .. } => self.more(&c::RECONCILIATIONS, &[], 1),
            Record::Discrepancy { found } => self.more(&c::DIFFERENCES, &[found.kind()], 1),
            Record::Agent { agent, event, .. } if event == "up" => {
                self.more(&c::AGENT_STARTS, &[agent.as_str()], 1);
            }
            // They are counted by kind.
            Record::Started { .. }
            | Record::Stopped
            | Record::CancelPrepared { .. }
            | Record::CancelRejected { .. }
            | Record::Busted { .. }
            | Record::Triggered { .. }
            | Record::Foreign { .. }
            | Record::ForeignGone { .. }
            | Record::ForeignCancel { .. }
            | Record::Balances { .. }
            | Record::Transferred { .. }
            | Record::TransferKnown { .. }
            | Record::Rules { .. }
            | Record::Feed { .. }
            | Record::DifferencesAccepted { .. }
            | Record::Trading { .. }
            | Record::Flatten { .. }
            | Record::ResumeRequested { .. }
            | Record::ResumeRefused { .. }
            | Record::Resumed { .. }
            | Record::Limits { .. }
            | Record::AgentDisabled { .. }
            | Record::AgentEnabled { .. }
            | Record::EquityMark { .. }
            | Record::Breaker { .. }
            | Record::KeyAudited { .. }
            | Record::Agent { .. }
            | Record::GateOverridden { .. }
            | Record::Ramp { .. } => {}
        }
    }

    fn filled(&mut self, agent: &str, fill: &Fill) {
        let liquidity = match fill.liquidity {
            Liquidity::Maker => "maker",
            Liquidity::Taker => "taker",
        };
        let instrument = fill.instrument.as_str();
        self.more(&c::FILLS, &[agent, instrument, liquidity], 1);
        let notional = fill.price.get().checked_mul(fill.qty.get(), Rounding::Down);
        self.page.add(&c::TURNOVER, &[instrument], notional.map_or(0.0, double));
    }

    fn link(&mut self, link: Link, up: bool) {
        let name = views::link_name(link);
        let lost = &mut self.lost[link as usize];
        let was_lost = std::mem::replace(lost, !up);
        match (up, was_lost) {
            (false, _) => self.more(&c::LOSSES, &[name], 1),
            (true, true) => self.more(&c::RECONNECTS, &[name], 1),
            (true, false) => {}
        }
    }
}

/// For a chart or an alert: nothing is booked by it.
fn double(number: Decimal) -> f64 {
    number.to_string().parse().unwrap_or(f64::NAN)
}

/// The tag that something has in the record's JSON.
fn tag(value: &impl serde::Serialize, key: &str) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json[key].as_str().unwrap_or("unknown").to_owned()
}

fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests;
