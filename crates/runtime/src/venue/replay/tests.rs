//! Small files of every format, damaged ones among them, and the recordings where they are there.

use std::fs;
use std::io::Write;

use model::{Asset, Instrument};

use std::time::Duration;

use sim_venue::Background;

use super::*;

fn instrument(tick: &str, lot: &str) -> Instrument {
    let asset = |name| Asset::new(name).unwrap();
    Instrument::spot(asset("BTC"), asset("USDT"), tick.parse().unwrap(), lot.parse().unwrap())
        .unwrap()
}

fn play(name: &str, bytes: &[u8]) -> Result<Vec<ReplayEvent>, ReplayError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    open(&path, &instrument("0.01", "0.00001"))?.collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

const RECORDING: &str = concat!(
    "1000000000000000000 {\"stream\":\"btcusdt@depth@100ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":1,\"s\":\"BTCUSDT\",\"U\":1,\"u\":4,\"b\":[[\"9.00000000\",\"1.00000000\"]],\"a\":[]}}\n",
    "1000000000500000000 {\"lastUpdateId\":5,\"bids\":[[\"10.00000000\",\"1.00000000\"]],\"asks\":[[\"10.01000000\",\"2.00000000\"]]}\n",
    "1000000001000000000 {\"stream\":\"btcusdt@bookTicker\",\"data\":{\"u\":6,\"s\":\"BTCUSDT\",\"b\":\"10.00\",\"B\":\"1\",\"a\":\"10.01\",\"A\":\"2\"}}\n",
    "1000000001500000000 {\"stream\":\"btcusdt@depth@100ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":1,\"s\":\"BTCUSDT\",\"U\":5,\"u\":7,\"b\":[[\"10.00000000\",\"0.00000000\"]],\"a\":[]}}\n",
    "1000000002000000000 {\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":1,\"s\":\"BTCUSDT\",\"t\":1,\"p\":\"10.01000000\",\"q\":\"0.50000000\",\"T\":1,\"m\":false}}\n",
);

#[test]
fn a_stream_recording_starts_with_its_snapshot() {
    for bytes in [RECORDING.as_bytes().to_vec(), gzip(RECORDING)] {
        let events = play("recording", &bytes).unwrap();
        assert_eq!(events.len(), 3, "{events:?}");
        assert!(matches!(events[0].event, Background::Snapshot { .. }));
        assert!(matches!(events[1].event, Background::Level(_)));
        assert!(matches!(events[2].event, Background::Trade { .. }));
        assert_eq!(events[2].at, Duration::from_secs(2));
    }
}

#[test]
fn trade_files_of_every_layout_say_the_same() {
    let archive =
        "1,10.00,0.5,1,1,1700000000000,true,true\n2,10.02,0.5,2,2,1700000001000,False,True\n";
    let trades = "1,10.00,0.5,5.0,1700000000000000,True,True\n2,10.02,0.5,5.01,1700000001000000,False,True\n";
    let csv = ",timestamp,id,type,side,price,amount,cost,date\n\
        0,1700000000000,1,,sell,10.00,0.5,5,x\n1,1700000001000,2,,buy,10.02,0.5,5.01,x\n";
    let prints = |events: &[ReplayEvent]| -> Vec<(Duration, Background)> {
        let trade = |e: &&ReplayEvent| matches!(e.event, Background::Trade { .. });
        events.iter().filter(trade).map(|e| (e.at, e.event.clone())).collect()
    };
    let first = prints(&play("a", archive.as_bytes()).unwrap());
    assert_eq!(first.len(), 2);
    assert_eq!(first[1].0, Duration::from_secs(1));
    for text in [trades, csv] {
        assert_eq!(prints(&play("b", text.as_bytes()).unwrap()), first);
    }
}

#[test]
fn damage_is_named_with_file_and_line() {
    let mut cut = gzip(&RECORDING.repeat(200));
    cut.truncate(cut.len() / 2);
    let cases: [(&[u8], &str); 6] = [
        (b"", "is empty"),
        (b"hello\n", "in no format that is known"),
        (b"PAR1....", "Parquet"),
        (
            b"1,10.00,0.5,1,1,1700000000000,true,true\n2,-1,0.5,1,1,1700000000000,true,true\n",
            "line 2",
        ),
        (b"1,10.001,0.5,1,1,1700000000000,true,true\n", "grid"),
        (&cut, "is the file complete"),
    ];
    for (bytes, expected) in cases {
        let message = play("some-file", bytes).unwrap_err().to_string();
        assert!(message.contains(expected), "expected {expected:?} in {message}");
        assert!(message.contains("some-file"), "{message}");
    }
}

/// The whole recording, when it is there: every line is understood, and the book never crosses
/// for long (the exchange clears what a new level crosses).
#[test]
fn the_real_recordings_play_to_the_end() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let files = [
        ("ws/binance/spot_btcusdt_20240808.gz", "0.01", "0.00001", 20_000),
        ("trades/binance_spot_BTCUSDC-aggTrades-2025-10-04.zip", "0.01", "0.00001", 140_000),
        ("trades/binance_futures_ETH_USDT_trades_20230202.csv", "0.01", "0.001", 1_000),
    ];
    for (file, tick, lot, least) in files {
        let path = data.join(file);
        if !path.exists() {
            eprintln!("SKIPPED: {file} is not here");
            continue;
        }
        let events = open(&path, &instrument(tick, lot)).unwrap();
        let count = events.map(Result::unwrap).fold(0, |count, _| count + 1);
        assert!(count >= least, "{file}: {count} events");
    }
}
