//! The schedule of the ramp: which part of the limits holds after how long.

use std::time::Duration;

use crate::parts::WHOLE;

/// How the part grows. Checked by whoever makes one: each step later than the one before, and larger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ramp {
    /// Where it begins, percent: 1 to 100.
    pub start_percent: u32,
    /// Where it goes from there.
    pub steps: Vec<RampStep>,
}

/// One step of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RampStep {
    /// Active and clean for so long.
    pub after: Duration,
    /// The part from then on, percent.
    pub percent: u32,
}

impl Ramp {
    /// The part after so much time.
    pub fn percent(&self, clean: Duration) -> u32 {
        let reached = self.steps.iter().filter(|step| step.after <= clean);
        let percent = reached.map(|step| step.percent).max().unwrap_or(0);
        percent.max(self.start_percent).min(WHOLE)
    }

    /// The next larger part, and how much more time it takes; `None` at the end.
    pub fn next(&self, clean: Duration) -> Option<(Duration, u32)> {
        let percent = self.percent(clean);
        let next = self.steps.iter().find(|step| step.after > clean && step.percent > percent)?;
        Some((next.after.saturating_sub(clean), next.percent))
    }
}
