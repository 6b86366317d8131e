//! Market data kept on the disk while it is heard: by `plimsoll data record`, or beside a gateway.
//!
//! What a file is like is the business of `plimsoll-data`; here are threads and queues (`keeper.rs`), and the ear
//! of a gateway (`ear.rs`), which never waits for the disk.

mod ear;
mod keeper;

use model::Timestamp;
use model::market::{MarketEvent, MarketKind};

pub(crate) use self::ear::Ear;
pub use self::keeper::{Doubts, Event, Keeper, Kept, SYNC_TICKS, TICK};

/// Where the venue says no time an event has ours; what follows it would be older than it is, on a machine whose
/// clock is ahead. `venue_now` is the venue's time as well as it is known.
pub fn in_venue_time(mut event: MarketEvent, venue_now: Timestamp) -> MarketEvent {
    let may_have_none = match &event.kind {
        MarketKind::Book(update) => update.snapshot,
        MarketKind::BookLost => true,
        MarketKind::Trade(_)
        | MarketKind::LateTrade(_)
        | MarketKind::Quote(_)
        | MarketKind::Candle(_) => false,
    };
    if may_have_none {
        event.venue_time = event.venue_time.min(venue_now);
    }
    event
}
