//! Files as their readers see them, and what a restart makes of a directory.

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;

use super::*;
use crate::fold::Fold;
use crate::row::Missing;

fn rows(numbers: std::ops::RangeInclusive<u64>) -> Vec<Row> {
    numbers
        .map(|seq| {
            let at = seq.cast_signed() * HOUR_NANOS / 10;
            let text = format!(
                r#"{{"at":{at},"kind":"filled","client_order_id":"trend-1-{seq}","fill":{{"trade_id":"{seq}",
                "venue_order_id":"1","client_order_id":null,"instrument":"BTC-USDT","side":"sell",
                "price":"60000.000000000000000001","qty":"0.5","fee":{{"asset":"BTC","amount":"-0.001"}},
                "liquidity":"taker","venue_time":5}},"late":false}}"#
            );
            let entry = serde_json::from_str(&text).unwrap();
            Row::of(StoreTag::new(7), seq, &text, entry, &Fold::default())
        })
        .collect()
}

fn files(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for day in std::fs::read_dir(dir).unwrap() {
        let day = day.unwrap();
        if day.file_type().unwrap().is_dir() {
            for file in std::fs::read_dir(day.path()).unwrap() {
                let name = file.unwrap().file_name();
                names.push(format!("{}/{}", day.file_name().display(), name.display()));
            }
        }
    }
    names.sort();
    names
}

#[test]
fn what_is_written_is_read_back_exactly() {
    let directory = tempfile::tempdir().unwrap();
    let mut sink = Parquet::new(directory.path(), 100, Duration::from_secs(3_600));
    assert_eq!(sink.open(StoreTag::new(7), 0).unwrap(), 0);
    let written = rows(1..=5);
    sink.write(&written[..2]).unwrap();
    sink.write(&written[2..]).unwrap();
    assert!(sink.is_open() && !sink.is_due());
    assert_eq!(files(directory.path()), [] as [&str; 0], "what is not closed is not there");
    sink.finish().unwrap();
    let name = "date=1970-01-01/00007-000000000001-000000000005.parquet";
    assert_eq!(files(directory.path()), [name]);
    let file = File::open(directory.path().join(name)).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let read: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(read.len(), 5);
    for (row, read) in written.iter().zip(&read) {
        let text = |name: &str| read.get_string(index(read, name)).unwrap().clone();
        assert_eq!((text("id"), text("json")), (row.id.clone(), row.json.clone()));
        assert_eq!((text("kind"), text("side")), ("filled".to_owned(), "sell".to_owned()));
        let shown = read.to_string();
        for part in ["price: 60000.000000000000000001", "fee: -0.001", "reason: null"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}

fn index(row: &parquet::record::Row, name: &str) -> usize {
    row.get_column_iter().position(|(column, _)| column == name).unwrap()
}

#[test]
fn a_restart_goes_on_behind_the_last_closed_file() {
    let directory = tempfile::tempdir().unwrap();
    let tag = StoreTag::new(7);
    let sink = || Parquet::new(directory.path(), 3, Duration::from_secs(3_600));
    let mut first = sink();
    first.open(tag, 0).unwrap();
    first.write(&rows(1..=3)).unwrap();
    assert!(first.is_due(), "three rows are a file");
    first.finish().unwrap();
    first.write(&rows(4..=5)).unwrap();
    drop(first);
    let mut second = sink();
    assert_eq!(second.open(tag, 0).unwrap(), 3, "what was not closed is done again");
    assert!(!second.hidden().exists());
    second.write(&rows(4..=6)).unwrap();
    second.finish().unwrap();
    assert_eq!(sink().open(tag, 3).unwrap(), 6, "the directory knows more than the cursor");
    assert_eq!(sink().open(StoreTag::new(8), 0).unwrap(), 0, "another journal's files say nothing");
    std::fs::remove_dir_all(directory.path().join("date=1970-01-01")).unwrap();
    assert_eq!(sink().open(tag, 6).unwrap(), 6, "files may be moved away");
    std::fs::remove_dir_all(directory.path()).unwrap();
    assert_eq!(sink().open(tag, 6).unwrap(), 0, "a new directory gets all");
}

#[test]
fn missing_records_have_a_row_that_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut sink = Parquet::new(directory.path(), 100, Duration::from_secs(3_600));
    sink.open(StoreTag::new(7), 0).unwrap();
    let missing = Missing { first: 1, last: 9 };
    sink.write(&[Row::missing(StoreTag::new(7), missing, Timestamp::from_nanos(0))]).unwrap();
    sink.finish().unwrap();
    assert_eq!(
        files(directory.path()),
        ["date=1970-01-01/00007-000000000001-000000000009.parquet"]
    );
}
