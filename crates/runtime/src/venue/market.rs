//! Drives the market around the accounts in real time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::{Instrument, InstrumentId, Price};
use sim_venue::Background;
use sim_venue::synthetic::Synthetic;
use tokio::sync::watch;
use tokio::time::Instant;

use super::replay::{self, Replay, ReplayError};
use super::world::Shared;

/// Where the market comes from.
#[derive(Clone, Debug)]
pub enum MarketSource {
    /// Nobody trades but the accounts.
    Empty,
    /// A made-up market around a starting price for each instrument.
    Synthetic {
        /// The same seed makes the same market.
        seed: u64,
        /// One price an instrument, in their order.
        start: Vec<Price>,
    },
    /// A recording of the first instrument.
    Replay(PathBuf),
}

/// Events that are carried out under one lock; more wait for the next turn, so that a fast replay
/// does not keep requests waiting.
const BATCH: usize = 256;

/// How often a stalled exchange is looked at.
const STALL_PAUSE: Duration = Duration::from_millis(10);

/// An opened source.
pub(super) struct Feed {
    name: String,
    streams: Vec<(InstrumentId, Source)>,
}

enum Source {
    Synthetic(Box<Synthetic>),
    Replay(Box<Replay>),
}

type Next = Option<Result<(Duration, Background), ReplayError>>;

impl Source {
    fn next(&mut self) -> Next {
        match self {
            Source::Synthetic(market) => Some(Ok(market.next_event())),
            Source::Replay(replay) => replay.next().map(|event| event.map(|e| (e.at, e.event))),
        }
    }
}

/// Opens a source; a file is looked at before anything starts.
pub(super) fn open(
    source: MarketSource,
    instruments: &[Instrument],
    seed: u64,
) -> Result<Feed, ReplayError> {
    match source {
        MarketSource::Empty => Ok(Feed { name: "empty".to_owned(), streams: Vec::new() }),
        MarketSource::Synthetic { seed: market, start } => {
            let streams =
                instruments.iter().zip(start).enumerate().map(|(i, (instrument, start))| {
                    let seed = market.wrapping_add(seed).wrapping_add(i as u64);
                    let stream = Synthetic::new(seed, instrument, start);
                    (instrument.id, Source::Synthetic(Box::new(stream)))
                });
            Ok(Feed { name: format!("synthetic:{market}"), streams: streams.collect() })
        }
        MarketSource::Replay(path) => {
            let name = format!("replay:{}", path.display());
            let Some(instrument) = instruments.first() else {
                return Ok(Feed { name, streams: Vec::new() });
            };
            let replay = replay::open(&path, instrument)?;
            Ok(Feed { name, streams: vec![(instrument.id, Source::Replay(Box::new(replay)))] })
        }
    }
}

/// Plays every stream until it ends or the venue stops.
pub(super) async fn drive(
    shared: Arc<Shared>,
    feed: Feed,
    speed: f64,
    mut stopped: watch::Receiver<bool>,
) {
    shared.world().market.source = feed.name;
    let start = Instant::now();
    let mut streams = feed.streams;
    let mut heads: Vec<Next> = streams.iter_mut().map(|(_, source)| source.next()).collect();
    loop {
        let earliest = heads
            .iter()
            .enumerate()
            .filter_map(|(i, head)| match head {
                Some(Ok((at, _))) => Some((*at, i)),
                Some(Err(_)) => Some((Duration::ZERO, i)),
                None => None,
            })
            .min();
        let Some((at, _)) = earliest else { break };
        let due = start + at.div_f64(speed);
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            _ = stopped.changed() => return,
        }
        if shared.world().is_stalled() {
            // The market stands still with the exchange; what is due is played in order after.
            tokio::time::sleep(STALL_PAUSE).await;
            continue;
        }
        for (head, (instrument, source)) in heads.iter_mut().zip(&mut streams) {
            if !play(&shared, *instrument, source, head, start, speed) {
                return;
            }
        }
        tokio::task::yield_now().await;
    }
    shared.world().market.finished = true;
}

/// Plays what is due of one stream; `false` when it cannot be read any further.
fn play(
    shared: &Shared,
    instrument: InstrumentId,
    source: &mut Source,
    head: &mut Next,
    start: Instant,
    speed: f64,
) -> bool {
    let now = Instant::now();
    let mut world = shared.world();
    for _ in 0..BATCH {
        match head {
            Some(Ok((at, event))) if start + at.div_f64(speed) <= now => {
                world.background(instrument, event);
            }
            Some(Ok(_)) | None => return true,
            Some(Err(error)) => {
                tracing::error!(%error, "the recording cannot be read any further");
                world.market.error = Some(error.to_string());
                return false;
            }
        }
        *head = source.next();
    }
    true
}
