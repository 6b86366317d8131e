//! What can go wrong in a simulated world, and how badly.
//!
//! Each kind has a range (`docs/chaos.md` prints them); a plan draws which kinds are on and a level
//! within each range. A kind counts as fired only when it changed something.

use std::fmt;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A request is lost on its way.
    DropRequest,
    /// An answer is lost on its way.
    DropResponse,
    /// A request or its answer is late, up to thirty seconds.
    Delay,
    /// A question, a cancel or an answer comes twice.
    Duplicate,
    /// No connection can be made for questions and orders.
    RestDown,
    /// A server error, and nothing was done.
    ErrorNothingDone,
    /// A server error, and it was done.
    ErrorButAccepted,
    /// An order is acknowledged and rejected later.
    AckThenReject,
    /// A young order is said not to be known.
    NegativeRead,
    /// Balances are read from a copy that lags.
    ReadLag,
    /// Lists of executions are cut to a few.
    PageCap,
    /// The engine stands still, then works off what has come.
    Stall,
    /// Orders can only be taken back.
    CancelOnly,
    /// Nothing trades and nothing is taken back.
    VenueHalted,
    /// The market around the account leaves one side of the book.
    BookEmpty,
    /// One print far away from the market.
    Wick,
    /// Reports of the account's stream are lost.
    AccountGap,
    /// Reports come twice.
    AccountRepeat,
    /// Reports overtake each other.
    AccountSwap,
    /// The account's stream lives and tells nothing.
    AccountSilent,
    /// The account's stream is cut.
    AccountClose,
    /// Messages of the market are lost.
    MarketGap,
    /// The market's stream lives and tells nothing.
    MarketSilent,
    /// The market's stream is cut.
    MarketClose,
    /// Requests are refused for being too many.
    Throttle,
    /// The machine's clock is wrong from the start.
    Skew,
    /// The machine's clock is set while the gateway runs.
    Step,
    /// The venue's clock is wrong.
    VenueSkew,
    /// The disk takes seconds.
    SlowDisk,
    /// The disk takes nothing.
    DiskFull,
    /// The gateway is killed and started again.
    Kill,
    /// The gateway's process is stopped and goes on.
    Pause,
    /// An agent's process dies and is started again.
    AgentDies,
    /// An agent wants many things at once.
    Burst,
    /// A person trades on the account.
    HumanTrades,
    /// A person takes the gateway's orders back.
    HumanCancels,
    /// Funds come and go.
    Transfer,
    /// The exchange takes an execution back.
    Bust,
    /// The power goes in the middle of a write.
    TornWrite,
    /// Entries are changed, missing or exchanged on the disk.
    BitFlip,
    /// A second gateway takes the account over while the first is stopped.
    SecondInstance,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Fault; 41] = [
        Fault::DropRequest,
        Fault::DropResponse,
        Fault::Delay,
        Fault::Duplicate,
        Fault::RestDown,
        Fault::ErrorNothingDone,
        Fault::ErrorButAccepted,
        Fault::AckThenReject,
        Fault::NegativeRead,
        Fault::ReadLag,
        Fault::PageCap,
        Fault::Stall,
        Fault::CancelOnly,
        Fault::VenueHalted,
        Fault::BookEmpty,
        Fault::Wick,
        Fault::AccountGap,
        Fault::AccountRepeat,
        Fault::AccountSwap,
        Fault::AccountSilent,
        Fault::AccountClose,
        Fault::MarketGap,
        Fault::MarketSilent,
        Fault::MarketClose,
        Fault::Throttle,
        Fault::Skew,
        Fault::Step,
        Fault::VenueSkew,
        Fault::SlowDisk,
        Fault::DiskFull,
        Fault::Kill,
        Fault::Pause,
        Fault::AgentDies,
        Fault::Burst,
        Fault::HumanTrades,
        Fault::HumanCancels,
        Fault::Transfer,
        Fault::Bust,
        Fault::TornWrite,
        Fault::BitFlip,
        Fault::SecondInstance,
    ];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Fault::DropRequest => "drop-request",
            Fault::DropResponse => "drop-response",
            Fault::Delay => "delay",
            Fault::Duplicate => "duplicate",
            Fault::RestDown => "rest-down",
            Fault::ErrorNothingDone => "error-nothing-done",
            Fault::ErrorButAccepted => "error-but-accepted",
            Fault::AckThenReject => "ack-then-reject",
            Fault::NegativeRead => "negative-read",
            Fault::ReadLag => "read-lag",
            Fault::PageCap => "page-cap",
            Fault::Stall => "stall",
            Fault::CancelOnly => "cancel-only",
            Fault::VenueHalted => "venue-halted",
            Fault::BookEmpty => "book-empty",
            Fault::Wick => "wick",
            Fault::AccountGap => "account-gap",
            Fault::AccountRepeat => "account-repeat",
            Fault::AccountSwap => "account-swap",
            Fault::AccountSilent => "account-silent",
            Fault::AccountClose => "account-close",
            Fault::MarketGap => "market-gap",
            Fault::MarketSilent => "market-silent",
            Fault::MarketClose => "market-close",
            Fault::Throttle => "throttle",
            Fault::Skew => "skew",
            Fault::Step => "step",
            Fault::VenueSkew => "venue-skew",
            Fault::SlowDisk => "slow-disk",
            Fault::DiskFull => "disk-full",
            Fault::Kill => "kill",
            Fault::Pause => "pause",
            Fault::AgentDies => "agent-dies",
            Fault::Burst => "burst",
            Fault::HumanTrades => "human-trades",
            Fault::HumanCancels => "human-cancels",
            Fault::Transfer => "transfer",
            Fault::Bust => "bust",
            Fault::TornWrite => "torn-write",
            Fault::BitFlip => "bit-flip",
            Fault::SecondInstance => "second-instance",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| fault.name() == name)
    }

    const fn bit(self) -> u64 {
        1 << self as u64
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Some kinds of fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultSet(u64);

impl FaultSet {
    /// None.
    pub const NONE: FaultSet = FaultSet(0);
    /// Every kind.
    pub const ALL: FaultSet = FaultSet((1 << Fault::ALL.len()) - 1);

    /// Is this kind in it?
    pub const fn has(self, fault: Fault) -> bool {
        self.0 & fault.bit() != 0
    }

    /// With this kind.
    pub const fn with(self, fault: Fault) -> FaultSet {
        FaultSet(self.0 | fault.bit())
    }

    /// Without this kind.
    pub const fn without(self, fault: Fault) -> FaultSet {
        FaultSet(self.0 & !fault.bit())
    }

    /// What is in both.
    pub const fn and(self, other: FaultSet) -> FaultSet {
        FaultSet(self.0 & other.0)
    }

    /// The kinds in it.
    pub fn iter(self) -> impl Iterator<Item = Fault> {
        Fault::ALL.into_iter().filter(move |fault| self.has(*fault))
    }

    /// How many.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Is there none?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// How often each kind has fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired([u64; Fault::ALL.len()]);

impl Default for Fired {
    fn default() -> Fired {
        Fired([0; Fault::ALL.len()])
    }
}

impl Fired {
    pub(crate) fn note(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often this kind has changed something.
    pub const fn count(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Kinds that have fired at least once.
    pub fn kinds(&self) -> usize {
        self.0.iter().filter(|count| **count > 0).count()
    }

    /// Adds another world's.
    pub fn add(&mut self, other: &Fired) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_place_and_a_name_of_its_own() {
        for (at, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, at);
            assert_eq!(Fault::named(fault.name()), Some(fault));
        }
        let set = FaultSet::NONE.with(Fault::Kill).with(Fault::Delay);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Fault::Delay, Fault::Kill]);
        assert_eq!(set.without(Fault::Kill).len(), 1);
        assert_eq!(FaultSet::ALL.len() as usize, Fault::ALL.len());
    }
}
