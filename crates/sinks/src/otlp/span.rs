//! A record of an order as spans of its trace.
//!
//! The trace is named by the order: the first 16 bytes of the SHA-256 of its client order id. Its root is the order from the
//! decision to its end and comes last, for only then is it known; what happens on the way has it as its parent already.

use model::{Asked, Ending, Entry, Fill, OrderQty, Record, Side, Timestamp};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::journey::Journey;
use crate::row::{Row, What};

/// Kinds of span, as the protocol numbers them: of this process, and a request to another one.
const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
/// It went wrong, as the protocol numbers it.
const ERROR: u8 = 2;

/// The spans that end with this record.
pub(super) fn spans(row: &Row) -> Vec<Json> {
    let (What::Entry(entry), Some(order)) = (&row.what, &row.journey) else { return Vec::new() };
    let trace = Trace { order, trace: trace_id(order.client_order_id.as_str()), seq: row.seq };
    trace.spans(entry)
}

/// The trace of an order, in hex.
fn trace_id(client_order_id: &str) -> String {
    hex(client_order_id, 16)
}

fn hex(text: &str, bytes: usize) -> String {
    Sha256::digest(text.as_bytes()).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// An attribute.
pub(super) fn text(key: &str, value: &str) -> Json {
    json!({"key": key, "value": {"stringValue": value}})
}

fn number(key: &str, value: u64) -> Json {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

struct Trace<'r> {
    order: &'r Journey,
    trace: String,
    seq: u64,
}

impl Trace<'_> {
    fn spans(&self, entry: &Entry) -> Vec<Json> {
        let (at, order) = (entry.at, self.order);
        let mut spans = Vec::new();
        if Journey::settles(&entry.record)
            && let Some(since) = order.doubt
        {
            spans.push(self.failed(self.span("in doubt", since, at, vec![]), "outcome unknown"));
        }
        match &entry.record {
            Record::Prepared { intent, checks, .. } => {
                if let Some(decided) = order.decided {
                    let about = vec![
                        number("plimsoll.intent", intent.0),
                        text("plimsoll.reason", &order.reason),
                    ];
                    spans.push(self.span("decision", decided, decided, about));
                }
                let mut guardrails = self.span("guardrails", order.began(), at, vec![]);
                let event = |check: &model::Check| {
                    json!({"timeUnixNano": nanos(at), "name": check.guardrail, "attributes": [
                        text("actual", &check.actual.to_string()), text("limit", &check.limit.to_string()),
                    ]})
                };
                guardrails["events"] = checks.iter().map(event).collect();
                spans.push(guardrails);
            }
            Record::Answered { asked: Asked::Place, durable, left, came, outcome, .. } => {
                if let Some(durable) = durable {
                    spans.push(self.span("journal", order.prepared, *durable, vec![]));
                }
                if let (Some(durable), Some(left)) = (durable, left) {
                    spans.push(self.span("budget", *durable, *left, vec![]));
                }
                if let Some(left) = left {
                    spans.push(self.request("request", (*left, *came), outcome));
                }
            }
            Record::Answered { asked: Asked::Cancel, left, came, outcome, .. } => {
                spans.extend(left.map(|left| self.request("cancel", (left, *came), outcome)));
            }
            Record::Accepted { venue_order_id, .. } if !order.accepted => {
                let about = vec![text("plimsoll.venue_order_id", venue_order_id.as_str())];
                spans.push(self.span("answer", at, at, about));
            }
            Record::Triggered { .. } => spans.push(self.span("trigger", at, at, vec![])),
            Record::Filled { fill, .. } => spans.push(self.span("fill", at, at, of_fill(fill))),
            _ => {}
        }
        if order.ends_with(&entry.record) {
            spans.push(self.root(entry));
        }
        spans
    }

    /// The order as a whole.
    fn root(&self, entry: &Entry) -> Json {
        let order = self.order;
        let (ending, problem, last) = match &entry.record {
            Record::Rejected { because, .. } => (Ending::Rejected, Some(because.to_string()), None),
            Record::Ended { ending, cause, .. } => (*ending, cause.clone(), None),
            Record::Filled { fill, .. } => (Ending::Filled, None, Some(fill.qty.get())),
            _ => (Ending::Filled, None, None),
        };
        let filled = last.and_then(|last| order.filled.checked_add(last)).unwrap_or(order.filled);
        let qty = match order.qty {
            OrderQty::Base(qty) => text("plimsoll.qty", &qty.to_string()),
            OrderQty::Quote(notional) => text("plimsoll.quote_qty", &notional.to_string()),
        };
        let about = vec![
            text("plimsoll.instrument", order.instrument.as_str()),
            text("plimsoll.side", if order.side == Side::Buy { "buy" } else { "sell" }),
            qty,
            text("plimsoll.outcome", ending.word()),
            text("plimsoll.filled", &filled.to_string()),
            number("plimsoll.fills", u64::from(order.fills) + u64::from(last.is_some())),
            text("plimsoll.reason", &order.reason),
        ];
        let mut span = self.span("order", order.began(), entry.at, about);
        span["spanId"] = self.root_id().into();
        if let Some(span) = span.as_object_mut() {
            span.remove("parentSpanId");
        }
        match problem {
            Some(problem) => self.failed(span, &problem),
            None => span,
        }
    }

    fn request(&self, name: &str, (left, came): (Timestamp, Timestamp), outcome: &str) -> Json {
        let mut span = self.span(name, left, came, vec![text("plimsoll.answer", outcome)]);
        span["kind"] = CLIENT.into();
        span
    }

    fn failed(&self, mut span: Json, why: &str) -> Json {
        span["status"] = json!({"code": ERROR, "message": why});
        span
    }

    fn span(&self, name: &str, from: Timestamp, to: Timestamp, about: Vec<Json>) -> Json {
        let mut attributes = vec![
            text("plimsoll.client_order_id", self.order.client_order_id.as_str()),
            text("plimsoll.agent", self.order.agent.as_str()),
        ];
        attributes.extend(about);
        json!({
            "traceId": self.trace,
            "spanId": hex(&format!("{}/{name}/{}", self.trace, self.seq), 8),
            "parentSpanId": self.root_id(),
            "name": name,
            "kind": INTERNAL,
            "startTimeUnixNano": nanos(from),
            // Two clocks may be told the other way round; a span has no length below zero.
            "endTimeUnixNano": nanos(to.max(from)),
            "attributes": attributes,
        })
    }

    fn root_id(&self) -> String {
        hex(&format!("{}/order", self.trace), 8)
    }
}

fn of_fill(fill: &Fill) -> Vec<Json> {
    let mut about = vec![
        text("plimsoll.trade_id", fill.trade_id.as_str()),
        text("plimsoll.price", &fill.price.to_string()),
        text("plimsoll.qty", &fill.qty.to_string()),
    ];
    if let Some(fee) = &fill.fee {
        about.push(text("plimsoll.fee", &format!("{} {}", fee.amount, fee.asset)));
    }
    about
}

fn nanos(at: Timestamp) -> String {
    at.nanos().to_string()
}

#[cfg(test)]
mod tests;
