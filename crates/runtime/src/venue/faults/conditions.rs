//! What the faults under way make of the venue as a whole.

use model::{Timestamp, TradingMode};
use venues::server::LimitChange;

use super::kinds::{FaultKind, FilterChange, Scope};
use super::table::Faults;

/// The state of the venue as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conditions {
    /// What the exchange lets accounts do; the strictest fault counts.
    pub(crate) mode: TradingMode,
    /// The matching engine stands still.
    pub(crate) stalled: bool,
    /// Nobody but the accounts bids.
    pub(crate) no_bids: bool,
    /// Nobody but the accounts asks.
    pub(crate) no_asks: bool,
    /// How the limits differ from the usual ones; the worst of each counts.
    pub(crate) limits: LimitChange,
    /// How far the venue's clock is ahead, milliseconds; several add up.
    pub(crate) skew_ms: i64,
    /// By how much the usual rules on orders are multiplied; several are multiplied.
    pub(crate) filters: FilterChange,
}

impl Default for Conditions {
    fn default() -> Conditions {
        Conditions {
            mode: TradingMode::Live,
            stalled: false,
            no_bids: false,
            no_asks: false,
            limits: LimitChange::default(),
            skew_ms: 0,
            filters: FilterChange::NONE,
        }
    }
}

impl Faults {
    /// Is every connection cut, and none taken?
    pub(crate) fn is_outage(&self, now: Timestamp) -> bool {
        self.under_way(now, Scope::Venue).any(|row| row.fault.kind == FaultKind::Outage)
    }

    /// The state of the venue as a whole.
    pub(crate) fn conditions(&self, now: Timestamp) -> Conditions {
        let mut all = Conditions::default();
        let limits = &mut all.limits;
        for row in self.under_way(now, Scope::Venue) {
            match row.fault.kind {
                FaultKind::Halted => all.mode = TradingMode::Halted,
                FaultKind::CancelOnly if all.mode == TradingMode::Live => {
                    all.mode = TradingMode::CancelOnly;
                }
                FaultKind::Stall => all.stalled = true,
                FaultKind::BookEmpty { bids, asks } => {
                    all.no_bids |= bids;
                    all.no_asks |= asks;
                }
                FaultKind::ShrinkLimit(share) => {
                    limits.share_permille = limits.share_permille.min(share);
                }
                FaultKind::NoisyNeighbour(share) => {
                    limits.neighbour_permille = limits.neighbour_permille.max(share);
                }
                FaultKind::ConnectCap(most) => {
                    let before = limits.connections_max.unwrap_or(u32::MAX);
                    limits.connections_max = Some(before.min(most));
                }
                FaultKind::FilterChange(change) => all.filters = all.filters.times(change),
                FaultKind::VenueSkew(ms) => all.skew_ms = all.skew_ms.saturating_add(ms),
                _ => {}
            }
        }
        all
    }
}
