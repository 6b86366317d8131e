//! The kill switch beside a real gateway: what it does when that is stopped, killed or gone for good, and that it
//! does nothing while all is well.

use std::time::{Duration, Instant};

use model::{HaltedBy, Record, TradingState};

use crate::common::{Gateway, LIMITS, buyer, plimsoll, secret_file, stderr, with_room};
use crate::stage::{Stage, TOKEN, Watchdog, until};

/// Orders that rest, of an agent that does nothing else.
pub(crate) const RESTING: usize = 30;

/// From the third second of silence on: what a look at the heart may take, and two seconds to clear.
const CLEARED_WITHIN: Duration = Duration::from_millis(3_000 + 500 + 2_000);

const RESTER: &str = r#"
read -r hello
[[ $hello =~ \"next_intent\":([0-9]+) ]] && id=${BASH_REMATCH[1]}
echo '{"ready":{"version":1,"strategy":"rester"}}'
while read -r line; do
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
    # Not the first one: the books are to be compared by then.
    if [[ $line == '{"timer"'* ]] && ((++timers == 3)); then
        for ((last = id + COUNT; id < last; id++)); do
            # No two are alike.
            price="PRICE.$((10 + last - id))"
            order="\"instrument\":\"BTC-USDT\",\"side\":\"buy\",\"kind\":{\"type\":\"limit\",\"price\":\"$price\"}"
            order="$order,\"qty\":\"0.001\",\"time_in_force\":\"gtc\",\"post_only\":false,\"reduce_only\":false"
            echo "{\"intent\":{\"id\":$id,\"action\":{\"place\":{$order}},\"reason\":\"to rest\"}}"
        done
    fi
done
"#;

/// A gateway on the stage's exchange, with the kill switch at its side.
pub(crate) fn gateway(
    stage: &Stage,
    watchdog: &Watchdog,
    agent: impl FnOnce(&Gateway) -> String,
) -> Gateway {
    let gateway = Gateway::prepare(&stage.venue.addr, "");
    let limits = with_room(LIMITS).replace("open_max = 10", "open_max = 100");
    std::fs::write(gateway.path("limits.toml"), limits).unwrap();
    secret_file(&gateway.path("token"), TOKEN);
    let (agent, token) = (agent(&gateway), gateway.path("token"));
    let (heartbeat, control) = (&watchdog.heartbeat, &watchdog.control);
    gateway.add(&format!(
        "{agent}[watchdog]\nheartbeat = \"{heartbeat}\"\ncontrol = \"{control}\"\ntoken = {{ file = {token:?} }}\n"
    ));
    gateway
}

/// One whose orders rest at the exchange, and the kill switch knows of them.
fn resting(stage: &Stage, watchdog: &Watchdog) -> Gateway {
    let mut gateway = gateway(stage, watchdog, |gateway| rester(stage, gateway));
    gateway.start();
    let refused = || {
        let entries = gateway.entries();
        let last = entries.iter().rev().find(|e| matches!(e.record, Record::Refused { .. }));
        format!("{:?} open, {last:?}, {}", stage.open(), gateway.log())
    };
    until(&refused, || stage.open().0 == RESTING);
    watchdog.until(stage, |status| {
        status["open_orders"].as_array().is_some_and(|open| open.len() == RESTING)
            && status["lease"] == true
    });
    gateway
}

/// The table of an agent whose orders rest.
pub(crate) fn rester(stage: &Stage, gateway: &Gateway) -> String {
    let price = format!("{:.0}", stage.price() * 0.985);
    let path = gateway.path("rester.sh");
    let text = RESTER.replace("PRICE", &price).replace("COUNT", &RESTING.to_string());
    std::fs::write(&path, text).unwrap();
    format!("[agent.rester]\nvenue = \"sim\"\ncommand = [\"bash\", {path:?}]\n")
}

pub(crate) fn is_halted(gateway: &Gateway) -> bool {
    gateway.entries().iter().any(|entry| {
        matches!(
            &entry.record,
            Record::Trading { state: TradingState::Halted, by: Some(HaltedBy::Watchdog), .. }
        )
    })
}

/// Stopped in the middle of its work: the account is cleared without it, and when it goes on it halts.
#[test]
fn a_stopped_gateway_is_cleared_after() {
    let stage = Stage::binance(66);
    let watchdog = stage.watchdog();
    let mut gateway = resting(&stage, &watchdog);
    gateway.signal("-STOP");
    let stopped = Instant::now();
    stage.until_open(0, 0);
    let took = stopped.elapsed();
    println!("{RESTING} orders gone {took:?} after the gateway was stopped");
    assert!(took <= CLEARED_WITHIN, "{took:?}");
    assert_eq!(watchdog.status()["kind"], "heartbeat_lost");
    gateway.signal("-CONT");
    gateway.wait(15, "it halts", |entries| {
        let halted =
            |record: &Record| matches!(record, Record::Trading { state: TradingState::Halted, .. });
        entries.iter().any(|entry| halted(&entry.record))
    });
    assert!(is_halted(&gateway), "{}", gateway.log());
    // Its agent wants all of them again, and nothing comes of it.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(stage.open(), (0, 0), "{}", gateway.log());
    assert!(gateway.stop().success(), "{}", gateway.log());
}

/// Killed, and started again: it learns what has happened, and stays halted.
#[test]
fn a_killed_gateway_comes_back_halted() {
    let stage = Stage::binance(62);
    let watchdog = stage.watchdog();
    let mut gateway = resting(&stage, &watchdog);
    gateway.signal("-KILL");
    let killed = Instant::now();
    gateway.wait_for_end(5);
    stage.until_open(0, 0);
    let took = killed.elapsed();
    println!("{RESTING} orders gone {took:?} after the gateway was killed");
    assert!(took <= CLEARED_WITHIN, "{took:?}");
    gateway.start();
    until(&|| gateway.log(), || is_halted(&gateway));
    assert_eq!(stage.open(), (0, 0));
    assert!(gateway.stop().success(), "{}", gateway.log());
}

/// `plimsoll halt` with no gateway that could answer: the kill switch does it.
#[test]
fn a_person_halts_what_is_dead() {
    let stage = Stage::binance(63);
    let watchdog = stage.watchdog();
    let mut gateway = resting(&stage, &watchdog);
    gateway.signal("-KILL");
    gateway.wait_for_end(5);
    let config = gateway.path("plimsoll.toml");
    let said = Instant::now();
    let config = config.to_str().unwrap();
    let output = plimsoll(&["halt", "--config", config, "--reason", "enough"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stage.until_open(0, 0);
    println!("{RESTING} orders gone {:?} after a person halted what is dead", said.elapsed());
    let status = watchdog.status();
    assert_eq!((&status["kind"], &status["halted"]), (&"person".into(), &true.into()), "{status}");
    // And whoever starts it again finds it halted.
    gateway.start();
    gateway.wait(15, "it is halted", |entries| {
        entries.iter().any(|entry| {
            matches!(&entry.record, Record::Trading { state: TradingState::Halted, .. })
        })
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
}

/// All is well: it trades, is stopped and started again, loses its streams, and the kill switch has no reason.
#[test]
fn what_is_well_is_left_alone() {
    let stage = Stage::holding("10000 USDT,1 BTC", 64);
    let watchdog = stage.watchdog();
    let mut gateway = gateway(&stage, &watchdog, buyer);
    gateway.start();
    let fills = |entries: &[model::Entry]| {
        entries.iter().filter(|entry| matches!(entry.record, Record::Filled { .. })).count()
    };
    gateway.wait(20, "it trades", |entries| fills(entries) >= 5);
    stage.fault(&serde_json::json!({"kind": "close_after", "for": "1s"}));
    let known = fills(&gateway.entries());
    gateway.wait(40, "it trades on", |entries| fills(entries) >= known + 4);
    assert!(gateway.stop().success(), "{}", gateway.log());
    std::thread::sleep(Duration::from_secs(4));
    let known = fills(&gateway.entries());
    gateway.start();
    gateway.wait(30, "it trades again", |entries| fills(entries) >= known + 4);
    let status = watchdog.status();
    assert_eq!(status["halted"], false, "{status}");
    assert!(status["equity"].is_string() || status["equity"].is_number(), "{status}");
    assert!(gateway.stop().success(), "{}", gateway.log());
}
