//! What each venue is known to count, until its own metadata says better.

pub mod binance;
pub mod bybit;
pub mod coinbase;
pub mod kraken;
pub mod okx;

use std::time::Duration;

use crate::rule::{Counted, Rule, Scope, Shape};

/// What can be asked of a venue, as far as the cost differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new order.
    Place,
    /// A change of an order.
    Amend {
        /// Since it was created or last changed.
        age: Duration,
    },
    /// Taking an order back.
    Cancel {
        /// Since it was created or last changed.
        age: Duration,
    },
    /// One order.
    ReadOrder,
    /// Open orders.
    ReadOpen,
    /// Our executions.
    ReadFills,
    /// Balances.
    ReadAccount,
    /// Fee rates.
    ReadFees,
    /// A book.
    ReadBook,
    /// The venue's clock.
    ReadTime,
    /// Instruments.
    ReadInstruments,
    /// A new WebSocket connection.
    Connect,
    /// A message to a WebSocket connection.
    Message,
}

/// A window that rolls, and is not told in answers.
const fn sliding(counts: Counted, scope: Scope, limit: u32, window_ms: u32) -> Rule {
    Rule { counts, scope, shape: Shape::Sliding { window_ms, limit }, told: false }
}

/// A window that rolls, and is told in answers.
const fn told(counts: Counted, scope: Scope, limit: u32, window_ms: u32) -> Rule {
    Rule { counts, scope, shape: Shape::Sliding { window_ms, limit }, told: true }
}

/// A counter that falls.
const fn leaky(counts: Counted, scope: Scope, max: u32, per_1000_s: u32) -> Rule {
    Rule { counts, scope, shape: Shape::Leaky { max, per_1000_s }, told: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Budget, Charge, Keys, Shares};

    /// Every operation of every venue is counted by at least one of its rules, and fits in all.
    #[test]
    fn no_operation_is_free_of_limits() {
        let age = Duration::ZERO;
        let operations = [
            Operation::Place,
            Operation::Amend { age },
            Operation::Cancel { age },
            Operation::ReadOrder,
            Operation::ReadOpen,
            Operation::ReadFills,
            Operation::ReadAccount,
            Operation::ReadFees,
            Operation::ReadBook,
            Operation::ReadTime,
            Operation::ReadInstruments,
            Operation::Connect,
        ];
        type Costs = fn(Operation, Keys) -> Charge;
        let kraken = kraken::rules(kraken::Tier::Starter);
        let venues: [(&[Rule], Costs); 5] = [
            (&coinbase::RULES, coinbase::charge),
            (&coinbase::EXCHANGE_RULES, coinbase::exchange_charge),
            (&kraken, kraken::charge),
            (&okx::RULES, okx::charge),
            (&bybit::RULES, bybit::charge),
        ];
        for (rules, costs) in venues {
            let mut budget = Budget::new(rules, Shares::default());
            let mut now = model::Timestamp::EPOCH;
            for operation in operations {
                let charge = costs(operation, Keys::default());
                let counted = rules.iter().any(|rule| charge.amount(rule.counts) > 0);
                assert!(counted, "{operation:?}: {charge:?}");
                let priority = crate::Priority::Kill;
                now = now.after(Duration::from_secs(60));
                let answer = budget.ask(now, priority, &charge);
                assert!(matches!(answer, crate::Answer::Granted(_)), "{operation:?}: {answer:?}");
            }
        }
    }
}
