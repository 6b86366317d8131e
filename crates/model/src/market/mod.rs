//! The market as it is seen: prices on an integer grid, books, public trades, candles.
//!
//! Speed decides here, so prices and quantities are 64-bit counts of the instrument's last digit
//! ([`Grid`]). They are as exact as a [`Decimal`](crate::Decimal); they just do not know their
//! scale. Whatever leaves for an order, a ledger or a record is turned back into
//! [`Price`](crate::Price) and [`Qty`](crate::Qty) first.

mod book;
mod candle;
mod event;
mod grid;
mod markets;
mod trade;

pub use book::Book;
pub use candle::{Candle, Interval, Quote, Ticker};
pub use event::{BookUpdate, LevelUpdate, MarketEvent, MarketKind};
pub use grid::{Grid, GridPrice, GridQty, Level, OffGrid};
pub use markets::{MarketView, Markets};
pub use trade::PublicTrade;
