//! All that is found, before it is said.

use ::backtest::gap::{FILLS, Models, Orders, Replayed, SessionSpan, Suggested};
use model::AgentId;

/// All that is found.
pub(super) struct Report {
    pub(super) span: SessionSpan,
    pub(super) folder: String,
    pub(super) models: Models,
    pub(super) orders: Orders,
    pub(super) replayed: Vec<Replayed>,
    pub(super) not: Vec<NotReplayed>,
    pub(super) suggested: Suggested,
}

/// An agent whose strategy cannot be replayed.
pub(super) struct NotReplayed {
    pub(super) agent: AgentId,
    pub(super) why: String,
}

impl Report {
    pub(super) fn is_empty(&self) -> bool {
        self.orders.comparison.is_empty()
            && self.replayed.iter().all(|replayed| replayed.comparison.is_empty())
    }

    pub(super) fn mode(&self) -> &'static str {
        if self.span.paper { "paper" } else { "live" }
    }

    pub(super) fn fill(&self) -> &'static str {
        let resting = self.models.assumptions.resting;
        FILLS.iter().find(|(fill, _)| *fill == resting).map_or("queue", |(_, name)| name)
    }
}

/// Milliseconds with three digits behind the point.
pub(super) fn ms(us: i64) -> String {
    format!("{}.{:03}", us / 1_000, (us % 1_000).abs())
}
