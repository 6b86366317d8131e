//! What the gateway lets through, as one table.
//!
//! Guardrails, the release of what waits, the loop and the checkers of the simulation all read a row of
//! [`TradingState::row`] instead of naming states, so that a state has one meaning.

use serde::{Deserialize, Serialize};

/// What the gateway lets through; each later one from active on lets through less, or is harder to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingState {
    /// Not yet reconciled, or a connection that must be up is down: cancels only.
    Starting,
    /// Everything within the limits.
    Active,
    /// Everything within [`THROTTLED_PERCENT`] of the limits on size, exposure and rate.
    Throttled,
    /// Only what shrinks a position.
    Reducing,
    /// Cancels only: entry orders are taken back, protective stops stay.
    Halted,
    /// As halted, and the gateway itself closes positions in slices within the price collar.
    Flattening,
    /// Nothing that changes anything leaves, no cancel either: the watchdog acts, not this gateway.
    Dark,
}

/// What of the limits on size, exposure and rate holds while throttled, percent.
pub const THROTTLED_PERCENT: u32 = 25;

/// Which new orders pass the guardrail of the trading state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// All that are within the limits.
    All,
    /// All that are within [`THROTTLED_PERCENT`] of them.
    Fraction,
    /// Those that only shrink a position.
    Reducing,
    /// The gateway's own slices alone, each within the price collar and only shrinking a position.
    OwnSlices,
    /// None.
    None,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateRow {
    /// H0 to H5; `None` while the gateway has not yet got so far that it could have one.
    pub level: Option<u8>,
    /// Which new orders pass.
    pub orders: Passes,
    /// Whether cancels leave.
    pub cancels: bool,
    /// Whether open orders that could add risk are taken back, again and again.
    pub clears: bool,
    /// Whether it is durable and a person alone can end it, in two steps.
    pub is_latched: bool,
}

impl TradingState {
    /// All of them.
    pub const ALL: [TradingState; 7] = [
        TradingState::Starting,
        TradingState::Active,
        TradingState::Throttled,
        TradingState::Reducing,
        TradingState::Halted,
        TradingState::Flattening,
        TradingState::Dark,
    ];

    /// The table.
    pub const fn row(self) -> StateRow {
        let (level, orders, cancels, clears, is_latched) = match self {
            TradingState::Starting => (None, Passes::None, true, false, false),
            TradingState::Active => (Some(0), Passes::All, true, false, false),
            TradingState::Throttled => (Some(1), Passes::Fraction, true, false, false),
            TradingState::Reducing => (Some(2), Passes::Reducing, true, false, false),
            TradingState::Halted => (Some(3), Passes::None, true, true, true),
            TradingState::Flattening => (Some(4), Passes::OwnSlices, true, true, true),
            TradingState::Dark => (Some(5), Passes::None, false, false, true),
        };
        StateRow { level, orders, cancels, clears, is_latched }
    }

    /// May an order that adds risk leave?
    pub const fn adds_risk(self) -> bool {
        matches!(self.row().orders, Passes::All | Passes::Fraction)
    }

    /// Does only a person end it, in two steps?
    pub const fn is_latched(self) -> bool {
        self.row().is_latched
    }

    /// Its name, as it is written everywhere.
    pub const fn name(self) -> &'static str {
        match self {
            TradingState::Starting => "starting",
            TradingState::Active => "active",
            TradingState::Throttled => "throttled",
            TradingState::Reducing => "reducing",
            TradingState::Halted => "halted",
            TradingState::Flattening => "flattening",
            TradingState::Dark => "dark",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_grow_and_the_last_three_are_latched() {
        let levels: Vec<_> = TradingState::ALL.map(|state| state.row().level).into();
        assert_eq!(levels, [None, Some(0), Some(1), Some(2), Some(3), Some(4), Some(5)]);
        for state in TradingState::ALL {
            let level = state.row().level;
            assert_eq!(state.is_latched(), level.is_some_and(|level| level >= 3), "{state:?}");
            assert_eq!(state.adds_risk(), level.is_some_and(|level| level <= 1), "{state:?}");
            assert!(!state.adds_risk() || !state.is_latched());
        }
        assert!(TradingState::ALL.is_sorted());
    }

    /// Cancels pass in every state below the last, and nothing at all in that.
    #[test]
    fn only_the_dark_holds_cancels_back() {
        for state in TradingState::ALL {
            let row = state.row();
            assert_eq!(row.cancels, state != TradingState::Dark);
            assert!(row.cancels || row.orders == Passes::None && !row.clears);
        }
    }

    #[test]
    fn a_name_is_what_the_journal_says() {
        for state in TradingState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
}
