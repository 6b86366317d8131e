//! Whatever rows there are: what is written is read, what is sorted is in order, what is merged is all there.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{Folder, btc, read};
use data::{BATCH_ROWS, Import, Merge, Options};
use plimsoll_data as data;
use proptest::prelude::*;

/// Seconds, quantity.
type Rows = Vec<(u16, u8)>;

fn text(rows: &Rows) -> String {
    let mut text = "time,price,qty\n".to_owned();
    for (second, qty) in rows {
        text.push_str(&format!("{},1.25,{qty}\n", 1_704_067_200 + u64::from(*second)));
    }
    text
}

/// Time and quantity of a row of `common::rows`.
fn parsed(row: &str) -> (u64, u8) {
    let words: Vec<&str> = row.split(' ').collect();
    (words[0].parse::<u64>().unwrap() / 1_000 - 1_704_067_200, words[3].parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Both ways to sort give what a stable sort gives.
    #[test]
    fn sorted_rows_keep_their_order_within_a_time(rows in prop::collection::vec((0u16..40, any::<u8>()), 1..300)) {
        let folder = Folder::new();
        let path = folder.write("in.csv", text(&rows));
        let mut expected = rows.clone();
        expected.sort_by_key(|(second, _)| *second);
        for sort in [false, true] {
            let out = folder.path("out.parquet");
            let import = Import { files: vec![path.clone()], out: out.clone(), options: btc(), sort, skip_bad: false };
            data::import(&import, &mut |_, _, _| {}).unwrap();
            let read = read(&out, &Options::default()).unwrap();
            let read: Vec<(u64, u8)> = read.iter().map(|row| parsed(row)).collect();
            let expected: Vec<(u64, u8)> = expected.iter().map(|(second, qty)| (u64::from(*second), *qty)).collect();
            prop_assert_eq!(read, expected);
        }
    }

    /// A merge is a stable sort of the sources one after the other, so ties go to the one named first.
    #[test]
    fn a_merge_is_a_stable_sort(sources in prop::collection::vec(prop::collection::vec((0u16..30, any::<u8>()), 1..60), 1..5)) {
        let folder = Folder::new();
        let mut files = Vec::new();
        let mut expected = Vec::new();
        for (number, rows) in sources.iter().enumerate() {
            let mut rows = rows.clone();
            rows.sort_by_key(|(second, _)| *second);
            files.push(folder.write(&format!("{number}.csv"), text(&rows)));
            expected.extend(rows.iter().map(|(second, qty)| (u64::from(*second), number, *qty)));
        }
        expected.sort_by_key(|(second, _, _)| *second);
        let options = Options { price_decimals: Some(2), qty_decimals: Some(0), ..btc() };
        let open = |file: &std::path::PathBuf| data::open(file, &options).unwrap();
        let mut merge = Merge::new(files.iter().map(open).collect());
        let mut merged = Vec::new();
        while let Some(run) = merge.next_run().unwrap() {
            prop_assert!(!run.rows.is_empty());
            let data::Columns::Trades(trades) = &run.batch.columns else { unreachable!("they are trades") };
            for row in run.rows {
                let second = run.batch.time[row] as u64 / 1_000_000_000 - 1_704_067_200;
                merged.push((second, run.source, u8::try_from(trades.qty[row]).unwrap()));
            }
        }
        prop_assert_eq!(merged, expected);
    }

    /// Bytes that mean nothing are an error, and never a panic.
    #[test]
    fn any_bytes_are_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400), header in any::<bool>()) {
        let folder = Folder::new();
        let mut content = if header { b"time,side,price,qty,is_snapshot\n".to_vec() } else { Vec::new() };
        content.extend(bytes);
        let path = folder.write("in.csv", content);
        let _ = read(&path, &btc());
    }

    /// The same for texts made of what market data is made of.
    #[test]
    fn any_fields_are_rows_or_an_error(text in "[0-9a-z,.:;\"\n+-]{0,300}") {
        let folder = Folder::new();
        let path = folder.write("in.csv", format!("time,open,high,low,close,volume\n{text}"));
        let _ = read(&path, &btc());
        let path = folder.write("in.csv", text);
        let _ = read(&path, &btc());
    }
}

/// More rows than a batch, a window and a group of rows hold, of which the last needs more digits than the first.
#[test]
fn a_long_file_comes_through_whole_and_exact() {
    let folder = Folder::new();
    let rows = 300_000u64;
    let mut text = "time,id,price,qty,side\n".to_owned();
    for row in 0..rows {
        text.push_str(&format!(
            "{},{},{}.25,3,buy\n",
            1_704_067_200_000 + row,
            row + 1,
            row % 1_000 + 1
        ));
    }
    text.push_str(&format!("{},{},7.00000001,0.5,sell\n", 1_704_067_200_000 + rows, rows + 1));
    let path = folder.write("in.csv", text);
    let out = folder.path("out.parquet");
    let imported = common::import(vec![path.clone()], out.clone(), btc()).unwrap();
    assert_eq!(imported.checks.rows, rows + 1);
    let grid = imported.meta.grid;
    assert_eq!((grid.price_decimals, grid.qty_decimals), (8, 1));
    let ours = read(&out, &Options::default()).unwrap();
    assert_eq!(ours.len() as u64, rows + 1);
    assert_eq!(
        ours[BATCH_ROWS],
        format!("{} 16385 buy 3 at 385.25", 1_704_067_200_000u64 + 16_384)
    );
    assert_eq!(
        *ours.last().unwrap(),
        format!("{} 300001 sell 0.5 at 7.00000001", 1_704_067_200_000 + rows)
    );
    // A driver that reads the text itself was not told; it says what to do.
    let error = read(&path, &btc()).unwrap_err().to_string();
    assert!(error.contains(":300002: price \"7.00000001\" needs 8 digits"), "{error}");
    assert!(error.contains("--price-decimals 8"), "{error}");
    let told = Options { price_decimals: Some(8), ..btc() };
    assert_eq!(read(&path, &told).unwrap(), ours);
}

#[test]
fn rounding_is_asked_for_and_counted() {
    let folder = Folder::new();
    let text = "time,price,qty\n1704067200,1.1,1.2867745400000001\n1704067201,1.2000000000000002,0.000000001\n";
    let path = folder.write("in.csv", text);
    let exact = read(&path, &btc()).unwrap();
    assert!(exact[0].ends_with(" 1.2867745400000001 at 1.1"), "{exact:?}");
    let out = folder.path("a.parquet");
    let imported = common::import(vec![path.clone()], out, common::rounded(8)).unwrap();
    assert_eq!(imported.remarks.rounded, 3);
    let rows = read(&folder.path("a.parquet"), &Options::default()).unwrap();
    assert!(
        rows[0].ends_with(" 1.28677454 at 1.1") && rows[1].ends_with(" 0.00000001 at 1.2"),
        "{rows:?}"
    );
    assert!(read(&path, &common::rounded(1)).unwrap()[0].ends_with(" 1.3 at 1.1"));
}

/// Files that overlap and come in any order; one of them ours already, on a coarser grid.
#[test]
fn several_files_become_one() {
    let folder = Folder::new();
    let trades = |from: u64, to: u64, price: &str| {
        let mut text = "id,price,qty,quote_qty,time,is_buyer_maker\n".to_owned();
        for id in from..to {
            text.push_str(&format!("{id},{price},1,1,{},true\n", 1_704_067_200_000 + id));
        }
        text
    };
    let january = folder.write("january.csv", trades(1, 100, "1.5"));
    let february = folder.write("february.csv.gz", common::gz(&trades(90, 200, "1.5")));
    let march = folder.write("march.csv", trades(210, 300, "1.125"));
    let ours = folder.path("january.parquet");
    common::import(vec![january], ours.clone(), btc()).unwrap();
    let out = folder.path("all.parquet");
    let imported = common::import(vec![march, ours, february], out.clone(), btc()).unwrap();
    assert_eq!(imported.checks.rows, 99 + 100 + 90);
    assert_eq!(imported.checks.duplicates, 10, "trades 90 to 99 are in two files");
    let gaps = imported.checks.gaps.unwrap();
    assert_eq!((gaps.count, gaps.missing), (1, 10), "trades 200 to 209 are in none");
    let rows = read(&out, &Options::default()).unwrap();
    assert!(rows[0].ends_with(" 1 sell 1 at 1.5"), "{}", rows[0]);
    assert!(rows[288].ends_with(" 299 sell 1 at 1.125"), "{}", rows[288]);
}

#[test]
fn gaps_repeated_bars_and_crossed_books_are_counted() {
    let folder = Folder::new();
    let bars = "time,open,high,low,close,volume\n60,1,2,1,1,1\n120,1,2,1,1,1\n120,1,2,1,1,1\n180,1,2,1,1,1\n420,1,3,1,1,1\n";
    let path = folder.write("bars.csv", bars);
    let checks = common::import(vec![path], folder.path("bars.parquet"), btc()).unwrap().checks;
    assert_eq!((checks.rows, checks.duplicates), (4, 1));
    let gaps = checks.gaps.unwrap();
    assert_eq!((gaps.count, gaps.missing), (1, 3));
    assert_eq!(gaps.first.unwrap().to_string(), "1970-01-01T00:07:00Z");
    let (low, high) = checks.prices.unwrap();
    assert_eq!((low.to_string(), high.to_string()), ("1".to_owned(), "3".to_owned()));

    // The second event crosses for a row and is whole at its end; the third stays crossed.
    let book = "time,is_snapshot,side,price,qty\n1,true,bid,10,1\n1,true,ask,11,1\n\
                2,false,bid,11,1\n2,false,ask,11,0\n2,false,ask,12,1\n3,false,bid,13,1\n";
    let path = folder.write("book.csv", book);
    let checks = common::import(vec![path], folder.path("book.parquet"), btc()).unwrap().checks;
    assert_eq!((checks.events, checks.snapshots, checks.crossed), (3, 1, 1));

    let quotes = "time,bid_price,bid_qty,ask_price,ask_qty\n1,10,1,11,1\n2,11,1,11,1\n3,12,1,,\n";
    let path = folder.write("quotes.csv", quotes);
    let checks = common::import(vec![path], folder.path("quotes.parquet"), btc()).unwrap().checks;
    assert_eq!((checks.rows, checks.crossed), (3, 1));
}
