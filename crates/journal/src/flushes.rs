//! How long the store took for its writes, counted for whoever looks on.
//!
//! The journal's thread adds to a handful of counters behind each write and waits for nobody; who reads them may see a
//! write in one counter and not yet in another, which the next look puts right.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Upper ends of the classes, nanoseconds: from a flush that is none to one that stops trading.
pub const FLUSH_BOUNDS: [u64; 16] = [
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
];

/// The counters of one writer; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Flushes(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    classes: [AtomicU64; FLUSH_BOUNDS.len()],
    longer: AtomicU64,
    sum: AtomicU64,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlushCounts {
    /// Writes of each class of [`FLUSH_BOUNDS`], not summed up.
    pub classes: Vec<u64>,
    /// Writes that took longer than all of them.
    pub longer: u64,
    /// All of their times together, nanoseconds.
    pub sum: u64,
}

impl Flushes {
    pub(crate) fn add(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let class = FLUSH_BOUNDS.partition_point(|bound| *bound < took);
        let counter = self.0.classes.get(class).unwrap_or(&self.0.longer);
        counter.fetch_add(1, Ordering::Relaxed);
        self.0.sum.fetch_add(took, Ordering::Relaxed);
    }

    /// All so far.
    pub fn counts(&self) -> FlushCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        FlushCounts {
            classes: self.0.classes.iter().map(read).collect(),
            longer: read(&self.0.longer),
            sum: read(&self.0.sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_in_the_first_class_that_has_room_for_it() {
        let flushes = Flushes::default();
        for nanos in [0, 50_000, 50_001, 10_000_000_000, 10_000_000_001] {
            flushes.add(Duration::from_nanos(nanos));
        }
        let counts = flushes.counts();
        assert_eq!((counts.classes[0], counts.classes[1], counts.classes[15]), (2, 1, 1));
        assert_eq!((counts.longer, counts.sum), (1, 20_000_100_002));
        assert!(FLUSH_BOUNDS.is_sorted());
    }
}
