//! CLK: what clocks do. That the watchdog acts while the gateway is frozen (CLK-03) comes with the
//! watchdog.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use model::{Ending, Entry, IntentId, OrderState, Record};
use serde_json::json;

use crate::common::shift::Shift;
use crate::common::unsure_of_the_clock;
use crate::stage::{
    CREATE, QUIET, Stage, Want, books, count, is_active, is_live, is_refused, order_of, orders,
};

/// How long an approved order may be on its way.
const VALIDITY: Duration = Duration::from_secs(2);

/// Orders that the venue refused because of their time.
fn out_of_time(entries: &[Entry]) -> usize {
    let is = |record: &Record| match record {
        Record::Rejected { because, .. } => format!("{because:?}").contains("-1021"),
        _ => false,
    };
    count(entries, is)
}

/// CLK-01: the venue's clock is off, and ours is. Two refusals at most for each, and nothing that adds
/// risk until it is measured and measured again; then orders go. What takes three seconds is still too
/// late: the validity has not grown.
#[test]
fn clk_01_skew() {
    let mut shift = None;
    let mut stage = Stage::open_with(401, |gateway, command| {
        let ours = shift.insert(Shift::new(gateway));
        // Ours is wrong from the start: that is measured before anything is sent.
        ours.set(10);
        ours.load(command);
    });
    let first = stage.place(Want::BuyLow);
    stage.working(first);
    assert_eq!(out_of_time(&stage.gateway.entries()), 0);
    for skew_ms in [300, -2_000, 10_000, -10_000] {
        stage.until(10, "it trades", |entries| is_active(entries) && is_live(entries));
        let entries = stage.gateway.entries();
        let (before, unsure_before) = (out_of_time(&entries), unsure_of_the_clock(&entries));
        stage.fault(json!({"kind": "venue_skew", "skew_ms": skew_ms}));
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            assert!(Instant::now() < end, "{skew_ms}: no order goes: {}", stage.gateway.log());
            let intent = stage.place(Want::BuyLow);
            stage.until(10, "decided", |entries| {
                let order = order_of(&books(entries), intent).map(|order| order.state);
                is_refused(entries, intent)
                    || order.is_some_and(|s| s == OrderState::Working || s.is_done())
            });
            let entries = stage.gateway.entries();
            if order_of(&books(&entries), intent).is_some_and(|o| o.state == OrderState::Working) {
                break;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        let entries = stage.gateway.entries();
        let refused = out_of_time(&entries) - before;
        let stopped = unsure_of_the_clock(&entries) - unsure_before;
        assert_eq!(stopped > 0, skew_ms != 300, "{skew_ms}: stopped {stopped} times");
        println!("{refused} refused for a skew of {skew_ms} ms");
        assert!(refused <= 2, "{skew_ms}: {refused}");
        let late = json!({"kind": "delay", "delay_ms": 3_000, "route": CREATE, "count": 1});
        if skew_ms == 10_000 {
            stage.fault(late);
            let intent = stage.place(Want::BuyLow);
            assert_eq!(stage.done(8, intent).ending(), Some(Ending::Rejected), "too late");
        }
        stage.heal();
        std::thread::sleep(Duration::from_millis(300));
        // Healing is a skew of its own, the other way.
        let again = stage.place(Want::BuyLow);
        stage.until(5, "decided", |entries| {
            let order = order_of(&books(entries), again).map(|order| order.state);
            is_refused(entries, again)
                || order.is_some_and(|s| s == OrderState::Working || s.is_done())
        });
    }
    assert_eq!(stage.fired("venue_skew"), 4);
    assert_eq!(stage.fired("delay"), 1);
    let healed = stage.heal();
    stage.recovers(healed);
    unsure_of_the_clock(&stage.gateway.entries());
}

/// CLK-02: the clock of the machine is set back, by half a minute and by an hour, while an order is in
/// doubt. The quiet time is as long as ever: neither ended early nor drawn out.
#[test]
fn clk_02_step_back() {
    let mut shift = None;
    let mut stage = Stage::open_with(402, |gateway, command| {
        shift.insert(Shift::new(gateway)).load(command);
    });
    let shift = shift.unwrap();
    stage.fault(json!({"kind": "drop_request", "route": CREATE, "count": 1}));
    let lost = stage.place(Want::BuyLow);
    stage.order(5, lost, "in doubt", |order| order.state == OrderState::InDoubt);
    let doubt = Instant::now();
    for seconds in [-30, -3_600] {
        shift.set(seconds);
        std::thread::sleep(Duration::from_secs(3));
        let entries = stage.gateway.entries();
        let order = order_of(&books(&entries), lost).unwrap().clone();
        assert_eq!(order.state, OrderState::InDoubt);
    }
    assert!(stage.gateway.log().contains("clock was set"), "the step has been seen");
    // Nothing else is held up by it: heartbeats, leases, alarms, the age of prices.
    let other = stage.place(Want::BuyNow);
    assert_eq!(stage.done(5, other).ending(), Some(Ending::Filled));
    assert_eq!(stage.done(25, lost).ending(), Some(Ending::NotPlaced));
    let took = doubt.elapsed();
    let early = QUIET - Duration::from_millis(500);
    assert!(took >= early && took <= QUIET + Duration::from_secs(3), "{took:?}");
    assert_eq!(stage.fired("drop_request"), 1);
    let healed = stage.heal();
    stage.recovers(healed);
}

fn signal(stage: &Stage, name: &str) {
    let id = stage.gateway.process.as_ref().unwrap().0.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

/// A market that rises by a tenth of a percent a second, so that a price tells when it was. As a
/// recording: a whole book every 50 ms.
fn rising(minutes: u64) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for step in 0..minutes * 60 * 20 {
        let at = 1_700_000_000_000_000_000 + step * 50_000_000;
        let middle = 60_000.0 + 3.0 * f64::from(u32::try_from(step).unwrap());
        let level = |away: f64| json!([format!("{:.2}", middle + away), "0.5"]);
        let bids: Vec<_> = (1..=5).map(|i| level(-f64::from(i))).collect();
        let asks: Vec<_> = (1..=5).map(|i| level(f64::from(i))).collect();
        let book = json!({"lastUpdateId": step + 1, "bids": bids, "asks": asks});
        writeln!(file, "{at} {book}").unwrap();
    }
    file
}

/// CLK-03: the gateway stands still for longer than an order is valid and a price is fresh, with orders
/// on their way and a market order waiting. Nothing that was decided before arrives after, and nothing is
/// priced by what was known before: the price of every order that it decides on from then on is one of
/// the market as it is then.
#[test]
fn clk_03_freeze() {
    const FREEZE: Duration = Duration::from_secs(6);
    /// The oldest price that an order may be decided on, and what the market rises by in that time.
    const AGE_MAX: Duration = Duration::from_secs(1);
    const RISE: f64 = 0.001;
    let recording = rising(2);
    let market = format!("replay:{}", recording.path().display());
    let mut stage = Stage::open_on(&market, |_, _| {});
    let (before, _) = stage.touch();
    let low = json!({"type": "limit", "price": format!("{:.2}", before * 0.99)});
    for _ in 0..48 {
        stage.place_as("buy", &low, "gtc");
    }
    // Approved and not sent: they wait for the budget.
    stage.until(5, "orders are on their way", |entries| {
        count(entries, |record| matches!(record, Record::BudgetWait { .. })) > 0
    });
    signal(&stage, "-STOP");
    std::thread::sleep(Duration::from_millis(100));
    let (bid, ask) = stage.touch();
    let (frozen, frozen_at) = (runtime::clock::now(), f64::midpoint(bid, ask));
    let at_market = json!({"type": "market"});
    let mut wanted = vec![stage.place_as("buy", &at_market, "ioc")];
    std::thread::sleep(FREEZE);
    let (bid, ask) = stage.touch();
    let (woken, woken_at) = (runtime::clock::now(), f64::midpoint(bid, ask));
    assert!(woken_at > frozen_at * (1.0 + 3.0 * RISE), "{frozen_at} {woken_at}: it did rise");
    signal(&stage, "-CONT");
    // From the first moment on, until one is let through.
    let end = Instant::now() + Duration::from_secs(10);
    let priced = loop {
        assert!(Instant::now() < end, "no order is let through: {}", stage.gateway.log());
        wanted.push(stage.place_as("buy", &at_market, "ioc"));
        std::thread::sleep(Duration::from_millis(20));
        let entries = stage.gateway.entries();
        let priced = decided_on(&entries, &wanted);
        if !priced.is_empty() {
            break priced;
        }
    };
    let oldest = woken_at * (1.0 - RISE * AGE_MAX.as_secs_f64() - RISE / 2.0);
    println!("{} of {} let through, at {priced:?}", priced.len(), wanted.len());
    for price in priced {
        assert!(price > oldest, "decided on {price}; {frozen_at} before, {woken_at} after");
    }
    stage.until(10, "the market is live", is_live);
    let entries = stage.gateway.entries();
    let asleep = |entry: &&Entry| entry.at > frozen && entry.at < woken;
    assert_eq!(entries.iter().filter(asleep).count(), 0, "it did stand still");
    // No order arrived later than it was valid.
    let known = books(&entries);
    let state = stage.venue.state();
    for order in orders(&state) {
        let id = order["client_id"].as_str().unwrap();
        let ours = known.order(&id.parse().unwrap()).unwrap();
        let on_its_way = order["created"].as_i64().unwrap() - ours.prepared_at.millis();
        assert!(u128::try_from(on_its_way.max(0)).unwrap() <= VALIDITY.as_millis(), "{order}");
    }
    let unsent = count(&entries, |record| matches!(record, Record::Prepared { .. }))
        - orders(&state).count();
    assert!(unsent > 0, "none was on its way when it froze");
    stage.recovers(Instant::now());
}

/// The gateway's own price at which each of these was let through.
fn decided_on(entries: &[Entry], wanted: &[IntentId]) -> Vec<f64> {
    let known = books(entries);
    let price = |entry: &Entry| match &entry.record {
        Record::Decided { intent, reference, .. } if wanted.contains(&intent.id) => {
            order_of(&known, intent.id)?;
            Some(reference.unwrap().get().to_f64())
        }
        _ => None,
    };
    entries.iter().filter_map(price).collect()
}
