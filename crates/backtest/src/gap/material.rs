//! What a gap is found in: a session, its recording, and where it began.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use data::Source;
use data::record::{Recording, Stretch};
use model::{Amount, Asset, Fill, Instrument, InstrumentId, Timestamp};

use super::again::{Again, Ask, Asked, Models, Opening, again};
use super::error::GapError;
use super::session::Session;
use crate::setup::spot;
use crate::stood::stood;

/// A session with its recording.
pub struct Material<'a> {
    pub(crate) session: &'a Session,
    pub(crate) paper: bool,
    recording: &'a Recording,
    within: Stretch,
    pub(crate) instruments: Vec<Instrument>,
    known: BTreeMap<InstrumentId, Vec<Stretch>>,
    /// What the account held before the first order.
    pub(crate) opening: BTreeMap<Asset, Amount>,
    number: u64,
    /// The last record of a run that did not end by itself, or not yet: what was under way then is in no journal.
    breaks_off: Option<Timestamp>,
    /// One way, by the models that the run itself had.
    latency: Duration,
    /// The exchange's clock less the gateway's, nanoseconds.
    pub(crate) ahead: i64,
}

/// When requests reach the exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// So long after their decision.
    After(Duration),
    /// When they did in the run, and those of which nobody knows so long after their decision.
    AsMeasured(Duration),
}

impl<'a> Material<'a> {
    /// Of this session. `cash` is what a paper account has whose journal begins with it, and `latency` what its
    /// exchange waited one way.
    pub fn new(
        session: &'a Session,
        span: super::SessionSpan,
        recording: &'a Recording,
        followed: &[InstrumentId],
        cash: &BTreeMap<Asset, Amount>,
        latency: Duration,
    ) -> Result<Material<'a>, GapError> {
        let within = span.recorded();
        let traded = session.instruments();
        let all: BTreeSet<InstrumentId> = traded.iter().chain(followed).copied().collect();
        let (mut instruments, mut known) = (Vec::new(), BTreeMap::new());
        for id in all {
            let stretches = recording.known(id, within)?;
            if stretches.is_empty() {
                if traded.contains(&id) {
                    let folder = recording.folder().to_owned();
                    return Err(GapError::NotRecorded {
                        instrument: id,
                        session: span.number,
                        folder,
                    });
                }
                continue;
            }
            let trades = recording.trades(id, within, Vec::new())?;
            let book = recording.book(id, within)?;
            let grid = book.meta().grid.joined(trades.meta().grid);
            let instrument = match session.books.instrument(id) {
                Some(told) => Instrument { grid: told.grid.joined(grid), ..told.clone() },
                None => spot(id, grid).map_err(crate::failed::Failed::from)?,
            };
            instruments.push(instrument);
            known.insert(id, stretches);
        }
        let opening = if session.opening.is_empty() { cash } else { &session.opening };
        let mut material = Material {
            session,
            paper: span.paper,
            recording,
            within,
            instruments,
            known,
            opening: opening.clone(),
            number: span.number,
            breaks_off: session.stopped.is_none().then_some(span.until),
            latency,
            ahead: 0,
        };
        material.ahead = material.clocks();
        Ok(material)
    }

    /// How far the exchange's clock is ahead. A paper exchange tells our own time and a whole number of milliseconds,
    /// so there it is exact.
    fn clocks(&self) -> i64 {
        let accepted = self.session.sent.iter().skip(self.session.stood).filter_map(|sent| {
            let (at, venue) = sent.accepted?;
            let way = if self.paper { self.latency } else { at.since(sent.decided) / 2 };
            Some(venue.nanos() - sent.decided.after(way).nanos())
        });
        let mut offsets: Vec<i64> = accepted.collect();
        offsets.sort_unstable();
        let median = offsets.get(offsets.len() / 2).copied().unwrap_or(0);
        if !self.paper {
            return median;
        }
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        for offset in offsets.iter().filter(|offset| **offset % MS == 0) {
            *counts.entry(*offset).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        most.map_or(median.div_euclid(MS) * MS, |(offset, _)| offset)
    }

    /// What was recorded of it.
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The recording as it was heard.
    pub(crate) fn sources(&self) -> Result<Vec<Box<dyn Source>>, GapError> {
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        for (id, known) in &self.known {
            let trades = self.recording.trades(*id, self.within, known.clone())?;
            sources.push(Box::new(trades));
            sources.push(Box::new(self.recording.book(*id, self.within)?));
        }
        Ok(sources)
    }

    /// When an order reached the exchange, as far as that is known.
    pub(crate) fn arrived(&self, order: usize) -> Option<Timestamp> {
        if order < self.session.stood {
            return None;
        }
        let sent = self.session.sent.get(order)?;
        let (at, venue) = sent.accepted?;
        let arrived = if self.paper {
            Timestamp::from_nanos(venue.nanos().saturating_sub(self.ahead))
        } else {
            sent.decided.after(at.since(sent.decided) / 2)
        };
        Some(arrived.max(sent.decided))
    }

    /// How long each order took to the exchange, shortest first.
    pub(crate) fn ways(&self) -> Vec<Duration> {
        let orders = 0..self.session.sent.len();
        let way =
            |order: usize| Some(self.arrived(order)?.since(self.session.sent.get(order)?.decided));
        let mut ways: Vec<Duration> = orders.filter_map(way).collect();
        ways.sort_unstable();
        ways
    }

    /// The run's own requests once more.
    pub(crate) fn again(&self, models: &Models, when: When) -> Result<Again, GapError> {
        let asks = self.session.asked.iter().filter_map(|(decided, order, takes_back)| {
            let sent = self.session.sent.get(*order)?;
            let at = match when {
                When::AsMeasured(otherwise) if *takes_back => decided.after(otherwise),
                When::AsMeasured(otherwise) => {
                    self.arrived(*order).unwrap_or(decided.after(otherwise))
                }
                When::After(way) => decided.after(way),
            };
            let request = if *takes_back {
                Asked::Cancel(sent.order.instrument, sent.order.client_order_id)
            } else {
                Asked::Place(Box::new(sent.order.clone()))
            };
            Some(Ask { at, request })
        });
        let mut asks: Vec<Ask> = asks.collect();
        // Of one time in the order of the journal.
        asks.sort_by_key(|ask| ask.at);
        let opening = Opening {
            account: &self.opening,
            instruments: &self.instruments,
            session: self.number,
            stood: stood(&self.session.books).into_iter().map(|(_, order)| order).collect(),
        };
        let mut again = again(&opening, models, self.sources()?, &asks)?;
        if let Some(until) = self.breaks_off.filter(|_| self.paper) {
            self.hush(&mut again, until, models.latency);
        }
        Ok(again)
    }

    /// Takes back what no journal can have. A paper exchange tells everything in the order in which it happened, so all that
    /// is older than the newest that was told was told. Of the rest it is not known whether it was heard, or was on
    /// its way, or waited for the journal, unless that was too long ago.
    fn hush(&self, again: &mut Again, until: Timestamp, latency: Duration) {
        let ours =
            |venue: Timestamp| Timestamp::from_nanos(venue.nanos().saturating_sub(self.ahead));
        let sent = &self.session.sent;
        let accepted = sent.iter().filter_map(|sent| Some(ours(sent.accepted?.1)));
        let fills = sent.iter().flat_map(|sent| &sent.fills).map(|fill| ours(fill.venue_time));
        let newest = accepted.chain(fills).max().unwrap_or(Timestamp::EPOCH);
        again.hears_only(|id, fill| {
            let at = fill.venue_time;
            let order = sent.iter().find(|sent| sent.order.client_order_id == id);
            let is_known = || {
                order.is_some_and(|sent| sent.fills.iter().any(|told| ours(told.venue_time) == at))
            };
            at < newest || at.after(latency).after(LAG_MAX) <= until || is_known()
        });
    }

    /// Was there no recording any more when this was executed, because the run broke off? Both are written with a delay, the
    /// recording with the longer one.
    pub(crate) fn is_behind(&self, recorded: Timestamp, fill: &Fill) -> bool {
        self.breaks_off.is_some()
            && fill.venue_time.nanos().saturating_sub(self.ahead) > recorded.nanos()
    }
}

/// What was told longer ago than this is in the journal, however busy the machine.
const LAG_MAX: Duration = Duration::from_secs(5);

/// Nanoseconds of a millisecond.
const MS: i64 = 1_000_000;
