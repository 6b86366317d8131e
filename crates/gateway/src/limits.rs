//! The limits that guardrails compare with. They live in a file of their own and have no defaults:
//! a limit nobody wrote down is a limit nobody has thought about. `docs/guardrails.md` tells each of them.
//!
//! Sums of money are in the quote asset of what is traded, each by itself: nothing is converted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use model::{AgentId, Asset, InstrumentId, LimitsVersion, Notional, Qty};
use serde::{Deserialize, Serialize};

use crate::breakers::BreakerLimits;

/// Longest window that a limit may be counted over: what is older is forgotten.
pub const WINDOW_MAX: Duration = Duration::from_secs(3_600);
/// Largest number that a limit on what happens in a window may have: more than that is not remembered.
pub const COUNT_MAX: u32 = 16_384;

/// All limits of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Oldest reference price that may back an order that adds risk, milliseconds.
    pub reference_age_max_ms: u64,
    /// Limits on the account as a whole.
    pub account: AccountLimits,
    /// Limits on the flow of orders.
    pub orders: OrderFlowLimits,
    /// Where the circuit breakers trip. The table may be absent, and so may each of its keys: every one has
    /// a default.
    #[serde(default)]
    pub breakers: BreakerLimits,
    /// Limits per instrument. One that is not listed here cannot be traded.
    pub instrument: BTreeMap<InstrumentId, InstrumentLimits>,
    /// Limits of single agents, besides those of the account. An agent that is not listed has those of the
    /// account alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub agent: BTreeMap<AgentId, AgentLimits>,
}

/// Limits on the account as a whole: all agents, all instruments, and what others do on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountLimits {
    /// Largest exposure, for each quote asset: every position with everything open filled, either way,
    /// at the reference price.
    pub exposure_max: BTreeMap<Asset, Notional>,
    /// Orders and cancels of all agents within `orders.messages_window_ms` after which no order is sent.
    pub messages_max: u32,
}

/// Limits on the flow of orders of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderFlowLimits {
    /// Orders open or in doubt at one time.
    pub open_max: u32,
    /// Stop orders of one instrument open or in doubt at one time.
    pub stops_max: u32,
    /// New orders of one agent within `rate_window_ms`.
    pub rate_max: u32,
    /// Length of the sliding window, milliseconds.
    pub rate_window_ms: u64,
    /// Orders and cancels of one agent within `messages_window_ms` after which it sends no order.
    pub messages_max: u32,
    /// Length of the sliding window, milliseconds.
    pub messages_window_ms: u64,
    /// Orders of one agent within `alike_window_ms` that are the same.
    pub alike_max: u32,
    /// Length of the sliding window, milliseconds.
    pub alike_window_ms: u64,
    /// Orders of one agent, on one side of one instrument, that execute within `executed_window_ms`. One
    /// more disables the agent.
    pub executed_max: u32,
    /// Length of the sliding window, milliseconds.
    pub executed_window_ms: u64,
}

/// Limits on one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentLimits {
    /// Largest quantity of one order, base units.
    pub qty_max: Qty,
    /// Largest price × qty of one order, quote units.
    pub notional_max: Notional,
    /// Largest position either way, base units, with everything open filled.
    pub position_max: Qty,
    /// The same in quote units, at the reference price.
    pub exposure_max: Notional,
    /// Largest sum of price × qty of new orders within `turnover_window_ms`, quote units.
    pub turnover_max: Notional,
    /// Length of the sliding window, milliseconds.
    pub turnover_window_ms: u64,
    /// Farthest an order's price may be from the reference price, hundredths of a percent.
    pub collar_bps: u32,
    /// Farthest it may be from where the reference price was `walk_window_ms` ago.
    pub walk_bps: u32,
    /// How long ago, milliseconds.
    pub walk_window_ms: u64,
}

/// Limits on one agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentLimits {
    /// Largest exposure, for each quote asset: what it holds with everything of its own filled, either
    /// way, at the reference price.
    pub exposure_max: BTreeMap<Asset, Notional>,
    /// Largest sum of price × qty of its new orders within `turnover_window_ms`, for each quote asset.
    pub turnover_max: BTreeMap<Asset, Notional>,
    /// Length of the sliding window, milliseconds.
    pub turnover_window_ms: u64,
}

impl Limits {
    /// Age limit of the reference price.
    pub fn reference_age_max(&self) -> Duration {
        Duration::from_millis(self.reference_age_max_ms)
    }

    /// The name of these limits: the same for the same limits, whatever the file looked like.
    pub fn version(&self) -> LimitsVersion {
        let mut hash = Hash(FNV_OFFSET);
        // Writing into it cannot fail.
        let _ = write!(hash, "{self:?}");
        LimitsVersion::from_number(hash.0)
    }

    /// Limits on these instruments so wide that none of them refuses what a test or a simulation does not
    /// mean to be refused. No configuration comes here.
    pub fn wide(instruments: impl IntoIterator<Item = InstrumentId>) -> Limits {
        let much = |number: i64| model::Decimal::new(number, 0);
        let notional = Notional::try_from(much(1_000_000_000_000)).unwrap_or(Notional::ZERO);
        let qty = Qty::try_from(much(1_000_000_000)).unwrap_or(Qty::ZERO);
        let instrument = InstrumentLimits {
            qty_max: qty,
            notional_max: notional,
            position_max: qty,
            exposure_max: notional,
            turnover_max: notional,
            turnover_window_ms: 1_000,
            collar_bps: 1_000,
            walk_bps: 10_000,
            walk_window_ms: 60_000,
        };
        let instrument: BTreeMap<_, _> =
            instruments.into_iter().map(|id| (id, instrument)).collect();
        let quotes = instrument.keys().filter_map(|id| id.assets().map(|(_, quote)| quote));
        Limits {
            reference_age_max_ms: 5_000,
            account: AccountLimits {
                exposure_max: quotes.map(|quote| (quote, notional)).collect(),
                messages_max: COUNT_MAX,
            },
            orders: OrderFlowLimits {
                open_max: 100_000,
                stops_max: 100_000,
                rate_max: COUNT_MAX,
                rate_window_ms: 1_000,
                messages_max: COUNT_MAX,
                messages_window_ms: 1_000,
                alike_max: COUNT_MAX,
                alike_window_ms: 1_000,
                executed_max: COUNT_MAX - 1,
                executed_window_ms: 1_000,
            },
            breakers: BreakerLimits::wide(),
            instrument,
            agent: BTreeMap::new(),
        }
    }
}

impl OrderFlowLimits {
    /// The sliding window of the order rate.
    pub fn rate_window(&self) -> Duration {
        Duration::from_millis(self.rate_window_ms)
    }

    /// The sliding window of the message rates.
    pub fn messages_window(&self) -> Duration {
        Duration::from_millis(self.messages_window_ms)
    }

    /// The sliding window of orders that are the same.
    pub fn alike_window(&self) -> Duration {
        Duration::from_millis(self.alike_window_ms)
    }

    /// The sliding window of orders that execute.
    pub fn executed_window(&self) -> Duration {
        Duration::from_millis(self.executed_window_ms)
    }
}

impl InstrumentLimits {
    /// The sliding window of what is ordered.
    pub fn turnover_window(&self) -> Duration {
        Duration::from_millis(self.turnover_window_ms)
    }

    /// How long ago the price is looked at that an order may not walk away from.
    pub fn walk_window(&self) -> Duration {
        Duration::from_millis(self.walk_window_ms)
    }
}

impl AgentLimits {
    /// The sliding window of what is ordered.
    pub fn turnover_window(&self) -> Duration {
        Duration::from_millis(self.turnover_window_ms)
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// FNV-1a: it names, and keeps nobody out.
struct Hash(u64);

impl std::fmt::Write for Hash {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{id, number};

    /// Every refusal and every key of the limits file stands in the table of `docs/guardrails.md`.
    #[test]
    fn the_page_tells_each_guardrail() {
        let page = include_str!("../../../docs/guardrails.md");
        let source = include_str!("../../model/src/refusal.rs");
        let body = source.split_once("pub enum Refusal {").unwrap().1.split_once("\n}").unwrap().0;
        let variant = |line: &str| {
            let name = line.strip_prefix("    ")?.trim_end_matches([',', '{', ' ']);
            let is_name =
                name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphanumeric);
            is_name.then(|| name.to_owned())
        };
        let snake = |name: &str| {
            let capital = |c: char| [Some('_').filter(|_| c.is_uppercase()), Some(c)];
            let text: String = name.chars().flat_map(capital).flatten().collect();
            text.trim_start_matches('_').to_lowercase()
        };
        let refusals: Vec<String> = body.lines().filter_map(variant).collect();
        assert!(refusals.len() > 30, "{refusals:?}");
        for refusal in refusals {
            assert!(page.contains(&format!("`{}`", snake(&refusal))), "{refusal} is not told");
        }
        let mut limits = Limits::wide([id()]);
        let own = AgentLimits {
            exposure_max: BTreeMap::new(),
            turnover_max: BTreeMap::new(),
            turnover_window_ms: 1,
        };
        limits.agent.insert(number("NAME"), own);
        let json = serde_json::to_value(&limits).unwrap();
        let table = |path: &str, name: &str| {
            let table = json.pointer(path).unwrap().as_object().unwrap();
            table.keys().map(|key| format!("{name}{key}")).collect::<Vec<_>>()
        };
        let keys = [
            table("/account", "account."),
            table("/orders", "orders."),
            table("/instrument/BTC-USDT", ""),
            table("/agent/NAME", "agent.NAME."),
            vec!["reference_age_max_ms".to_owned()],
        ];
        for key in keys.iter().flatten() {
            assert!(page.contains(&format!("`{key}`")), "{key} is not told");
        }
    }

    #[test]
    fn the_same_limits_have_one_name_and_others_another() {
        let limits = Limits::wide([id()]);
        assert_eq!(limits.version(), limits.clone().version());
        let mut other = limits.clone();
        other.orders.stops_max -= 1;
        assert_ne!(limits.version(), other.version());
        let mut other = limits.clone();
        other.account.exposure_max.insert(number("USDC"), number("1"));
        assert_ne!(limits.version(), other.version());
        let read: Limits = serde_json::from_str(&serde_json::to_string(&other).unwrap()).unwrap();
        assert_eq!((read.version(), &read), (other.version(), &other));
    }
}
