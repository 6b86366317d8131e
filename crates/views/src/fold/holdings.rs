//! What each agent holds of each instrument, and what it came to.

use std::collections::BTreeMap;

use model::{Decimal, Fill, InstrumentId};
use rusqlite::{Connection, params};

use crate::money::Holding;

/// What each agent holds of each instrument.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    of: BTreeMap<(String, String), Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    holding: Holding,
    realized: Decimal,
    fees: Decimal,
    uncounted: i64,
    changed: bool,
}

impl Default for Held {
    fn default() -> Held {
        let (realized, fees) = (Decimal::ZERO, Decimal::ZERO);
        Held { holding: Holding::NONE, realized, fees, uncounted: 0, changed: false }
    }
}

impl Holdings {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Holdings> {
        let mut select = connection.prepare(
            "SELECT agent, instrument, net, cost, realized, fees_quote, uncounted FROM positions",
        )?;
        let number = |row: &rusqlite::Row<'_>, index: usize| -> rusqlite::Result<Decimal> {
            let text: String = row.get(index)?;
            let kind = rusqlite::types::Type::Text;
            text.parse().map_err(|error: model::ParseDecimalError| {
                rusqlite::Error::FromSqlConversionFailure(index, kind, error.into())
            })
        };
        let rows = select.query_map([], |row| {
            let holding = Holding { net: number(row, 2)?, cost: number(row, 3)? };
            let (realized, fees) = (number(row, 4)?, number(row, 5)?);
            let held = Held { holding, realized, fees, uncounted: row.get(6)?, changed: false };
            Ok(((row.get(0)?, row.get(1)?), held))
        })?;
        Ok(Holdings { of: rows.collect::<rusqlite::Result<_>>()? })
    }

    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO positions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        for ((agent, instrument), held) in &mut self.of {
            if std::mem::take(&mut held.changed) {
                connection.prepare_cached(sql)?.execute(params![
                    agent,
                    instrument,
                    held.holding.net.to_string(),
                    held.holding.cost.to_string(),
                    held.realized.to_string(),
                    held.fees.to_string(),
                    held.uncounted,
                ])?;
            }
        }
        Ok(())
    }

    pub(super) fn net(&self, agent: &str, instrument: InstrumentId) -> Decimal {
        let key = (agent.to_owned(), instrument.to_string());
        self.of.get(&key).map_or(Decimal::ZERO, |held| held.holding.net)
    }

    /// Counts an execution; says what it realized. Nothing when a number has no room, which is counted, too.
    pub(super) fn count(
        &mut self,
        agent: &str,
        fill: &Fill,
        fee: Option<Decimal>,
    ) -> (Decimal, Decimal, Option<Decimal>) {
        let held = self.of.entry((agent.to_owned(), fill.instrument.to_string())).or_default();
        held.changed = true;
        let before = held.holding.net;
        let traded = held.holding.traded(fill.side, fill.price.get(), fill.qty.get());
        let sums = traded.and_then(|(holding, realized)| {
            Some((holding, realized, held.realized.checked_add(realized)?))
        });
        let realized = sums.map(|(holding, realized, sum)| {
            (held.holding, held.realized) = (holding, sum);
            realized
        });
        match fee.and_then(|fee| held.fees.checked_add(fee)) {
            Some(fees) => held.fees = fees,
            None => held.uncounted += 1,
        }
        held.uncounted += i64::from(realized.is_none());
        (before, held.holding.net, realized)
    }
}
