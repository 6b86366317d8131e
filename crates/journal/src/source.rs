//! What a reader asks of every store.

use std::collections::BTreeMap;

use model::{Entry, StoreTag};

use crate::chain::Hash;
use crate::filter::Filter;
use crate::storage::{Snapshot, StoreError};

/// Takes entries with their numbers; its error ends the reading.
pub type Each<'e> = &'e mut dyn FnMut(u64, Entry) -> Result<(), StoreError>;

/// Takes entries with their numbers and their texts as they were written; its error ends the reading.
pub type EachLine<'e> = &'e mut dyn FnMut(u64, &str, Entry) -> Result<(), StoreError>;

/// A journal that is looked into while another process may be writing it.
pub(crate) trait Source: Send {
    fn replay(&self, after: u64, each: Each<'_>) -> Result<(), StoreError>;
    /// At most `max` entries behind `after`, so that nobody waits for the end of a long look.
    fn lines(&self, after: u64, max: u64, each: EachLine<'_>) -> Result<(), StoreError>;
    fn tag(&self) -> Result<Option<StoreTag>, StoreError>;
    fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError>;
    fn find(&self, wanted: &Filter, each: Each<'_>) -> Result<(), StoreError>;
    fn counts(&self) -> Result<BTreeMap<String, u64>, StoreError>;
    /// The hash of an entry that is kept, or of the last one that was removed.
    fn hash_at(&self, seq: u64) -> Result<Option<Hash>, StoreError>;
    fn last(&self) -> Result<u64, StoreError>;
    fn holder(&self) -> Result<Option<String>, StoreError>;
}
