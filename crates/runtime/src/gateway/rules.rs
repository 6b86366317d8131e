//! The venue's rules for what is traded, and the limits that stand beside them, read again and again: on a
//! timer, soon while an instrument does not trade, and at once when a refusal speaks of rules or the venue
//! says stop where there should have been room. One reading answers both.
//!
//! What the core makes of the rules is its own business (`gateway/src/instruments.rs`). Only a grid that has
//! become finer is dealt with here: the two sessions count in the grid that they were started with, so they
//! are ended, the core is told, and others take over.

use std::collections::BTreeSet;
use std::time::Duration;

use model::venue::{MarketRequest, Request, Response, VenueError};
use model::{Input, Instrument, InstrumentId, Link, Outcome, TradingMode};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::feeds::{self, Distrusts, Pace, StreamAddresses};
use super::rest::Rest;

/// How often while nothing is unusual.
const READ_EVERY: Duration = Duration::from_secs(60);
/// How soon again when what is known of the limits holds requests up: they may have grown.
pub(super) const LIMITS_AGAIN: Duration = Duration::from_secs(10);
/// How often while an instrument does not trade, so that it is seen when it does. Also the shortest time
/// between two readings, whatever is refused.
const READ_SOON: Duration = Duration::from_secs(2);
/// One that has not traded for so long is looked at as seldom as any other: it may be gone for good.
const SOON_MAX: Duration = Duration::from_secs(3 * 3_600);

/// What was read.
struct Read {
    found: Vec<Instrument>,
    gone: Vec<InstrumentId>,
}

/// What a pair of sessions is started with.
pub(super) struct Streams {
    pub(super) addresses: StreamAddresses,
    pub(super) distrusts: Distrusts,
    pub(super) pace: Pace,
}

/// The two sessions, or the market's alone; they end with this.
struct Sessions(Vec<JoinHandle<()>>);

impl Drop for Sessions {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Streams {
    fn start(&self, rest: &Rest) -> Sessions {
        let (addresses, distrusts) = (self.addresses.clone(), self.distrusts.clone());
        Sessions(feeds::start(rest, addresses, rest.inputs(), distrusts, self.pace))
    }
}

/// Keeps both sessions, and tells the core what the rules are, until nobody listens.
pub(super) async fn keep(mut rest: Rest, streams: Streams) {
    let mut sessions = streams.start(&rest);
    let mut shut = Shut::default();
    shut.note(rest.instruments().iter().all(is_live));
    let mut unlisted = Unlisted::default();
    loop {
        sleep(READ_SOON).await;
        due(&rest, shut.rest()).await;
        if let Some(Read { found, gone }) = read(&rest, &mut unlisted).await {
            shut.note(found.iter().all(is_live) && !unlisted.is_new());
            let finer = finer(rest.instruments(), &found);
            if finer.is_some() {
                sessions.end(rest.inputs()).await;
            }
            if rest.inputs().send(Input::Instruments { found, gone }).await.is_err() {
                return;
            }
            if let Some(instruments) = finer {
                rest = rest.following(instruments);
                sessions = streams.start(&rest);
            }
        }
    }
}

impl Sessions {
    /// Ends both, and says so behind the last thing that they have said.
    async fn end(&mut self, inputs: &mpsc::Sender<Input>) {
        for session in &mut self.0 {
            session.abort();
            // Its end is all that is waited for.
            let _ = session.await;
        }
        // Without a key there is none of the account.
        for link in [Link::Market, Link::Account].into_iter().take(self.0.len()) {
            let cause = "the grid has become finer".to_owned();
            // The receiver is gone only when the gateway ends.
            let _ = inputs.send(Input::Link { link, up: false, cause }).await;
        }
    }
}

/// Since when something does not trade.
#[derive(Debug, Default)]
struct Shut(Option<Instant>);

impl Shut {
    fn note(&mut self, trades: bool) {
        self.0 = if trades { None } else { self.0.or_else(|| Some(Instant::now())) };
    }

    /// How long to wait beyond the shortest time.
    fn rest(&self) -> Duration {
        match self.0 {
            Some(since) if since.elapsed() < SOON_MAX => Duration::ZERO,
            Some(_) | None => READ_EVERY - READ_SOON,
        }
    }
}

fn is_live(instrument: &Instrument) -> bool {
    instrument.mode == TradingMode::Live
}

/// Waits until there is a reason to read.
async fn due(rest: &Rest, every: Duration) {
    let held_up = async {
        sleep(LIMITS_AGAIN).await;
        rest.held_up().await;
    };
    tokio::select! {
        () = rest.rules_doubted() => {}
        () = rest.surprised() => {}
        () = held_up, if rest.client().tells_limits() => {}
        () = sleep(every) => {}
    }
}

/// What the venue does not list, since when, and when that was last found out. It refuses a question in which
/// one of them is, so each is asked about by itself, and seldom once it has been so for a while.
#[derive(Debug, Default)]
struct Unlisted {
    ids: BTreeSet<InstrumentId>,
    since: Option<Instant>,
    looked: Option<Instant>,
}

impl Unlisted {
    /// Is it so new that it may be over at any moment?
    fn is_new(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() < READ_EVERY)
    }

    /// Which of them are to be asked about now.
    fn due(&self) -> Vec<InstrumentId> {
        let looked_lately = self.looked.is_some_and(|at| at.elapsed() < READ_EVERY);
        if looked_lately && !self.is_new() {
            Vec::new()
        } else {
            self.ids.iter().copied().collect()
        }
    }

    /// These were asked about, and those of them are not listed.
    fn note(&mut self, asked: &[InstrumentId], missing: BTreeSet<InstrumentId>) {
        if !missing.is_subset(&self.ids) {
            self.since = Some(Instant::now());
        }
        if asked.iter().any(|id| self.ids.contains(id)) || !missing.is_empty() {
            self.looked = Some(Instant::now());
        }
        self.ids.retain(|id| !asked.contains(id));
        self.ids.extend(missing);
        if self.ids.is_empty() {
            self.since = None;
        }
    }
}

/// The rules of all that is followed; `None` when they could not be read.
async fn read(rest: &Rest, unlisted: &mut Unlisted) -> Option<Read> {
    let followed = rest.instruments().iter().map(|known| known.id);
    let listed: Vec<InstrumentId> = followed.filter(|id| !unlisted.ids.contains(id)).collect();
    let mut alone = unlisted.due();
    let asked: Vec<InstrumentId> = listed.iter().chain(&alone).copied().collect();
    let mut found = match ask(rest, listed.clone()).await {
        Ok(found) => found,
        // One that it does not know, and it says no to all: which one is it?
        Err(VenueAnswer::Unknown) => {
            alone.extend(listed.iter().filter(|_| listed.len() > 1));
            Vec::new()
        }
        Err(VenueAnswer::None) => return None,
    };
    for id in alone {
        match ask(rest, vec![id]).await {
            Ok(one) => found.extend(one),
            Err(VenueAnswer::Unknown) => {}
            Err(VenueAnswer::None) => return None,
        }
    }
    let is_missing = |id: &&InstrumentId| !found.iter().any(|known| known.id == **id);
    unlisted.note(&asked, asked.iter().filter(is_missing).copied().collect());
    // A list of all that there is may have one that was not asked for.
    unlisted.ids.retain(|id| is_missing(&id));
    Some(Read { found, gone: unlisted.ids.iter().copied().collect() })
}

/// Why there are no rules.
enum VenueAnswer {
    /// It does not know one of the instruments.
    Unknown,
    /// It did not answer, or not to the question.
    None,
}

async fn ask(rest: &Rest, of: Vec<InstrumentId>) -> Result<Vec<Instrument>, VenueAnswer> {
    let request = Request::Market(MarketRequest::Instruments(of));
    match rest.ask_once(&request).await {
        Outcome::Done(Response::Instruments(found)) => Ok(found),
        Outcome::Refused(VenueError::UnknownInstrument) => Err(VenueAnswer::Unknown),
        other => {
            tracing::debug!(?other, "the venue's rules could not be read");
            Err(VenueAnswer::None)
        }
    }
}

/// What is known, with what was found put in its place; `None` unless something has become finer.
fn finer(known: &[Instrument], found: &[Instrument]) -> Option<Vec<Instrument>> {
    let now = |known: &Instrument| {
        let found = found.iter().find(|found| found.id == known.id);
        found.cloned().unwrap_or_else(|| known.clone()).on_grid_of(Some(known))
    };
    let all: Vec<Instrument> = known.iter().map(now).collect();
    let is_finer = all.iter().zip(known).any(|(new, known)| new.grid() != known.grid());
    is_finer.then_some(all)
}

#[cfg(test)]
mod tests {
    use model::market::Grid;

    use super::*;

    fn instrument(tick: &str) -> Instrument {
        let asset = |name| model::Asset::new(name).unwrap();
        let (tick, lot) = (tick.parse().unwrap(), "0.001".parse().unwrap());
        Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap()
    }

    #[test]
    fn what_is_not_listed_is_asked_about_by_itself_and_seldom() {
        let ids: [InstrumentId; 3] =
            ["BTC-USDT", "ETH-USDT", "XRP-USDT"].map(|id| id.parse().unwrap());
        let mut unlisted = Unlisted::default();
        assert!(unlisted.due().is_empty());
        unlisted.note(&ids, BTreeSet::from([ids[1]]));
        assert_eq!((unlisted.due(), unlisted.is_new()), (vec![ids[1]], true));
        unlisted.note(&[ids[0], ids[2]], BTreeSet::new());
        assert_eq!(unlisted.due(), [ids[1]], "still not listed");
        // It has not been listed for a while, and was looked for just now.
        unlisted.since = None;
        assert!(unlisted.due().is_empty());
        unlisted.looked = None;
        assert_eq!(unlisted.due(), [ids[1]]);
        unlisted.note(&ids, BTreeSet::new());
        assert!(unlisted.ids.is_empty() && unlisted.due().is_empty());
    }

    #[test]
    fn only_a_finer_grid_begins_anew() {
        let known = [instrument("0.01")];
        assert_eq!(finer(&known, &[instrument("0.01")]), None);
        assert_eq!(finer(&known, &[instrument("0.1")]), None);
        assert_eq!(finer(&known, &[]), None);
        let [new] = &finer(&known, &[instrument("0.0005")]).unwrap()[..] else { panic!() };
        assert_eq!(new.grid(), Grid { price_decimals: 4, qty_decimals: 3 });
    }
}
