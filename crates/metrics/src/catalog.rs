//! Every metric: its name, what it is, its labels and what it means. `docs/metrics.md` is the same list for people, and a
//! test holds the two together.
//!
//! Names follow Prometheus: the prefix, base units (seconds, bytes, ratios), `_total` on what only grows. What is money is
//! in the asset that a label names.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Grows from zero, from the newest start of the gateway on.
    Counter,
    /// Is what it is now.
    Gauge,
    /// Times in classes, with these upper ends.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Its word in the format.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Its whole name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Names of its labels, in order.
    pub labels: &'static [&'static str],
    /// What it means, in a line.
    pub help: &'static str,
}

/// Upper ends for the stages of an order, seconds: a flush is a millisecond, a resting order may take an hour.
const STAGES: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0,
];
/// Upper ends for waits for the rate budget, seconds.
const WAITS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Upper ends for the journal's writes, seconds: the journal's own, [`journal::FLUSH_BOUNDS`].
const FLUSHES: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 10.0,
];

/// Each line is a constant and a row of [`CATALOG`], so that none is in only one of them.
macro_rules! catalog {
    ($($id:ident: $kind:expr, $name:literal, [$($label:literal),*], $help:literal;)*) => {
        $(pub(crate) const $id: Metric =
            Metric { name: $name, kind: $kind, labels: &[$($label),*], help: $help };)*

        /// All there are.
        pub const CATALOG: &[Metric] = &[$($id),*];
    };
}

use Kind::{Counter, Gauge, Histogram};

catalog! {
    // The gateway and its processes.
    BUILD_INFO: Gauge, "plimsoll_build_info", ["version"], "1; the version of the program that serves this";
    GATEWAY_UP: Gauge, "plimsoll_gateway_up", [], "1 while a gateway holds the journal";
    PAPER: Gauge, "plimsoll_paper", [], "1 where the account is a paper account";
    SESSION: Gauge, "plimsoll_session", [], "number of the gateway's newest start";
    SESSION_START: Gauge, "plimsoll_session_start_time_seconds", [], "when it started, since 1970";
    PROCESS_START: Gauge, "plimsoll_process_start_time_seconds", ["process"], "when the process started, since 1970";
    PROCESS_CPU: Counter, "plimsoll_process_cpu_seconds_total", ["process"], "processor time that it has used";
    PROCESS_MEMORY: Gauge, "plimsoll_process_resident_memory_bytes", ["process"], "memory that it has resident";
    PROBLEM: Gauge, "plimsoll_metrics_problem", [], "1 where journal or gateway could not be looked at";
    READ: Gauge, "plimsoll_metrics_read_sequence", [], "last entry that is in the counters; they are left out until it has first caught up";
    // Trading.
    STATE: Gauge, "plimsoll_trading_state", ["state"], "1 for the trading state that holds, 0 for the others";
    STATE_SINCE: Gauge, "plimsoll_trading_state_since_seconds", [], "when it began, since 1970";
    HALTED: Gauge, "plimsoll_halted", [], "1 while a halt holds that a person has to lift";
    EQUITY: Gauge, "plimsoll_equity", ["asset"], "what the account is worth";
    EQUITY_HIGH: Gauge, "plimsoll_equity_high", ["asset"], "the high-water mark that drawdown is measured by";
    EQUITY_DAY: Gauge, "plimsoll_equity_day_start", ["asset"], "what it was worth when the day began, UTC";
    HEADROOM: Gauge, "plimsoll_loss_headroom", ["asset"], "what may be lost before the first breaker of losses trips";
    DRAWDOWN: Gauge, "plimsoll_drawdown_ratio", [], "part of the high-water mark that is lost, 0 to 1";
    DAY_LOSS: Gauge, "plimsoll_day_loss_ratio", [], "part of the day's first equity that is lost, 0 to 1";
    BREAKER_VALUE: Gauge, "plimsoll_breaker_value", ["breaker"], "how far it is: a ratio, seconds or a count";
    BREAKER_LIMIT: Gauge, "plimsoll_breaker_limit", ["breaker"], "where it trips, in the same unit";
    BREAKER_USED: Gauge, "plimsoll_breaker_used_ratio", ["breaker"], "part of its limit that is used";
    BREAKER_TRIPPED: Gauge, "plimsoll_breaker_tripped", ["breaker"], "1 while it acts";
    POSITION: Gauge, "plimsoll_position", ["instrument"], "net position, base units";
    BALANCE_FREE: Gauge, "plimsoll_balance_free", ["asset"], "free balance of an asset that is traded";
    BALANCE_LOCKED: Gauge, "plimsoll_balance_locked", ["asset"], "balance that open orders lock";
    ORDERS_OPEN: Gauge, "plimsoll_orders_open", [], "orders that are open, those in doubt among them";
    ORDERS_IN_DOUBT: Gauge, "plimsoll_orders_in_doubt", [], "orders whose outcome is not proven";
    DIFFERENCES_LEFT: Gauge, "plimsoll_differences_left", [], "differences that the last comparison of the books left";
    RECONCILED: Gauge, "plimsoll_reconciled_time_seconds", [], "when the books were last compared, since 1970";
    AGENT_DISABLED: Gauge, "plimsoll_agent_disabled", ["agent"], "1 while it is disabled";
    LEASE: Gauge, "plimsoll_lease", [], "1 while the watchdog lets the gateway add risk; absent where none is configured";
    // Feeds, budget, journal, sinks.
    LINK_UP: Gauge, "plimsoll_link_up", ["link"], "1 while the connection tells what happens";
    FEED_STATE: Gauge, "plimsoll_feed_state", ["instrument", "state"], "1 for the health that the book has";
    FEED_SINCE: Gauge, "plimsoll_feed_state_since_seconds", ["instrument"], "when that began, since 1970";
    FEED_AGE: Gauge, "plimsoll_feed_age_seconds", ["instrument"], "how old the book is that the gateway holds";
    BUDGET_USED: Gauge, "plimsoll_budget_used", ["limiter"], "what this host has used of the venue's limit in its window";
    BUDGET_LIMIT: Gauge, "plimsoll_budget_limit", ["limiter"], "what it allows in it";
    BUDGET_STOP: Gauge, "plimsoll_budget_stop_seconds", [], "how long the longest stop of the venue still holds";
    SEQUENCE: Gauge, "plimsoll_journal_sequence", [], "number of the journal's last entry";
    LAST_ENTRY: Gauge, "plimsoll_journal_last_entry_time_seconds", [], "when it was written, since 1970";
    FLUSH: Histogram(FLUSHES), "plimsoll_journal_flush_seconds", [], "how long a durable write took, whatever was in it";
    SINK_HAD: Gauge, "plimsoll_sink_records", ["sink"], "records that the sink's target has acknowledged";
    SINK_BEHIND: Gauge, "plimsoll_sink_behind_records", ["sink"], "records that wait for it";
    SINK_BEHIND_S: Gauge, "plimsoll_sink_behind_seconds", ["sink"], "how long the oldest of them waits";
    SINK_FAILING: Gauge, "plimsoll_sink_failing", ["sink"], "1 while something keeps it from going on";
    SINK_DEAD: Gauge, "plimsoll_sink_dead_letters", ["sink"], "records that its target would not take";
    SINK_MISSING: Gauge, "plimsoll_sink_missing_records", ["sink"], "records that were removed before it had them";
    ALERTS_DELIVERED: Counter, "plimsoll_alert_sink_delivered_total", ["sink"], "alerts that it took";
    ALERTS_DROPPED: Counter, "plimsoll_alert_sink_dropped_total", ["sink"], "alerts that it never got";
    ALERTS_QUEUED: Gauge, "plimsoll_alert_sink_queued", ["sink"], "alerts that wait for it";
    ALERTS_FAILING: Gauge, "plimsoll_alert_sink_failures", ["sink"], "its failures in a row";
    // Counted from the journal.
    RECORDS: Counter, "plimsoll_journal_records_total", ["kind"], "entries of each kind";
    DECISIONS: Counter, "plimsoll_decisions_total", ["agent", "action"], "what agents wanted";
    ORDERS: Counter, "plimsoll_orders_total", ["agent", "instrument"], "orders that the guardrails let through";
    ORDERS_ENDED: Counter, "plimsoll_orders_ended_total", ["agent", "outcome"], "orders that are over, by how";
    REFUSALS: Counter, "plimsoll_refusals_total", ["agent", "limit"], "intents that a guardrail refused, by which";
    REJECTIONS: Counter, "plimsoll_rejections_total", ["code"], "orders that the venue rejected, by why";
    DOUBTS: Counter, "plimsoll_doubts_total", [], "orders that came in doubt";
    FILLS: Counter, "plimsoll_fills_total", ["agent", "instrument", "liquidity"], "executions";
    TURNOVER: Counter, "plimsoll_fill_notional_total", ["instrument"], "what they came to, quote units";
    STAGE: Histogram(STAGES), "plimsoll_order_stage_seconds", ["stage"], "how long a stage of an order took, as plimsoll report latency measures it";
    ERRORS: Counter, "plimsoll_errors_total", ["class"], "records of something that went wrong, by kind of record";
    LOSSES: Counter, "plimsoll_connection_losses_total", ["link"], "times that a connection was lost";
    RECONNECTS: Counter, "plimsoll_reconnects_total", ["link"], "times that it was up again after a loss";
    HAND_OVERS: Counter, "plimsoll_hand_overs_total", ["link"], "times that another connection took over as planned";
    GAPS: Counter, "plimsoll_gaps_total", ["instrument"], "holes that were found in the book";
    RESYNCS: Counter, "plimsoll_resyncs_total", ["instrument"], "times that the book was built anew";
    MISSED: Counter, "plimsoll_missed_trades_total", ["instrument"], "public trades that were fetched afterwards";
    DUPLICATES: Counter, "plimsoll_duplicates_total", [], "messages that had been seen and were dropped";
    RATE_LIMITS: Counter, "plimsoll_rate_limits_total", [], "times that the venue held us to its limit";
    WAITS_COUNT: Counter, "plimsoll_budget_waits_total", ["limiter"], "requests that our own budget held back";
    WAIT: Histogram(WAITS), "plimsoll_budget_wait_seconds", ["limiter"], "the longest wait of each time that it did";
    ALERTS: Counter, "plimsoll_alerts_total", ["level", "key"], "alerts that were raised";
    HALTS: Counter, "plimsoll_halts_total", ["by"], "halts, by who or what halted";
    TRIPS: Counter, "plimsoll_breaker_trips_total", ["breaker"], "times that it tripped";
    RECONCILIATIONS: Counter, "plimsoll_reconciliations_total", [], "comparisons of the books with the venue's";
    DIFFERENCES: Counter, "plimsoll_differences_total", ["kind"], "differences that were found";
    AGENT_STARTS: Counter, "plimsoll_agent_starts_total", ["agent"], "times that the agent's process came up";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_keep_prometheus_habits() {
        let mut seen = BTreeSet::new();
        for Metric { name, kind, labels, help } in CATALOG {
            assert!(seen.insert(name), "{name} is there twice");
            assert!(name.starts_with("plimsoll_"), "{name}");
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            assert!(name.bytes().all(plain) && !help.is_empty(), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            for unit in ["_ms", "_ns", "_percent", "_minutes", "_kb"] {
                assert!(!name.contains(unit), "{name} is in no base unit");
            }
            for reserved in ["_count", "_sum", "_bucket"] {
                assert!(!name.ends_with(reserved), "{name}");
            }
            if let Kind::Histogram(bounds) = kind {
                assert!(name.ends_with("_seconds") && bounds.is_sorted(), "{name}");
            }
            for label in *labels {
                assert!(!label.contains("order"), "{name}: {label} has no bound");
                assert!(
                    !["le", "job", "instance"].contains(label),
                    "{name}: {label} is Prometheus' own"
                );
            }
        }
    }

    #[test]
    fn the_journals_classes_are_served_as_they_are_counted() {
        let journals: Vec<f64> =
            journal::FLUSH_BOUNDS.iter().map(|nanos| *nanos as f64 / 1e9).collect();
        assert_eq!(journals, FLUSHES);
    }
}
