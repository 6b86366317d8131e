//! The nouns of Plimsoll: money, instruments, orders, fills, positions, the market, the words
//! spoken with a venue, and the core's [`Input`] and [`Effect`].
//!
//! Everything here is pure: no clock, socket, thread, file or random number. The crate depends on
//! no other crate of the workspace and every other one may depend on it.

pub mod market;
pub mod venue;

mod balance;
mod decimal;
mod discrepancy;
mod divisor;
mod effect;
mod fill;
mod ids;
mod input;
mod instrument;
mod intent;
mod life;
mod money;
mod order;
mod position;
mod record;
mod refusal;
mod side;
mod time;

pub use balance::Balance;
pub use decimal::{Decimal, ParseDecimalError, Rounding, SCALE};
pub use discrepancy::Discrepancy;
pub use effect::{AgentEvent, Effect, Effects, Notice};
pub use fill::{Fee, Fill, Liquidity};
pub use ids::{
    AccountId, AgentId, Asset, ClientOrderId, IdError, InstrumentId, OrderIdSequence, StoreTag,
    TradeId, VenueId, VenueOrderId,
};
pub use input::{Command, FeedNotice, Input, Outcome, Reply, RequestId};
pub use instrument::{Instrument, InstrumentKind, OrderLimits, PriceBand, TradingMode};
pub use intent::{Action, Intent, IntentId, OrderSpec};
pub use life::{Ending, OrderEvent, OrderState};
pub use money::{Amount, NetQty, Notional, NumberError, Price, Qty, Step};
pub use order::{NewOrder, OrderKind, OrderQty, SelfTradePrevention, TimeInForce};
pub use position::{Position, Uncountable};
pub use record::{Entry, FeedHealth, Link, Record};
pub use refusal::{Refusal, TradingState};
pub use side::Side;
pub use time::Timestamp;
