//! A real session of Binance's streams through the client's decoder and the book's machine: every
//! message is understood, no change is missing, and the book equals the venue's own best prices.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test that is left out says so"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use model::market::{Book, Quote};
use model::venue::{MarketRequest, Request, Response};
use model::{Asset, Instrument, Outcome};
use plimsoll_venues::binance::Symbols;
use plimsoll_venues::binance::client::{
    BookSync, StreamMessage, SyncStep, decode_market, decode_reply,
};

fn instrument() -> Instrument {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.00001".parse().unwrap());
    Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap()
}

/// What one recording came to.
#[derive(Debug, Default)]
struct Seen {
    changes: u64,
    trades: u64,
    quotes: u64,
    compared: u64,
}

fn play(path: &Path) -> Seen {
    let symbols = Symbols::new(vec![instrument()]);
    let id = instrument().id;
    let (mut sync, mut book) = (BookSync::default(), Book::default());
    let (mut levels, mut seen) = (Vec::new(), Seen::default());
    let (mut books, mut last_trade) = (Vec::<(u64, Quote)>::new(), 0);
    let mut quote_before: Option<(u64, Quote)> = None;
    let lines = BufReader::new(MultiGzDecoder::new(std::fs::File::open(path).unwrap())).lines();
    for line in lines {
        let line = line.unwrap();
        let (_, text) = line.split_once(' ').unwrap();
        if text.starts_with("{\"lastUpdateId\"") {
            let request = Request::Market(MarketRequest::Book { instrument: id, depth: 1_000 });
            let outcome = decode_reply(&request, 200, text.as_bytes(), &symbols);
            let Outcome::Done(Response::Book(snapshot)) = outcome else { panic!("{outcome:?}") };
            let SyncStep::Book(update) = sync.snapshot(&snapshot) else { panic!("no joint") };
            book.apply(&update);
            continue;
        }
        match decode_market(text, &symbols, &mut levels).unwrap_or_else(|e| panic!("{e}: {text}")) {
            StreamMessage::Depth { first, last, .. } => {
                match sync.change(first, last, &levels) {
                    SyncStep::Apply => {
                        levels.iter().for_each(|l| book.set(l.side, l.price, l.qty));
                        seen.changes += 1;
                        books.push((last, Quote { bid: book.best_bid(), ask: book.best_ask() }));
                    }
                    SyncStep::Ask | SyncStep::Wait if !sync.is_synced() => {}
                    other => panic!("{first} to {last}: {other:?}"),
                }
                assert!(!book.is_crossed(), "after {last}");
            }
            StreamMessage::Trade { trade, .. } => {
                assert!(trade.id > last_trade, "trade ids grow");
                last_trade = trade.id;
                seen.trades += 1;
            }
            StreamMessage::Quote { update_id, quote, .. } => {
                seen.quotes += 1;
                // A quote tells that all before it have come: books up to there can be judged.
                for (last, best) in books.extract_if(.., |(last, _)| *last < update_id) {
                    if let Some((_, quote)) = quote_before.filter(|(quoted, _)| *quoted <= last) {
                        assert_eq!(best, quote, "after {last}");
                        seen.compared += 1;
                    }
                }
                quote_before = Some((update_id, quote));
            }
            other => panic!("{other:?}: {text}"),
        }
    }
    seen
}

#[test]
fn real_sessions_are_understood_in_full() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/ws/binance");
    // The second one begins without a snapshot: its book never becomes known.
    for (name, changes) in [("spot_btcusdt_20240808.gz", 3_000), ("spot_btcusdt_20240809.gz", 0)] {
        let path = data.join(name);
        if !path.exists() {
            eprintln!("NOT TESTED: {name} is not here");
            let notes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-tested");
            let mut notes =
                std::fs::OpenOptions::new().create(true).append(true).open(notes).unwrap();
            writeln!(notes, "a recording, because {name} is not here").unwrap();
            continue;
        }
        let seen = play(&path);
        assert!(seen.changes >= changes && seen.trades > 1_000, "{name}: {seen:?}");
        assert!(seen.compared * 2 >= changes, "{name}: {seen:?}");
        eprintln!("{name}: {seen:?}");
    }
}
