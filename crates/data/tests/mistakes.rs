//! What is wrong with files: a clear error with file and line, and nothing half written.

mod common;

use common::{Folder, btc, gz, import, read, zip};
use data::{DataError, Import, Kind, Options};
use plimsoll_data as data;

const TRADES: &str = "time,id,price,qty,side\n";

/// A file, and words that the error has; `FILE` stands for its name.
const CASES: &[(&str, &str, &str)] = &[
    ("empty", "", "FILE: the file holds no rows"),
    ("only a header", "time,price,qty\n", "FILE: the file holds no rows"),
    ("only blank lines", "\n\n# nothing\n", "FILE: the file holds no rows"),
    ("NaN", "time,price,qty\n1704067200,NaN,1\n", "FILE:2: price \"NaN\" is no number"),
    ("infinite", "time,price,qty\n1704067200,1,inf\n", "FILE:2: qty \"inf\" is no number"),
    ("decimal comma", "time;price;qty\n1704067200;1,5;1\n", "FILE:2: price \"1,5\" is no number"),
    (
        "negative price",
        "time,price,qty\n1704067200,1,1\n1704067201,-1,1\n",
        "FILE:3: price -1 is negative",
    ),
    ("price of zero", "time,price,qty\n1704067200,0.00,1\n", "FILE:2: price is zero"),
    ("no price", "time,price,qty\n1704067200,,1\n", "FILE:2: price is empty"),
    ("negative quantity", "time,price,qty\n1704067200,1,-2\n", "FILE:2: qty -2 is negative"),
    ("no time", "time,price,qty\n,1,1\n", "FILE:2: time is empty"),
    ("a word for a time", "time,price,qty\nnoon,1,1\n", "FILE:2: time \"noon\" is no time"),
    ("a side", "time,price,qty,side\n1704067200,1,1,left\n", "FILE:2: side \"left\" is no side"),
    (
        "too few fields",
        "time,price,qty\n1704067200,1,1\n1704067201,1\n",
        "FILE:3: 2 fields instead of 3",
    ),
    ("too many fields", "time,price,qty\n1704067200,1,1,1\n", "FILE:2: 4 fields instead of 3"),
    ("cut in a row", "time,price,qty\n1704067200,1,1\n17040672", "FILE:3: 1 fields instead of 3"),
    (
        "no column of prices",
        "time,qty\n1704067200,1\n",
        "FILE: the columns are those of no kind known here: time, qty",
    ),
    (
        "no column of times",
        "price,qty\n1,1\n",
        "FILE: no column for the time; there are: price, qty",
    ),
    (
        "no quantity",
        "time,price\n1704067200,1\n",
        "FILE: no column for the quantity; there are: time, price",
    ),
    (
        "a wide snapshot without amounts",
        "timestamp,bids[0].price,asks[0].price\n1704067200,1,2\n",
        "FILE: no column for its amount; there are: timestamp, bids[0].price, asks[0].price",
    ),
    (
        "no header",
        "1704067200,1,1,1,1\n",
        "FILE: no header, and 5 columns are no layout known here",
    ),
    (
        "high below low",
        "time,open,high,low,close,volume\n60,1,1,2,1,1\n120,1,2,1,1,1\n",
        "FILE:2: high 1 is below low 2",
    ),
    (
        "one bar",
        "time,open,high,low,close,volume\n60,1,2,1,1,1\n",
        "FILE: the length of the bars cannot be told from 1 rows; --interval",
    ),
    (
        "a bar twice",
        "time,open,high,low,close,volume\n60,1,2,1,1,1\n120,1,2,1,1,1\n120,1,2,1,1,3\n",
        "FILE:4: bar 1970-01-01T00:02:00Z was there before with other content",
    ),
    (
        "a trade twice",
        "time,id,price,qty\n1704067200,7,1,1\n1704067201,7,2,1\n",
        "FILE:3: trade 7 was there before with other content",
    ),
    (
        "another symbol",
        "time,symbol,price,qty\n1704067200,BTCUSDT,1,1\n1704067201,BTCUSDT,1,1\n1704067202,ETHUSDT,1,1\n",
        "FILE:4: symbol \"ETHUSDT\", and most of the first rows say \"BTCUSDT\"; --symbol",
    ),
    (
        "digits that do not fit",
        "time,price,qty\n1704067200,1,1000000000000\n1704067201,1,0.00000001\n",
        "does not fit 64 bits when it is counted with 8 digits",
    ),
    (
        "nineteen digits",
        "time,price,qty\n1704067200,0.0000000000000000001,1\n",
        "FILE:2: price 0.0000000000000000001 has more than 18 digits",
    ),
    ("JSON", "{\"a\": 1}\n", "FILE: this is JSON, which is not read; write it as CSV"),
    ("Feather", "ARROW1\0\0", "FILE: this is an Arrow or Feather file, which is not read"),
];

#[test]
fn each_is_said_with_file_and_line_and_nothing_is_written() {
    let folder = Folder::new();
    for (what, text, words) in CASES {
        let path = folder.write("in.csv", text);
        let error = import(vec![path.clone()], folder.path("out.parquet"), btc()).unwrap_err();
        let words = words.replace("FILE", &path.display().to_string());
        assert!(error.to_string().contains(&words), "{what}: {error}\nand not: {words}");
        assert_eq!(folder.names(), ["in.csv"], "{what}");
        // The same when it is packed.
        let packed = folder.write("in.csv", gz(text));
        if !text.starts_with(['{', 'A']) {
            let error = import(vec![packed], folder.path("out.parquet"), btc()).unwrap_err();
            assert!(error.to_string().contains(&words), "{what}, packed: {error}");
        }
        assert_eq!(folder.names(), ["in.csv"], "{what}");
    }
}

/// A driver that reads the file as it is stops at the same rows.
#[test]
fn a_driver_gets_the_first_of_them() {
    let folder = Folder::new();
    let path = folder
        .write("in.csv", "time,price,qty\n1704067200,1,1\n1704067201,NaN,1\n1704067202,-1,1\n");
    let error = read(&path, &btc()).unwrap_err();
    assert!(matches!(&error, DataError::Row { place, .. } if place.line == 3), "{error}");
}

#[test]
fn all_bad_rows_are_counted_and_the_first_are_listed() {
    let folder = Folder::new();
    let mut text = TRADES.to_owned();
    for row in 0..100 {
        let price = if row % 2 == 0 { "-1" } else { "1" };
        text.push_str(&format!("{},{},{price},1,buy\n", 1_704_067_200 + row, row + 1));
    }
    let path = folder.write("in.csv", text);
    let out = folder.path("out.parquet");
    let error = import(vec![path.clone()], out.clone(), btc()).unwrap_err().to_string();
    for words in
        ["50 rows cannot be taken", ":2: price -1", ":40: price -1", "… and 30 more", "--skip-bad"]
    {
        assert!(error.contains(words), "{words:?} is not in {error}");
    }
    assert_eq!(folder.names(), ["in.csv"]);
    let skipping = Import { files: vec![path], out, options: btc(), sort: false, skip_bad: true };
    let imported = data::import(&skipping, &mut |_, _, _| {}).unwrap();
    assert_eq!((imported.checks.rows, imported.remarks.bad), (50, 50));
}

#[test]
fn what_was_cut_off_is_known_to_be() {
    let folder = Folder::new();
    let mut text = TRADES.to_owned();
    for row in 0..50_000u64 {
        text.push_str(&format!(
            "{},{},{}.5,1,buy\n",
            1_704_067_200 + row,
            row + 1,
            row * 7919 % 10_007 + 1
        ));
    }
    let packed = gz(&text);
    let zipped = zip(&[("a.csv", &text)]);
    for (name, bytes) in [("a.csv.gz", &packed), ("a.zip", &zipped)] {
        for part in [10, 50, 90, 99] {
            let path = folder.write(name, &bytes[..bytes.len() * part / 100]);
            let error = import(vec![path.clone()], folder.path("out.parquet"), btc()).unwrap_err();
            assert!(matches!(error, DataError::Truncated { .. }), "{name} {part}: {error}");
            assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
            assert_eq!(folder.names(), [name], "{part}");
        }
        std::fs::remove_file(folder.path(name)).unwrap();
    }
    // A byte that is another one: the checksum says so, or the packing.
    for (name, bytes) in [("a.csv.gz", &packed), ("a.zip", &zipped)] {
        let mut wrong = bytes.clone();
        let middle = wrong.len() / 2;
        wrong[middle] ^= 0x55;
        let path = folder.write(name, &wrong);
        let error = import(vec![path], folder.path("out.parquet"), btc()).unwrap_err();
        let known = matches!(
            error,
            DataError::Damaged { .. } | DataError::Truncated { .. } | DataError::Rows { .. }
        );
        assert!(known, "{name}: {error}");
        assert_eq!(folder.names(), [name]);
        std::fs::remove_file(folder.path(name)).unwrap();
    }
}

#[test]
fn a_zip_of_several_files_is_not_guessed_about() {
    let folder = Folder::new();
    let path = folder.write("a.zip", zip(&[("a.csv", TRADES), ("b.csv", TRADES)]));
    let error = read(&path, &btc()).unwrap_err().to_string();
    assert!(error.contains("holds 2 files of data, and one is read: unpack it"), "{error}");
}

#[test]
fn rows_a_little_late_are_put_into_their_place_and_others_need_a_sort() {
    let folder = Folder::new();
    let trade = |second: u64| format!("{},0,1.5,{},buy\n", 1_704_067_200 + second, second + 1);
    // Neighbours change places.
    let mut text = TRADES.to_owned();
    (0..1_000).for_each(|second| text.push_str(&trade(second ^ 1)));
    let path = folder.write("late.csv", &text);
    let imported = import(vec![path.clone()], folder.path("late.parquet"), btc()).unwrap();
    assert_eq!((imported.checks.rows, imported.remarks.reordered), (1_000, 500));
    let rows = read(&folder.path("late.parquet"), &Options::default()).unwrap();
    let quantities: Vec<String> =
        rows.iter().map(|row| row.split(' ').nth(3).unwrap().to_owned()).collect();
    assert_eq!(quantities, (1..=1_000).map(|qty| qty.to_string()).collect::<Vec<_>>());

    // The first second comes last.
    let mut text = TRADES.to_owned();
    (1..200_000).chain([0]).for_each(|second| text.push_str(&trade(second)));
    let path = folder.write("far.csv", &text);
    let out = folder.path("far.parquet");
    let error = import(vec![path.clone()], out.clone(), btc()).unwrap_err();
    assert!(
        matches!(&error, DataError::OutOfOrder { place, .. } if place.line == 200_001),
        "{error}"
    );
    assert!(error.to_string().contains("--sort"), "{error}");
    assert!(!out.exists());
    let sorting =
        Import { files: vec![path], out: out.clone(), options: btc(), sort: true, skip_bad: false };
    let imported = data::import(&sorting, &mut |_, _, _| {}).unwrap();
    assert_eq!((imported.checks.rows, imported.remarks.reordered), (200_000, 1));
    assert!(read(&out, &Options::default()).unwrap()[0].ends_with(" 0 buy 1 at 1.5"));
    let left = ["far.csv", "far.parquet", "late.csv", "late.parquet"];
    assert_eq!(folder.names(), left, "nothing of the sort is left");
}

#[test]
fn files_that_do_not_belong_together_are_not_joined() {
    let folder = Folder::new();
    let bars = "time,open,high,low,close,volume\n60,1,2,1,1,1\n120,1,2,1,1,1\n";
    let hours = "time,open,high,low,close,volume\n3600,1,2,1,1,1\n7200,1,2,1,1,1\n";
    let trades = "time,price,qty\n1704067200,1,1\n";
    let cases = [
        (
            ("a.csv", bars),
            ("b.csv", trades),
            "b.csv: it holds trades, and the files before it bars",
        ),
        (
            ("a.csv", bars),
            ("b.csv", hours),
            "b.csv: its bars are of 3600 s, and those of the files before it of 60 s",
        ),
        (
            ("BTCUSDT.csv", trades),
            ("ETHUSDT.csv", trades),
            "it is about ETH-USDT, and the files before it about BTC-USDT",
        ),
        (
            ("a.csv", trades),
            ("b.csv", trades),
            "neither the file nor its name says of which instrument; --instrument does",
        ),
    ];
    for (first, second, words) in cases {
        let files = vec![folder.write(first.0, first.1), folder.write(second.0, second.1)];
        let error = import(files, folder.path("out.parquet"), Options::default()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(!folder.path("out.parquet").exists());
    }
    let path = folder.write("a.csv", bars);
    let options = Options { kind: Some(Kind::Trades), ..btc() };
    let error = read(&path, &options).unwrap_err().to_string();
    assert!(error.contains("it holds bars, not trades"), "{error}");
}

/// What was there stays, when what should take its place cannot be made.
#[test]
fn a_target_that_is_there_is_replaced_as_a_whole_or_not_at_all() {
    let folder = Folder::new();
    let good = folder.write("good.csv", "time,price,qty\n1704067200,1,1\n");
    let bad = folder.write("bad.csv", "time,price,qty\n1704067200,1,1\n1704067201,x,1\n");
    let out = folder.path("out.parquet");
    import(vec![good.clone()], out.clone(), btc()).unwrap();
    let before = std::fs::read(&out).unwrap();
    import(vec![bad], out.clone(), btc()).unwrap_err();
    assert_eq!(std::fs::read(&out).unwrap(), before);
    import(vec![good], out.clone(), btc()).unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), before, "the same rows make the same bytes");
    // A folder that is not there, and a file of ours that is not whole.
    let nowhere = folder.path("nowhere/out.parquet");
    let error = import(vec![folder.path("good.csv")], nowhere, btc()).unwrap_err();
    assert!(matches!(error, DataError::Io { .. }), "{error}");
    for part in [10, 50, 99] {
        let cut = folder.write("cut.parquet", &before[..before.len() * part / 100]);
        let error = read(&cut, &Options::default()).unwrap_err();
        assert!(matches!(error, DataError::Damaged { .. }), "{error}");
    }
}

/// Whatever byte of a file of ours is another one: an error, or the same rows; never other rows, never a panic.
#[test]
fn a_damaged_file_of_ours_never_gives_other_rows() {
    let folder = Folder::new();
    let mut text = TRADES.to_owned();
    for row in 0..300u64 {
        text.push_str(&format!(
            "{},{},{}.5,{},sell\n",
            1_704_067_200 + row,
            row + 1,
            row % 17 + 1,
            row
        ));
    }
    let path = folder.write("in.csv", text);
    let out = folder.path("out.parquet");
    import(vec![path], out.clone(), btc()).unwrap();
    let whole = std::fs::read(&out).unwrap();
    let rows = read(&out, &Options::default()).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let path = folder.write("damaged.parquet", bytes);
        if let Ok(read) = read(&path, &Options::default()) {
            assert!(read == rows, "byte {at} of {}: {:?}", whole.len(), read.first());
        }
    }
}
