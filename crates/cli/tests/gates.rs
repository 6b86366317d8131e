//! The gates before a live run, and the ramp behind them, with real processes: what is not met is named and nothing
//! is sent; a paper run, a watchdog, a test of the alerts and limits open them.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Gateway, OPEN, Running, Venue, entries, secret_file, stderr};
use model::{Entry, GateName, Record, Refusal, Side};
use serde_json::Value;

const TOKEN: &str = "madeUpTokenForTests0123456789";
const MAKER: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                     params = { qty = \"0.001\", half_spread_bps = 1, requote_every = 200 }\n";

/// Buys and sells at the market, one after the other; ends when a file called `die` is beside it.
const TRADER: &str = r#"
read -r hello
[[ $hello =~ \"next_intent\":([0-9]+) ]] && id=${BASH_REMATCH[1]}
echo '{"ready":{"version":1,"strategy":"trader"}}'
side=buy
while read -r line; do
    [[ -e ${0%/*}/die ]] && rm "${0%/*}/die" && exit 1
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
    if [[ $line == '{"timer"'* ]]; then
        order="\"instrument\":\"BTC-USDT\",\"side\":\"$side\",\"kind\":{\"type\":\"market\"},\"qty\":\"QTY\""
        order="$order,\"time_in_force\":\"ioc\",\"post_only\":false,\"reduce_only\":false"
        echo "{\"intent\":{\"id\":$id,\"action\":{\"place\":{$order}},\"reason\":\"a second has passed\"}}"
        id=$((id + 1))
    fi
    [[ $line == *'"type":"done"'* || $line == *'"done":"filled"'* ]] && [[ TURNS == yes ]] &&
        { [[ $side == buy ]] && side=sell || side=buy; }
done
"#;

fn trader(gateway: &Gateway, qty: &str, turns: bool) -> String {
    let path = gateway.path("trader.sh");
    let text = TRADER.replace("QTY", qty).replace("TURNS", if turns { "yes" } else { "no" });
    std::fs::write(&path, text).unwrap();
    format!("[agent.trader]\nvenue = \"sim\"\ncommand = [\"bash\", {path:?}]\n")
}

/// A command about one of its configurations, with the key of the test.
fn plimsoll(gateway: &Gateway, file: &str, words: &[&str]) -> Command {
    let mut command = Command::new(common::BINARY);
    command.arg(words[0]).arg("--config").arg(gateway.path(file)).args(&words[1..]);
    command.env("TEST_KEY", "key").env("TEST_SECRET", "secret").stdin(Stdio::null());
    command
}

fn runs(gateway: &Gateway, file: &str, words: &[&str]) -> Output {
    plimsoll(gateway, file, words).output().unwrap()
}

fn change(gateway: &Gateway, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(gateway.path(file)).unwrap();
    assert!(text.contains(from), "{from:?} is not in {text}");
    std::fs::write(gateway.path(file), text.replacen(from, to, 1)).unwrap();
}

/// Exit code, gates by name with how they stand, and the text.
fn doctor(gateway: &Gateway, file: &str) -> (i32, Vec<(String, String)>, String) {
    let output = runs(gateway, file, &["doctor", "--json"]);
    let text = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
    let told: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"));
    let gates = told["gates"].as_array().unwrap().iter().map(|gate| {
        let word = |key: &str| gate[key].as_str().unwrap().to_owned();
        (word("gate"), word("standing"))
    });
    (output.status.code().unwrap(), gates.collect(), text)
}

fn standing(gates: &[(String, String)], name: GateName) -> &str {
    &gates.iter().find(|(gate, _)| gate == name.as_str()).unwrap().1
}

fn until(seconds: u64, what: &str, so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !so() {
        assert!(Instant::now() < end, "not in {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn fills(path: &Path) -> usize {
    entries(path).iter().filter(|entry| matches!(entry.record, Record::Filled { .. })).count()
}

#[test]
fn what_is_not_met_is_named_and_nothing_is_sent() {
    let venue = Venue::start(&["--market", "synthetic:61"]);
    let gateway = Gateway::prepare(&venue.addr, MAKER);
    change(&gateway, "plimsoll.toml", OPEN, "");
    let output = runs(&gateway, "plimsoll.toml", &["run"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    for words in [
        "4 gates are not met",
        "NOT MET    paper-record  no paper store is named",
        "paper_store = \"sqlite:paper.db\"",
        "NOT MET    watchdog      there is no [watchdog]",
        "met        limits",
        "met        key-scopes    it trades, cannot withdraw",
        "NOT MET    alerts        no sink is configured",
        "NOT MET    loss-max      drawdown_bps = 10000 lets all of it be lost",
        "loss-max = \"why\" in [gates.override]",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    assert_eq!(venue.state()["orders"].as_array().unwrap().len(), 0);
    assert!(!gateway.path("plimsoll.db").exists(), "no journal was begun");
    let (code, gates, text) = doctor(&gateway, "plimsoll.toml");
    assert_eq!((code, gates.len()), (3, GateName::ALL.len()), "{text}");
    for (gate, expected) in [
        (GateName::PaperRecord, "unmet"),
        (GateName::Watchdog, "unmet"),
        (GateName::Limits, "met"),
        (GateName::KeyScopes, "met"),
        (GateName::Alerts, "unmet"),
        (GateName::LossMax, "unmet"),
    ] {
        assert_eq!(standing(&gates, gate), expected, "{text}");
    }
    // One that is opened is shown so, and the others still refuse.
    gateway.add("[gates.override]\nwatchdog = \"there is none yet\"\n");
    let (code, gates, _) = doctor(&gateway, "plimsoll.toml");
    assert_eq!((code, standing(&gates, GateName::Watchdog)), (3, "overridden"));
    let output = runs(&gateway, "plimsoll.toml", &["run"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("3 gates are not met"), "{}", stderr(&output));
}

#[test]
fn an_override_is_one_gate_and_a_reason_and_is_in_the_journal_of_each_start() {
    let venue = Venue::start(&["--market", "synthetic:62", "--scopes", "key=trade,no-ip"]);
    let mut gateway = Gateway::prepare(&venue.addr, MAKER);
    for (bad, words) in [
        ("watchdgo = \"x1\"", "unknown variant"),
        ("limits = \"\"", "needs a reason in words"),
        ("all = \"x1\"", "unknown variant"),
    ] {
        change(
            &gateway,
            "plimsoll.toml",
            "[gates.override]\n",
            &format!("[gates.override]\n{bad}\n#"),
        );
        let output = runs(&gateway, "plimsoll.toml", &["run"]);
        assert_eq!(output.status.code(), Some(2), "{bad}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{bad}: {}", stderr(&output));
        change(&gateway, "plimsoll.toml", &format!("{bad}\n#"), "");
    }
    gateway.add("[[alert]]\nkind = \"log\"\npath = \"alerts.jsonl\"\n");
    for starts in 1..3 {
        gateway.start();
        gateway.wait(30, "it trades", |entries| {
            entries.iter().filter(|entry| matches!(entry.record, Record::Started { .. })).count()
                == starts
                && entries.iter().any(|entry| matches!(entry.record, Record::Accepted { .. }))
        });
        assert!(gateway.stop().success(), "{}", gateway.log());
        let opened: Vec<_> = gateway
            .entries()
            .iter()
            .filter_map(|entry| match &entry.record {
                Record::GateOverridden { opened } => Some(opened.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(opened.len(), 5 * starts, "{opened:?}");
        let key = opened.iter().find(|opened| opened.gate == GateName::KeyScopes).unwrap();
        assert!(key.unmet.contains("not bound to addresses"), "{key:?}");
        assert_eq!(key.reason, "a test against a simulated exchange");
        let alerts = std::fs::read_to_string(gateway.path("alerts.jsonl")).unwrap();
        assert_eq!(alerts.matches("gates are overridden").count(), starts, "{alerts}");
    }
    let (code, gates, text) = doctor(&gateway, "plimsoll.toml");
    assert_eq!((code, standing(&gates, GateName::KeyScopes)), (0, "overridden"), "{text}");
    assert!(text.contains("a test against a simulated exchange"), "{text}");
}

/// Two ports that nobody has.
fn ports() -> [String; 2] {
    let both = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    both.map(|listener| listener.local_addr().unwrap().to_string())
}

const WATCHDOG_LIMITS: &str = r#"
quote = "USDT"
drawdown_max_bps = 5000
day_loss_max_bps = 5000
open_notional_max = "100000"
unreadable_max_s = 30
[asset.BTC]
value_max = "1000000"
"#;

/// A live configuration, and one of the same agent on paper beside it, on which each order earns its rebate.
fn both(venue: &Venue) -> Gateway {
    let gateway = Gateway::prepare(&venue.addr, "");
    change(&gateway, "plimsoll.toml", OPEN, "");
    gateway.add(&trader(&gateway, "0.001", true));
    let text = std::fs::read_to_string(gateway.path("plimsoll.toml")).unwrap();
    let paper = text.replace("\"live\"", "\"paper\"").replace("plimsoll.db", "paper.db");
    let account = "[paper]\ncash = \"10000 USDT, 1 BTC\"\nmaker_bps = -100\ntaker_bps = -100\n";
    std::fs::write(gateway.path("paper.toml"), format!("{paper}\n{account}")).unwrap();
    let limits = std::fs::read_to_string(gateway.path("limits.toml")).unwrap();
    let limits = limits.replace("drawdown_bps = 10000", "drawdown_bps = 1000");
    let limits = limits.replace("day_loss_bps = 10000", "day_loss_bps = 300");
    std::fs::write(gateway.path("limits.toml"), limits).unwrap();
    secret_file(&gateway.path("token"), TOKEN);
    secret_file(&gateway.path("watchdog-key"), "watch");
    secret_file(&gateway.path("watchdog-secret"), "secret");
    std::fs::write(gateway.path("watchdog-limits.toml"), WATCHDOG_LIMITS).unwrap();
    let [heartbeat, control] = ports();
    gateway.add(&format!(
        "[gates]\npaper_store = \"sqlite:paper.db\"\ntrades_min = 5\nhours_min = 0\n\
         [[alert]]\nkind = \"log\"\npath = \"alerts.jsonl\"\n\
         [watchdog]\nheartbeat = \"{heartbeat}\"\ncontrol = \"{control}\"\ntoken = {{ file = \"token\" }}\n\
         key = {{ file = \"watchdog-key\" }}\nsecret = {{ file = \"watchdog-secret\" }}\n\
         limits = \"watchdog-limits.toml\"\nstate_dir = \"watchdog-state\"\n"
    ));
    gateway
}

fn trades_on_paper(gateway: &Gateway) {
    let log = std::fs::File::create(gateway.path("paper.log")).unwrap();
    let child = plimsoll(gateway, "paper.toml", &["run"]).stderr(log).spawn().unwrap();
    let mut paper = Running(child);
    until(90, "it trades on paper", || fills(&gateway.path("paper.db")) >= 16);
    // What it would take is shown while it trades.
    let (code, gates, text) = doctor(gateway, "paper.toml");
    assert_eq!((code, standing(&gates, GateName::Watchdog)), (0, "unmet"), "{text}");
    let id = paper.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(paper.0.wait().unwrap().success());
}

#[test]
fn from_paper_to_live_with_every_gate_met() {
    let watch = ["--account", "watch:secret:10000 USDT,1 BTC"];
    let venue = Venue::start(&[&["--market", "synthetic:63"], &watch[..]].concat());
    let mut gateway = both(&venue);
    let (code, gates, text) = doctor(&gateway, "plimsoll.toml");
    assert_eq!((code, standing(&gates, GateName::PaperRecord)), (3, "unmet"), "{text}");
    assert!(text.contains("paper.db does not exist yet"), "{text}");
    trades_on_paper(&gateway);
    let (_, gates, text) = doctor(&gateway, "plimsoll.toml");
    assert_eq!(standing(&gates, GateName::PaperRecord), "met", "{text}");
    for gate in [GateName::Watchdog, GateName::Alerts] {
        assert_eq!(standing(&gates, gate), "unmet", "{text}");
    }
    let output = runs(&gateway, "plimsoll.toml", &["alerts", "--test"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let log = std::fs::File::create(gateway.path("watchdog.log")).unwrap();
    let mut command = plimsoll(&gateway, "plimsoll.toml", &["watchdog"]);
    let _watchdog = Running(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    until(30, "every gate is met", || {
        let (_, gates, _) = doctor(&gateway, "plimsoll.toml");
        gates.iter().all(|(_, standing)| standing == "met")
    });
    // Another address of the alerts was never tested.
    change(&gateway, "plimsoll.toml", "alerts.jsonl", "others.jsonl");
    let output = runs(&gateway, "plimsoll.toml", &["run"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("1 gate is not met") && said.contains("never tested"), "{said}");
    change(&gateway, "plimsoll.toml", "others.jsonl", "alerts.jsonl");

    gateway.start();
    gateway.wait(60, "it trades with real money", |entries| {
        entries.iter().any(|entry| matches!(entry.record, Record::Filled { .. }))
    });
    let all = gateway.entries();
    assert!(!all.iter().any(|entry| matches!(entry.record, Record::GateOverridden { .. })));
    let status = runs(&gateway, "plimsoll.toml", &["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(
        (&status["ramp"]["percent"], &status["ramp"]["next_percent"]),
        (&10.into(), &25.into())
    );
    let version = status["agent_versions"]["trader"].as_str().unwrap().to_owned();
    assert_eq!(version.len(), 64);

    // The code changes under it: what was asked for is another program, and that one is not started.
    let script = std::fs::read_to_string(gateway.path("trader.sh")).unwrap();
    std::fs::write(gateway.path("trader.sh"), format!("{script}# better\n")).unwrap();
    std::fs::write(gateway.path("die"), "").unwrap();
    gateway.wait(60, "it is not started again", |entries| {
        entries.iter().any(|entry| {
            matches!(&entry.record, Record::Agent { event, .. } if event.contains("another version"))
        })
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
    let output = runs(&gateway, "plimsoll.toml", &["run"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("this version was never up on paper"), "{said}");
    assert!(said.contains(&version[..12]), "the one that was: {said}");
    std::fs::write(gateway.path("trader.sh"), script).unwrap();
    let (_, gates, text) = doctor(&gateway, "plimsoll.toml");
    assert_eq!(standing(&gates, GateName::PaperRecord), "met", "{text}");
}

fn ramps(entries: &[Entry]) -> Vec<u32> {
    let ramps = entries.iter().filter_map(|entry| match entry.record {
        Record::Ramp { percent, .. } => Some(percent),
        _ => None,
    });
    ramps.collect()
}

#[test]
fn it_begins_with_a_part_rises_while_all_is_well_and_goes_back_when_halted() {
    let venue = Venue::start(&["--market", "synthetic:64"]);
    let mut gateway = Gateway::prepare(&venue.addr, "");
    let schedule = "start_percent = 10\nsteps = [{ after_s = 12, percent = 60 }]";
    change(&gateway, "plimsoll.toml", "start_percent = 100", schedule);
    // The limit on one order is 0.05.
    gateway.add(&trader(&gateway, "0.02", false));
    gateway.start();
    gateway.wait(60, "a tenth of the limit refuses it", |entries| {
        entries.iter().any(|entry| {
            matches!(&entry.record, Record::Refused { because: Refusal::Ramp { percent: 10, because }, .. }
                if matches!(**because, Refusal::QtyTooLarge { .. }))
        })
    });
    let is_bought = |entry: &Entry| matches!(&entry.record, Record::Filled { fill, .. } if fill.side == Side::Buy);
    gateway.wait(90, "with more of it it is let through", |entries| entries.iter().any(is_bought));
    let all = gateway.entries();
    assert_eq!(ramps(&all), [10, 60]);
    let rose =
        all.iter().position(|e| matches!(e.record, Record::Ramp { percent: 60, .. })).unwrap();
    assert!(!all[..rose].iter().any(is_bought), "not before");
    // A restart goes on with it.
    assert!(gateway.stop().success(), "{}", gateway.log());
    gateway.start();
    gateway.wait(60, "it is up again", |entries| {
        entries
            .iter()
            .filter(|e| matches!(&e.record, Record::Agent { event, .. } if event == "up"))
            .count()
            == 2
    });
    assert_eq!(ramps(&gateway.entries()), [10, 60]);
    let output = runs(&gateway, "plimsoll.toml", &["halt", "--reason", "enough"]);
    assert!(output.status.success(), "{}", stderr(&output));
    gateway.wait(30, "it is back at the start", |entries| ramps(entries) == [10, 60, 10]);
    let status = runs(&gateway, "plimsoll.toml", &["status"]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("ramp         10 % of the limits; 60 % after 12 s more"), "{status}");
    assert!(status.contains("last sent back") && status.contains("halted: enough"), "{status}");
    let (_, _, text) = doctor(&gateway, "plimsoll.toml");
    assert!(text.contains("10 % of the limits; 60 % after"), "{text}");
    assert!(gateway.stop().success(), "{}", gateway.log());
}
