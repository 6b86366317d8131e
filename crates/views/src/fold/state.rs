//! What the fold carries from entry to entry.

use std::collections::BTreeMap;

use model::{Asset, InstrumentId, Side};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::holdings::Holdings;
use super::order::Orders;
use super::pending::Pending;

/// What is carried from entry to entry besides what is in the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Carried {
    pub(super) session: Option<u64>,
    /// Per connection: is it up, since when, and was it lost in this session after it had been up?
    pub(super) links: BTreeMap<String, LinkState>,
    /// Free balances as the venue last told them, with its time.
    pub(super) balances: BTreeMap<String, (String, i64)>,
    /// A decision whose outcome may be the next entry. Its row is there already, without it.
    pub(super) pending: Option<Pending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LinkState {
    pub(super) up: bool,
    pub(super) since: i64,
    pub(super) lost: bool,
}

/// The fold, as far as it is.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    pub(super) carried: Carried,
    pub(super) orders: Orders,
    pub(super) holdings: Holdings,
    pub(super) last_at: i64,
}

impl Fold {
    /// Goes on from what the file has.
    pub(crate) fn open(connection: &Connection, carried: Carried) -> rusqlite::Result<Fold> {
        let holdings = Holdings::read(connection)?;
        Ok(Fold { carried, holdings, ..Fold::default() })
    }

    /// Writes what is held back, and says what is to be carried to the next batch.
    pub(crate) fn flush(&mut self, connection: &Connection) -> rusqlite::Result<Carried> {
        if let Some(pending) = &self.carried.pending {
            pending.write(connection, None, None)?;
        }
        self.orders.write(connection)?;
        self.holdings.write(connection)?;
        if let Some(session) = self.carried.session {
            let sql = "UPDATE sessions SET last_at = max(last_at, ?1) WHERE session = ?2";
            connection.execute(sql, params![self.last_at, session.cast_signed()])?;
        }
        Ok(self.carried.clone())
    }

    pub(super) fn session(&self) -> Option<i64> {
        self.carried.session.map(u64::cast_signed)
    }

    /// The asset that an order pays with, and how much of it was free when the venue last told.
    pub(super) fn paying(
        &self,
        instrument: InstrumentId,
        side: Side,
    ) -> (Option<String>, Option<String>) {
        let Some((base, quote)) = instrument.assets() else { return (None, None) };
        let asset: Asset = match side {
            Side::Buy => quote,
            Side::Sell => base,
        };
        let free = self.carried.balances.get(asset.as_str()).map(|(free, _)| free.clone());
        (free, Some(asset.to_string()))
    }
}
