//! `plimsoll sweep` as a user runs it: the same whatever the number of threads, and honest about its best.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn plimsoll(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(args).output().unwrap()
}

/// Minutes of a price that walks by chance: nothing can be learned from it.
fn chance(folder: &Path, count: u64) -> PathBuf {
    let file = folder.join("BTC-USDT-1m.csv");
    let mut text = "timestamp,open,high,low,close,volume\n".to_owned();
    let (mut price, mut state) = (20_000i64, 88_172_645_463_325_252u64);
    for minute in 0..count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let open = price;
        price += i64::try_from(state % 41).unwrap() - 20;
        let (high, low) = (open.max(price) + 2, open.min(price) - 2);
        let time = 1_600_000_020 + minute * 60;
        text.push_str(&format!("{time},{open},{high},{low},{price},10\n"));
    }
    std::fs::write(&file, text).unwrap();
    file
}

fn sweep(file: &Path, more: &[&str]) -> Output {
    let file = file.display().to_string();
    let mut args = vec!["sweep", "--data", &file, "--agent", "ema-cross", "--param", "qty=0.1"];
    args.extend(more);
    plimsoll(&args)
}

#[test]
fn it_is_the_same_on_one_thread_or_many_and_warns_of_luck() {
    let folder = tempfile::tempdir().unwrap();
    let file = chance(folder.path(), 3_000);
    let run = |threads: &str| -> (Value, Vec<u8>) {
        let grid = ["--param", "fast=2..6:2", "--param", "slow=10,20", "--outage", "every:4h/9m"];
        let output = sweep(&file, &[&grid[..], &["--json", "--threads", threads]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (serde_json::from_slice(&output.stdout).unwrap(), output.stdout)
    };
    let (value, one) = run("1");
    assert!(one == run("3").1, "as many threads as one likes");
    let runs = value["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 6);
    let sharpes: Vec<f64> = runs.iter().map(|run| run["sharpe"].as_f64().unwrap()).collect();
    assert!(sharpes.is_sorted_by(|one, other| one >= other), "best first: {sharpes:?}");
    assert_eq!(value["walk_forward"]["folds"].as_array().unwrap().len(), 3);
    // All that the ratio and the walk are made of, for whoever puts parts of a sweep together.
    for run in runs {
        assert_eq!(run["pieces"].as_array().unwrap().len(), 4, "{run:#}");
        assert!(run["moments"]["deviation"].as_f64().unwrap() > 0.0, "{run:#}");
    }
    let probability = value["deflated_sharpe"].as_f64().unwrap();
    assert!((0.0..0.95).contains(&probability), "chance is no skill: {probability}");
    assert!(!value["warnings"].as_array().unwrap().is_empty());
}

#[test]
fn a_person_gets_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let file = chance(folder.path(), 500);
    let output = sweep(&file, &["--param", "fast=2..4", "--by", "total_return", "--top", "2"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let header = text.lines().next().unwrap();
    assert!(header.contains("fast") && header.contains("Sharpe"), "{text}");
    assert!(text.contains("3 combinations, best first by total_return"), "{text}");
    assert_eq!(text.lines().take_while(|line| !line.is_empty()).count(), 3, "{text}");
}

#[test]
fn mistakes_are_said_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = chance(folder.path(), 50);
    for (more, says) in [
        (["--param", "fast=9..1"].as_slice(), "smaller value comes first"),
        (&["--param", "fast=1..9:0"], "step"),
        // One combination of nine: slow has to be more than fast.
        (&["--param", "fast=8..10", "--param", "slow=9..11"], "must be less than slow"),
        (&["--param", "fast=1..1000000"], "more than"),
        (&["--by", "luck"], "total_return"),
        (&["--journal", "x.jsonl"], "--journal"),
    ] {
        let output = sweep(&file, more);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), text.contains(says)), (Some(2), true), "{more:?} {text}");
    }
}
