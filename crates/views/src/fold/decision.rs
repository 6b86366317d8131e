//! Decisions and the orders that come of them.

use model::{Decimal, Record};
use rusqlite::params;

use super::line::Line;
use super::order::Order;
use super::pending::Pending;
use super::state::Fold;
use crate::money::middle;

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
            new.decided_at = Some(decision.at);
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
