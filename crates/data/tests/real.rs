//! Recorded market data beside the repository, where it is. What it holds is known from its own description,
//! and some of it was checked against other sources.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::PathBuf;

use common::{Folder, btc, import, read};
use data::{Checks, Options};
use plimsoll_data as data;

/// The recordings are no part of the repository: without them there is nothing to test here, which is said.
fn recorded(name: &str) -> Option<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let path = PathBuf::from(folder).join(name);
    if !path.exists() {
        eprintln!("not tested: {} is not there", path.display());
    }
    path.exists().then_some(path)
}

fn checks(name: &str) -> Option<Checks> {
    let folder = Folder::new();
    let imported = import(vec![recorded(name)?], folder.path("out.parquet"), btc()).unwrap();
    let info = data::inspect(&folder.path("out.parquet"), &Options::default(), &mut |_, _, _| {});
    assert_eq!(info.unwrap().checks, imported.checks, "{name}");
    Some(imported.checks)
}

#[test]
fn a_day_of_binance_agg_trades_has_no_gap() {
    let name = "trades/binance_spot_BTCUSDC-aggTrades-2025-10-04.zip";
    let Some(checks) = checks(name) else { return };
    assert_eq!((checks.rows, checks.duplicates), (140_489, 0));
    assert_eq!(checks.gaps.unwrap().count, 0);
    assert_eq!(checks.first.unwrap().to_string(), "2025-10-04T00:00:00.061015Z");
}

#[test]
fn a_year_of_minutes_is_whole_and_half_a_year_has_the_outages() {
    let Some(year) = checks("ohlcv/bitmex_XBTUSD_1m_2018.csv.gz") else { return };
    assert_eq!((year.rows, year.gaps.unwrap().count), (525_600, 0));
    let Some(crash) = checks("ohlcv/crash/20200312_binance_BTCUSDT_15m_2020.csv.gz") else {
        return;
    };
    // The outages of 2020-02-09, 02-19, 03-04, 04-25 and 06-28.
    assert_eq!((crash.rows, crash.gaps.unwrap().count), (18_470, 5));
    // Its volumes have been through binary numbers: 1.2867745400000001.
    let folder = Folder::new();
    let Some(path) = recorded("ohlcv/bitfinex_BTCUSD_1m_2019-01_04.csv.gz") else { return };
    let imported = import(vec![path], folder.path("out.parquet"), common::rounded(8)).unwrap();
    assert!(imported.remarks.rounded > 1_000);
    let bitfinex = imported.checks;
    let gaps = bitfinex.gaps.unwrap();
    assert_eq!((bitfinex.rows, gaps.count, gaps.missing), (166_367, 4_872, 6_433));
    let prices = bitfinex.prices.map(|(low, high)| (low.to_string(), high.to_string()));
    assert_eq!(prices.unwrap(), ("3405.32458599".to_owned(), "5690".to_owned()));
}

#[test]
fn two_months_in_the_wrong_order_become_one_without_a_gap() {
    let folder = Folder::new();
    let month =
        |month: &str| recorded(&format!("ohlcv/binance_um_FILUSDT/FILUSDT-1m-2023-{month}.csv.gz"));
    let (Some(september), Some(october)) = (month("09"), month("10")) else { return };
    let out = folder.path("fil.parquet");
    let imported = import(vec![october, september], out, Options::default()).unwrap();
    assert_eq!(imported.instrument.to_string(), "FIL-USDT");
    assert_eq!((imported.checks.rows, imported.checks.gaps.unwrap().count), (87_840, 0));
}

/// The same minutes as binary numbers in Korea's time and in UTC: exact decimals come out of both.
#[test]
fn parquet_of_others_is_read_exactly() {
    let (Some(korea), Some(utc)) = (
        recorded("ohlcv/binance_BTCUSDT_1m_202606_KST.parquet"),
        recorded("ohlcv/binance_BTCUSDT_1m_202606_UTC.parquet"),
    ) else {
        return;
    };
    let options = Options { price_decimals: Some(2), qty_decimals: Some(5), ..btc() };
    let (korea, utc) = (read(&korea, &options).unwrap(), read(&utc, &options).unwrap());
    assert_eq!((korea.len(), utc.len()), (56_161, 10_080));
    let nine_hours_later = |row: &String| {
        let (time, rest) = row.split_once(' ').unwrap();
        format!("{} {rest}", time.parse::<u64>().unwrap() + 9 * 3_600_000)
    };
    let first = nine_hours_later(&utc[0]);
    let at = korea.iter().position(|row| *row == first).unwrap();
    // The last bar of the file in UTC was still growing when it was written.
    for (row, other) in utc.iter().zip(&korea[at..]).take(utc.len() - 1) {
        assert_eq!(nine_hours_later(row), *other);
    }
    // Quantities that were computed in binary: 0.00031099999999999997 is no number that somebody traded.
    let folder = Folder::new();
    for (name, rows, noisy) in [
        ("trades/binance_XRP_ETH_trades_201910.parquet", 12_477, false),
        ("trades/binance_BTCUSDT_20210108_trades.parquet", 2_001, true),
        ("trades/binance_BTCUSDT_20210108_quotes.parquet", 451, true),
    ] {
        let Some(path) = recorded(name) else { return };
        let out = folder.path("out.parquet");
        let imported = import(vec![path], out, common::rounded(8)).unwrap();
        assert_eq!((imported.checks.rows, imported.remarks.rounded > 0), (rows, noisy), "{name}");
    }
}

#[test]
fn samples_of_tardis_are_read() {
    for (name, rows, snapshots) in [
        ("binance-futures_book_snapshot_5_BTCUSDT", 100, 10),
        ("binance-futures_book_snapshot_25_BTCUSDT", 500, 10),
        ("deribit_incremental_book_L2_BTC-PERPETUAL", 15, 1),
        ("bitmex_trades_XBTUSD", 10, 0),
        ("huobi-dm-swap_quotes_BTC-USD", 10, 0),
    ] {
        let Some(checks) = checks(&format!("book/tardis_samples/{name}.csv")) else { return };
        assert_eq!((checks.rows, checks.snapshots, checks.crossed), (rows, snapshots, 0), "{name}");
    }
}

/// Files that were made wrong on purpose: the rows that are wrong are found, and the others are all right.
#[test]
fn deliberate_errors_are_found() {
    let folder = Folder::new();
    for (name, line, words) in [
        ("difference_depth_stream_spot_trxusdt", 2, "price -1 is negative"),
        ("difference_depth_stream_coin_m_futures_trxusd_perp", 2, "symbol \"CBDC_PLN_PERP\""),
        ("trade_stream_spot_trxusdt", 4, "trade 348656871 was there before"),
        ("trade_stream_coin_m_futures_trxusd_perp", 4, "trade 39605683 was there before"),
        ("trade_stream_usd_m_futures_trxusdt", 2, "price -1 is negative"),
    ] {
        let name = format!("book/binance_trx_20250304/negative_{name}.csv.gz");
        let Some(path) = recorded(&name) else { return };
        let error = import(vec![path], folder.path("out.parquet"), btc()).unwrap_err().to_string();
        assert!(error.contains(&format!(".csv.gz:{line}: {words}")), "{error}");
        assert!(!folder.path("out.parquet").exists());
    }
}
