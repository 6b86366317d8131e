//! When a connection has to go.

use std::time::Duration;

/// When a connection is too old or too silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Nothing at all, not even a ping, for so long: dead.
    pub silence_max: Duration,
    /// Handed over to a new one after so long, where the venue ends connections by itself.
    pub age_max: Option<Duration>,
    /// The first of two is heard for so long beside a second that is complete. Zero where the second has all
    /// that the first could still tell.
    pub overlap: Duration,
}
