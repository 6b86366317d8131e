//! Depth frames a second, from the text on the wire to the book: decode, check the sequence, apply.

use std::time::Instant;

use model::market::{Book, LevelUpdate};
use model::venue::BookSnapshot;
use venues::binance::client::{BookSync, StreamMessage, SyncStep, decode_market};
use venues::{binance, coinbase};

use crate::samples::{depth_text, id, instrument, l2_text, usd};
use crate::table::{Row, per_second};

const FRAMES: u64 = 200_000;
/// Updates in each frame.
const UPDATES: f64 = 10.0;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let mut rows = binance_depth();
    rows.extend(coinbase_l2());
    Ok(rows)
}

/// Changes as Coinbase sends them: mostly one level in a message. The numbers of the connection are
/// checked, and that the book is known.
fn coinbase_l2() -> Vec<Row> {
    let measure = |updates: u64| {
        let symbols = coinbase::Symbols::new(vec![usd()]);
        let texts: Vec<String> = (0..FRAMES).map(|number| l2_text(number, updates)).collect();
        per_second(|| {
            let mut sequence = coinbase::client::Sequence::default();
            let mut known = coinbase::client::Books::default();
            let mut batch = coinbase::client::Batch::default();
            let mut book = Book::default();
            let mut applied = 0;
            let start = Instant::now();
            for text in &texts {
                let message = coinbase::client::decode_market(text, &symbols, &mut batch);
                let number = message.ok().and_then(|message| message.sequence);
                let step = number.map(|number| sequence.take(number));
                if step != Some(coinbase::client::SequenceStep::Next) {
                    continue;
                }
                for change in &batch.books {
                    if known.take(change) == coinbase::client::BookStep::Wait {
                        continue;
                    }
                    let levels = batch.levels_of(change).iter();
                    levels.for_each(|level| book.set(level.side, level.price, level.qty));
                    applied += 1;
                }
            }
            let took = start.elapsed();
            assert_eq!(applied, FRAMES, "every message must reach the book");
            assert!(book.best_bid().is_some() && !book.is_crossed());
            (FRAMES, took)
        })
    };
    vec![
        Row {
            what: "Coinbase l2 messages of 1 update, text to book",
            measured: measure(1),
            unit: "messages/s",
            target: ">= 500000",
            peer: "",
        },
        Row {
            what: "Coinbase l2 messages of 10 updates, text to book",
            measured: measure(10),
            unit: "messages/s",
            target: ">= 200000",
            peer: "",
        },
    ]
}

fn binance_depth() -> Vec<Row> {
    let symbols = binance::Symbols::new(vec![instrument()]);
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
    vec![
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
    ]
}
