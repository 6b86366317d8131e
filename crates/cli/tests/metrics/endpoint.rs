//! What is served, and that the documentation lists just that.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::{by_hand, free, get, page, text, trading, until, value};
use crate::common::{Gateway, Venue, plimsoll, secret_file, stderr};
use model::Record;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Name, type and labels of each row of the documentation.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let text = text("docs/metrics.md");
    let rows = text.lines().filter(|line| line.starts_with("| `plimsoll_"));
    rows.map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let labels = cells[4].split_whitespace().map(|label| label.trim_matches('`').to_owned());
        (cells[1].trim_matches('`').to_owned(), (cells[2].to_owned(), labels.collect()))
    })
    .collect()
}

/// The same of what is served. Labels of what has no series yet are not known.
fn listed(page: &str) -> BTreeMap<String, (String, Option<BTreeSet<String>>)> {
    let mut all = BTreeMap::new();
    for line in page.lines() {
        if let Some(head) = line.strip_prefix("# TYPE ") {
            let (name, kind) = head.split_once(' ').unwrap();
            assert!(all.insert(name.to_owned(), (kind.to_owned(), None)).is_none(), "{name} twice");
        } else if !line.starts_with('#') {
            let series = line.rsplit_once(' ').unwrap().0;
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
                let family = name.strip_suffix(end)?;
                all.get(family).is_some_and(|(kind, _)| kind == "histogram").then_some(family)
            });
            // No value of a label here has a comma or an equals sign in it.
            let labels = labels.trim_end_matches('}').split(',').filter(|pair| !pair.is_empty());
            let labels = labels.map(|pair| pair.split('=').next().unwrap().to_owned());
            let labels: BTreeSet<String> = labels.filter(|label| label != "le").collect();
            let known = all.get_mut(family.unwrap_or(name)).unwrap_or_else(|| panic!("{line}"));
            assert!(known.1.as_ref().is_none_or(|before| *before == labels), "{line}");
            known.1 = Some(labels);
        }
    }
    all
}

#[test]
fn it_serves_what_is_so_and_what_is_documented() {
    let venue = Venue::start(&["--market", "synthetic:7"]);
    let (mut gateway, addr) =
        trading(&venue, "[[sink]]\nkind = \"parquet\"\ndir = \"records\"\nfile_s = 1\n");
    until("it is active", &gateway, || {
        value(&page(&addr), "plimsoll_trading_state{state=\"active\"}") == Some(1.0)
    });
    until("the sink is seen", &gateway, || {
        value(&page(&addr), "plimsoll_sink_records{sink=\"parquet\"}") > Some(0.0)
    });
    let now = page(&addr);
    let of = |series: &str| value(&now, series);
    let orders = of("plimsoll_orders_total{agent=\"buyer\",instrument=\"BTC-USDT\"}");
    assert!(orders > Some(1.0), "{now}");
    assert!(
        of("plimsoll_fills_total{agent=\"buyer\",instrument=\"BTC-USDT\",liquidity=\"taker\"}")
            > Some(1.0)
    );
    assert!(
        of("plimsoll_orders_ended_total{agent=\"buyer\",outcome=\"filled\"}") > Some(1.0),
        "{now}"
    );
    assert!(of("plimsoll_position{instrument=\"BTC-USDT\"}") > Some(0.0), "{now}");
    assert!(of("plimsoll_equity{asset=\"USDT\"}") > Some(10_000.0), "{now}");
    assert!(of("plimsoll_breaker_limit{breaker=\"drawdown\"}") == Some(1.0), "a ratio: {now}");
    assert!(of("plimsoll_journal_flush_seconds_count") > Some(1.0), "{now}");
    assert!(of("plimsoll_feed_age_seconds{instrument=\"BTC-USDT\"}") < Some(60.0), "{now}");
    assert!(of("plimsoll_process_resident_memory_bytes{process=\"gateway\"}") > Some(1e6), "{now}");
    assert_eq!(of("plimsoll_gateway_up"), Some(1.0));
    assert_eq!(of("plimsoll_halted"), Some(0.0));
    assert_eq!(of("plimsoll_metrics_problem"), Some(0.0));
    for stage in ["decided_to_durable", "durable_to_sent", "sent_to_reply", "decided_to_end"] {
        let count = of(&format!("plimsoll_order_stage_seconds_count{{stage=\"{stage}\"}}"));
        assert!(count > Some(1.0), "{stage}: {now}");
    }

    // Both directions.
    let (documented, served) = (documented(), listed(&now));
    for (name, (kind, labels)) in &served {
        let row = documented.get(name).unwrap_or_else(|| panic!("{name} is not documented"));
        assert_eq!(&row.0, kind, "{name}");
        assert!(labels.as_ref().is_none_or(|labels| *labels == row.1), "{name}: {labels:?}");
    }
    let own = |name: &&String| !name.starts_with("plimsoll_watchdog_");
    for name in documented.keys().filter(own) {
        assert!(served.contains_key(name), "{name} is documented and not served");
    }

    // The same count whoever counts: another process, and the report over the journal.
    assert!(gateway.stop().success(), "{}", gateway.log());
    let (_process, addr) = by_hand(&gateway, None);
    let after = page(&addr);
    assert_eq!(value(&after, "plimsoll_gateway_up"), Some(0.0), "{after}");
    let prepared =
        gateway.entries().iter().filter(|e| matches!(e.record, Record::Prepared { .. })).count();
    let orders = value(&after, "plimsoll_orders_total{agent=\"buyer\",instrument=\"BTC-USDT\"}");
    assert_eq!(orders, Some(prepared as f64));
    let config = gateway.path("plimsoll.toml").display().to_string();
    let output = plimsoll(&["report", "latency", "--since", "1d", "--json", "--config", &config]);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let rows = report.to_string();
    for stage in ["decided to durable", "sent to reply", "decided to end"] {
        let series =
            format!("plimsoll_order_stage_seconds_count{{stage=\"{}\"}}", stage.replace(' ', "_"));
        let count = value(&after, &series).unwrap();
        assert!(rows.contains(&format!("\"{stage}\"")), "{rows}");
        let found = find(&report, stage).unwrap_or_else(|| panic!("{stage}: {report}"));
        assert_eq!(found, count, "{stage}: {report}");
    }
}

/// Orders of a stage, wherever the report has its rows: objects, or lists in the order of the columns.
fn find(report: &Value, stage: &str) -> Option<f64> {
    match report {
        Value::Object(row) if row.get("stage").is_some_and(|name| name == stage) => {
            row["orders"].as_f64()
        }
        Value::Array(row) if row.first().is_some_and(|name| name == stage) => row.get(1)?.as_f64(),
        Value::Object(row) => row.values().find_map(|value| find(value, stage)),
        Value::Array(rows) => rows.iter().find_map(|value| find(value, stage)),
        _ => None,
    }
}

#[test]
fn a_token_is_asked_for_and_a_name_that_is_not_ours_gets_nothing() {
    let venue = Venue::start(&["--market", "empty"]);
    let gateway = Gateway::prepare(&venue.addr, "");
    secret_file(&gateway.path("token"), TOKEN);
    let (_open, addr) = by_hand(&gateway, None);
    assert_eq!(get(&addr, "/metrics", "").0, 200, "no journal yet, and it says so");
    let now = page(&addr);
    assert_eq!(value(&now, "plimsoll_metrics_problem"), Some(1.0), "{now}");
    assert_eq!(value(&now, "plimsoll_gateway_up"), Some(0.0), "{now}");
    assert!(!now.contains("\nplimsoll_orders_total{"), "nothing is counted by half: {now}");
    assert_eq!(get(&addr, "/", "").0, 404);
    assert_eq!(get(&addr, "/metrics", "host: evil.example\r\n").0, 421);
    let (status, answer) = get(&addr, "/metrics", "accept: application/openmetrics-text\r\n");
    assert!(status == 200 && answer.trim_end().ends_with("# EOF"), "{answer}");
    assert!(answer.contains("content-type: application/openmetrics-text"), "{answer}");

    let (_shut, addr) = by_hand(&gateway, Some(TOKEN));
    assert_eq!(get(&addr, "/metrics", "").0, 401);
    assert_eq!(get(&addr, "/metrics", "authorization: Bearer wrong\r\n").0, 401);
    assert_eq!(get(&addr, "/metrics", &format!("authorization: Bearer {TOKEN}\r\n")).0, 200);

    let refused = |table: &str, words: &str| {
        let gateway = Gateway::prepare(&venue.addr, "");
        gateway.add(table);
        let config = gateway.path("plimsoll.toml").display().to_string();
        for command in ["metrics", "run"] {
            let output = plimsoll(&[command, "--config", &config]);
            let said = stderr(&output);
            assert!(output.status.code() == Some(2) && said.contains(words), "{command}: {said}");
        }
    };
    refused("[metrics]\nlisten = \"0.0.0.0:9464\"\n", "metrics.token: is missing");
    refused("[metrics]\nlisten = \"127.0.0.1:0\"\nhosts = [\"http://x\"]\n", "metrics.hosts");
    let config = gateway.path("plimsoll.toml").display().to_string();
    let output = plimsoll(&["metrics", "--config", &config, "--listen", "0.0.0.0:0"]);
    assert!(
        output.status.code() == Some(2) && stderr(&output).contains("into [metrics]"),
        "{output:?}"
    );
}

#[test]
fn it_ends_with_its_gateway_and_has_no_key() {
    let venue = Venue::start(&["--market", "synthetic:7"]);
    let (mut gateway, addr) = trading(&venue, "");
    let parent = format!("PPid:\t{}\n", gateway.process.as_ref().unwrap().0.id());
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let child =
        processes.filter_map(|entry| entry.file_name().into_string().ok()).find(|process| {
            let read = |name| std::fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
            let has = |name, text: &str| String::from_utf8_lossy(&read(name)).contains(text);
            has("status", &parent) && has("cmdline", "metrics\0")
        });
    let child = child.expect("the gateway has no such child").clone();
    let child = child.as_str();
    let variables = std::fs::read(format!("/proc/{child}/environ")).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&variables).contains("TEST_SECRET"));
    // Whatever happens to it, the gateway goes on, and there is another one.
    assert!(Command::new("kill").args(["-KILL", child]).status().unwrap().success());
    until("another one takes its place", &gateway, || {
        crate::served(&addr, "plimsoll_gateway_up") == Some(1.0)
    });
    assert!(gateway.is_alive(), "{}", gateway.log());
    gateway.signal("-KILL");
    gateway.wait_for_end(30);
    until("it ends with its gateway", &gateway, || std::net::TcpStream::connect(&addr).is_err());
}

#[test]
fn the_watchdogs_are_documented_and_need_no_token() {
    let venue = Venue::start(&["--market", "synthetic:7"]);
    let gateway = Gateway::prepare(&venue.addr, "");
    let (metrics, [heartbeat, control]) = (free(), [free(), free()]);
    secret_file(&gateway.path("token"), TOKEN);
    secret_file(&gateway.path("key"), "key");
    secret_file(&gateway.path("secret"), "secret");
    let limits = text("docs/watchdog.md");
    let limits = limits.split("```toml").find(|block| block.contains("drawdown")).unwrap();
    std::fs::write(gateway.path("watchdog.toml"), limits.split("```").next().unwrap()).unwrap();
    let table = |metrics: &str| {
        format!(
            "[watchdog]\nheartbeat = \"{heartbeat}\"\ncontrol = \"{control}\"\nmetrics = \"{metrics}\"\n\
             token = {{ file = \"token\" }}\nkey = {{ file = \"key\" }}\nsecret = {{ file = \"secret\" }}\n\
             limits = \"watchdog.toml\"\nstate_dir = \"state-of-watchdog\"\n"
        )
    };
    let plain = std::fs::read_to_string(gateway.path("plimsoll.toml")).unwrap();
    gateway.add(&table("0.0.0.0:0"));
    let config = gateway.path("plimsoll.toml").display().to_string();
    let output = plimsoll(&["watchdog", "--config", &config]);
    let said = stderr(&output);
    assert!(output.status.code() == Some(2) && said.contains("watchdog.metrics"), "{said}");

    std::fs::write(gateway.path("plimsoll.toml"), format!("{plain}\n{}", table(&metrics))).unwrap();
    let mut command = Command::new(crate::common::BINARY);
    let log = std::fs::File::create(gateway.path("log")).unwrap();
    command.args(["watchdog", "--config", &config]).stdout(std::process::Stdio::null()).stderr(log);
    let _watchdog = crate::common::Running(command.spawn().unwrap());
    until("it is armed", &gateway, || {
        crate::served(&metrics, "plimsoll_watchdog_armed") == Some(1.0)
    });
    let now = page(&metrics);
    assert!(value(&now, "plimsoll_watchdog_probe_age_seconds") < Some(30.0), "{now}");
    assert_eq!(get(&metrics, "/status", "").0, 404, "nothing else is there without the token");
    let (documented, served) = (documented(), listed(&now));
    for (name, (kind, labels)) in &served {
        assert_eq!(documented.get(name).map(|row| &row.0), Some(kind), "{name}");
        assert!(labels.as_ref().is_none_or(BTreeSet::is_empty), "{name}");
    }
    for name in documented.keys().filter(|name| name.starts_with("plimsoll_watchdog_")) {
        assert!(served.contains_key(name), "{name} is documented and not served");
    }
    // By a person's word it trips, and is armed no more.
    let halt =
        Command::new(crate::common::BINARY).args(["halt", "--config", &config]).output().unwrap();
    assert!(halt.status.success(), "{}", stderr(&halt));
    until("it is tripped", &gateway, || {
        let now = page(&metrics);
        value(&now, "plimsoll_watchdog_tripped") == Some(1.0)
            && value(&now, "plimsoll_watchdog_armed") == Some(0.0)
    });
}
