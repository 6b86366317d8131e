//! How much may be asked of a venue, and when: every limit that it counts, as it counts it.
//!
//! Asked before each request, answered at once: go, or wait this long for that limit. A grant is
//! booked; the answer of the venue settles it. Above a reserve only what protects may pass, so a
//! cancel finds room whatever the agents did before it.
//!
//! Pure: the time arrives as an argument, and everything can be written down and read back, because
//! all processes of a host share one budget. Files, locks and waiting are the runtime's.

mod aligned;
mod budget;
mod charge;
mod leaky;
mod limiter;
mod presets;
mod priority;
mod rule;
mod sliding;

pub use aligned::{FORECAST_MAX, LATE, SKEW};
pub use budget::{Answer, Budget, Cause, LIMITERS_MAX, STEP_MIN, STOPS_MAX};
pub use charge::{Charge, Grant, ITEMS_MAX, Keys, key};
pub use limiter::CELLS_MAX;
pub use presets::{Operation, binance, bybit, coinbase, kraken, okx};
pub use priority::{
    Priority, RESERVE_PERCENT_MAX, RESERVE_PERCENT_MIN, ReserveError, Shares, UNHEARD_PERCENT,
};
pub use rule::{Counted, Limit, LimiterName, Rule, Scope, Shape, Usage};
