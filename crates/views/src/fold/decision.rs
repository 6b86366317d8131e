//! Decisions and the orders that come of them.

use model::{Action, Decimal, OrderSpec, Record, Seen, Timestamp};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::order::{self, Order};
use super::{Fold, Line};
use crate::money::middle;

/// A decision whose outcome is the next entry, as a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    seq: i64,
    at: i64,
    session: Option<i64>,
    agent: String,
    intent: i64,
    action: String,
    instrument: Option<String>,
    pub(super) spec: Option<OrderSpec>,
    of_intent: Option<i64>,
    pub(super) reason: String,
    pub(super) position: String,
    reference: Option<String>,
    seen: Option<Seen>,
    limits: Option<String>,
}

impl Pending {
    fn of(row: &Line<'_>, record: &Record) -> Option<Pending> {
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

    fn is(&self, agent: &str, intent: i64) -> bool {
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

impl Fold {
    pub(super) fn decided(&mut self, row: &Line<'_>, record: &Record) -> rusqlite::Result<()> {
        let Some(pending) = Pending::of(row, record) else { return Ok(()) };
        match self.carried.pending.replace(pending) {
            Some(before) => before.write(row.connection, None, None),
            None => Ok(()),
        }
    }

    /// The decision that an outcome is of, if it is at hand.
    pub(super) fn decision_of(
        &mut self,
        row: &Line<'_>,
        (agent, intent): (&str, i64),
        outcome: &str,
        client_order_id: Option<&str>,
    ) -> rusqlite::Result<Option<Pending>> {
        match self.carried.pending.take_if(|pending| pending.is(agent, intent)) {
            Some(pending) => {
                pending.write(row.connection, Some(outcome), client_order_id)?;
                Ok(Some(pending))
            }
            // The beginning of the journal was removed in between.
            None => {
                let sql = "UPDATE decisions SET outcome = ?1, client_order_id = ?2 WHERE seq =
                    (SELECT max(seq) FROM decisions WHERE agent = ?3 AND intent = ?4)";
                let values = params![outcome, client_order_id, agent, intent];
                row.connection.prepare_cached(sql)?.execute(values)?;
                Ok(None)
            }
        }
    }

    pub(super) fn prepared(&mut self, row: &Line<'_>, record: &Record) -> rusqlite::Result<()> {
        let Record::Prepared { agent, intent, order, worst_price, .. } = record else {
            return Ok(());
        };
        let (agent, intent) = (agent.to_string(), intent.0.cast_signed());
        let id = order.client_order_id;
        let decision = self.decision_of(row, (&agent, intent), "order", Some(id.as_str()))?;
        let (balance_before, balance_asset) = self.paying(order.instrument, order.side);
        let mut new = Order {
            seq: row.seq,
            at: row.at,
            session: row.session,
            intent,
            worst_price: Some(worst_price.to_string()),
            position_before: Some(self.holdings.net(&agent, order.instrument).to_string()),
            balance_before,
            balance_asset,
            agent,
            ..Order::of(order)
        };
        if let Some(decision) = decision {
            let seen = decision.seen.as_ref();
            let price =
                |side: Option<(model::Price, model::Qty)>| side.map(|(price, _)| price.get());
            let (bid, ask) = seen.map_or((None, None), |seen| (price(seen.bid), price(seen.ask)));
            let reference: Option<Decimal> =
                decision.reference.as_deref().and_then(|text| text.parse().ok());
            let mid = bid.zip(ask).and_then(|(bid, ask)| middle(bid, ask)).or(reference);
            let text = |price: Option<Decimal>| price.map(|price| price.to_string());
            new.reason_kind = Some(kind_of(&decision.reason));
            new.decided_at = Some(Timestamp::from_nanos(decision.at).nanos());
            new.decision = Some(decision.seq);
            // What the gateway had in its books is better than what is counted from a part of a journal.
            new.position_before = Some(decision.position);
            new.reason = Some(decision.reason);
            (new.bid, new.ask, new.mid) = (text(bid), text(ask), text(mid));
            new.reference = decision.reference;
        }
        self.orders.insert(new);
        Ok(())
    }
}

/// A reason with each number as `#`: agents tell figures in it, and nobody groups by those.
pub(crate) fn kind_of(reason: &str) -> String {
    let mut kind = String::with_capacity(reason.len());
    let mut in_number = false;
    for c in reason.chars() {
        let goes_on = in_number && (c == '.' || c == ',');
        if c.is_ascii_digit() {
            if !in_number {
                kind.push('#');
            }
            in_number = true;
        } else if !goes_on {
            in_number = false;
            kind.push(c);
        }
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::kind_of;

    #[test]
    fn reasons_are_grouped_without_their_numbers() {
        for (reason, kind) in [
            (
                "fast EMA 60012.5 crossed above slow EMA 60010.1",
                "fast EMA # crossed above slow EMA #",
            ),
            ("quote 1,000.25 below", "quote # below"),
            ("because", "because"),
            ("", ""),
        ] {
            assert_eq!(kind_of(reason), kind);
        }
    }
}
