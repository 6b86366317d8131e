//! A story: what there is to tell of one order.

use model::{Check, Entry, Timestamp};
use serde_json::{Map, Value, json};

use super::words;
use crate::table::Table;

/// The story of an order, or of a decision of which none came.
#[derive(Debug)]
pub struct Story {
    /// What it is of, for people: `order maker-1-7`, or `decision 7 of agent maker`.
    pub of: String,
    /// The end of it in a few sentences.
    pub summary: Vec<String>,
    /// The order as it stands; empty where there is none.
    pub order: Map<String, Value>,
    /// What was decided, and on which market.
    pub decision: Map<String, Value>,
    /// How things stood when it was decided.
    pub state: Vec<String>,
    /// What the guardrails found.
    pub checks: Vec<Check>,
    /// What one of them said no to, in its words.
    pub refused: Option<String>,
    /// Its executions.
    pub fills: Table,
    /// Stages with their times in milliseconds.
    pub timings: Vec<(&'static str, f64)>,
    /// All that happened, in order.
    pub lines: Vec<Line>,
    /// So many lines of what happened around it are left out.
    pub left_out: usize,
    /// What is missing, and why.
    pub notes: Vec<String>,
}

/// One thing that happened.
#[derive(Debug)]
pub struct Line {
    /// Its number in the journal.
    pub seq: u64,
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// Kind of record.
    pub kind: &'static str,
    /// In words.
    pub text: String,
    /// It happened around the order and not to it.
    pub around: bool,
    /// The record itself.
    pub record: Value,
}

impl Line {
    pub(super) fn of(seq: u64, entry: &Entry, around: bool) -> Line {
        let record = serde_json::to_value(&entry.record).unwrap_or_default();
        let kind = journal::facets(&entry.record).kind;
        Line { seq, at: entry.at, kind, text: words::of(&entry.record), around, record }
    }
}

impl Story {
    /// One object.
    pub fn json(&self) -> Value {
        let start = self.lines.first().map_or(Timestamp::EPOCH, |line| line.at);
        let checks: Vec<Value> = self
            .checks
            .iter()
            .map(|check| {
                let (words, unit) = check.guardrail.words();
                json!({
                    "guardrail": check.guardrail, "words": words, "unit": unit, "actual": check.actual,
                    "limit": check.limit, "headroom": check.headroom(), "passed": true,
                })
            })
            .collect();
        let lines: Vec<Value> = self
            .lines
            .iter()
            .map(|line| {
                let after = line.at.nanos() - start.nanos();
                json!({
                    "seq": line.seq, "time": line.at.to_string(), "after_ms": after as f64 / 1e6,
                    "kind": line.kind, "text": line.text, "around": line.around, "record": line.record,
                })
            })
            .collect();
        let timings: Map<String, Value> = self
            .timings
            .iter()
            .map(|(name, millis)| (name.replace(' ', "_") + "_ms", json!(millis)))
            .collect();
        json!({
            "of": self.of, "summary": self.summary, "order": self.order, "decision": self.decision,
            "state": self.state, "checks": checks, "refused": self.refused, "fills": self.fills.json(),
            "timings": timings, "timeline": lines, "left_out": self.left_out, "notes": self.notes,
        })
    }
}
