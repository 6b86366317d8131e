//! Depth frames a second, from the text on the wire to the book: decode, check the sequence, apply.

use std::time::Instant;

use model::market::{Book, LevelUpdate};
use model::venue::BookSnapshot;
use venues::binance::Symbols;
use venues::binance::client::{BookSync, StreamMessage, SyncStep, decode_market};

use crate::samples::{depth_text, id, instrument};
use crate::table::{Row, per_second};

const FRAMES: u64 = 200_000;
/// Updates in each frame.
const UPDATES: f64 = 10.0;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let symbols = Symbols::new(vec![instrument()]);
    let frames: Vec<String> = (0..FRAMES).map(depth_text).collect();
    let frames_per_second = per_second(|| {
        let mut sync = BookSync::default();
        let empty =
            BookSnapshot { instrument: id(), update_id: 0, bids: Vec::new(), asks: Vec::new() };
        sync.snapshot(&empty);
        let mut book = Book::default();
        let mut levels: Vec<LevelUpdate> = Vec::new();
        let mut applied = 0;
        let start = Instant::now();
        for frame in &frames {
            let message = decode_market(frame, &symbols, &mut levels);
            if let Ok(StreamMessage::Depth { first, last, .. }) = message
                && sync.change(first, last, &levels) == SyncStep::Apply
            {
                levels.iter().for_each(|level| book.set(level.side, level.price, level.qty));
                applied += 1;
            }
        }
        let took = start.elapsed();
        assert_eq!(applied, FRAMES, "every frame must reach the book");
        assert!(book.best_bid().is_some() && !book.is_crossed());
        (FRAMES, took)
    });
    Ok(vec![
        Row {
            what: "depth frames of 10 updates, text to book",
            measured: frames_per_second,
            unit: "frames/s",
            target: ">= 500000",
            peer: "CCXT Python 27 k, Node 44 k, cryptofeed 42 k",
        },
        Row {
            what: "book updates, text to book",
            measured: frames_per_second * UPDATES,
            unit: "updates/s",
            target: ">= 5000000",
            peer: "",
        },
    ])
}
