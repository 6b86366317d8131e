//! `plimsoll data`: the page followed to the letter, exit codes, what is printed where.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::{BINARY, plimsoll, stderr};
use serde_json::Value;

/// The commands of the page, run by a shell as somebody would who pastes them.
#[test]
fn the_page_does_what_it_says() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/data.md");
    let page = std::fs::read_to_string(page).unwrap();
    let script = page.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let binary = Path::new(BINARY).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-e", "-c", script])
        .current_dir(folder.path())
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    let info: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let file = &info["files"][0];
    assert_eq!(file["rows"], 3);
    assert_eq!(file["kind"], "trades");
    assert_eq!(file["instrument"], "BTC-USDT");
    assert_eq!(file["first"], "2024-01-01T00:00:00.100Z");
    assert_eq!((&file["price_decimals"], &file["qty_decimals"]), (&2.into(), &4.into()));
    assert_eq!((&file["price_min"], &file["price_max"]), (&"42283.57".into(), &"42284".into()));
    // The contract: each key that the page lists is there, and no other.
    let keys = page.split("with these keys: ").nth(1).unwrap();
    let keys = keys.split(".\n").next().unwrap();
    let mut told: Vec<&str> = keys.split('`').skip(1).step_by(2).collect();
    told.sort_unstable();
    let mut has: Vec<&String> = file.as_object().unwrap().keys().collect();
    has.sort_unstable();
    assert_eq!(has, told);
}

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(BINARY).args(args).current_dir(folder).output().unwrap()
}

#[test]
fn a_bad_row_fails_with_its_line_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "time,price,qty\n1704067200,1,1\n1704067201,NaN,1\n1704067202,-3,1\n1704067203,2,1\n";
    std::fs::write(folder.path().join("in.csv"), text).unwrap();
    let import = ["data", "import", "in.csv", "--out", "out.parquet", "--instrument", "BTC-USDT"];
    let output = run(folder.path(), &import);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    for words in [
        "out.parquet was not made",
        "2 rows",
        "in.csv:3: price \"NaN\" is no number",
        "in.csv:4: price -3",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    assert!(output.stdout.is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let output = run(folder.path(), &[&import[..], &["--skip-bad", "--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["rows"], &said["bad_rows"]), (&2.into(), &2.into()));
    assert!(stderr(&output).contains("bad row: in.csv:3: price \"NaN\" is no number"));

    // Looking at the text itself finds the same, and fails.
    let output = run(folder.path(), &["data", "info", "in.csv", "out.parquet", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["files"][0]["bad_rows"], 2);
    assert_eq!(
        (&said["files"][1]["rows"], &said["files"][1]["layout"]),
        (&2.into(), &"plimsoll".into())
    );
    let output = run(folder.path(), &["data", "info", "out.parquet"]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("holds       trades, BTC-USDT, layout plimsoll"), "{said}");
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let folder = tempfile::tempdir().unwrap();
    let text = "time,price,qty\n1704067200,1,1\n";
    std::fs::write(folder.path().join("in.csv"), text).unwrap();
    let out = ["--out", "out.parquet"];
    for (args, code, words) in [
        (&["in.csv", "--format", "binance"][..], 2, "binance-klines, binance-trades"),
        (&["in.csv", "--kind", "ticks"], 2, "there are bars, trades, quotes, book"),
        (&["in.csv", "--interval", "1x"], 2, "as in 15m"),
        (&["in.csv", "--price-decimals", "19"], 2, "19"),
        (&[], 2, "<FILE>"),
        (&["in.csv"], 1, "--instrument does"),
        (&["nothing.csv", "--instrument", "BTC-USDT"], 1, "nothing.csv: No such file"),
        (&["in.csv", "--instrument", "BTC-USDT", "--kind", "book"], 1, "no column for the side"),
    ] {
        let output = run(folder.path(), &[&["data", "import"], args, &out].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?} {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{args:?}: {}", stderr(&output));
        assert!(!folder.path().join("out.parquet").exists());
    }
    let output = run(folder.path(), &["data", "import", "in.csv", "--out", "."]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(plimsoll(&["data"]).status.code(), Some(2));
}

/// Rows of trades a second apart, in the words of a file.
fn trades(count: usize) -> Vec<String> {
    // Of one price, so that nobody trades on them.
    (0..count).map(|n| format!("{},100.5,0.1\n", 1_704_067_200 + n)).collect()
}

/// A file with this in it, compressed and cut in two.
fn cut_off(folder: &Path, text: &str) -> String {
    std::fs::write(folder.join("whole.csv"), text).unwrap();
    let gzip = Command::new("gzip").args(["-c", "whole.csv"]).current_dir(folder).output().unwrap();
    assert!(gzip.status.success(), "{}", stderr(&gzip));
    std::fs::remove_file(folder.join("whole.csv")).unwrap();
    std::fs::write(folder.join("cut.csv.gz"), &gzip.stdout[..gzip.stdout.len() / 2]).unwrap();
    "cut.csv.gz".to_owned()
}

/// The mistakes that files have, through everything that reads them: the file and the line are said, the exit code is one,
/// and nothing is left of what would have been written.
#[test]
fn a_bad_file_is_named_and_nothing_half_written_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let rows = trades(140_000);
    let head = "time,price,qty\n";
    let with = |bad: &str| format!("{head}{}{bad}\n{}", rows[..4].concat(), rows[5..9].concat());
    let late = format!("{head}{}{}", rows[1..].concat(), rows[0]);
    let mut cases: Vec<(String, String)> = Vec::new();
    for (file, text, says) in [
        ("unsorted.csv", late, "unsorted.csv:140001: out of order by more than 65536 rows"),
        ("nan.csv", with("1704067204,NaN,1"), "nan.csv:6: price \"NaN\" is no number"),
        ("infinite.csv", with("1704067204,1,inf"), "infinite.csv:6: qty \"inf\" is no number"),
        ("negative.csv", with("1704067204,-3,1"), "negative.csv:6: price -3"),
        ("short.csv", with("1704067204,3"), "short.csv:6: 2 fields instead of 3"),
        ("time.csv", with("yesterday,3,1"), "time.csv:6: time \"yesterday\""),
        (
            "columns.csv",
            "when,foo,bar\n1,2,3\n".to_owned(),
            "columns.csv: the columns are those of no kind",
        ),
        ("empty.csv", String::new(), "empty.csv: the file holds no rows"),
        ("headed.csv", head.to_owned(), "headed.csv: the file holds no rows"),
        ("empty.csv.gz", String::new(), "empty.csv.gz: the file holds no rows"),
    ] {
        std::fs::write(folder.path().join(file), text).unwrap();
        cases.push((file.to_owned(), says.to_owned()));
    }
    let cut = cut_off(folder.path(), &format!("{head}{}", rows[..5_000].concat()));
    cases.push((cut, "cut.csv.gz: the gzip data ends early, after line".to_owned()));
    std::fs::write(folder.path().join("good.csv"), format!("{head}{}", rows[..999].concat()))
        .unwrap();
    let import =
        ["data", "import", "good.csv", "--out", "ours.parquet", "--instrument", "BTC-USDT"];
    assert!(run(folder.path(), &import).status.success());
    let ours = std::fs::read(folder.path().join("ours.parquet")).unwrap();
    std::fs::write(folder.path().join("ours.parquet"), &ours[..ours.len() / 2]).unwrap();
    cases.push(("ours.parquet".to_owned(), "ours.parquet: ".to_owned()));

    let names = || -> Vec<_> {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort_unstable();
        names
    };
    let before = names();
    let agent =
        ["--agent", "ema-cross", "--param", "fast=2", "--param", "slow=3", "--param", "qty=0.1"];
    for (file, says) in &cases {
        let named = ["--instrument", "BTC-USDT"];
        let import = [&["data", "import", file, "--out", "made.parquet"][..], &named].concat();
        let test =
            [&["backtest", "--data", file, "--journal", "made.jsonl"][..], &named, &agent].concat();
        let test = [&test[..], &["--report", "made.html"]].concat();
        let sweep = [&["sweep", "--data", file][..], &named, &agent].concat();
        for args in [import, test, sweep] {
            let output = run(folder.path(), &args);
            let said = stderr(&output);
            assert_eq!(
                (output.status.code(), said.contains(says)),
                (Some(1), true),
                "{args:?}: {said}"
            );
            assert!(output.stdout.is_empty(), "{args:?}");
            assert_eq!(names(), before, "{args:?}");
        }
    }
}
