//! How the connections, feeds and comparisons of a gateway are, by its journal.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::venue::KeyAudit;
use model::{
    AgentId, BreakerEvent, BreakerName, Decimal, Discrepancy, Entry, EquityMark, FeedHealth,
    InstrumentId, Link, Record, Timestamp, TradingState,
};
use serde::{Deserialize, Serialize};

use crate::comparison::Comparisons;

/// What counts as lately.
pub const LATELY: Duration = Duration::from_secs(3_600);
/// Moments that are kept to count what happened lately; more than that is said to be at least so many.
const MOMENTS_MAX: usize = 10_000;

/// How a gateway is, as far as its journal says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Number of the last start; zero before the first.
    pub session: u64,
    /// Version of the binary that wrote it.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// What it lets through since when, and why not more. `None` before the first word on it.
    pub trading: Option<(TradingState, String, Timestamp)>,
    /// The connections.
    pub links: BTreeMap<Link, LinkHealth>,
    /// The market data.
    pub feeds: BTreeMap<InstrumentId, Feed>,
    /// Messages dropped because they had been seen.
    pub duplicates: u64,
    /// Stops that the venue ordered.
    pub rate_limits: Moments,
    /// The last one, in the venue's words.
    pub rate_limit: Option<String>,
    /// The comparisons of the books with the venue's.
    pub comparisons: Comparisons,
    /// The last difference that was found.
    pub discrepancy: Option<(Timestamp, Discrepancy)>,
    /// What the account was last written down to be worth, and when. It survives a start.
    pub equity: Option<(Timestamp, EquityMark)>,
    /// What each breaker last did, as far as it did anything. It survives a start.
    pub breakers: BTreeMap<BreakerName, BreakerSeen>,
    /// What the key may do, as it was last told.
    pub key: Option<KeyAudit>,
    /// What was last said of each agent's process, and when: `up`, or why not.
    pub agents: BTreeMap<AgentId, (String, Timestamp)>,
    /// Last entry.
    pub last_at: Timestamp,
}

/// What a breaker last did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerSeen {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: BreakerEvent,
    /// Does it act?
    pub tripped: bool,
    /// Of which agent or instrument, where it is one's.
    pub about: Option<String>,
    /// How far it was, in its unit.
    pub value: Decimal,
    /// Where it trips, in its unit.
    pub limit: Decimal,
}

/// How one connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkHealth {
    /// Does the venue tell what happens?
    pub up: bool,
    /// Since when that is so.
    pub since: Timestamp,
    /// Why.
    pub cause: String,
    /// When it was lost, in this session.
    pub losses: Moments,
    /// When another connection took over as planned.
    pub hand_overs: Moments,
}

/// How the market data of one instrument is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// Can it be relied on?
    pub health: FeedHealth,
    /// Since when that is so.
    pub since: Timestamp,
    /// When its book was found to have a hole.
    pub gaps: Moments,
    /// Public trades that had been missed and were fetched.
    pub missed_trades: u64,
}

impl Feed {
    const fn new(since: Timestamp) -> Feed {
        Feed { health: FeedHealth::Down, since, gaps: Moments::NONE, missed_trades: 0 }
    }
}

/// Moments at which something happened, counted in all and lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    total: u64,
    last: VecDeque<Timestamp>,
}

impl Moments {
    const NONE: Moments = Moments { total: 0, last: VecDeque::new() };

    fn add(&mut self, at: Timestamp) {
        self.total += 1;
        while self.last.len() >= MOMENTS_MAX
            || self.last.front().is_some_and(|first| at.since(*first) > LATELY)
        {
            self.last.pop_front();
        }
        self.last.push_back(at);
    }

    /// How often, in all.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How often in the last hour before `now`.
    pub fn lately(&self, now: Timestamp) -> u64 {
        self.last.iter().filter(|at| now.since(**at) <= LATELY).count() as u64
    }

    /// The last time.
    pub fn last(&self) -> Option<Timestamp> {
        self.last.back().copied()
    }
}

impl Health {
    /// Takes one entry into account.
    pub fn add(&mut self, entry: &Entry) {
        let at = entry.at;
        self.last_at = at;
        self.comparisons.add(entry);
        match &entry.record {
            Record::Started { session, version, .. } => {
                let last_at = at;
                let (session, version) = (*session, version.clone());
                let equity = self.equity.take();
                let breakers = std::mem::take(&mut self.breakers);
                let new = Health { session, version, started_at: at, last_at, ..Health::default() };
                *self = Health { equity, breakers, ..new };
            }
            Record::Trading { state, cause, .. } => {
                self.trading = Some((*state, cause.clone(), at))
            }
            Record::Link { link, up, cause } => {
                let link = self.links.entry(*link).or_default();
                (link.up, link.since, link.cause) = (*up, at, cause.clone());
                if !up {
                    link.losses.add(at);
                }
            }
            Record::HandedOver { link } => self.links.entry(*link).or_default().hand_overs.add(at),
            Record::Feed { instrument, health } => {
                let feed = self.feed(*instrument, at);
                (feed.health, feed.since) = (*health, at);
            }
            Record::Gap { instrument, .. } => self.feed(*instrument, at).gaps.add(at),
            Record::MissedTrades { instrument, count } => {
                let feed = self.feed(*instrument, at);
                feed.missed_trades = feed.missed_trades.saturating_add(*count);
            }
            Record::Duplicates { dropped } => {
                self.duplicates = self.duplicates.saturating_add(*dropped);
            }
            Record::RateLimited { detail, .. } => {
                self.rate_limits.add(at);
                self.rate_limit = Some(detail.clone());
            }
            Record::EquityMark { mark } => self.equity = Some((at, mark.clone())),
            Record::Breaker { name, about, event, value, limit } => {
                let before = self.breakers.get(name).is_some_and(|seen| seen.tripped);
                let tripped = match event {
                    BreakerEvent::Tripped => true,
                    BreakerEvent::Cleared => false,
                    BreakerEvent::Warning => before,
                };
                let (event, about) = (*event, about.clone());
                let (value, limit) = (*value, *limit);
                let seen = BreakerSeen { at, event, tripped, about, value, limit };
                self.breakers.insert(*name, seen);
            }
            Record::KeyAudited { audit } => self.key = Some(audit.clone()),
            Record::Agent { agent, event, .. } => {
                self.agents.insert(*agent, (event.clone(), at));
            }
            Record::Discrepancy { found } => self.discrepancy = Some((at, found.clone())),
            // What orders, executions and balances come to is other folds' business.
            _ => {}
        }
    }

    fn feed(&mut self, instrument: InstrumentId, at: Timestamp) -> &mut Feed {
        self.feeds.entry(instrument).or_insert_with(|| Feed::new(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::at;

    fn health(records: impl IntoIterator<Item = (i64, Record)>) -> Health {
        let mut health = Health::default();
        for (seconds, record) in records {
            health.add(&Entry { at: at(seconds), record });
        }
        health
    }

    fn link(up: bool) -> Record {
        Record::Link { link: Link::Market, up, cause: format!("up: {up}") }
    }

    fn started(session: u64) -> Record {
        Record::Started { session, version: "1".to_owned(), config: String::new(), paper: false }
    }

    #[test]
    fn losses_are_counted_in_all_and_lately() {
        let health = health([
            (0, started(1)),
            (1, link(true)),
            (10, link(false)),
            (11, link(true)),
            (5_000, link(false)),
        ]);
        let market = &health.links[&Link::Market];
        assert_eq!(
            (market.up, market.since, market.cause.as_str()),
            (false, at(5_000), "up: false")
        );
        assert_eq!((market.losses.total(), market.losses.lately(at(5_000))), (2, 1));
        assert_eq!(market.losses.lately(at(5_000 + 3_601)), 0);
    }

    #[test]
    fn a_start_forgets_how_it_was_before() {
        let instrument = InstrumentId::new("BTC-USDT").unwrap();
        let live = Record::Feed { instrument, health: FeedHealth::Live };
        let gap = Record::Gap { instrument, detail: String::new() };
        let before = health([(0, started(1)), (1, live), (2, gap), (3, link(true))]);
        let feed = &before.feeds[&instrument];
        assert_eq!((feed.health, feed.since, feed.gaps.total()), (FeedHealth::Live, at(1), 1));
        let mut after = before;
        after.add(&Entry { at: at(9), record: started(2) });
        assert_eq!((after.session, after.links.len(), after.feeds.len()), (2, 0, 0));
    }

    #[test]
    fn what_the_account_is_worth_and_what_acts_survive_a_start() {
        let number = |text: &str| text.parse::<Decimal>().unwrap();
        let breaker = |event| Record::Breaker {
            name: BreakerName::DayLoss,
            about: None,
            event,
            value: number("3.1"),
            limit: number("3"),
        };
        let tripped = [(0, started(1)), (1, breaker(BreakerEvent::Tripped)), (2, started(2))];
        let seen = |health: &Health| {
            let seen = &health.breakers[&BreakerName::DayLoss];
            (seen.at, seen.tripped)
        };
        let mut health = health(tripped);
        assert_eq!(seen(&health), (at(1), true));
        health.add(&Entry { at: at(3), record: breaker(BreakerEvent::Warning) });
        assert_eq!(seen(&health), (at(3), true), "a warning ends nothing");
        health.add(&Entry { at: at(4), record: breaker(BreakerEvent::Cleared) });
        assert_eq!(seen(&health), (at(4), false));
    }

    #[test]
    fn a_flood_is_counted_in_all_and_kept_within_bounds() {
        let mut moments = Moments::default();
        (0..20_000).for_each(|_| moments.add(at(1)));
        assert_eq!(moments.total(), 20_000);
        assert_eq!(moments.lately(at(1)), 10_000);
    }
}
