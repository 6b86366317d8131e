//! Two hundred open orders and a gateway that fails: the kill switch alone clears all of them within two seconds of
//! acting. By the exchange's own books, which say when each order went, and the latch, which says when it acted.
//!
//! A few runs of each failure; `cargo xtask bench kill-processes` has fifty, a wedged and a lying gateway that are
//! real, and the figures of a release build.

use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use serde_json::Value;

use crate::common::{Gateway, Venue, secret_file, with_room};
use crate::stage::{Beats, Stage, TOKEN, Watchdog, until};

const ORDERS: usize = 200;
/// Each failure so often at Binance; once at Coinbase, where the orders alone take a quarter of a minute.
const RUNS: u32 = 3;
/// From the act to the last order gone.
const CLEARED_WITHIN: Duration = Duration::from_secs(2);
/// Clocks of two processes of one host differ by no more, ms.
const CLOCKS_MS: i64 = 5;

/// Limits of a gateway whose agent has so many orders.
const LIMITS: &str = r#"
reference_age_max_ms = 5000
[orders]
open_max = 1000
rate_max = 1000
rate_window_ms = 10000
[instrument.BTC-USDT]
qty_max = "1"
notional_max = "100000"
position_max = "5"
collar_bps = 1500
"#;

/// An agent that orders so many a second until it has all, half of them buys, and wants nothing more.
const RESTER: &str = r#"
read -r hello
[[ $hello =~ \"next_intent\":([0-9]+) ]] && id=${BASH_REMATCH[1]}
echo '{"ready":{"version":1,"strategy":"rester"}}'
placed=0
while read -r line; do
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
    # What a comparison of the books, or the exchange, had no room for is ordered again.
    [[ $line == *'"refused":{'* || $line == *'"done":"'@(rejected|not_placed)* ]] && ((placed--))
    # Not the first ones: the books are to be compared by then.
    [[ $line == '{"timer"'* ]] && ((++timers >= 3)) || continue
    for ((now = 0; now < PACE && placed < COUNT; now++, placed++, id++)); do
        side=buy price=LOW
        ((placed % 2)) && side=sell price=HIGH
        order="\"instrument\":\"INSTRUMENT\",\"side\":\"$side\",\"kind\":{\"type\":\"limit\",\"price\":\"$price\"}"
        order="$order,\"qty\":\"0.001\",\"time_in_force\":\"gtc\",\"post_only\":false,\"reduce_only\":false"
        echo "{\"intent\":{\"id\":$id,\"action\":{\"place\":{$order}},\"reason\":\"to rest\"}}"
    done
done
"#;

/// A stage on which two hundred orders can be placed in a moment.
fn binance(seed: u32) -> Stage {
    let market = format!("synthetic:{seed}");
    let wide = ["--market", &market, "--orders-per-10s", "1000"];
    Stage::with_binance(Venue::holding("1000000 USDT,10 BTC", &wide))
}

fn coinbase(seed: u32) -> Stage {
    Stage::coinbase_holding("1000000 USD,10 BTC", seed)
}

/// A real gateway whose agent has all of them open, and the kill switch knows.
fn resting(stage: &Stage, watchdog: &Watchdog, is_coinbase: bool) -> Gateway {
    let mut gateway = match is_coinbase {
        false => Gateway::prepare(&stage.venue.addr, ""),
        true => Gateway::prepare_coinbase(&stage.venue, ""),
    };
    let (instrument, price) = (gateway.instrument(), stage.price());
    let limits = with_room(LIMITS).replace("BTC-USDT", instrument);
    std::fs::write(gateway.path("limits.toml"), limits).unwrap();
    // Coinbase has room for thirty requests a second, some of which are the kill switch's.
    let pace = if is_coinbase { "16" } else { "100" };
    let agent = RESTER
        .replace("INSTRUMENT", instrument)
        .replace("LOW", &format!("{:.2}", price * 0.93))
        .replace("HIGH", &format!("{:.2}", price * 1.07))
        .replace("PACE", pace)
        .replace("COUNT", &ORDERS.to_string());
    let script = gateway.path("rester.sh");
    std::fs::write(&script, agent).unwrap();
    let token = gateway.path("token");
    secret_file(&token, TOKEN);
    let (heartbeat, control) = (&watchdog.heartbeat, &watchdog.control);
    gateway.add(&format!(
        "[agent.rester]\nvenue = \"sim\"\ncommand = [\"bash\", {script:?}]\n[watchdog]\n\
         heartbeat = \"{heartbeat}\"\ncontrol = \"{control}\"\ntoken = {{ file = {token:?} }}\n"
    ));
    gateway.start();
    let log = || format!("{:?} open, {}", stage.open(), gateway.log());
    // Sixteen a second, and the time that a start takes.
    crate::stage::until_within(Duration::from_secs(60), &log, || stage.open().0 == ORDERS);
    known(stage, watchdog);
    gateway
}

/// Waits until the kill switch has all of them in its list, and leases.
fn known(stage: &Stage, watchdog: &Watchdog) {
    watchdog.until(stage, |status| {
        let open = status["open_orders"].as_array().map_or(0, Vec::len);
        open == ORDERS && status["lease"] == true && status["halted"] == false
    });
}

/// Waits until all are gone; how long that took from the act on.
fn cleared(stage: &Stage, kind: &str) -> Duration {
    until(&|| stage.log(), || stage.open() == (0, 0));
    let latch = stage.path("state/watchdog-latch.json");
    // It cancels before a slow disk has answered.
    until(&|| stage.log(), || latch.exists());
    let said: Value = serde_json::from_slice(&std::fs::read(&latch).unwrap()).unwrap();
    assert_eq!(said["kind"], kind, "{said}");
    let file = std::fs::metadata(&latch).unwrap();
    let written_ms = file.mtime() * 1_000 + file.mtime_nsec() / 1_000_000;
    // Whichever is earlier: the exchange's time as the kill switch knows it, or the host's.
    let acted_ms = said["at_ms"].as_i64().unwrap().min(written_ms);
    let state = stage.venue.state();
    let orders = state["orders"].as_array().unwrap();
    assert!(orders.iter().all(|order| order["status"] == "canceled"), "one was filled");
    assert_eq!(orders.len(), ORDERS);
    let gone = orders.iter().map(|order| order["updated"].as_i64().unwrap());
    let (first, last) = (gone.clone().min().unwrap(), gone.max().unwrap());
    assert!(first >= acted_ms - CLOCKS_MS, "gone {} ms before it acted", acted_ms - first);
    let took = Duration::from_millis((last - acted_ms).max(0).unsigned_abs());
    println!("{kind}: {ORDERS} orders gone {took:?} after the kill switch acted");
    assert!(took <= CLEARED_WITHIN, "{took:?}");
    took
}

/// The gateway is a process that gets this signal.
fn signaled(signal: &str, is_coinbase: bool, seed: u32) {
    let runs = if is_coinbase { 1 } else { RUNS };
    for run in 0..runs {
        let seed = seed + run;
        let stage = if is_coinbase { coinbase(seed) } else { binance(seed) };
        let watchdog = stage.watchdog();
        let mut gateway = resting(&stage, &watchdog, is_coinbase);
        gateway.signal(signal);
        cleared(&stage, "heartbeat_lost");
        // It ends for good, stopped or not.
        gateway.process = None;
    }
}

#[test]
fn a_stopped_gateway_with_two_hundred_orders_at_binance() {
    signaled("-STOP", false, 80);
}

#[test]
fn a_killed_gateway_with_two_hundred_orders_at_binance() {
    signaled("-KILL", false, 83);
}

#[test]
fn a_stopped_gateway_with_two_hundred_orders_at_coinbase() {
    signaled("-STOP", true, 86);
}

#[test]
fn a_killed_gateway_with_two_hundred_orders_at_coinbase() {
    signaled("-KILL", true, 89);
}

/// A client of the heartbeat stands for a gateway whose loop is wedged, and for one that denies what is open.
fn imagined(seed: u32, fail: impl Fn(&Beats), kind: &str) {
    for run in 0..RUNS {
        let stage = binance(seed + run);
        stage.entries(ORDERS);
        let watchdog = stage.watchdog();
        let beats = Beats::start(&watchdog, ORDERS);
        known(&stage, &watchdog);
        fail(&beats);
        cleared(&stage, kind);
        beats.stop();
    }
}

#[test]
fn a_wedged_gateway_with_two_hundred_orders() {
    imagined(92, Beats::freeze, "heartbeat_lost");
}

#[test]
fn a_lying_gateway_with_two_hundred_orders() {
    imagined(95, |beats| beats.says_open(0), "heartbeat_lies");
}

/// Heartbeats that say nothing but good, and more open at the exchange than the kill switch's own file allows: it
/// goes by the exchange.
#[test]
fn good_heartbeats_over_too_much_that_is_open() {
    for run in 0..RUNS {
        let stage = binance(98 + run);
        // Two hundred of 0.0003 at some 60000 each are worth 3600 together; one more is too many.
        stage.limit("open_notional_max = \"100000\"", "open_notional_max = \"3630\"");
        stage.entries(ORDERS - 1);
        let watchdog = stage.watchdog();
        let beats = Beats::start(&watchdog, ORDERS - 1);
        watchdog.until(&stage, |status| {
            let open = status["open_orders"].as_array().map_or(0, Vec::len);
            open == ORDERS - 1 && status["lease"] == true && status["halted"] == false
        });
        beats.says_open(ORDERS as u64);
        stage.large();
        cleared(&stage, "open_notional");
        beats.stop();
    }
}
