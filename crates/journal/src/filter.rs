//! Which entries of a journal a question is about.

use model::{AgentId, ClientOrderId, InstrumentId, Timestamp};
use rusqlite::types::Value;

/// What must hold of an entry to be found; all of it, and what is `None` holds of every entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only entries with a number above this one.
    pub after: u64,
    /// Only this kind, by the `kind` of its JSON: `prepared`, `filled`, `link`, …
    pub kind: Option<String>,
    /// Only entries that name this agent.
    pub agent: Option<AgentId>,
    /// Only entries that name this instrument.
    pub instrument: Option<InstrumentId>,
    /// Only entries about this order.
    pub client_order_id: Option<ClientOrderId>,
    /// Only entries of this time or later, by the gateway's clock.
    pub from: Option<Timestamp>,
    /// Only entries before this time.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// The condition in SQL, with the values of its `?` in order. `None`: nothing can meet it.
    pub(crate) fn condition(&self) -> Option<(String, Vec<Value>)> {
        let text = |id: &str| Value::Text(id.to_owned());
        let time = |at: Timestamp| Value::Integer(at.nanos());
        let after = i64::try_from(self.after).ok()?;
        let clauses = [
            ("seq > ?", Some(Value::Integer(after))),
            ("kind = ?", self.kind.as_deref().map(text)),
            ("agent = ?", self.agent.map(|id| text(id.as_str()))),
            ("instrument = ?", self.instrument.map(|id| text(id.as_str()))),
            ("client_order_id = ?", self.client_order_id.map(|id| text(id.as_str()))),
            ("at >= ?", self.from.map(time)),
            ("at < ?", self.until.map(time)),
        ];
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        for (condition, value) in clauses {
            if let Some(value) = value {
                conditions.push(condition);
                values.push(value);
            }
        }
        Some((conditions.join(" AND "), values))
    }
}
