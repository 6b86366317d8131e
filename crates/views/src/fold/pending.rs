//! A decision, until what came of it is known.

use model::{Action, OrderSpec, Record, Seen};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::line::Line;
use super::order;

/// A decision whose outcome is the next entry, as a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) session: Option<i64>,
    pub(super) agent: String,
    pub(super) intent: i64,
    pub(super) action: String,
    pub(super) instrument: Option<String>,
    pub(super) spec: Option<OrderSpec>,
    pub(super) of_intent: Option<i64>,
    pub(super) reason: String,
    pub(super) position: String,
    pub(super) reference: Option<String>,
    pub(super) seen: Option<Seen>,
    pub(super) limits: Option<String>,
}

impl Pending {
    pub(super) fn of(row: &Line<'_>, record: &Record) -> Option<Pending> {
        let Record::Decided { intent, position, reference, limits, seen } = record else {
            return None;
        };
        let (action, instrument, spec, of_intent) = match &intent.action {
            Action::Place(spec) => ("place", Some(spec.instrument), Some(spec.clone()), None),
            Action::Cancel(of) => ("cancel", None, None, Some(of.0.cast_signed())),
            Action::CancelAll(instrument) => ("cancel_all", Some(*instrument), None, None),
            Action::Halt => ("halt", None, None, None),
        };
        Some(Pending {
            seq: row.seq,
            at: row.at,
            session: row.session,
            agent: intent.agent.to_string(),
            intent: intent.id.0.cast_signed(),
            action: action.to_owned(),
            instrument: instrument.map(|id| id.to_string()),
            spec,
            of_intent,
            reason: intent.reason.clone(),
            position: position.to_string(),
            reference: reference.map(|price| price.to_string()),
            seen: *seen,
            limits: limits.map(|version| version.to_string()),
        })
    }

    pub(super) const fn seq(&self) -> i64 {
        self.seq
    }

    pub(super) fn is(&self, agent: &str, intent: i64) -> bool {
        self.intent == intent && self.agent == agent
    }

    /// Writes it with what came of it.
    pub(super) fn write(
        &self,
        connection: &Connection,
        outcome: Option<&str>,
        client_order_id: Option<&str>,
    ) -> rusqlite::Result<()> {
        let spec = self.spec.as_ref();
        let seen = self.seen.as_ref();
        let (bid, ask) = (seen.and_then(|seen| seen.bid), seen.and_then(|seen| seen.ask));
        let age = seen.and_then(|seen| seen.as_of).map(|as_of| self.at - as_of.nanos());
        let sql = "INSERT OR REPLACE INTO decisions (seq, at, session, agent, intent, action, instrument, side,
            type, qty, price, trigger, of_intent, reason, position_before, reference, bid, bid_qty, ask, ask_qty,
            market_age_ns, market_live, limits, outcome, client_order_id)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
            ?21, ?22, ?23, ?24, ?25)";
        connection.prepare_cached(sql)?.execute(params![
            self.seq,
            self.at,
            self.session,
            self.agent,
            self.intent,
            self.action,
            self.instrument,
            spec.map(|spec| order::side(spec.side)),
            spec.map(|spec| order::kind(spec.kind)),
            spec.map(|spec| spec.qty.to_string()),
            spec.and_then(|spec| spec.kind.price()).map(|price| price.to_string()),
            spec.and_then(|spec| spec.kind.trigger()).map(|price| price.to_string()),
            self.of_intent,
            self.reason,
            self.position,
            self.reference,
            bid.map(|(price, _)| price.to_string()),
            bid.map(|(_, qty)| qty.to_string()),
            ask.map(|(price, _)| price.to_string()),
            ask.map(|(_, qty)| qty.to_string()),
            age,
            seen.map(|seen| seen.live),
            self.limits,
            outcome,
            client_order_id,
        ])?;
        Ok(())
    }
}
