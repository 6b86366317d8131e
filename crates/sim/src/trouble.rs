//! Which faults are on now, and how badly.

use std::time::Duration;

use model::Timestamp;

use crate::agenda::Flight;
use crate::faults::{Fault, FaultSet};
use crate::plan::Plan;

/// The faults of the round that is under way.
#[derive(Default)]
pub(crate) struct Trouble {
    pub(crate) on: FaultSet,
    /// For kinds that strike by chance: in how many of a million cases.
    ppm: Vec<u32>,
    level: Vec<u64>,
    pub(crate) rest_down: bool,
    pub(crate) stalled: bool,
    /// What came while the exchange stood still.
    pub(crate) queue: Vec<Flight>,
    pub(crate) account_silent: bool,
    pub(crate) market_silent: bool,
    /// In the middle of the next write the power goes.
    pub(crate) tears: bool,
    /// Until when the disk is slow, and how slow.
    pub(crate) slow: Option<(Timestamp, Duration)>,
}

impl Trouble {
    /// A round with faults begins.
    pub(crate) fn begin(&mut self, plan: &Plan, round: u64) {
        self.on = plan.round(round);
        self.level = Fault::ALL.iter().map(|fault| plan.level(*fault, round)).collect();
        let ppm = |fault: Fault| {
            let most = if self.on.has(fault) { ppm_max(fault) } else { 0 };
            u32::try_from(most * self.level[fault as usize] / 1_000).unwrap_or(0)
        };
        self.ppm = Fault::ALL.iter().map(|fault| ppm(*fault)).collect();
    }

    /// Nothing strikes any more.
    pub(crate) fn end(&mut self) {
        self.on = FaultSet::NONE;
        self.tears = false;
        self.ppm.clear();
    }

    /// In how many of a million cases this kind strikes.
    pub(crate) fn ppm(&self, fault: Fault) -> u32 {
        self.ppm.get(fault as usize).copied().unwrap_or(0)
    }

    /// How bad a kind is, in thousandths.
    pub(crate) fn level(&self, fault: Fault) -> u64 {
        self.level.get(fault as usize).copied().unwrap_or(0)
    }

    /// Mean time between two strikes of a kind that comes and goes.
    pub(crate) fn every(&self, fault: Fault) -> Duration {
        Duration::from_millis(20_000 + (1_000 - self.level(fault).min(1_000)) * 200)
    }
}

/// The worst of each kind that strikes by chance.
const fn ppm_max(fault: Fault) -> u64 {
    match fault {
        Fault::DropRequest | Fault::DropResponse => 300_000,
        Fault::Delay
        | Fault::Duplicate
        | Fault::ErrorNothingDone
        | Fault::ErrorButAccepted
        | Fault::AccountGap
        | Fault::AccountRepeat
        | Fault::AccountSwap => 200_000,
        Fault::AckThenReject => 100_000,
        Fault::NegativeRead => 500_000,
        Fault::Throttle | Fault::MarketGap => 50_000,
        _ => 0,
    }
}

/// Does a kind come and go, and how long does it last at most?
pub(crate) const fn lasts(fault: Fault) -> Option<Duration> {
    let seconds = match fault {
        Fault::RestDown | Fault::Stall | Fault::CancelOnly | Fault::VenueHalted => 60,
        Fault::BookEmpty | Fault::DiskFull => 30,
        Fault::AccountSilent => 90,
        Fault::MarketSilent | Fault::SlowDisk => 60,
        Fault::Pause | Fault::SecondInstance => 120,
        Fault::Wick
        | Fault::AccountClose
        | Fault::MarketClose
        | Fault::Step
        | Fault::Kill
        | Fault::AgentDies
        | Fault::Burst
        | Fault::HumanTrades
        | Fault::HumanCancels
        | Fault::Transfer
        | Fault::Bust
        | Fault::TornWrite => 0,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}
