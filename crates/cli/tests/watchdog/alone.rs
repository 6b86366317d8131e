//! A gateway that is gone, wedged or lying, and an exchange that does not answer.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::stage::{Beats, Stage};

/// Beats while orders are open, and waits until the kill switch knows of them.
fn watched(stage: &Stage, orders: usize) -> (crate::stage::Watchdog, Beats) {
    let watchdog = stage.watchdog();
    let beats = Beats::start(&watchdog, orders + 1);
    watchdog.until(stage, |status| {
        status["open_orders"].as_array().is_some_and(|open| open.len() == orders + 1)
            && status["lease"] == true
    });
    crate::stage::until(&|| stage.log(), || beats.lease() == 1_000);
    assert!(!beats.is_halted());
    (watchdog, beats)
}

fn silence_clears(stage: &Stage, orders: usize) {
    stage.entries(orders);
    stage.stop();
    let (watchdog, beats) = watched(stage, orders);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(stage.open(), (orders, 1), "{}", stage.log());
    beats.stop();
    let silent = Instant::now();
    stage.until_open(0, 1);
    assert!(silent.elapsed() > Duration::from_millis(2_500), "after {:?}", silent.elapsed());
    let status = watchdog.until(stage, |status| status["cleared"] == true);
    assert_eq!((&status["kind"], &status["durable"]), (&json!("heartbeat_lost"), &json!(true)));
    assert_eq!(status["open_orders"].as_array().unwrap().len(), 1, "the stop stays");
    // A gateway that comes back is told.
    let beats = Beats::start(&watchdog, 1);
    crate::stage::until(&|| stage.log(), || beats.is_halted());
    assert_eq!(beats.lease(), 0);
    beats.stop();
}

#[test]
fn silence_clears_the_account_at_binance() {
    silence_clears(&Stage::binance(41), 40);
}

#[test]
fn silence_clears_the_account_at_coinbase() {
    silence_clears(&Stage::coinbase(42), 200);
}

#[test]
fn silence_clears_the_account_at_kraken() {
    silence_clears(&Stage::kraken(45), 60);
}

/// KIL-03: nobody is left to cancel anything; the exchange's own timer does it, a minute after it was wound up.
#[test]
fn the_exchange_takes_all_back_when_the_switch_is_gone_too() {
    let stage = Stage::kraken(46);
    stage.entries(4);
    let watchdog = stage.watchdog();
    let beats = Beats::start(&watchdog, 4);
    watchdog.until(&stage, |status| status["open_orders"].as_array().is_some_and(|o| o.len() == 4));
    let wound_up = || {
        let state = stage.venue.state();
        state["counts"]["requests"]["POST /0/private/CancelAllOrdersAfter"].as_u64().unwrap_or(0)
    };
    crate::stage::until(&|| stage.log(), || wound_up() > 0);
    let since = Instant::now();
    drop(watchdog);
    beats.stop();
    std::thread::sleep(Duration::from_secs(30));
    assert_eq!(stage.open(), (4, 0), "it is not gone for long");
    while stage.open() != (0, 0) {
        assert!(since.elapsed() < Duration::from_secs(90), "{}", stage.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(since.elapsed() > Duration::from_secs(40), "{:?}", since.elapsed());
}

/// It beats on, and its core stands still.
#[test]
fn a_wedged_gateway_clears_the_account() {
    let stage = Stage::binance(43);
    stage.entries(20);
    stage.stop();
    let (watchdog, beats) = watched(&stage, 20);
    beats.freeze();
    stage.until_open(0, 1);
    let status = watchdog.until(&stage, |status| status["cleared"] == true);
    assert!(status["cause"].as_str().unwrap().contains("stands still"), "{status}");
    beats.stop();
}

/// RST-09, KIL-06: the gateway believes that less is open than is.
#[test]
fn a_lying_gateway_clears_the_account_and_both_figures_are_shown() {
    let stage = Stage::binance(44);
    stage.entries(20);
    stage.stop();
    let (watchdog, beats) = watched(&stage, 20);
    beats.says_open(0);
    stage.until_open(0, 1);
    let status = watchdog.until(&stage, |status| status["cleared"] == true);
    let cause = status["cause"].as_str().unwrap();
    assert!(cause.contains("says 0 open orders, the exchange lists 21"), "{status}");
    beats.stop();
}

/// No gateway ever came, and orders are open.
#[test]
fn a_gateway_that_never_came_is_gone() {
    let stage = Stage::binance(45);
    let watchdog = stage.watchdog();
    std::thread::sleep(Duration::from_secs(9));
    assert_eq!(watchdog.status()["halted"], false, "nothing is open: it waits");
    stage.entries(2);
    stage.until_open(0, 0);
    assert_eq!(watchdog.status()["kind"], "heartbeat_lost");
}

/// KIL-02: a halt while the exchange is down holds, and is carried out when it is back.
#[test]
fn an_outage_is_outlasted() {
    let stage = Stage::binance(46);
    stage.entries(20);
    stage.stop();
    let (watchdog, beats) = watched(&stage, 20);
    let outage = Duration::from_secs(6);
    stage.fault(&json!({"kind": "outage", "seconds": outage.as_secs()}));
    let down = Instant::now();
    let (code, _) = watchdog.http("POST", "/halt", crate::stage::TOKEN, r#"{"cause":"out"}"#);
    assert_eq!(code, 200);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!((beats.lease(), beats.is_halted()), (0, true), "the block holds meanwhile");
    while down.elapsed() < outage {
        std::thread::sleep(Duration::from_millis(20));
    }
    stage.until_open(0, 1);
    watchdog.until(&stage, |status| status["cleared"] == true);
    beats.stop();
}

/// RL-02: the gateway's address is banned; the kill switch has one of its own.
#[test]
fn a_ban_of_the_gateway_bans_nobody_else() {
    let stage = Stage::binance(47);
    stage.add("local_address = \"127.0.0.2\"");
    stage.entries(20);
    stage.stop();
    let (watchdog, beats) = watched(&stage, 20);
    stage.fault(&json!({"kind": "ban", "peer": "127.0.0.1", "for": "3m"}));
    beats.stop();
    stage.until_open(0, 1);
    watchdog.until(&stage, |status| status["cleared"] == true);
}

/// It cannot see: nobody gets a lease, and after a while it trips.
#[test]
fn an_exchange_that_cannot_be_read_trips() {
    let stage = Stage::binance(48);
    stage.limit("unreadable_max_s = 30", "unreadable_max_s = 5");
    stage.entries(2);
    stage.stop();
    let (watchdog, beats) = watched(&stage, 2);
    stage.fault(&json!({"kind": "status", "route": "GET /api/v3/openOrders", "status": 503}));
    let status = watchdog.until(&stage, |status| status["halted"] == true);
    assert_eq!(status["kind"], "unreadable", "{status}");
    // Cancels work, so what was known is gone, unseen as it is.
    stage.until_open(0, 1);
    assert_eq!(watchdog.status()["cleared"], false);
    beats.stop();
}

/// SEC-04: an order that nobody here placed.
#[test]
fn a_foreign_order_trips() {
    let stage = Stage::binance(49);
    stage.add("own_prefix = [\"own\"]");
    stage.entries(2);
    stage.stop();
    let (watchdog, beats) = watched(&stage, 2);
    stage.named("stranger");
    stage.until_open(0, 1);
    let status = watchdog.status();
    assert_eq!(status["kind"], "foreign_order");
    assert!(status["cause"].as_str().unwrap().contains("stranger-"), "{status}");
    beats.stop();
}

/// ACC-04: money that goes is no loss, where its owner has said so; the same fall of the price is.
#[test]
fn a_withdrawal_is_no_loss() {
    let stage = Stage::binance(50);
    let watchdog = stage.watchdog();
    let beats = Beats::start(&watchdog, 0);
    let worth = |status: &serde_json::Value| -> f64 {
        status["high_water"].as_str().unwrap_or("0").parse().unwrap()
    };
    let before = worth(&watchdog.until(&stage, |status| worth(status) > 0.0));
    let announced = r#"{"asset":"USDT","amount":"-700000"}"#;
    let (code, said) = watchdog.http("POST", "/transfer", crate::stage::TOKEN, announced);
    assert_eq!((code, &said["announced"]["amount"]), (200, &json!("700000")), "{said}");
    assert_eq!(watchdog.status()["expected"][0]["asset"], "USDT");
    for wrong in [r#"{"asset":"USDT","amount":"700"}"#, r#"{"asset":"US DT","amount":"-7"}"#, "{}"]
    {
        assert_eq!(
            watchdog.http("POST", "/transfer", crate::stage::TOKEN, wrong).0,
            400,
            "{wrong}"
        );
    }
    let body = json!({"account": "account-1", "asset": "USDT", "amount": "-700000"});
    let answer = stage.venue.raw("POST", "/_sim/transfer", &body.to_string());
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let after = worth(&watchdog.until(&stage, |status| worth(status) < before - 600_000.0));
    assert!((before - after - 700_000.0).abs() < 20_000.0, "{before} {after}");
    // Longer than what is not explained is waited for.
    std::thread::sleep(Duration::from_secs(20));
    assert_eq!(watchdog.status()["halted"], false, "{}", stage.log());
    assert!(stage.log().contains("is a transfer, and no loss"), "{}", stage.log());
    beats.stop();
}

/// SEC-04: whoever has a key to trade buys a coin that nobody follows from himself. To the balances it looks like a
/// withdrawal; the exchange has no history of one, and nobody has announced it.
#[test]
fn what_is_traded_away_on_an_instrument_that_is_not_followed_trips() {
    let stage = Stage::robbed();
    stage.quote(60_000);
    let watchdog = stage.watchdog();
    let beats = Beats::start(&watchdog, 0);
    watchdog.until(&stage, |status| status["high_water"] == "700000");
    stage.rob("50", "100");
    let (end, mut status) = (Instant::now() + Duration::from_secs(60), watchdog.status());
    while status["halted"] == false && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(200));
        status = watchdog.status();
    }
    assert_eq!(status["kind"], "unexplained", "{status}\n{}", stage.log());
    assert!(status["cause"].as_str().unwrap().contains("USDT -500"), "{status}");
    assert_eq!(status["high_water"], "700000", "no mark has moved");
    beats.stop();
}

/// KIL-01: a halt while orders go out and arrive. Those that come after the first cancels are canceled on
/// sight.
#[test]
fn a_kill_in_a_burst_leaves_nothing() {
    let stage = Stage::binance(51);
    let watchdog = stage.watchdog();
    let beats = Beats::start(&watchdog, 0);
    watchdog.until(&stage, |status| status["lease"] == true);
    std::thread::scope(|scope| {
        let burst = scope.spawn(|| {
            for _ in 0..8 {
                stage.entries(5);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        std::thread::sleep(Duration::from_millis(350));
        watchdog.http("POST", "/halt", crate::stage::TOKEN, "");
        burst.join().unwrap();
    });
    stage.until_open(0, 0);
    watchdog.until(&stage, |status| status["cleared"] == true);
    beats.stop();
}

/// RL-01: a stop of the exchange is obeyed by everything, and then it goes on.
#[test]
fn a_stop_of_the_exchange_is_obeyed() {
    let stage = Stage::binance(52);
    let watchdog = stage.watchdog();
    let beats = Beats::start(&watchdog, 0);
    watchdog.until(&stage, |status| status["lease"] == true);
    stage.fault(&json!({"kind": "throttle", "retry_after_s": 3, "for": "5s"}));
    std::thread::sleep(Duration::from_secs(7));
    let counts = stage.venue.state()["counts"].clone();
    let stops = counts["answers"]["429"].as_u64();
    // Two stops of three seconds; what was under way when one came is answered with it, too. Whoever goes on
    // asking gets three times as many.
    assert!(stops.is_some_and(|stops| (1..=12).contains(&stops)), "{counts}");
    watchdog.until(&stage, |status| status["watching"] == true && status["halted"] == false);
    beats.stop();
}

/// What is held is sold in slices, never below the collar, and only because that was asked for.
fn sells(stage: &Stage, quote: &str) {
    let limits = stage.path("watchdog-limits.toml");
    let text = std::fs::read_to_string(&limits).unwrap();
    let flatten = "[flatten]\ncollar_bps = 100\nslice_max = \"1000\"\ndepth_max_percent = 100\n";
    std::fs::write(&limits, format!("{text}{flatten}")).unwrap();
    stage.add("flatten = true");
    stage.entries(2);
    let watchdog = stage.watchdog();
    let held = |status: &serde_json::Value| -> f64 {
        let positions = status["positions"].as_array().unwrap();
        let btc = positions.iter().find(|held| held["asset"] == "BTC");
        btc.map_or(0.0, |held| held["total"].as_str().unwrap().parse().unwrap())
    };
    watchdog.until(stage, |status| held(status) > 0.0);
    watchdog.signal("-USR1");
    stage.until_open(0, 0);
    watchdog.until(stage, |status| status["cleared"] == true && held(status) < 0.000_2);
    let state = stage.venue.state();
    let fills: Vec<_> = state["fills"].as_array().unwrap().iter().collect();
    assert!(fills.len() >= 2, "in slices: {fills:?}");
    let book = format!("BTC-{quote}");
    let bid: f64 = state["books"][&book]["bids"][0][0].as_str().unwrap().parse().unwrap();
    for fill in fills {
        let price: f64 = fill["price"].as_str().unwrap().parse().unwrap();
        assert!(fill["side"] == "sell" && price > bid * 0.98, "{fill}, the bid is {bid}");
    }
}

#[test]
fn what_is_held_is_sold_at_binance() {
    sells(&Stage::holding("10000 USDT,0.05 BTC", 53), "USDT");
}

#[test]
fn what_is_held_is_sold_at_coinbase() {
    let stage = Stage::coinbase_holding("10000 USD,0.05 BTC", 54);
    sells(&stage, "USD");
}

#[test]
fn what_is_held_is_sold_at_kraken() {
    sells(&Stage::kraken_holding("10000 USD,0.05 BTC", 55), "USD");
}

/// EXS-05: a price that is there for less than a second moves nothing, up or down; the same fall trips when
/// it stays.
#[test]
fn a_wick_is_no_loss_and_a_fall_is() {
    let stage = Stage::quiet();
    stage.quote(60_000);
    let watchdog = stage.watchdog();
    let beats = Beats::start(&watchdog, 0);
    let high_water =
        |status: &serde_json::Value| status["high_water"].as_str().unwrap_or("0").to_owned();
    watchdog.until(&stage, |status| high_water(status) == "700000");
    for wick in [1_000, 900_000] {
        stage.quote(wick);
        std::thread::sleep(Duration::from_millis(400));
        stage.quote(60_000);
        std::thread::sleep(Duration::from_secs(2));
        let status = watchdog.status();
        assert_eq!((&status["halted"], high_water(&status)), (&json!(false), "700000".to_owned()));
    }
    stage.quote(40_000);
    let status = watchdog.until(&stage, |status| status["halted"] == true);
    assert!(status["kind"] == "drawdown" || status["kind"] == "day_loss", "{status}");
    assert!(status["cause"].as_str().unwrap().contains("worth 500000 at most"), "{status}");
    beats.stop();
}
