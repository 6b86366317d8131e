//! Who may use how much of a limit.
//!
//! Each priority stops at its own share, so the one above always finds what lies between the two:
//! back-fill cannot starve orders, and nothing an agent does can starve a cancel.

use model::venue::AccountRequest;
use serde::{Deserialize, Serialize};

/// Smallest part of each limit that is kept for cancels and for reads that settle doubt, percent.
pub const RESERVE_PERCENT_MIN: u8 = 20;
/// Largest such part: beyond this nothing useful would be left for the rest.
pub const RESERVE_PERCENT_MAX: u8 = 60;
/// Market data leaves this much to orders, percent of the limit.
const MARKET_LEAVES_PERCENT: u32 = 10;
/// Back-fill leaves this much to orders, percent of the limit.
const BACKFILL_LEAVES_PERCENT: u32 = 30;
/// What agents' traffic may use of its share before the venue has said once what is used, percent.
pub const UNHEARD_PERCENT: u32 = 25;

/// What a request is for. The order is the rank: the first goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// The kill switch and every cancel.
    Kill,
    /// Reads that settle what is in doubt, and the account after a reconnect.
    Doubt,
    /// New orders.
    Order,
    /// Market data that the present needs.
    Market,
    /// History.
    Backfill,
}

impl Priority {
    /// Of what an account asks.
    pub const fn of(request: &AccountRequest) -> Priority {
        match request {
            AccountRequest::Cancel { .. } | AccountRequest::CancelAll(_) => Priority::Kill,
            AccountRequest::Order { .. }
            | AccountRequest::OpenOrders(_)
            | AccountRequest::Orders { .. }
            | AccountRequest::Fills { .. }
            | AccountRequest::Account
            | AccountRequest::AccountAfter(_)
            | AccountRequest::Rights
            | AccountRequest::Scopes
            | AccountRequest::Ticket => Priority::Doubt,
            AccountRequest::Place(_)
            | AccountRequest::Test(_)
            | AccountRequest::CancelReplace(_) => Priority::Order,
            AccountRequest::Fees(_) => Priority::Market,
        }
    }

    /// Paid from the reserve?
    pub const fn is_safety(self) -> bool {
        matches!(self, Priority::Kill | Priority::Doubt)
    }
}

/// How the limits are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Shares {
    reserve_percent: u8,
}

/// A reserve outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReserveError {
    /// What was asked for, percent.
    pub percent: u8,
}

impl std::fmt::Display for ReserveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ReserveError { percent } = self;
        write!(
            f,
            "a reserve of {percent} % is not between {RESERVE_PERCENT_MIN} and \
             {RESERVE_PERCENT_MAX} %"
        )
    }
}

impl std::error::Error for ReserveError {}

impl Default for Shares {
    fn default() -> Shares {
        Shares { reserve_percent: RESERVE_PERCENT_MIN }
    }
}

impl TryFrom<u8> for Shares {
    type Error = ReserveError;

    fn try_from(percent: u8) -> Result<Shares, ReserveError> {
        if (RESERVE_PERCENT_MIN..=RESERVE_PERCENT_MAX).contains(&percent) {
            Ok(Shares { reserve_percent: percent })
        } else {
            Err(ReserveError { percent })
        }
    }
}

impl From<Shares> for u8 {
    fn from(shares: Shares) -> u8 {
        shares.reserve_percent
    }
}

impl Shares {
    /// The part of a limit at which this priority stops, percent.
    pub const fn percent(self, priority: Priority) -> u32 {
        let reserve = self.reserve_percent as u32;
        let rest = 100 - reserve;
        match priority {
            Priority::Kill => 100,
            // Half of the reserve is the kill's alone: no cancel waits behind a read.
            Priority::Doubt => 100 - reserve / 2,
            Priority::Order => rest,
            Priority::Market => rest - MARKET_LEAVES_PERCENT,
            Priority::Backfill => rest - BACKFILL_LEAVES_PERCENT,
        }
    }

    /// The count at which this priority stops. At least one of any limit above zero, because a
    /// share of nothing would never let anything pass.
    pub fn cap(self, priority: Priority, limit: u32) -> i64 {
        let limit = i64::from(limit);
        (limit * i64::from(self.percent(priority)) / 100).max(limit.min(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_priority_leaves_room_for_the_one_above() {
        use Priority::*;
        for percent in RESERVE_PERCENT_MIN..=RESERVE_PERCENT_MAX {
            let shares = Shares::try_from(percent).unwrap();
            let all = [Backfill, Market, Order, Doubt, Kill].map(|p| shares.percent(p));
            assert!(all.is_sorted_by(|a, b| a < b), "{percent}: {all:?}");
            assert!(all[0] >= 10 && all[4] == 100, "{percent}: {all:?}");
            assert_eq!(all[2], 100 - u32::from(percent));
        }
        for wrong in [0, RESERVE_PERCENT_MIN - 1, RESERVE_PERCENT_MAX + 1, 100] {
            assert_eq!(Shares::try_from(wrong), Err(ReserveError { percent: wrong }));
        }
    }

    #[test]
    fn small_limits_round_towards_the_reserve() {
        use Priority::*;
        let shares = Shares::default();
        for (limit, caps) in [
            (6_000, [6_000, 5_400, 4_800, 4_200, 3_000]),
            (10, [10, 9, 8, 7, 5]),
            (3, [3, 2, 2, 2, 1]),
            (1, [1, 1, 1, 1, 1]),
            (0, [0, 0, 0, 0, 0]),
        ] {
            assert_eq!([Kill, Doubt, Order, Market, Backfill].map(|p| shares.cap(p, limit)), caps);
        }
    }
}
