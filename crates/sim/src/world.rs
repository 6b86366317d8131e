//! The whole system in virtual time: one thread, one agenda, and nothing that the plan does not decide.
//!
//! Here is the state and the loop. What happens to the gateway's process is in `process.rs`, to requests in
//! `network.rs`, to streams in `streams.rs`; what goes wrong is in `strikes.rs`, and the rounds of faults
//! and healing are in `rounds.rs`.

use std::time::Duration;

use model::venue::VenueEvent;
use model::{Link, Timestamp};

use crate::agenda::{Agenda, Event};
use crate::dice::Dice;
use crate::disk::Disk;
use crate::faults::{Fault, Fired};
use crate::front::Front;
use crate::life::{Life, Line};
use crate::market::Market;
use crate::oracle::Oracle;
use crate::plan::{CrashAt, Kind, Plan, concern};
use crate::setup::{self, BEGINNING, Names};
use crate::trouble::Trouble;

/// Things that wait to happen, at most: the world's own bound (I25).
const AGENDA_MAX: usize = 20_000;
/// Agents look at the time so often.
pub(crate) const TIMER_EVERY: Duration = Duration::from_secs(1);
/// Things that may happen without time passing.
const AT_ONCE_MAX: u32 = 50_000;
/// Lines of a story that are kept.
const STORY_MAX: usize = 20_000;

/// All dice.
pub(crate) struct AllDice {
    pub(crate) network: Dice,
    pub(crate) venue: Dice,
    pub(crate) disk: Dice,
    pub(crate) process: Dice,
    pub(crate) agents: Dice,
    pub(crate) streams: Dice,
    pub(crate) people: Dice,
}

/// The world.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) names: Names,
    pub(crate) profile: model::venue::Profile,
    pub(crate) now: Timestamp,
    pub(crate) agenda: Agenda,
    pub(crate) front: Front,
    pub(crate) market: Market,
    pub(crate) disk: Disk,
    pub(crate) life: Option<Life>,
    pub(crate) lives: u32,
    lines: [Line; 2],
    pub(crate) trouble: Trouble,
    pub(crate) dice: AllDice,
    pub(crate) oracle: Oracle,
    pub(crate) fired: Fired,
    /// The machine's clock minus the world's, and the venue's, milliseconds.
    pub(crate) machine_ahead_ms: i64,
    pub(crate) venue_ahead_ms: i64,
    pub(crate) round: u64,
    /// Agents hold still.
    pub(crate) muted: bool,
    /// The faults of this round are over.
    pub(crate) healing: bool,
    /// Orders were let through at some time since the healing.
    pub(crate) active: bool,
    /// The last round is over.
    pub(crate) finished: bool,
    /// Scratch.
    pub(crate) events: Vec<VenueEvent>,
    /// Writes and sends so far: where a crash can be put.
    pub(crate) boundaries: u64,
    pub(crate) crash: CrashAt,
    pub(crate) intents: u64,
    pub(crate) humans: u64,
    /// What happened, as a number: the same each time.
    pub(crate) hash: u64,
    pub(crate) happened: u64,
    story: Option<Vec<String>>,
    at_once: u32,
    #[cfg(feature = "defects")]
    pub(crate) defect: Option<gateway::Defect>,
}

impl World {
    /// A world before its first event. With `told` it writes down what happens, for people.
    pub(crate) fn new(plan: &Plan, told: bool) -> World {
        let seed = plan.seed;
        let dice = |concern| Dice::new(seed, concern);
        let names = Names::new();
        let mut venue_dice = dice(concern::VENUE);
        let mut profile = plan.venue.profile();
        if plan.faults.has(Fault::PageCap) {
            // A venue with short lists, and a gateway that knows it.
            profile.fills_page = u32::try_from(5 + venue_dice.below(40)).unwrap_or(5);
        }
        let (engine, funds) = setup::exchange(&names, plan.venue.kind, &mut venue_dice);
        let name_of = match plan.venue.kind {
            Kind::Binance => |trade| trade,
            Kind::Coinbase => crate::front::sums_name,
        };
        let front = Front::new(engine, plan.venue, profile, names.clone());
        let venue_ahead_ms = if plan.faults.has(Fault::VenueSkew) {
            i64::try_from(venue_dice.below(4_001)).unwrap_or(0) - 2_000
        } else {
            0
        };
        let mut world = World {
            plan: plan.clone(),
            oracle: Oracle::new(&names.instrument, name_of, &funds, setup::drawdown_bps(seed)),
            names,
            profile,
            now: BEGINNING,
            agenda: Agenda::default(),
            front,
            market: Market::new(dice(concern::MARKET)),
            disk: Disk::default(),
            life: None,
            lives: 0,
            lines: [Line::default(); 2],
            trouble: Trouble::default(),
            dice: AllDice {
                network: dice(concern::NETWORK),
                venue: venue_dice,
                disk: dice(concern::DISK),
                process: dice(concern::PROCESS),
                agents: dice(concern::AGENTS),
                streams: dice(concern::STREAMS),
                people: dice(concern::PEOPLE),
            },
            fired: Fired::default(),
            machine_ahead_ms: 0,
            venue_ahead_ms,
            round: 0,
            muted: false,
            healing: false,
            active: false,
            finished: false,
            events: Vec::new(),
            boundaries: 0,
            crash: plan.crash,
            intents: 0,
            humans: 0,
            hash: 0xcbf2_9ce4_8422_2325,
            happened: 0,
            story: told.then(Vec::new),
            at_once: 0,
            #[cfg(feature = "defects")]
            defect: None,
        };
        if plan.faults.has(Fault::BitFlip) {
            world.disk.keeps_texts();
        }
        if venue_ahead_ms != 0 {
            world.fired.note(Fault::VenueSkew);
        }
        world
    }

    /// Lets it happen, to the end or to the first violation.
    pub(crate) fn run(&mut self) {
        self.begin();
        while !self.finished && self.oracle.violation.is_none() {
            let Some((at, event)) = self.agenda.next() else { break };
            self.step(at, event);
        }
    }

    fn step(&mut self, at: Timestamp, event: Event) {
        self.at_once = if at > self.now { 0 } else { self.at_once + 1 };
        self.now = self.now.max(at);
        self.happened += 1;
        self.oracle.set_now(self.now);
        self.count(u64::try_from(self.now.nanos()).unwrap_or(0));
        if self.at_once > AT_ONCE_MAX {
            self.oracle.break_rule("I25", || "it does not come to rest".to_owned());
        }
        if self.agenda.len() > AGENDA_MAX {
            self.oracle.break_rule("I25", || "more and more is under way".to_owned());
        }
        self.happens(event);
    }

    /// Adds something to the number that stands for all that has happened.
    pub(crate) fn count(&mut self, number: u64) {
        self.hash = (self.hash ^ number).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }

    /// The same, for a text.
    pub(crate) fn count_text(&mut self, text: &str) {
        for chunk in text.as_bytes().chunks(8) {
            let number = chunk.iter().fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
            self.count(number);
        }
    }

    /// Puts something on the agenda.
    pub(crate) fn after(&mut self, pause: Duration, event: Event) {
        self.agenda.at(self.now.after(pause), event);
    }

    /// The venue's time.
    pub(crate) fn venue_now(&self) -> Timestamp {
        self.venue_time(self.now)
    }

    /// The venue's time at one of the world's.
    pub(crate) fn venue_time(&self, at: Timestamp) -> Timestamp {
        at.shifted_ms(self.venue_ahead_ms)
    }

    pub(crate) const fn line(&mut self, link: Link) -> &mut Line {
        match link {
            Link::Market => &mut self.lines[0],
            Link::Account => &mut self.lines[1],
        }
    }

    /// Time for one way through the network.
    pub(crate) fn way(&mut self) -> Duration {
        self.dice.network.between(Duration::from_millis(2), Duration::from_millis(25))
    }

    /// Writes down what happens, where somebody wants to read it.
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(story) = &mut self.story {
            if story.len() >= STORY_MAX {
                story.drain(..STORY_MAX / 2);
            }
            let millis = now.since(BEGINNING).as_millis();
            let (minutes, rest) = (millis / 60_000, millis % 60_000);
            story.push(format!("{minutes:>3}:{:02}.{:03}  {}", rest / 1_000, rest % 1_000, line()));
        }
    }

    /// What was written down.
    pub(crate) fn story(&mut self) -> Vec<String> {
        self.story.take().unwrap_or_default()
    }
}
