//! What a venue reports by itself.

use serde::{Deserialize, Serialize};

use super::error::VenueError;
use super::order::VenueOrder;
use crate::balance::Balance;
use crate::fill::Fill;
use crate::ids::{AccountId, Asset, ClientOrderId, InstrumentId};
use crate::market::{LevelUpdate, PublicTrade};
use crate::money::Amount;
use crate::time::Timestamp;

/// Something that happened at the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VenueEvent {
    /// Public: one level of a book has this quantity now. `update_id` grows by one each time.
    Level {
        /// Which instrument.
        instrument: InstrumentId,
        /// Number of this change.
        update_id: u64,
        /// The level as it is now.
        level: LevelUpdate,
        /// When.
        time: Timestamp,
    },
    /// Public: a trade.
    Trade {
        /// Which instrument.
        instrument: InstrumentId,
        /// The trade.
        trade: PublicTrade,
    },
    /// Private: something happened to an account.
    Account {
        /// Whose.
        account: AccountId,
        /// What.
        event: AccountEvent,
    },
}

/// Something that happened to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountEvent {
    /// An order changed.
    Order {
        /// The order after the change.
        order: VenueOrder,
        /// What changed it.
        execution: Execution,
        /// Number of this report at the venue, growing.
        execution_id: u64,
        /// When.
        time: Timestamp,
    },
    /// Balances that a change may have touched, as they are now.
    Balances {
        /// Absolute amounts.
        balances: Vec<(Asset, Balance)>,
        /// When.
        time: Timestamp,
    },
    /// A deposit or withdrawal.
    Transfer {
        /// Of what.
        asset: Asset,
        /// Above zero for a deposit.
        amount: Amount,
        /// When.
        time: Timestamp,
    },
}

/// What changed an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Execution {
    /// It was accepted.
    New,
    /// It traded.
    Trade(Fill),
    /// It was taken back, by a cancel of this name.
    Canceled(ClientOrderId),
    /// It expired.
    Expired,
    /// Its trigger was reached and it went to the book.
    Triggered,
    /// It was not accepted.
    Rejected(VenueError),
    /// Some of it was taken off to prevent a trade with itself.
    Prevented,
    /// This is how it stands. What happened is not said: a venue may tell sums and no executions, and
    /// may tell the same again.
    Standing,
}
