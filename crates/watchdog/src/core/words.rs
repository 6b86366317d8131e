//! What the exchange says, in few words: all that a kill switch needs to know of it.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;

/// Two readings of time. Ages are taken from the steady one alone; the other names the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since the process began.
    pub steady_ms: u64,
    /// Milliseconds since the Unix epoch, by the exchange's clock as well as it is known.
    pub utc_ms: i64,
    /// The exchange has told it; else it is the host's, which anybody may have set.
    pub utc_told: bool,
}

/// Buy or sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Gets base for quote.
    Buy,
    /// Gets quote for base.
    Sell,
}

/// What an order waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// For nothing but its price.
    Plain,
    /// For the price to turn against the position: a stop loss.
    Stop,
    /// For the price to reach a target: a take profit.
    Target,
    /// For either, whichever comes first.
    Bracket,
}

/// An order that is open at the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The exchange's text for what is traded.
    pub symbol: String,
    /// The exchange's name for the order.
    pub id: String,
    /// The name its owner gave it.
    pub client_id: String,
    /// Buy or sell.
    pub side: Side,
    /// What it waits for.
    pub family: Family,
    /// Its limit or, without one, its trigger; `None` where it has neither.
    pub price: Option<Amount>,
    /// What is left of it, base units; `None` where the exchange does not say.
    pub leaves: Option<Amount>,
    /// The list it belongs to, where canceling one order of it cancels all.
    pub list: Option<String>,
}

/// What the account has of one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// `BTC`.
    pub asset: String,
    /// Not held by an order.
    pub free: Amount,
    /// Free and held.
    pub total: Amount,
}

/// The best prices of one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Top {
    /// The exchange's text for it.
    pub symbol: String,
    /// Best bid and what is wanted there.
    pub bid: Option<(Amount, Amount)>,
    /// Best ask and what is offered there.
    pub ask: Option<(Amount, Amount)>,
}

impl Top {
    /// Halfway between bid and ask; `None` while a side is empty.
    pub fn mid(&self) -> Option<Amount> {
        self.bid?.0.checked_add(self.ask?.0)?.checked_div(Amount::whole(2))
    }
}

/// One execution on the account, as it moved the balances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Assets and by how much each moved, fee included.
    pub moved: Vec<(String, Amount)>,
}

/// Money that left the account by its owner's will, as the exchange's history shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The exchange's name for it.
    pub id: String,
    /// Of what.
    pub asset: String,
    /// How much of it left, fee included; above zero.
    pub amount: Amount,
    /// When, milliseconds since the Unix epoch by the exchange's clock: not earlier than it was.
    pub at_ms: i64,
}

/// How often the exchange is asked while nothing has tripped, ms: as often as the kill switch's share of its
/// limits allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Best prices.
    pub prices_ms: u64,
    /// Balances.
    pub balances_ms: u64,
    /// Open orders.
    pub orders_ms: u64,
    /// Executions, while balances move.
    pub fills_ms: u64,
    /// Open orders of all symbols, where that list is dear; 0 where every list is of all.
    pub all_orders_ms: u64,
    /// Transfers, while something has gone that executions do not explain.
    pub transfers_ms: u64,
}

/// What is traded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// The exchange's text for it.
    pub symbol: String,
    /// `BTC` of `BTC-USDT`.
    pub base: String,
    /// `USDT` of `BTC-USDT`.
    pub quote: String,
}

/// A gateway's word about itself; its signature has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Which start of the gateway, growing.
    pub session: u64,
    /// Inputs that its core has handled.
    pub progress: u64,
    /// Its trading state, in its own word.
    pub state: String,
    /// Orders that it knows to be working at the exchange, those of others among them.
    pub open_orders: u64,
    /// Those of its own besides that may be there or not: on their way, or in doubt.
    pub in_doubt: u64,
    /// What it takes the account to be worth, in the quote of the limits; `None` while it cannot say.
    pub equity: Option<Amount>,
}

/// Why it tripped, as a short word that stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The account is worth too little against its high-water mark.
    Drawdown,
    /// It is worth too little against the beginning of the day, UTC.
    DayLoss,
    /// Something has left the account, and neither an execution nor a known transfer explains it.
    Unexplained,
    /// Too much is held of one asset.
    Exposure,
    /// Open entry orders are worth too much.
    OpenNotional,
    /// Somebody else's order is on the account.
    ForeignOrder,
    /// No heartbeat while orders are open.
    HeartbeatLost,
    /// The gateway's figures are not the exchange's.
    HeartbeatLies,
    /// The exchange cannot be read while orders may be open.
    Unreadable,
    /// A person said so.
    Person,
    /// There is a latch on the disk that cannot be read.
    LatchUnreadable,
}

impl Kind {
    /// The word.
    pub const fn key(self) -> &'static str {
        match self {
            Kind::Drawdown => "drawdown",
            Kind::DayLoss => "day_loss",
            Kind::Unexplained => "unexplained",
            Kind::Exposure => "exposure",
            Kind::OpenNotional => "open_notional",
            Kind::ForeignOrder => "foreign_order",
            Kind::HeartbeatLost => "heartbeat_lost",
            Kind::HeartbeatLies => "heartbeat_lies",
            Kind::Unreadable => "unreadable",
            Kind::Person => "person",
            Kind::LatchUnreadable => "latch_unreadable",
        }
    }
}

/// The latch as it is kept on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latch {
    /// Version of this form: 1.
    pub v: u32,
    /// Why, as a word.
    pub kind: Kind,
    /// Why, in figures.
    pub cause: String,
    /// When, milliseconds since the Unix epoch by the exchange's clock.
    pub at_ms: i64,
}
