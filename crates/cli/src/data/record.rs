//! `plimsoll data record`: what the market feeds say, to files of ours, until it is stopped.
//!
//! The feeds are those of a gateway (`runtime::gateway::PublicMarket`), without a key. Here is only what goes on
//! between them and the files: each event gets its time of receipt and goes to the thread that writes.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ::data::record::{RecordError, Recorder, Rotation, Unfinished};
use anyhow::anyhow;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::{FeedNotice, Input, InstrumentId, Link, VenueId};
use runtime::config::VenueKind;
use runtime::gateway::{Heard, PublicMarket, PublicVenue};
use runtime::record::{Event, Keeper, Kept, SYNC_TICKS, TICK, in_venue_time};
use serde_json::json;
use tokio::sync::watch;

use crate::failure::Failure;
use crate::run::failure;
use crate::{signals, sockets};

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The folder that the files are made in; it is made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A configuration: its venue, and what is traded there unless --instrument says otherwise.
    #[arg(long, value_name = "FILE", conflicts_with = "venue", required_unless_present = "venue")]
    config: Option<PathBuf>,
    /// The exchange, where there is no configuration.
    #[arg(long, value_name = "KIND", requires = "instruments", value_parser = kinds())]
    venue: Option<VenueKind>,
    /// What is recorded, as BTC-USDT. May be repeated.
    #[arg(long = "instrument", value_name = "INSTRUMENT")]
    instruments: Vec<InstrumentId>,
    /// REST address of the exchange; its own unless told, and its streams are there, too.
    #[arg(long, value_name = "URL", requires = "venue", value_parser = address)]
    rest: Option<String>,
    /// A new file each whole multiple of this time, as 15m, 1h, 1d, by UTC.
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = time)]
    rotate: Duration,
    /// A new file when one has so many MiB before it is packed.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    rotate_mib: u64,
    /// Ends by itself after so many seconds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// Print the summary as one JSON object.
    #[arg(long)]
    json: bool,
}

/// The venues there are, by the names that configurations have for them.
fn kinds() -> impl TypedValueParser<Value = VenueKind> {
    PossibleValuesParser::new(VenueKind::names().collect::<Vec<_>>())
        .try_map(|name| VenueKind::named(&name).ok_or("no such venue"))
}

fn time(text: &str) -> Result<Duration, String> {
    ::data::interval(text).ok_or_else(|| "a number and one of s, m, h, d, w, as in 15m".to_owned())
}

fn address(text: &str) -> Result<String, String> {
    let is_one = text.starts_with("http://") || text.starts_with("https://");
    is_one.then(|| text.to_owned()).ok_or_else(|| "it begins with http:// or https://".to_owned())
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let venue = venue(args)?;
    let rotation = Rotation { bytes: args.rotate_mib * MIB, every: args.rotate };
    // Before anything is asked of anybody: a folder that cannot be written to is found out now.
    let opened =
        Recorder::open(&args.out, venue.name.as_str(), rotation).map_err(|e| failed(&e))?;
    sockets::threads()?.block_on(async {
        let stop = signals::stop_on_signal()?;
        record(args, &venue, opened, stop).await
    })
}

/// Where, and what.
fn venue(args: &Args) -> Result<PublicVenue, Failure> {
    let mut venue = match (&args.config, args.venue) {
        (Some(config), _) => {
            PublicVenue::of(&runtime::config::load(config).map_err(Failure::usage)?)
        }
        (None, Some(kind)) => PublicVenue {
            name: VenueId::new(kind.dialect).map_err(Failure::usage)?,
            kind,
            rest: args.rest.clone(),
            streams: None,
            instruments: Vec::new(),
            shares: Default::default(),
            state_dir: None,
        },
        (None, None) => return Err(Failure::usage(anyhow!("name --config or --venue"))),
    };
    if !args.instruments.is_empty() {
        venue.instruments.clone_from(&args.instruments);
        venue.instruments.sort();
        venue.instruments.dedup();
    }
    Ok(venue)
}

fn failed(error: &RecordError) -> Failure {
    Failure::Failed(anyhow!("{error}"))
}

async fn record(
    args: &Args,
    venue: &PublicVenue,
    (recorder, left): (Recorder, Vec<Unfinished>),
    stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut keeper = Keeper::start(recorder, left);
    let opened = PublicMarket::open(venue);
    let mut stopped = stop.clone();
    let opened = tokio::select! {
        opened = opened => opened.map_err(failure),
        _ = stopped.wait_for(|stop| *stop) => Err(Failure::Failed(anyhow!("stopped before it began"))),
    };
    let market = match opened {
        Ok(market) => market,
        Err(failure) => {
            // What an earlier one left is finished all the same.
            keeper.end(runtime::clock::now()).await;
            return Err(failure);
        }
    };
    let names: Vec<String> = venue.instruments.iter().map(ToString::to_string).collect();
    eprintln!(
        "recording {} of {} to {}; Ctrl-C ends it",
        names.join(", "),
        venue.name,
        args.out.display()
    );
    let mut watch = Watch { bar: bar(), begun, told: Told::default(), up: false };
    let market = listen(args, market, &mut keeper, &mut watch, stop).await;
    watch.bar.finish_and_clear();
    drop(market);
    let kept = keeper.end(runtime::clock::now()).await;
    let seconds = begun.elapsed().as_secs_f64();
    summary(args, seconds, &watch.told, &kept)?;
    match kept.error {
        Some(error) => Err(failed(&error)),
        None => Ok(()),
    }
}

/// What was told beside the market itself.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// Times that the connection came up.
    links: u64,
    /// Those among them that were not the first.
    reconnects: u64,
    /// Trades that were missed.
    missed: u64,
}

/// What is shown while it runs.
struct Watch {
    bar: ProgressBar,
    begun: Instant,
    told: Told,
    up: bool,
}

/// A line that is renewed, on a terminal.
fn bar() -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise}  {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Until it is stopped, its time is over, or the disk takes no more.
async fn listen(
    args: &Args,
    mut market: PublicMarket,
    keeper: &mut Keeper,
    watch: &mut Watch,
    mut stop: watch::Receiver<bool>,
) -> PublicMarket {
    for instrument in market.instruments() {
        keeper.send(Event::Follow(instrument.id, instrument.grid())).await;
    }
    let doubts = market.doubts();
    keeper.doubts(Box::new(move |instrument| doubts.tell(instrument, "the book is crossed")));
    let mut ticks = tokio::time::interval(TICK);
    let mut count = 0;
    let ends = args.seconds.map(|seconds| watch.begun + Duration::from_secs(seconds));
    while !keeper.has_failed() && ends.is_none_or(|ends| Instant::now() < ends) {
        tokio::select! {
            heard = market.next() => match heard {
                Some(heard) => take(heard, &market, keeper, watch).await,
                None => break,
            },
            _ = ticks.tick() => {
                count += 1;
                let sync = count % SYNC_TICKS == 0;
                keeper.send(Event::Tick(runtime::clock::now(), sync)).await;
                watch.show(keeper);
            }
            // Also when there is nobody any more who could say stop.
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    market
}

async fn take(heard: Heard, market: &PublicMarket, keeper: &Keeper, watch: &mut Watch) {
    let Heard { received, venue_now, input } = heard;
    match input {
        Input::Market(event) => {
            keeper.send(Event::Market(received, in_venue_time(event, venue_now))).await;
        }
        Input::Link { link: Link::Market, up, .. } => {
            watch.told.reconnects += u64::from(up && watch.told.links > 0);
            watch.told.links += u64::from(up);
            watch.up = up;
            if !up {
                keeper.send(Event::Down(received, venue_now)).await;
            }
        }
        Input::Feed(FeedNotice::MissedTrades { count, .. }) => watch.told.missed += count,
        Input::Instruments { .. } => {
            for instrument in market.instruments() {
                keeper.send(Event::Follow(instrument.id, instrument.grid())).await;
            }
        }
        // What else is heard is not of the market: clocks, budgets, hand-overs, which lose nothing.
        _ => {}
    }
}

impl Watch {
    fn show(&self, keeper: &Keeper) {
        let counts = keeper.counts();
        let state = if self.up { "" } else { "NO CONNECTION, " };
        self.bar.set_message(format!(
            "{state}{} trades, {} changes, {} gaps, {:.1} MiB, {} files finished",
            counts.trades,
            counts.changes,
            counts.gaps,
            counts.bytes as f64 / MIB as f64,
            keeper.finished(),
        ));
        self.bar.tick();
    }
}

fn summary(args: &Args, seconds: f64, told: &Told, kept: &Kept) -> Result<(), Failure> {
    let counts = &kept.counts;
    let mut out = std::io::stdout().lock();
    if args.json {
        let summary = json!({
            "folder": args.out.display().to_string(),
            "seconds": seconds,
            "files": kept.files,
            "recovered": kept.recovered,
            "rows": counts.rows,
            "trades": counts.trades,
            "late_trades": counts.late,
            "missed_trades": told.missed,
            "book_changes": counts.changes,
            "snapshots": counts.snapshots,
            "gaps": counts.gaps,
            "reconnects": told.reconnects,
            "bytes": kept.bytes,
        });
        writeln!(out, "{summary}")?;
        return Ok(());
    }
    writeln!(out, "{}", args.out.display())?;
    writeln!(out, "  time        {seconds:.1} s")?;
    writeln!(out, "  files       {} in {} bytes", kept.files, kept.bytes)?;
    if kept.recovered > 0 {
        writeln!(out, "  recovered   {} files of an earlier recording", kept.recovered)?;
    }
    writeln!(out, "  rows        {}", counts.rows)?;
    writeln!(out, "  trades      {}, {} of them late", counts.trades, counts.late)?;
    writeln!(
        out,
        "  missed      {} trades while away, those that came late among them",
        told.missed
    )?;
    writeln!(out, "  books       {} changes, {} snapshots", counts.changes, counts.snapshots)?;
    writeln!(out, "  gaps        {} times a book was lost", counts.gaps)?;
    writeln!(out, "  reconnects  {}", told.reconnects)?;
    Ok(())
}
