//! Clients that want too much, a budget between them and a venue, and the way there and back. All in
//! virtual time, from one seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use model::Timestamp;
use plimsoll_budget::{Answer, Budget, Charge, Counted, Grant, Priority, Usage};

use crate::venue::{Call, Nanos, Reply, Venue};

/// A quarter to noon on 2026-01-01, so that windows begin while we run.
pub(crate) const START: Nanos = 1_767_267_912_345_678_901;
const MILLI: Nanos = 1_000_000;
/// Requests that a client holds back; beyond that it does without.
const BACKLOG_MAX: u32 = 200;
/// The way there, and the way back: from and to, milliseconds.
const WAY_MS: (u64, u64) = (5, 45);

/// Somebody who wants something again and again.
pub(crate) struct Client {
    pub(crate) priority: Priority,
    pub(crate) call: Call,
    /// Between two wishes, milliseconds, on average.
    pub(crate) every_ms: u64,
    /// Wishes at once.
    pub(crate) burst: u32,
}

pub(crate) const fn client(priority: Priority, call: Call, every_ms: u64, burst: u32) -> Client {
    Client { priority, call, every_ms, burst }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wish(usize),
    Again(usize),
    Arrive(usize),
    Answer(usize),
}

struct Flight {
    call: Call,
    priority: Priority,
    grant: Grant,
    reply: Reply,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) throttled: u32,
    pub(crate) banned: u32,
    pub(crate) sent: BTreeMap<(Priority, Call), u32>,
    pub(crate) kills: u32,
    /// Kills that were not granted at once, with the reason.
    pub(crate) kills_that_waited: Vec<String>,
    /// Most that anyone waited who is below the kill.
    pub(crate) waits: u64,
    /// Sent while the venue had said stop.
    pub(crate) sent_in_a_stop: u32,
}

impl Tally {
    /// Calls sent at a priority below those of safety.
    pub(crate) fn low(&self, of: impl Fn(Call) -> bool) -> u32 {
        let sent = self.sent.iter().filter(|((p, call), _)| !p.is_safety() && of(*call));
        sent.map(|(_, count)| count).sum()
    }
}

type Costs = Box<dyn Fn(Call) -> Charge>;
type Told = fn(Call, &Reply) -> Vec<Usage>;
/// Something that is done to the venue and the budget as time passes.
type Meddle<V> = Box<dyn FnMut(Nanos, &mut V, &mut Budget)>;

pub(crate) struct World<V: Venue> {
    pub(crate) venue: V,
    pub(crate) budget: Budget,
    pub(crate) clients: Vec<Client>,
    pub(crate) costs: Costs,
    pub(crate) told: Told,
    /// Free when it works.
    pub(crate) free: fn(Call) -> bool,
    /// The venue's clock minus the host's.
    pub(crate) ahead: Nanos,
    /// Once a virtual 100 ms.
    pub(crate) meddle: Option<Meddle<V>>,
    /// One call in so many is refused for no reason of ours, for 30 s; zero is never.
    pub(crate) refuse_one_in: u64,
    pub(crate) seed: u64,
}

fn at(nanos: Nanos) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

impl<V: Venue> World<V> {
    fn chance(&mut self, below: u64) -> u64 {
        // SplitMix64.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    }

    fn way(&mut self) -> Nanos {
        let micros = self.chance((WAY_MS.1 - WAY_MS.0) * 1_000) + WAY_MS.0 * 1_000;
        Nanos::try_from(micros).unwrap() * 1_000
    }

    pub(crate) fn run(&mut self, seconds: i64) -> Tally {
        let mut tally = Tally::default();
        let mut events = BinaryHeap::new();
        let mut flights: Vec<Option<Flight>> = Vec::new();
        let mut backlog = vec![0_u32; self.clients.len()];
        let mut asleep = vec![false; self.clients.len()];
        let mut stopped_until = 0;
        let mut meddled = START;
        for number in 0..self.clients.len() {
            events.push(Reverse((START, Event::Wish(number))));
        }
        while let Some(Reverse((now, event))) = events.pop() {
            if now > START + seconds * 1_000 * MILLI {
                break;
            }
            while meddled < now {
                meddled += 100 * MILLI;
                if let Some(meddle) = &mut self.meddle {
                    meddle(meddled, &mut self.venue, &mut self.budget);
                }
            }
            match event {
                Event::Wish(number) => {
                    let Client { every_ms, burst, .. } = self.clients[number];
                    backlog[number] = (backlog[number] + burst).min(BACKLOG_MAX);
                    let jitter = self.chance(every_ms * 1_000) + every_ms * 500;
                    let next = now + Nanos::try_from(jitter).unwrap() * 1_000;
                    events.push(Reverse((next, event)));
                }
                Event::Again(number) => asleep[number] = false,
                Event::Arrive(number) => {
                    let refused = self.refuse_one_in > 0 && self.chance(self.refuse_one_in) == 0;
                    let flight = flights[number].as_mut().unwrap();
                    flight.reply = self.venue.arrive(now + self.ahead, flight.call);
                    if refused {
                        let retry_after = Some(30);
                        flight.reply = Reply { throttled: true, retry_after, ..Reply::default() };
                    }
                    tally.throttled += u32::from(flight.reply.throttled);
                    tally.banned += u32::from(flight.reply.banned);
                    let back = now + self.way();
                    events.push(Reverse((back, Event::Answer(number))));
                    continue;
                }
                Event::Answer(number) => {
                    let Flight { call, priority, grant, reply } = flights[number].take().unwrap();
                    *tally.sent.entry((priority, call)).or_default() += u32::from(!reply.throttled);
                    let is_free = (self.free)(call) && !reply.throttled;
                    let weight = grant.charge().amount(Counted::Weight);
                    let free = [(Counted::Weight, if is_free { weight } else { 0 })];
                    let used = (self.told)(call, &reply);
                    self.budget.settle(at(now), &grant, &free, &used);
                    if let Some(wait) = reply.retry_after {
                        let wait = Duration::from_secs(wait.unsigned_abs());
                        self.budget.stop(at(now), None, wait);
                        stopped_until = stopped_until.max(at(now).after(wait).nanos());
                    }
                    continue;
                }
            }
            let (Event::Wish(number) | Event::Again(number)) = event else { continue };
            while backlog[number] > 0 && !asleep[number] {
                let Client { priority, call, .. } = self.clients[number];
                tally.kills += u32::from(priority == Priority::Kill);
                match self.budget.ask(at(now), priority, &(self.costs)(call)) {
                    Answer::Granted(grant) => {
                        tally.sent_in_a_stop += u32::from(now < stopped_until);
                        backlog[number] -= 1;
                        let reply = Reply::default();
                        flights.push(Some(Flight { call, priority, grant, reply }));
                        let arrives = now + self.way();
                        events.push(Reverse((arrives, Event::Arrive(flights.len() - 1))));
                    }
                    Answer::Wait { wait, cause } => {
                        if priority == Priority::Kill {
                            let text = format!("{wait:?} for {cause} at {}", at(now));
                            tally.kills_that_waited.push(text);
                        }
                        tally.waits += 1;
                        asleep[number] = true;
                        let later = at(now).after(wait.max(Duration::from_micros(1)));
                        events.push(Reverse((later.nanos(), Event::Again(number))));
                    }
                }
            }
        }
        tally
    }
}
