//! What becomes of the gateway, and at which exchange.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Binance,
    Coinbase,
}

/// What becomes of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// `SIGSTOP`.
    Stopped,
    /// `SIGKILL`.
    Killed,
    /// Its loop goes round in itself; its sockets accept and its heartbeat goes on.
    Wedged,
    /// Its heartbeats say that nothing is open, and it does not hear that it is to halt.
    Lying,
    /// Its heartbeats are good, it does not hear that it is to halt, and what is open at the exchange is worth more
    /// than the kill switch's own file allows, for somebody else has added to it.
    OverLimits,
}

impl Failure {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Failure::Stopped => "stopped",
            Failure::Killed => "killed",
            Failure::Wedged => "wedged",
            Failure::Lying => "lying",
            Failure::OverLimits => "over its limits",
        }
    }

    /// What the latch has to say.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Failure::Stopped | Failure::Killed | Failure::Wedged => "heartbeat_lost",
            Failure::Lying => "heartbeat_lies",
            Failure::OverLimits => "open_notional",
        }
    }
}

pub(super) const CASES: [(Dialect, Failure); 7] = [
    (Dialect::Binance, Failure::Stopped),
    (Dialect::Binance, Failure::Killed),
    (Dialect::Binance, Failure::Wedged),
    (Dialect::Binance, Failure::Lying),
    (Dialect::Binance, Failure::OverLimits),
    (Dialect::Coinbase, Failure::Stopped),
    (Dialect::Coinbase, Failure::Killed),
];
