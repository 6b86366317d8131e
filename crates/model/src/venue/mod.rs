//! The language that is spoken with a venue, on both sides of the wire.
//!
//! The gateway asks in [`Request`]; a client codec turns that into a venue's bytes and the
//! venue's bytes into [`Response`], [`VenueError`] and [`VenueEvent`]. A server codec goes the
//! other way, and behind it stands `sim-venue`. So one vocabulary is spoken four times, and what
//! the client side encodes the server side must decode to the same words.

mod error;
mod event;
mod order;
mod profile;
mod request;
mod response;
mod scopes;
mod ticket;
mod unread;

pub use error::{Filter, VenueError};
pub use event::{AccountEvent, Execution, VenueEvent};
pub use order::{ExpiryReason, VenueOrder, VenueOrderStatus};
pub use profile::{CancelAllScope, IdClass, Profile};
pub use request::{
    AccountRequest, CancelReplace, CancelRestriction, MarketRequest, OrderKey, PageCursor, Request,
    TradesFrom,
};
pub use response::{
    AccountSnapshot, AggregateTrade, BookSnapshot, FeeRates, InstrumentTicker, KeyRights, Replaced,
    Response,
};
pub use scopes::{KeyAudit, KeyFinding, KeyPolicy, KeyScopes};
pub use ticket::Ticket;
pub use unread::Unread;

use crate::time::Timestamp;

/// Answers questions about the public market at once, without changing anything.
pub trait PublicMarket {
    /// The answer, or the venue's refusal.
    fn read(&self, now: Timestamp, request: &MarketRequest) -> Result<Response, VenueError>;
}
