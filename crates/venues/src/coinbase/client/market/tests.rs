//! Messages as Coinbase prints them (shapes of websocket-channels.md; numbers made up), the fast way
//! and the slow one.

use model::market::GridQty;
use proptest::prelude::*;

use super::*;
use crate::coinbase::client::testing::{at, instrument, symbols};

const SNAPSHOT: &str = r#"{"channel":"l2_data","client_id":"","timestamp":"2026-01-01T00:00:00.714Z","sequence_num":2,"events":[{"type":"snapshot","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"1970-01-01T00:00:00Z","price_level":"61234.50","new_quantity":"0.063"},{"side":"offer","event_time":"1970-01-01T00:00:00Z","price_level":"61234.60","new_quantity":"0.02"}]}]}"#;
const UPDATE: &str = r#"{"channel":"l2_data","client_id":"","timestamp":"2026-01-01T00:00:01.45Z","sequence_num":3,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"2026-01-01T00:00:01.448Z","price_level":"61234.50","new_quantity":"2.0"},{"side":"offer","event_time":"2026-01-01T00:00:01.448Z","price_level":"61234.60","new_quantity":"0"}]}]}"#;
const TRADES: &str = r#"{"channel":"market_trades","client_id":"","timestamp":"2026-01-01T00:00:02.78Z","sequence_num":5,"events":[{"type":"update","trades":[{"trade_id":"995000003","product_id":"BTC-USD","price":"61234.61","size":"0.5","side":"SELL","time":"2026-01-01T00:00:02.71Z"},{"trade_id":"995000002","product_id":"BTC-USD","price":"61234.60","size":"0.0015","side":"BUY","time":"2026-01-01T00:00:02.7Z"}]}]}"#;
const TICKER: &str = r#"{"channel":"ticker","client_id":"","timestamp":"2026-01-01T00:00:03Z","sequence_num":7,"events":[{"type":"snapshot","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"61234.5","volume_24_h":"16038.28","low_24_h":"60100","high_24_h":"62000","low_52_w":"15460","high_52_w":"126000","price_percent_chg_24_h":"-4.1","best_bid":"61234.5","best_bid_quantity":"0.5","best_ask":"61234.6","best_ask_quantity":"0.4"}]}]}"#;
const CANDLES: &str = r#"{"channel":"candles","client_id":"","timestamp":"2026-01-01T00:00:04Z","sequence_num":8,"events":[{"type":"snapshot","candles":[{"start":"1767225600","high":"1867.72","low":"1865.63","open":"1867.38","close":"1866.81","volume":"0.2","product_id":"BTC-USD"}]}]}"#;

fn read(text: &str) -> (Result<MarketMessage, DecodeError>, Batch) {
    let mut batch = Batch::default();
    let message = decode_market(text, &symbols(), &mut batch);
    (message, batch)
}

#[test]
fn books_take_the_fast_path_and_mean_what_the_slow_one_says() {
    let start = UPDATE.find("[{\"type\"").unwrap() + 1;
    let event = &UPDATE[start..UPDATE.len() - 2];
    let two = UPDATE.replace(event, &format!("{event},{event}"));
    for text in [SNAPSHOT, UPDATE, &two] {
        let (mut quick, mut full) = (Batch::default(), Batch::default());
        let message = fast(text.as_bytes(), &symbols(), &mut quick);
        assert_eq!(message, Some(slow(text, &symbols(), &mut full).unwrap()), "{text}");
        assert_eq!(quick, full, "{text}");
    }
    let (message, batch) = read(SNAPSHOT);
    let message = message.unwrap();
    assert_eq!((message.sequence, message.content), (Some(2), Content::Books));
    assert_eq!(message.time.unwrap().millis(), at(0).millis() + 714);
    let level = |side, price, qty| LevelUpdate { side, price: GridPrice(price), qty: GridQty(qty) };
    let whole = [level(Side::Buy, 6_123_450, 6_300_000), level(Side::Sell, 6_123_460, 2_000_000)];
    assert!(batch.books[0].snapshot);
    assert_eq!(batch.levels_of(&batch.books[0]), whole);
    let (_, batch) = read(&two);
    let change = [level(Side::Buy, 6_123_450, 200_000_000), level(Side::Sell, 6_123_460, 0)];
    for index in [0, 1] {
        assert_eq!(batch.levels_of(&batch.books[index]), change, "event {index}");
    }
}

/// USD and USDC are one book; each gets its change, also where their grids differ.
#[test]
fn a_message_is_news_of_every_alias() {
    let usdc = instrument("BTC", "USDC");
    let lot = "0.0001".parse().unwrap();
    let grid = model::market::Grid::of(usdc.tick, lot);
    let coarse = model::Instrument { lot, grid, ..usdc.clone() };
    for (other, first_bid) in [(usdc, 6_300_000), (coarse, 630)] {
        let symbols = Symbols::new(vec![instrument("BTC", "USD"), other]);
        let mut batch = Batch::default();
        decode_market(SNAPSHOT, &symbols, &mut batch).unwrap();
        let told: Vec<_> = batch.books.iter().map(|c| c.instrument.to_string()).collect();
        assert_eq!(told, ["BTC-USD", "BTC-USDC"]);
        assert_eq!(batch.levels_of(&batch.books[0])[0].qty, GridQty(6_300_000));
        assert_eq!(batch.levels_of(&batch.books[1])[0].qty, GridQty(first_bid));
        decode_market(TRADES, &symbols, &mut batch).unwrap();
        assert_eq!(batch.trades.len(), 4);
    }
}

/// The side on the wire is the maker's, and the newest comes first.
#[test]
fn trades_leave_oldest_first_with_the_takers_side() {
    let (message, batch) = read(TRADES);
    assert_eq!(message.unwrap().content, Content::Trades);
    let told: Vec<_> = batch.trades.iter().map(|(_, t)| (t.id, t.taker_side, t.qty.0)).collect();
    assert_eq!(told, [(995_000_002, Side::Sell, 150_000), (995_000_003, Side::Buy, 50_000_000)]);
}

#[test]
fn tickers_candles_and_the_rest() {
    let content = |text: &str| read(text).0.unwrap().content;
    let Content::Tickers(news) = content(TICKER) else { panic!("no ticker") };
    assert_eq!(news[0].last, GridPrice(6_123_450));
    let ask = news[0].quote.unwrap().ask.unwrap();
    assert_eq!((ask.price.0, ask.qty.0), (6_123_460, 40_000_000));
    let from = TICKER.find(",\"best_bid\"").unwrap();
    let batched = format!("{}}}]}}]}}", &TICKER[..from])
        .replace("\"ticker\",\"client", "\"ticker_batch\",\"client");
    let Content::Tickers(news) = content(&batched) else { panic!("no ticker") };
    assert_eq!(news[0].quote, None);
    let Content::Candles(candles) = content(CANDLES) else { panic!("no candle") };
    let (_, candle) = candles[0];
    assert_eq!((candle.start, candle.open.0, candle.high.0), (at(0), 186_738, 186_772));
    assert_eq!((candle.low.0, candle.close.0, candle.volume.0), (186_563, 186_681, 20_000_000));
    for counter in ["\"3049\"", "3049"] {
        let text = format!(
            r#"{{"channel":"heartbeats","client_id":"","timestamp":"2026-01-01T00:00:00Z","sequence_num":1,"events":[{{"current_time":"2026-01-01 00:00:00.12 +0000 UTC m=+42.1","heartbeat_counter":{counter}}}]}}"#
        );
        assert_eq!(content(&text), Content::Heartbeat);
    }
    let ack = r#"{"channel":"subscriptions","client_id":"","timestamp":"2026-01-01T00:00:00.000000001Z","sequence_num":1,"events":[{"subscriptions":{"level2":["BTC-USD"],"heartbeats":["heartbeats"]}}]}"#;
    let Content::Subscriptions(all) = content(ack) else { panic!("no ack") };
    assert_eq!(all["level2"], ["BTC-USD"]);
    let refused = r#"{"type":"error","message":"authentication failure"}"#;
    assert_eq!(content(refused), Content::Error("authentication failure".to_owned()));
    let status = ack.replace("\"subscriptions\",\"client", "\"status\",\"client");
    assert_eq!(content(&status), Content::Other);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let spaced = UPDATE.replace(',', ", ");
    assert_eq!(read(&spaced), read(UPDATE), "the parser takes over");
    let error = |text: &str| read(text).0.unwrap_err();
    assert_eq!(
        error(&UPDATE.replace("BTC-USD", "DOGE-USD")),
        DecodeError::Product("DOGE-USD".to_owned())
    );
    assert_eq!(
        error(&UPDATE.replace("61234.50", "61234.501")),
        DecodeError::Number("61234.501".to_owned())
    );
    for (known, never) in [("\"bid\"", "\"ask\""), ("\"update\"", "\"patch\"")] {
        assert!(
            matches!(error(&UPDATE.replace(known, never)), DecodeError::Word { .. }),
            "{never}"
        );
    }
    for text in [&UPDATE.replace("\"sequence_num\":3,", ""), "{}", "[]", r#"{"type":"error"}"#] {
        assert!(matches!(error(text), DecodeError::Shape(_)), "{text}");
    }
}

proptest! {
    /// Whatever is cut, doubled or changed: an error or a message, never a panic.
    #[test]
    fn damage_never_panics(at in 0usize..700, byte in any::<u8>(), cut in 0usize..700) {
        for text in [SNAPSHOT, UPDATE, TRADES, TICKER, CANDLES] {
            let mut bytes = text.as_bytes().to_vec();
            let last = bytes.len() - 1;
            bytes[at.min(last)] = byte;
            let _ = read(&String::from_utf8_lossy(&bytes));
            let _ = read(&text[..cut.min(text.len())]);
        }
    }

    /// Whatever one side writes the other reads, by the fast path where the numbers are on the grid.
    #[test]
    fn what_is_written_is_read(
        levels in prop::collection::vec((any::<bool>(), 1i64..1_000_000_000, 0i64..1_000_000_000_000), 0..9),
        number in any::<u64>(),
    ) {
        let updates = levels.iter().map(|(bid, price, qty)| wire::Level2Update {
            side: vocabulary::book_side(if *bid { Side::Buy } else { Side::Sell }).to_owned(),
            event_time: at(0).into(),
            price_level: model::Decimal::new(*price, 2),
            new_quantity: model::Decimal::new(*qty, 8),
        });
        let event = wire::Level2Event {
            kind: "update".to_owned(),
            product_id: "BTC-USD".to_owned(),
            updates: updates.collect(),
        };
        let message = wire::Envelope {
            channel: "l2_data".to_owned(),
            client_id: String::new(),
            timestamp: at(5).into(),
            sequence_num: number,
            events: vec![event],
        };
        let text = serde_json::to_string(&message).unwrap();
        let mut batch = Batch::default();
        let read = fast(text.as_bytes(), &symbols(), &mut batch).unwrap();
        prop_assert_eq!((read.sequence, read.time), (Some(number), Some(at(5))));
        let told: Vec<_> =
            batch.levels.iter().map(|l| (l.side == Side::Buy, l.price.0, l.qty.0)).collect();
        prop_assert_eq!(told, levels);
    }
}
