//! `plimsoll backtest` as a user runs it: files in, figures out, and mistakes that say what to do.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn plimsoll(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(args).output().unwrap()
}

/// Minutes of a price that rises and falls in long waves.
fn bars(folder: &Path, count: i64) -> PathBuf {
    let file = folder.join("BTC-USDT-1m.csv");
    let mut text = "timestamp,open,high,low,close,volume\n".to_owned();
    let price = |minute: i64| {
        let wave = (minute % 200 - 100).abs();
        20_000 + wave * 20 + (minute * 7_919) % 13
    };
    for minute in 0..count {
        let (open, close) = (price(minute), price(minute + 1));
        let (high, low) = (open.max(close) + 3, open.min(close) - 3);
        let time = 1_600_000_020 + minute * 60;
        text.push_str(&format!("{time},{open}.0,{high}.0,{low}.0,{close}.0,12.5\n"));
    }
    std::fs::write(&file, text).unwrap();
    file
}

fn test(file: &Path, more: &[&str]) -> Output {
    let file = file.display().to_string();
    let mut args = vec!["backtest", "--data", &file, "--agent", "ema-cross"];
    args.extend(["--param", "fast=5", "--param", "slow=20", "--param", "qty=0.1", "--json"]);
    args.extend(more);
    plimsoll(&args)
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_strategy_trades_waves_and_the_report_has_every_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = bars(folder.path(), 2_000);
    let value = json(&test(&file, &["--taker-bps", "5"]));
    let keys = [
        "events",
        "bars",
        "orders",
        "fills",
        "refused",
        "final_equity",
        "total_return",
        "max_drawdown",
        "sharpe",
        "fees_paid",
        "run_seconds",
        "events_per_second",
    ];
    assert!(keys.iter().all(|key| value[key].is_number()), "{value:#}");
    assert_eq!(value["bars"], 2_000);
    assert!(value["fills"].as_u64().unwrap() >= 18, "two a wave, ten waves: {value:#}");
    assert_eq!(value["refused"], 0, "{value:#}");
    assert!(value["total_return"].as_f64().unwrap() > 0.1, "it follows long waves: {value:#}");
    assert!(value["fees_paid"].as_f64().unwrap() > 0.0);
    let assumed = &value["assumptions"];
    let result = |name: &str| assumed[name]["total_return"].as_f64().unwrap();
    assert!(result("optimistic") > result("realistic"), "{assumed:#}");
    assert!(result("realistic") > result("stressed"), "{assumed:#}");
}

/// The same bytes, whatever the machine does meanwhile.
#[test]
fn the_same_command_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let file = bars(folder.path(), 600);
    let run = |name: &str| {
        let journal = folder.path().join(name).display().to_string();
        let more = ["--alone", "--latency-ms", "5..900", "--seed", "9", "--journal", &journal];
        let mut value = json(&test(&file, &more));
        let object = value.as_object_mut().unwrap();
        object.remove("run_seconds");
        object.remove("events_per_second");
        (std::fs::read(folder.path().join(name)).unwrap(), value)
    };
    let (first, second) = (run("one.jsonl"), run("two.jsonl"));
    assert!(first.0.len() > 10_000);
    assert!(first == second);
}

#[test]
fn limits_refuse_as_they_do_in_trading() {
    let folder = tempfile::tempdir().unwrap();
    let file = bars(folder.path(), 600);
    let limits = folder.path().join("limits.toml");
    // The page's own: a hundredth at most, and it wants a tenth.
    let readme = include_str!("../../../README.md");
    let text = readme.split_once("reference_age_max_ms").unwrap().1.split_once("```").unwrap().0;
    std::fs::write(&limits, format!("reference_age_max_ms{text}")).unwrap();
    let path = limits.display().to_string();
    let value = json(&test(&file, &["--alone", "--limits", &path]));
    assert_eq!(value["fills"], 0, "{value:#}");
    assert!(value["refused"].as_u64().unwrap() > 0, "{value:#}");
    assert!(value["refusals"].get("QtyTooLarge").is_some(), "{value:#}");
}

#[test]
fn mistakes_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = bars(folder.path(), 50);
    let name = file.display().to_string();
    let nameless = folder.path().join("nameless.csv");
    std::fs::copy(&file, &nameless).unwrap();
    let nameless = nameless.display().to_string();
    let empty = folder.path().join("BTC-USDT-empty.csv");
    std::fs::write(&empty, "timestamp,open,high,low,close,volume\n").unwrap();
    let empty = empty.display().to_string();
    let base = |data: &str, more: &[&str]| {
        let mut args = vec!["backtest", "--data", data];
        args.extend(more);
        let output = plimsoll(&args);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for (data, more, code, says) in [
        ("no-such-file.csv", ["--agent", "ema-cross"].as_slice(), 1, "no-such-file.csv"),
        (&name, &["--agent", "ema"], 2, "there is no strategy"),
        (&name, &["--agent", "ema-cross", "--param", "fsat=3"], 2, "no parameter"),
        (&name, &["--agent", "ema-cross", "--param", "fast"], 2, "NAME=VALUE"),
        (&name, &["--agent", "ema-cross", "--fill", "best"], 2, "conservative"),
        (&name, &["--agent", "ema-cross", "--latency-ms", "9..1"], 2, "shorter time comes first"),
        (&name, &["--agent", "ema-cross", "--cash", "much"], 2, "an amount and an asset"),
        (&name, &["--agent", "ema-cross", "--cash", "10 EUR"], 2, "--cash '10000 USDT'"),
        (&name, &["--agent", "ema-cross", "--limits", "none.toml"], 2, "none.toml"),
        (&nameless, &["--agent", "ema-cross"], 2, "--instrument"),
        (&empty, &["--agent", "ema-cross"], 1, "empty"),
    ] {
        let (was, text) = base(data, more);
        assert_eq!((was, text.contains(says)), (code, true), "{data} {more:?}: {was} {text}");
    }
}

/// Every execution of the journal pays by what was traded before it, and the report says where that ended.
#[test]
fn fees_fall_with_what_was_traded() {
    let folder = tempfile::tempdir().unwrap();
    let file = bars(folder.path(), 2_000);
    let journal = folder.path().join("journal.jsonl").display().to_string();
    let tiers = ["--taker-bps", "5", "--fee-tier", "9000:1/3", "--fee-tier", "20000:-1/2"];
    let value = json(&test(&file, &[&tiers[..], &["--journal", &journal]].concat()));
    let number = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let (mut volume, mut rates) = (0.0, Vec::new());
    for line in std::fs::read_to_string(journal).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if record["kind"] != "filled" {
            continue;
        }
        let fill = &record["fill"];
        let worth = number(&fill["price"]) * number(&fill["qty"]);
        let rate = if volume < 9_000.0 {
            5
        } else if volume < 20_000.0 {
            3
        } else {
            2
        };
        let fee = number(&fill["fee"]["amount"]);
        assert!((fee - worth * f64::from(rate) / 1e4).abs() < 1e-7, "{fill:#}");
        volume += worth;
        rates.push(rate);
    }
    rates.dedup();
    assert_eq!(rates, [5, 3, 2], "all of them were had");
    let tier = &value["fee_tier"];
    assert_eq!(
        (&tier["from"], &tier["taker_bps"], &tier["maker_bps"]),
        (&20_000.0.into(), &2.0.into(), &(-1.0).into())
    );
    assert!((tier["volume_30d"].as_f64().unwrap() - volume).abs() < 1e-6, "{tier:#}");
    let stressed = &value["assumptions"]["stressed"]["fee_tier"];
    assert_eq!((&stressed["taker_bps"], &stressed["maker_bps"]), (&3.0.into(), &(-1.0).into()));

    let before = json(&test(&file, &[&tiers[..], &["--alone", "--volume-30d", "30000"]].concat()));
    assert!(before["fees_paid"].as_f64() < value["fees_paid"].as_f64(), "{before:#}");
    assert!(json(&test(&file, &["--alone"]))["fee_tier"].is_null());
    for (more, says) in [
        (["--fee-tier", "9"].as_slice(), "VOLUME:MAKER/TAKER"),
        (
            &["--fee-tier", "9:1/2", "--fee-tier", "9:1/1"],
            "the fee tier from 9 comes after the one from 9",
        ),
        (&["--volume-30d", "9"], "--fee-tier"),
        (&["--volume-30d", "much"], "no sum of quote units"),
    ] {
        let output = test(&file, more);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), text.contains(says)), (Some(2), true), "{more:?} {text}");
    }
}

/// What fails costs, is counted, comes again with the same seed, and is not in the optimistic run.
#[test]
fn an_exchange_that_fails_is_one_of_the_assumptions() {
    let folder = tempfile::tempdir().unwrap();
    let file = bars(folder.path(), 2_000);
    let trouble = ["--outage", "every:3h/40m", "--outage", "2020-09-13T12:00:00Z/1h/orders"];
    let trouble = [&trouble[..], &["--rate-limit", "20/10s", "--latency-ms", "40"]].concat();
    let run = |seed: &str, name: &str| {
        let journal = folder.path().join(name).display().to_string();
        let value =
            json(&test(&file, &[&trouble[..], &["--seed", seed, "--journal", &journal]].concat()));
        (value, std::fs::read(folder.path().join(name)).unwrap())
    };
    let (value, first) = run("1", "one.jsonl");
    assert!(first == run("1", "again.jsonl").1);
    assert!(first != run("2", "other.jsonl").1, "outages are drawn");
    let count = |value: &Value, name: &str| value["trouble"][name].as_u64().unwrap();
    assert!((5..=12).contains(&count(&value, "outages")), "{value:#}");
    assert!(count(&value, "market_missed") > 150, "{value:#}");
    let calm = json(&test(&file, &["--alone", "--latency-ms", "40"]));
    assert!(
        calm["trouble"].is_null() && calm["total_return"] != value["total_return"],
        "{value:#}"
    );
    assert!(value["assumptions"]["optimistic"]["trouble"].is_null());
    assert_eq!(
        value["assumptions"]["realistic"]["trouble"]["outages"],
        value["trouble"]["outages"]
    );

    let text = ["--outage", "1h/10m", "--alone"];
    let file = file.display().to_string();
    let output =
        plimsoll(&[&["backtest", "--data", &file, "--agent", "ema-cross"], &text[..]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("trouble          1 outages; of the requests"), "{text}");
    for (more, says) in [
        (["--outage", "soon/5m"], "2024-05-01T12:00:00Z/10m"),
        (["--outage", "3d/5m/everything"], "all, market, orders or throttled"),
        (["--rate-limit", "many/1s"], "no number of requests"),
    ] {
        let output = test(Path::new(&file), &more);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), text.contains(says)), (Some(2), true), "{more:?} {text}");
    }
}
