//! One execution of an order of ours.

use serde::{Deserialize, Serialize};

use crate::ids::{Asset, ClientOrderId, InstrumentId, TradeId, VenueOrderId};
use crate::money::{Amount, Price, Qty};
use crate::side::Side;
use crate::time::Timestamp;

/// Was our order resting, or did it take?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Liquidity {
    /// It rested.
    Maker,
    /// It took.
    Taker,
}

/// What an execution cost, in whatever asset the venue took it. Below zero is a rebate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// The asset that paid.
    pub asset: Asset,
    /// How much of it.
    pub amount: Amount,
}

/// One execution, keyed by its trade id: it counts once however often it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The venue's name for this execution.
    pub trade_id: TradeId,
    /// The venue's name for the order.
    pub venue_order_id: VenueOrderId,
    /// Our name for the order, where the report carries it.
    pub client_order_id: Option<ClientOrderId>,
    /// What was traded.
    pub instrument: InstrumentId,
    /// Our side.
    pub side: Side,
    /// At which price.
    pub price: Price,
    /// How much, in base units.
    pub qty: Qty,
    /// What it cost.
    pub fee: Option<Fee>,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// When, by the venue's clock.
    pub venue_time: Timestamp,
}
