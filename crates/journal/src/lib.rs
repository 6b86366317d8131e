//! The journal: what happened, in order, durable, and never changed afterwards.
//!
//! One [`Storage`] port with one conformance suite; [`Memory`] for backtests and tests, [`Sqlite`]
//! for everything real. [`JournalWriter`] makes one disk flush serve all who wait for one, and
//! [`JournalReader`] looks on from other processes. State is a fold over the entries; this crate
//! keeps them and does not interpret them, except for the counts of [`Summary`] and [`Health`].

mod address;
mod chain;
mod comparison;
mod facets;
mod filter;
mod flushes;
mod health;
mod lease;
mod memory;
mod patience;
mod place;
mod postgres;
mod reader;
mod redis;
mod source;
mod sqlite;
mod storage;
mod summary;
mod tape;
mod text;
mod upkeep;
mod url;
mod walk;
mod writer;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod served;

pub use address::Address;
pub use comparison::{Comparison, Comparisons, Corrected};
pub use facets::{Facets, facets};
pub use filter::Filter;
pub use flushes::{FLUSH_BOUNDS, FlushCounts, Flushes};
pub use health::{BreakerSeen, Feed, Health, LATELY, LinkHealth, Moments};
pub use memory::Memory;
pub use patience::{OnWait, Wait};
pub use place::Place;
pub use postgres::Postgres;
pub use reader::JournalReader;
pub use redis::Redis;
pub use source::{Each, EachLine};
pub use sqlite::{Hold, Sqlite, hold, holder};
pub use storage::{REMOVED_MAX, Snapshot, Storage, StoreError};
pub use summary::Summary;
pub use tape::{Damage, Tape};
pub use upkeep::{Fold, Readers, SNAPSHOT_EVERY, Upkeep};
pub use url::Url;
pub use writer::{JournalHandle, JournalWriter};
