//! One session of a gateway as its journal tells it: what was decided, what was sent, what was filled, and what was
//! wrong meanwhile. A fold over records, so that a run and a replay of it are read by the same code.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use data::record::Stretch;
use gateway::Books;
use model::venue::VenueError;
use model::{
    Action, AgentId, Amount, Asset, ClientOrderId, Ending, Entry, FeedHealth, Fill, InstrumentId,
    Intent, IntentId, Link, NewOrder, Record, Refusal, Timestamp,
};

use crate::stood::stood;

/// A session in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSpan {
    /// Its number.
    pub number: u64,
    /// Is the account on paper?
    pub paper: bool,
    /// When the gateway started.
    pub from: Timestamp,
    /// Its last record.
    pub until: Timestamp,
    /// It has ended.
    pub is_over: bool,
    /// When the next one started.
    pub next: Option<Timestamp>,
}

/// The recording of a session ends so long after its last record, at most.
const ENDS_AFTER: Duration = Duration::from_secs(5);

impl SessionSpan {
    /// When what was recorded of it was received.
    pub fn recorded(&self) -> Stretch {
        let until = match (self.next, self.is_over) {
            (_, false) => Timestamp::MAX,
            (None, true) => self.until.after(ENDS_AFTER),
            (Some(next), true) => self.until.after(ENDS_AFTER).min(next),
        };
        Stretch { from: self.from.nanos(), until: until.nanos() }
    }

    /// All sessions of a journal, entry by entry.
    pub fn note(all: &mut Vec<SessionSpan>, entry: &Entry) {
        if let Record::Started { session, paper, .. } = &entry.record {
            if let Some(last) = all.last_mut() {
                last.is_over = true;
                last.next = Some(entry.at);
            }
            let (number, paper, at) = (*session, *paper, entry.at);
            let (from, until, next) = (at, at, None);
            all.push(SessionSpan { number, paper, from, until, is_over: false, next });
        } else if let Some(last) = all.last_mut() {
            last.until = last.until.max(entry.at);
            last.is_over |= matches!(entry.record, Record::Stopped);
        }
    }
}

/// Something that an agent wanted.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) at: Timestamp,
    pub(crate) intent: Intent,
    pub(crate) refused: Option<Refusal>,
}

/// An order that was sent, or was about to be.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) agent: AgentId,
    pub(crate) intent: IntentId,
    pub(crate) order: NewOrder,
    /// The beginning of the session, where it stood then.
    pub(crate) decided: Timestamp,
    /// When the gateway knew, and when it was by the exchange's clock.
    pub(crate) accepted: Option<(Timestamp, Timestamp)>,
    pub(crate) rejected: Option<VenueError>,
    pub(crate) in_doubt: Option<String>,
    pub(crate) ended: Option<(Timestamp, Ending, Option<String>)>,
    pub(crate) fills: Vec<Fill>,
}

impl Sent {
    fn new(agent: AgentId, intent: IntentId, order: NewOrder, decided: Timestamp) -> Sent {
        Sent {
            agent,
            intent,
            order,
            decided,
            accepted: None,
            rejected: None,
            in_doubt: None,
            ended: None,
            fills: Vec::new(),
        }
    }
}

/// A time at which a market could not be relied on.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    /// `None` for all.
    pub(crate) instrument: Option<InstrumentId>,
    pub(crate) what: &'static str,
    pub(crate) from: Timestamp,
    /// `None` while it lasts.
    pub(crate) until: Option<Timestamp>,
}

/// A session, read.
#[derive(Debug, Default)]
pub struct Session {
    wanted: u64,
    state: Reading,
    /// The books as they were when it began.
    pub(crate) books: Books,
    /// The newest record before it.
    pub(crate) before: Timestamp,
    /// What was counted before the first order of it.
    pub(crate) opening: BTreeMap<Asset, Amount>,
    counts: Books,
    pub(crate) decisions: Vec<Decision>,
    /// First those that stood at the exchange when it began, then what it sent.
    pub(crate) sent: Vec<Sent>,
    /// How many of them stood.
    pub(crate) stood: usize,
    /// What was sent in the order of the journal: when it was decided, which order, and whether it takes it back.
    pub(crate) asked: Vec<(Timestamp, usize, bool)>,
    places: BTreeMap<ClientOrderId, usize>,
    pub(crate) troubles: Vec<Trouble>,
    /// When, which limit, how long.
    pub(crate) waits: Vec<(Timestamp, String, Duration)>,
    /// Executions that are none of its orders'.
    pub(crate) others: Vec<Fill>,
    transferred: bool,
    /// When the gateway was asked to end: no agent's wish was heard from then on.
    pub(crate) stopped: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reading {
    #[default]
    Before,
    Within,
    Behind,
}

impl Session {
    /// The session of this number, nothing of which is read yet.
    pub fn of(number: u64) -> Session {
        Session { wanted: number, ..Session::default() }
    }

    /// The next record of the journal.
    pub fn take(&mut self, entry: &Entry) {
        if let Record::Started { session, .. } = &entry.record {
            self.state = match self.state {
                _ if *session == self.wanted => {
                    self.counts = self.books.clone();
                    self.begins(entry.at);
                    Reading::Within
                }
                Reading::Within => Reading::Behind,
                other => other,
            };
        }
        match self.state {
            Reading::Before => {
                self.before = self.before.max(entry.at);
                self.books.apply(entry);
            }
            Reading::Within => self.within(entry),
            Reading::Behind => {}
        }
    }

    /// What is counted at the end of it; `opening` where nothing ever was.
    pub(crate) fn counted_or<'a>(
        &'a self,
        opening: &'a BTreeMap<Asset, Amount>,
    ) -> &'a BTreeMap<Asset, Amount> {
        let counts = self.counts.counts();
        if counts.is_empty() { opening } else { counts }
    }

    /// Did funds come or go meanwhile by no trade?
    pub(crate) fn has_transfers(&self) -> bool {
        self.transferred
    }

    /// What stood at the exchange goes on in it.
    fn begins(&mut self, at: Timestamp) {
        for (known, _) in stood(&self.books) {
            self.places.insert(known.order.client_order_id, self.sent.len());
            self.sent.push(Sent::new(known.agent, known.intent, known.order.clone(), at));
        }
        self.stood = self.sent.len();
        if self.stood > 0 {
            self.opening = self.books.counts().clone();
        }
    }

    fn within(&mut self, entry: &Entry) {
        let at = entry.at;
        if self.sent.is_empty() && matches!(entry.record, Record::Prepared { .. }) {
            self.opening = self.counts.counts().clone();
        }
        self.counts.apply(entry);
        match &entry.record {
            Record::Decided { intent, .. } => {
                self.decisions.push(Decision { at, intent: intent.clone(), refused: None });
            }
            Record::Refused { agent, intent, because, .. } => {
                let same = |decision: &&mut Decision| {
                    (decision.intent.agent, decision.intent.id) == (*agent, *intent)
                };
                if let Some(decision) = self.decisions.iter_mut().rev().find(same) {
                    decision.refused = Some(because.clone());
                }
            }
            Record::Prepared { agent, intent, order, .. } => {
                self.asked.push((at, self.sent.len(), false));
                self.places.insert(order.client_order_id, self.sent.len());
                self.sent.push(Sent::new(*agent, *intent, order.clone(), at));
            }
            Record::Feed { instrument, health } => self.feed(at, *instrument, *health),
            Record::Link { link: Link::Market, up, .. } => self.link(at, *up),
            Record::Gap { instrument, .. } => self.troubles.push(Trouble {
                instrument: Some(*instrument),
                what: "a gap in the book",
                from: at,
                until: Some(at),
            }),
            Record::BudgetWait { limiter, wait, .. } => {
                self.waits.push((at, limiter.clone(), *wait));
            }
            Record::RateLimited { wait, detail } => self.waits.push((at, detail.clone(), *wait)),
            Record::Stopped => self.stopped = Some(at),
            Record::Transferred { .. } => self.transferred = !self.sent.is_empty(),
            _ => self.of_order(entry),
        }
    }

    fn of_order(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.record {
            Record::Accepted { client_order_id, venue_time, .. } => {
                self.change(client_order_id, |sent| {
                    sent.accepted.get_or_insert((at, *venue_time));
                });
            }
            Record::Rejected { client_order_id, because } => {
                self.change(client_order_id, |sent| sent.rejected = Some(because.clone()));
            }
            Record::InDoubt { client_order_id, because } => {
                self.change(client_order_id, |sent| sent.in_doubt = Some(because.clone()));
            }
            Record::Ended { client_order_id, ending, cause, .. } => {
                let ended = (at, *ending, cause.clone());
                self.change(client_order_id, |sent| sent.ended = Some(ended));
            }
            Record::CancelPrepared { client_order_id, .. } => {
                if let Some(place) = self.places.get(client_order_id) {
                    self.asked.push((at, *place, true));
                }
            }
            Record::Filled { client_order_id, fill, .. } => {
                let is_own = client_order_id
                    .is_some_and(|id| self.change(&id, |sent| sent.fills.push(*fill)));
                if !is_own {
                    self.others.push(*fill);
                }
            }
            Record::Busted { client_order_id, fill } => {
                if let Some(id) = client_order_id {
                    let gone = |known: &Fill| known.trade_id != fill.trade_id;
                    self.change(id, |sent| sent.fills.retain(gone));
                }
                self.others.retain(|known| known.trade_id != fill.trade_id);
            }
            _ => {}
        }
    }

    /// False where the order is none of this session's.
    fn change(&mut self, id: &ClientOrderId, change: impl FnOnce(&mut Sent)) -> bool {
        let sent = self.places.get(id).and_then(|at| self.sent.get_mut(*at));
        sent.map(change).is_some()
    }

    fn feed(&mut self, at: Timestamp, id: InstrumentId, health: FeedHealth) {
        let what = match health {
            FeedHealth::Live => None,
            FeedHealth::Stale => Some("a stale feed"),
            FeedHealth::Resyncing => Some("a book that was being fetched"),
            FeedHealth::Down => Some("a lost connection"),
        };
        for trouble in &mut self.troubles {
            if trouble.instrument == Some(id) && trouble.until.is_none() {
                trouble.until = Some(at);
            }
        }
        let trouble = |what| Trouble { instrument: Some(id), what, from: at, until: None };
        self.troubles.extend(what.map(trouble));
    }

    fn link(&mut self, at: Timestamp, up: bool) {
        for trouble in &mut self.troubles {
            if trouble.instrument.is_none() && trouble.until.is_none() {
                trouble.until = Some(at);
            }
        }
        if !up {
            let what = "a lost connection";
            self.troubles.push(Trouble { instrument: None, what, from: at, until: None });
        }
    }

    /// What was wrong with a market between two times.
    pub(crate) fn trouble(
        &self,
        id: InstrumentId,
        (from, until): (Timestamp, Timestamp),
    ) -> Option<&Trouble> {
        self.troubles.iter().find(|trouble| {
            trouble.instrument.is_none_or(|of| of == id)
                && trouble.from <= until
                && trouble.until.is_none_or(|end| end >= from)
        })
    }

    /// The instruments of its orders and wishes.
    pub fn instruments(&self) -> BTreeSet<InstrumentId> {
        let sent = self.sent.iter().map(|sent| sent.order.instrument);
        let wanted = self.decisions.iter().filter_map(|decision| match &decision.intent.action {
            Action::Place(spec) => Some(spec.instrument),
            Action::Cancel(_) | Action::CancelAll(_) | Action::Halt => None,
        });
        sent.chain(wanted).collect()
    }

    /// Whose orders they are.
    pub fn agents(&self) -> BTreeSet<AgentId> {
        self.decisions.iter().map(|decision| decision.intent.agent).collect()
    }
}
