//! The nouns of Plimsoll: money, instruments, orders, fills, positions, the market, the words
//! spoken with a venue, and the core's [`Input`] and [`Effect`].
//!
//! Everything here is pure: no clock, socket, thread, file or random number. The crate depends on
//! no other crate of the workspace and every other one may depend on it.

pub mod market;
pub mod venue;

mod agent_version;
mod alert;
mod balance;
mod breaker;
mod by_instrument;
mod check;
mod decimal;
mod discrepancy;
mod divisor;
mod effect;
mod equity;
mod fill;
mod gate;
mod halt;
mod ids;
mod input;
mod instrument;
mod intent;
mod life;
mod link;
mod money;
mod order;
mod padded;
mod position;
mod record;
mod refusal;
mod scope;
mod side;
mod time;
mod trading_state;
mod wide;

pub use agent_version::{AgentVersion, NoVersion};
pub use alert::{Alert, AlertKey, AlertLevel};
pub use balance::Balance;
pub use breaker::{BreakerEvent, BreakerName, BreakerShown};
pub use by_instrument::ByInstrument;
pub use check::{Check, Guardrail};
pub use decimal::{Decimal, ParseDecimalError, Rounding, SCALE};
pub use discrepancy::Discrepancy;
pub use effect::{AgentEvent, Effect, Effects, Notice};
pub use equity::{CountedAssets, EquityMark};
pub use fill::{Fee, Fill, Liquidity};
pub use gate::{GateName, GateOverride};
pub use halt::{
    Closing, HaltCause, HaltLevel, HaltedBy, PROBATION, RESUME_AFTER, RESUME_WITHIN, ResumeCode,
    ResumeStep,
};
pub use ids::{
    AccountId, AgentId, Asset, ClientOrderId, IdError, InstrumentId, LimitsVersion,
    OrderIdSequence, StoreTag, TradeId, VenueId, VenueOrderId,
};
pub use input::{Command, FeedNotice, Input, Outcome, Reply, RequestId, Sent, WatchdogNotice};
pub use instrument::{Instrument, InstrumentKind, OrderLimits, PriceBand, TradingMode};
pub use intent::{Action, Intent, IntentId, OrderSpec, PositionEffect};
pub use life::{Ending, OrderEvent, OrderState};
pub use link::{FeedHealth, Link};
pub use money::{Amount, NetQty, Notional, NumberError, Price, Qty, Step};
pub use order::{NewOrder, OrderKind, OrderQty, SelfTradePrevention, TimeInForce};
pub use position::{Position, Uncountable};
pub use record::{Asked, Entry, Record, Seen};
pub use refusal::Refusal;
pub use scope::Scope;
pub use side::Side;
pub use time::Timestamp;
pub use trading_state::{Passes, StateRow, THROTTLED_PERCENT, TradingState};
