//! Which entries of a journal a question is about.

use model::{AgentId, ClientOrderId, Entry, InstrumentId, Timestamp};

use crate::facets::facets;

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
    /// The conditions in SQL up to the value, with the values. `None`: nothing can meet them.
    pub(crate) fn clauses(&self) -> Option<Vec<(&'static str, Value)>> {
        let text = |id: &str| Value::Text(id.to_owned());
        let time = |at: Timestamp| Value::Number(at.nanos());
        let after = i64::try_from(self.after).ok()?;
        let clauses = [
            ("seq > ", Some(Value::Number(after))),
            ("kind = ", self.kind.as_deref().map(text)),
            ("agent = ", self.agent.map(|id| text(id.as_str()))),
            ("instrument = ", self.instrument.map(|id| text(id.as_str()))),
            ("client_order_id = ", self.client_order_id.map(|id| text(id.as_str()))),
            ("at >= ", self.from.map(time)),
            ("at < ", self.until.map(time)),
        ];
        Some(clauses.into_iter().filter_map(|(clause, value)| Some((clause, value?))).collect())
    }

    /// The same asked of one entry.
    pub(crate) fn is_met(&self, seq: u64, entry: &Entry) -> bool {
        let facets = facets(&entry.record);
        let same = |wanted: Option<&str>, is: Option<&str>| wanted.is_none() || wanted == is;
        seq > self.after
            && same(self.kind.as_deref(), Some(facets.kind))
            && same(self.agent.as_ref().map(AgentId::as_str), facets.agent)
            && same(self.instrument.as_ref().map(InstrumentId::as_str), facets.instrument)
            && same(
                self.client_order_id.as_ref().map(ClientOrderId::as_str),
                facets.client_order_id,
            )
            && self.from.is_none_or(|from| entry.at >= from)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

/// What a column is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
}
