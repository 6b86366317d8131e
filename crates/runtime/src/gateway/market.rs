//! The connection to the venue's market streams: keeps books in sync and passes on what happens.
//!
//! One connection carries all instruments. Whatever breaks it makes every book unknown; what had
//! been kept for the old connection is never used on the new one.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use model::market::{BookUpdate, LevelUpdate, MarketEvent, MarketKind};
use model::venue::{BookSnapshot, MarketRequest, Request, Response};
use model::{FeedNotice, Input, InstrumentId, Link, Outcome, Timestamp};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use venues::binance::client::{BookSync, StreamMessage, SyncStep, decode_market, subscribe_market};

use super::backoff::Backoff;
use super::rest::Rest;
use super::socket::{self, Socket};
use crate::clock;

/// A connection on which nothing has come for so long is dead, whatever its socket says.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// The venue ends connections after 24 hours; we do it at a time of our own, before.
const AGE_MAX: Duration = Duration::from_secs(23 * 3_600);
/// Levels a side that are asked for in a snapshot.
const SNAPSHOT_DEPTH: u32 = 1_000;
/// Pause before a snapshot is asked for again.
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(500);

/// Number of the request to subscribe.
const SUBSCRIBE_ID: u64 = 1;

/// Runs until nobody listens any more; it is ended by ending its task.
pub(super) async fn run(url: String, rest: Rest, inputs: mpsc::Sender<Input>) {
    let mut backoff = Backoff::default();
    loop {
        let session = one_session(&url, &rest, &inputs, &mut backoff);
        let Ok(cause) = session.await else { return };
        let pause = backoff.pause();
        tracing::warn!(%cause, pause_ms = pause.as_millis(), "market streams are down");
        if down(&rest, &inputs, cause).await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
    }
}

/// Nobody listens any more.
struct Gone;

async fn down(rest: &Rest, inputs: &mpsc::Sender<Input>, cause: String) -> Result<(), Gone> {
    send(inputs, Input::Link { link: Link::Market, up: false, cause }).await?;
    for row in rest.symbols().iter() {
        let instrument = row.instrument.id;
        let event =
            MarketEvent { instrument, venue_time: clock::now(), kind: MarketKind::BookLost };
        send(inputs, Input::Market(event)).await?;
    }
    Ok(())
}

async fn send(inputs: &mpsc::Sender<Input>, input: Input) -> Result<(), Gone> {
    inputs.send(input).await.map_err(|_| Gone)
}

/// From connecting to the end of the connection; returns why it ended.
async fn one_session(
    url: &str,
    rest: &Rest,
    inputs: &mpsc::Sender<Input>,
    backoff: &mut Backoff,
) -> Result<String, Gone> {
    let mut socket = match socket::connect(url).await {
        Ok(socket) => socket,
        Err(error) => return Ok(error),
    };
    let subscribe = subscribe_market(rest.symbols(), SUBSCRIBE_ID);
    if let Err(error) = socket.send(Message::text(subscribe)).await {
        return Ok(error.to_string());
    }
    let (answers, answered) = mpsc::channel(8);
    let session = Session {
        rest: rest.clone(),
        inputs: inputs.clone(),
        books: rest.symbols().iter().map(|r| (r.instrument.id, BookState::default())).collect(),
        answers,
        levels: Vec::new(),
        duplicates: 0,
    };
    session.run(socket, answered, backoff).await
}

/// An answer to the question for a snapshot; `None` when there is none.
type Answer = (InstrumentId, Option<BookSnapshot>);

#[derive(Default)]
struct BookState {
    sync: BookSync,
    last_trade: u64,
}

struct Session {
    rest: Rest,
    inputs: mpsc::Sender<Input>,
    books: BTreeMap<InstrumentId, BookState>,
    answers: mpsc::Sender<Answer>,
    levels: Vec<LevelUpdate>,
    duplicates: u64,
}

impl Session {
    async fn run(
        mut self,
        mut socket: Socket,
        mut answered: mpsc::Receiver<Answer>,
        backoff: &mut Backoff,
    ) -> Result<String, Gone> {
        let age = tokio::time::sleep(AGE_MAX);
        tokio::pin!(age);
        loop {
            let message = tokio::select! {
                message = tokio::time::timeout(SILENCE_MAX, socket.next()) => message,
                Some((instrument, snapshot)) = answered.recv() => {
                    self.snapshot(instrument, snapshot).await?;
                    continue;
                }
                () = &mut age => return Ok("planned reconnect before the venue's own".to_owned()),
            };
            let text = match message {
                Err(_) => return Ok(format!("nothing came for {SILENCE_MAX:?}")),
                Ok(None) => return Ok("the venue closed the connection".to_owned()),
                Ok(Some(Err(error))) => return Ok(error.to_string()),
                Ok(Some(Ok(Message::Text(text)))) => text,
                Ok(Some(Ok(Message::Close(_)))) => {
                    return Ok("the venue closed the connection".to_owned());
                }
                // Pings are answered by the library when the next message is written or read.
                Ok(Some(Ok(_))) => continue,
            };
            let mut levels = std::mem::take(&mut self.levels);
            let decoded = decode_market(&text, self.rest.symbols(), &mut levels);
            self.levels = levels;
            match decoded {
                Ok(StreamMessage::Ack { id: SUBSCRIBE_ID }) => {
                    backoff.connected();
                    let cause = "subscribed".to_owned();
                    send(&self.inputs, Input::Link { link: Link::Market, up: true, cause }).await?;
                }
                Ok(StreamMessage::Shutdown) => {
                    return Ok("the venue announced a shutdown".to_owned());
                }
                Ok(message) => self.message(message).await?,
                // A message that cannot be read may be a change of a book: the book is not known.
                Err(error) => return Ok(format!("a message cannot be read: {error}")),
            }
        }
    }

    async fn message(&mut self, message: StreamMessage) -> Result<(), Gone> {
        match message {
            StreamMessage::Depth { instrument, first, last, time } => {
                self.change(instrument, first, last, time).await
            }
            StreamMessage::Trade { instrument, trade } => {
                let Some(book) = self.books.get_mut(&instrument) else { return Ok(()) };
                if trade.id <= book.last_trade {
                    return self.duplicate().await;
                }
                book.last_trade = trade.id;
                let kind = MarketKind::Trade(trade);
                self.pass(MarketEvent { instrument, venue_time: trade.time, kind }).await
            }
            // Nothing here subscribes to those.
            StreamMessage::Quote { .. }
            | StreamMessage::AggregateTrade { .. }
            | StreamMessage::PartialBook(_)
            | StreamMessage::Candle { .. }
            | StreamMessage::Ticker { .. }
            | StreamMessage::Ack { .. }
            | StreamMessage::Shutdown
            | StreamMessage::Other => Ok(()),
        }
    }

    async fn change(
        &mut self,
        instrument: InstrumentId,
        first: u64,
        last: u64,
        venue_time: Timestamp,
    ) -> Result<(), Gone> {
        let Some(book) = self.books.get_mut(&instrument) else { return Ok(()) };
        match book.sync.change(first, last, &self.levels) {
            SyncStep::Wait => Ok(()),
            SyncStep::Ask => {
                self.ask(instrument, Duration::ZERO);
                Ok(())
            }
            SyncStep::Apply => {
                let update = BookUpdate { snapshot: false, levels: self.levels.clone() };
                self.pass(MarketEvent { instrument, venue_time, kind: MarketKind::Book(update) })
                    .await
            }
            SyncStep::Book(update) => {
                self.pass(MarketEvent { instrument, venue_time, kind: MarketKind::Book(update) })
                    .await
            }
            SyncStep::Duplicate => self.duplicate().await,
            SyncStep::Gap { expected, got } => {
                let detail = format!("change {expected} is missing, {got} came");
                tracing::warn!(%instrument, %detail, "gap in the book");
                let notice = FeedNotice::Gap { instrument, detail };
                send(&self.inputs, Input::Feed(notice)).await?;
                let kind = MarketKind::BookLost;
                self.pass(MarketEvent { instrument, venue_time, kind }).await?;
                self.ask(instrument, Duration::ZERO);
                Ok(())
            }
        }
    }

    async fn snapshot(
        &mut self,
        instrument: InstrumentId,
        snapshot: Option<BookSnapshot>,
    ) -> Result<(), Gone> {
        let Some(book) = self.books.get_mut(&instrument) else { return Ok(()) };
        let Some(snapshot) = snapshot else {
            book.sync.failed();
            return Ok(());
        };
        match book.sync.snapshot(&snapshot) {
            SyncStep::Book(update) => {
                let (venue_time, kind) = (clock::now(), MarketKind::Book(update));
                self.pass(MarketEvent { instrument, venue_time, kind }).await?;
            }
            SyncStep::Ask => self.ask(instrument, SNAPSHOT_PAUSE),
            SyncStep::Wait | SyncStep::Apply | SyncStep::Duplicate | SyncStep::Gap { .. } => {}
        }
        Ok(())
    }

    fn ask(&self, instrument: InstrumentId, pause: Duration) {
        let (rest, answers) = (self.rest.clone(), self.answers.clone());
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let request = MarketRequest::Book { instrument, depth: SNAPSHOT_DEPTH };
            let snapshot = match rest.ask(&Request::Market(request)).await {
                Outcome::Done(Response::Book(book)) => Some(book),
                other => {
                    tracing::warn!(%instrument, ?other, "no snapshot");
                    // The next change asks again; give the venue a moment.
                    tokio::time::sleep(SNAPSHOT_PAUSE).await;
                    None
                }
            };
            // The session may have ended meanwhile, and with it the use of this answer.
            let _ = answers.send((instrument, snapshot)).await;
        });
    }

    async fn duplicate(&mut self) -> Result<(), Gone> {
        self.duplicates += 1;
        send(&self.inputs, Input::Feed(FeedNotice::Duplicates(1))).await
    }

    async fn pass(&self, event: MarketEvent) -> Result<(), Gone> {
        send(&self.inputs, Input::Market(event)).await
    }
}
