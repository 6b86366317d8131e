//! The rate budget over real sockets: an agent that wants twice what is allowed is never throttled,
//! two gateways share what there is, and a ban outlives the process.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::{Gateway, Venue};
use model::{Entry, Record};

/// Two orders each 50 ms are wanted: far more than 50 in ten seconds.
const GREEDY: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                      params = { qty = \"0.0005\", half_spread_bps = 2, requote_every = 50 }\n";

/// As many as the venue has in ten seconds.
const ORDERS_PER_10S: usize = 50;

fn count(entries: &[Entry], is: impl Fn(&Record) -> bool) -> usize {
    entries.iter().filter(|entry| is(&entry.record)).count()
}

/// The gateway's own guardrail would hold the agent long before the budget.
fn allow_many_orders(gateway: &Gateway) {
    let limits = common::with_room(common::LIMITS).replace("rate_max = 50", "rate_max = 5000");
    std::fs::write(gateway.path("limits.toml"), limits).unwrap();
}

fn throttled(entries: &[Entry]) -> Vec<&Record> {
    let is = |record: &&Record| match record {
        Record::RateLimited { .. } => true,
        Record::Rejected { because, .. } => format!("{because:?}").contains("Too many"),
        _ => false,
    };
    entries.iter().map(|entry| &entry.record).filter(is).collect()
}

#[test]
fn an_agent_that_wants_twice_what_is_allowed_is_never_throttled() {
    let venue = Venue::start(&["--market", "synthetic:21"]);
    let mut gateway = Gateway::prepare(&venue.addr, GREEDY);
    allow_many_orders(&gateway);
    gateway.start();
    gateway.wait(30, "it trades", |entries| {
        count(entries, |record| matches!(record, Record::Accepted { .. })) > 5
    });
    std::thread::sleep(Duration::from_secs(25));
    let entries = gateway.entries();
    assert_eq!(throttled(&entries), Vec::<&Record>::new());
    let wanted = count(&entries, |record| matches!(record, Record::Prepared { .. }));
    let held = count(
        &entries,
        |record| matches!(record, Record::BudgetWait { limiter, .. } if limiter == "new orders per 10s"),
    );
    assert!(held > 0, "the budget was never asked for too much: {wanted} orders wanted");
    assert!(held < 10, "{held} notices flood the journal");
    let sent = venue.state()["orders"].as_array().unwrap().len();
    println!("{wanted} orders wanted, {sent} sent, {held} notices of waits");
    assert!(wanted > 2 * ORDERS_PER_10S, "{wanted}");
    assert!(sent > ORDERS_PER_10S, "{sent}");
    // What is held does not hold the cancels: an orderly stop leaves nothing open.
    let start = Instant::now();
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let state = venue.state();
    let open = state["orders"].as_array().unwrap().iter().filter(|o| o["status"] == "new").count();
    assert_eq!((open, throttled(&gateway.entries()).len()), (0, 0));
}

/// The weight that the venue has counted for this address; asking costs one.
fn used_by_the_venue(venue: &Venue) -> i64 {
    let answer = venue.raw("GET", "/api/v3/ping", "");
    let line = answer.lines().find_map(|line| line.strip_prefix("x-mbx-used-weight-1m: "));
    line.unwrap_or_else(|| panic!("{answer}")).trim().parse().unwrap()
}

/// The weight of this minute in the shared file.
fn used_by_us(directory: &Path) -> i64 {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let budgets: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == "budget")).collect();
    assert_eq!(budgets.len(), 1, "one file for one address: {budgets:?}");
    let text = std::fs::read_to_string(&budgets[0]).unwrap();
    let json: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    let limiters = json["limiters"].as_array().unwrap();
    let weight = limiters.iter().find(|limiter| limiter["rule"]["counts"] == "weight").unwrap();
    let cell = &weight["cells"][0][1]["aligned"];
    cell["own"].as_i64().unwrap() + cell["told"].as_i64().unwrap()
}

#[test]
fn two_gateways_on_one_host_share_one_budget() {
    let venue =
        Venue::start(&["--market", "synthetic:22", "--account", "key-2:secret:10000 USDT,1 BTC"]);
    let state = tempfile::tempdir().unwrap();
    let mut gateways =
        [Gateway::prepare(&venue.addr, GREEDY), Gateway::prepare(&venue.addr, GREEDY)];
    for (gateway, key) in gateways.iter_mut().zip(["key", "key-2"]) {
        allow_many_orders(gateway);
        let mut command = gateway.command();
        command.env("TEST_KEY", key).env("PLIMSOLL_STATE_DIR", state.path());
        gateway.spawn(command);
    }
    for gateway in &mut gateways {
        gateway.wait(30, "it trades", |entries| {
            count(entries, |record| matches!(record, Record::Accepted { .. })) > 5
        });
    }
    std::thread::sleep(Duration::from_secs(8));
    // Not around the end of a minute.
    let left = 60 - runtime::clock::now().millis().rem_euclid(60_000) / 1_000;
    if !(3..55).contains(&left) {
        std::thread::sleep(Duration::from_secs(10));
    }
    let (ours, theirs) = (used_by_us(state.path()), used_by_the_venue(&venue));
    println!("the venue counts {theirs}, the file says {ours}");
    assert!(theirs > 100, "{theirs}");
    // Between the two looks both go on asking.
    assert!((ours - theirs).abs() < 150, "the venue counts {theirs}, the file says {ours}");
    for gateway in &mut gateways {
        assert_eq!(throttled(&gateway.entries()), Vec::<&Record>::new());
        assert!(gateway.stop().success(), "{}", gateway.log());
    }
}

#[test]
fn a_ban_outlives_the_process() {
    let venue = Venue::start(&["--market", "synthetic:23"]);
    let mut gateway = Gateway::prepare(&venue.addr, GREEDY);
    gateway.start();
    gateway.wait(30, "it trades", |entries| {
        count(entries, |record| matches!(record, Record::Accepted { .. })) > 2
    });
    let banned = r#"{"kind": "status", "status": 418, "body": "{\"code\":-1003,\"msg\":\"\"}"}"#;
    venue.http("POST", "/_sim/faults", banned);
    gateway.wait(10, "the ban is heard", |entries| {
        count(entries, |record| matches!(record, Record::RateLimited { .. })) > 0
    });
    // Not at a moment of its choosing.
    gateway.process = None;
    venue.http("POST", "/_sim/heal", "");
    // Does nothing, but counts every request.
    venue.http("POST", "/_sim/faults", r#"{"kind": "delay", "delay_ms": 0}"#);
    let output = gateway.command().output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("stopped by the venue"), "{said}");
    let asked = || {
        let state = venue.state();
        let mut faults = state["faults"].as_array().unwrap().iter();
        faults.find(|fault| fault["kind"] == "delay").unwrap()["fired"].as_u64().unwrap()
    };
    assert_eq!(asked(), 0, "something was asked during the ban");
    drop(venue.raw("GET", "/api/v3/ping", ""));
    assert_eq!(asked(), 1, "requests are counted");
}
