//! The clock: the one place that reads it.

use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// The time now. A clock set before 1970 reads as the epoch.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
