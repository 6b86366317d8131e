//! What a simulated world is made of: everything that a seed decides before the first event.
//!
//! A plan is small and says all: the same plan tells the same story. A failure is made shorter by
//! taking things out of its plan.

use std::time::Duration;

use model::venue::{IdClass, Profile};

use crate::dice::Dice;
use crate::faults::{Fault, FaultSet};
use crate::trial_kind::Trial;

/// Concerns with dice of their own.
pub(crate) mod concern {
    pub(crate) const PLAN: u64 = 1;
    pub(crate) const MARKET: u64 = 2;
    pub(crate) const NETWORK: u64 = 3;
    pub(crate) const VENUE: u64 = 4;
    pub(crate) const DISK: u64 = 5;
    pub(crate) const PROCESS: u64 = 6;
    pub(crate) const AGENTS: u64 = 7;
    pub(crate) const STREAMS: u64 = 8;
    pub(crate) const PEOPLE: u64 = 9;
    pub(crate) const HOSTILE: u64 = 10;
    /// One for each kind of fault, from here on.
    pub(crate) const FAULTS: u64 = 100;
}

/// Time with faults in each round.
const FAULTY: Duration = Duration::from_secs(360);
/// From the end of the faults until the system must trade again (T_live).
pub(crate) const LIVE_WITHIN: Duration = Duration::from_secs(60);
/// Time after the quiet time in which everything settles, before the books are compared.
const SETTLES_IN: Duration = Duration::from_secs(75);
/// How long before the comparison agents fall silent, and half of it the market.
pub(crate) const STILL: Duration = Duration::from_secs(30);
/// What the gateway adds to an order's validity before absence is a proof (`absence.rs`, restated).
const ENGINE_QUIET: Duration = Duration::from_secs(15);

/// Which venue the world has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Tells executions and balances, knows our names.
    Binance,
    /// Tells sums, knows only its own names.
    Coinbase,
}

/// The venue, as the gateway has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VenueClass {
    /// Which exchange it is like.
    pub kind: Kind,
    /// What repeating an id does there.
    pub ids: IdClass,
}

impl VenueClass {
    /// Every combination, by number.
    pub const ALL: [VenueClass; 6] = [
        VenueClass { kind: Kind::Binance, ids: IdClass::UniqueWhileOpen },
        VenueClass { kind: Kind::Coinbase, ids: IdClass::FirstOrder },
        VenueClass { kind: Kind::Binance, ids: IdClass::FirstOrder },
        VenueClass { kind: Kind::Binance, ids: IdClass::UniqueForUnknownTime },
        VenueClass { kind: Kind::Binance, ids: IdClass::Unchecked },
        VenueClass { kind: Kind::Coinbase, ids: IdClass::UniqueForUnknownTime },
    ];

    /// The profile that the gateway is started with.
    pub fn profile(self) -> Profile {
        let like = match self.kind {
            Kind::Binance => venues::binance::PROFILE,
            Kind::Coinbase => venues::coinbase::PROFILE,
        };
        Profile { id_class: self.ids, ..like }
    }

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match (self.kind, self.ids) {
            (Kind::Binance, IdClass::UniqueWhileOpen) => "binance",
            (Kind::Binance, IdClass::FirstOrder) => "binance-a",
            (Kind::Binance, IdClass::UniqueForUnknownTime) => "binance-b2",
            (Kind::Binance, IdClass::Unchecked) => "binance-c",
            (Kind::Coinbase, IdClass::FirstOrder) => "coinbase",
            (Kind::Coinbase, _) => "coinbase-b2",
        }
    }
}

/// Which agents run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agents {
    /// The built-in market maker.
    pub maker: bool,
    /// The built-in mean reversion.
    pub reversion: bool,
    /// One that wants what it should not.
    pub hostile: bool,
}

/// A crash at one boundary of writing or sending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrashAt {
    /// At this boundary, counted from the start of the world.
    pub first: Option<u64>,
    /// And at this one after that, counted from the restart.
    pub again: Option<u64>,
}

/// All that a world is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where all chance comes from.
    pub seed: u64,
    /// Simulated time; the round under way then is finished.
    pub time: Duration,
    /// Kinds that may be on. Half of them are in each world, and half of those in each round.
    pub faults: FaultSet,
    /// The venue.
    pub venue: VenueClass,
    /// Who trades.
    pub agents: Agents,
    /// Intents after this many are not made.
    pub intents_max: Option<u64>,
    /// Faults only in this round.
    pub only_round: Option<u64>,
    /// A crash at a boundary.
    pub crash: CrashAt,
    /// One order whose acknowledgement is lost, and nothing else.
    pub trial: Option<Trial>,
}

impl Plan {
    /// The plan of a seed: every kind of fault, and a venue and agents drawn from it.
    pub fn of(seed: u64, time: Duration) -> Plan {
        let mut dice = Dice::new(seed, concern::PLAN);
        // The two real exchanges in most worlds.
        let venue = match dice.below(9) {
            0..3 => 0,
            3..5 => 1,
            other => usize::try_from(other - 3).unwrap_or(0),
        };
        let agents = Agents {
            maker: dice.below(8) > 0,
            reversion: dice.below(2) > 0,
            hostile: dice.below(4) > 0,
        };
        let mut faults = FaultSet::NONE;
        for fault in Fault::ALL {
            if dice.below(2) == 0 {
                faults = faults.with(fault);
            }
        }
        Plan {
            seed,
            time,
            faults,
            venue: VenueClass::ALL[venue.min(VenueClass::ALL.len() - 1)],
            agents,
            intents_max: None,
            only_round: None,
            crash: CrashAt::default(),
            trial: None,
        }
    }

    /// Which kinds are on in this round.
    pub(crate) fn round(&self, round: u64) -> FaultSet {
        if self.only_round.is_some_and(|only| only != round) {
            return FaultSet::NONE;
        }
        let mut on = FaultSet::NONE;
        for fault in self.faults.iter() {
            let mut dice = Dice::new(self.seed, concern::FAULTS + fault as u64 + (round << 8));
            if dice.below(2) == 0 {
                on = on.with(fault);
            }
        }
        // Funds that move and balances that are late hide an execution that is taken back in the same minutes:
        // nobody could tell.
        if on.has(Fault::Bust) { on.without(Fault::Transfer).without(Fault::ReadLag) } else { on }
    }

    /// How bad a kind is in this round, in thousandths of its range; mostly mild.
    pub(crate) fn level(&self, fault: Fault, round: u64) -> u64 {
        let concern = concern::FAULTS + fault as u64 + (round << 8);
        let mut dice = Dice::new(!self.seed, concern);
        let even = dice.below(1_000) + 1;
        (even * even / 1_000).max(1)
    }

    /// How long absence proves nothing (T_quiet).
    pub(crate) fn quiet(&self) -> Duration {
        self.venue.profile().order_validity.unwrap_or_default() + ENGINE_QUIET
    }

    /// Time with faults, and time to heal, of each round.
    pub(crate) fn phases(&self) -> (Duration, Duration) {
        (FAULTY, self.quiet() + SETTLES_IN)
    }

    /// Rounds that begin before the time is over.
    pub fn rounds(&self) -> u64 {
        let (faulty, healed) = self.phases();
        let rounds = self.time.as_nanos().div_ceil((faulty + healed).as_nanos());
        u64::try_from(rounds).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_in_what_they_are_made_of() {
        let plans: Vec<Plan> =
            (0..200).map(|seed| Plan::of(seed, Duration::from_secs(3_600))).collect();
        for class in VenueClass::ALL {
            assert!(plans.iter().any(|plan| plan.venue == class), "{class:?}");
        }
        for fault in Fault::ALL {
            let on = plans.iter().filter(|plan| plan.faults.has(fault)).count();
            assert!((60..140).contains(&on), "{fault} in {on} of 200");
        }
        assert!(plans.iter().all(|plan| plan.faults.len() >= 5), "at least five kinds each");
        assert_eq!(Plan::of(3, Duration::ZERO).rounds(), 1);
    }

    #[test]
    fn a_round_has_some_of_the_kinds_and_a_level_for_each() {
        let plan = Plan { faults: FaultSet::ALL, ..Plan::of(1, Duration::ZERO) };
        let (first, second) = (plan.round(0), plan.round(1));
        assert_ne!(first, second);
        assert!(first.len() > 8 && first.len() < 30, "{}", first.len());
        assert!((0..50).all(|round| (1..=1_000).contains(&plan.level(Fault::Delay, round))));
        let only = Plan { only_round: Some(1), ..plan };
        assert_eq!((only.round(0), only.round(1)), (FaultSet::NONE, second));
    }
}
