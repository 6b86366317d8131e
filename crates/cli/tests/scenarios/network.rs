//! NET: what the network does.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use model::{Ending, OrderState, Record};
use serde_json::json;

use crate::stage::{
    Account, CREATE, QUIET, RECOVERY_MAX, Stage, Want, count, is_active, is_refused, orders,
};

/// The time for an answer, after which the gateway gives up.
const ANSWER_MAX: Duration = Duration::from_secs(11);

fn is_doubted(record: &Record) -> bool {
    matches!(record, Record::InDoubt { .. })
}

/// From the doubt until it was settled by something the venue said.
fn settled_after(story: &[(Duration, Record)]) -> Duration {
    let doubt = story.iter().find(|(_, record)| is_doubted(record)).map(|(at, _)| *at);
    let settled = |record: &Record| {
        matches!(record, Record::Accepted { .. } | Record::Filled { .. } | Record::Ended { .. })
    };
    let known = story.iter().find(|(_, record)| settled(record)).unwrap().0;
    known.saturating_sub(doubt.unwrap_or(known))
}

/// NET-01, with the stream and without: the answer to an order is lost. It is found, never refused
/// and never sent again, whether it rests or is filled at once.
#[test]
fn net_01_lost_ack() {
    let mut stage = Stage::open(101);
    for deaf in [false, true] {
        if deaf {
            stage.fault(json!({"kind": "silent", "stream": "user"}));
        }
        stage.fault(json!({"kind": "drop_response", "route": CREATE, "count": 2}));
        let resting = stage.send(Want::BuyLow);
        stage.working(resting);
        let taking = stage.send(Want::BuyNow);
        let ending = stage.done(10, taking).ending();
        assert_eq!(ending, Some(Ending::Filled));
        let max = if deaf { QUIET + Duration::from_secs(3) } else { Duration::from_secs(1) };
        for intent in [resting, taking] {
            let story = stage.story(intent);
            let took = settled_after(&story);
            assert!(took <= max, "{took:?}: {story:#?}");
            let refused =
                |(_, record): &(Duration, Record)| matches!(record, Record::Rejected { .. });
            assert!(!story.iter().any(refused), "{story:#?}");
        }
        assert_eq!(stage.fired("drop_response"), if deaf { 4 } else { 2 });
        assert_eq!(stage.fired("silent") > 0, deaf);
    }
    assert!(count(&stage.gateway.entries(), is_doubted) > 0, "nothing was ever in doubt");
    let healed = stage.heal();
    stage.recovers(healed);
    assert_eq!(stage.requests(CREATE), 4, "none was sent again");
}

/// NET-02: the order itself is lost. Its size stays reserved for the quiet time, then it is known not
/// to have been placed; never before, and never refused.
#[test]
fn net_02_lost_request() {
    let mut stage = Stage::open(102);
    stage.fault(json!({"kind": "drop_request", "route": CREATE, "count": 1}));
    let lost = stage.place(Want::BuyLow);
    let order = stage.done(30, lost);
    assert_eq!(order.ending(), Some(Ending::NotPlaced));
    let story = stage.story(lost);
    let [(doubt, Record::InDoubt { .. }), (ended, Record::Ended { .. })] = &story[..] else {
        panic!("{story:#?}");
    };
    let absent = *ended - *doubt;
    assert!(absent >= QUIET && absent <= QUIET + Duration::from_secs(3), "{absent:?}");
    assert_eq!(stage.fired("drop_request"), 1);
    let healed = stage.heal();
    stage.recovers(healed);
    assert_eq!(orders(&stage.venue.state()).count(), 0);
    // One more attempt is a new intent with a new name.
    let again = stage.place(Want::BuyLow);
    assert_ne!(stage.working(again).order.client_order_id, order.order.client_order_id);
    assert_eq!(stage.requests(CREATE), 2);
}

/// NET-03: an order arrives late. Within its validity it is the same intent; beyond it the venue
/// refuses it, also when the gateway has given up waiting long before. Meanwhile nothing else is sent
/// for it.
#[test]
fn net_03_late_arrival() {
    let mut stage = Stage::open(103);
    let late = |ms: u64| json!({"kind": "delay", "delay_ms": ms, "route": CREATE, "count": 1});
    stage.fault(late(12_000));
    let after_timeout = stage.place(Want::BuyLow);
    stage.order(5, after_timeout, "sent", |order| order.state == OrderState::PendingNew);
    while stage.fired("delay") < 1 {}
    stage.fault(late(1_000));
    let inside = stage.place(Want::BuyLow);
    let order = stage.working(inside);
    assert!(order.accepted_at.unwrap().since(order.prepared_at) >= Duration::from_millis(900));
    stage.fault(late(3_000));
    let beyond = stage.place(Want::BuyLow);
    let ending = stage.done(10, beyond).ending();
    assert_eq!(ending, Some(Ending::Rejected), "the venue's word that it came too late");
    let order =
        stage.order(15, after_timeout, "given up", |order| order.state == OrderState::InDoubt);
    assert_eq!(order.ending(), None);
    let doubt = stage.story(after_timeout)[0].0;
    assert!(doubt >= ANSWER_MAX - Duration::from_millis(100), "{doubt:?}");
    assert_eq!(stage.done(25, after_timeout).ending(), Some(Ending::NotPlaced));
    let settled = stage.story(after_timeout).last().unwrap().0;
    assert!(settled >= doubt + QUIET, "{settled:?}");
    assert_eq!(stage.fired("delay"), 3);
    let healed = stage.heal();
    stage.recovers(healed);
    assert_eq!(stage.requests(CREATE), 3, "nothing else was sent for them");
    assert_eq!(orders(&stage.venue.state()).count(), 1);
}

/// NET-04: the account's stream answers pings and says nothing, while an order is filled.
#[test]
fn net_04_silent_stream() {
    let mut stage = Stage::open(104);
    let order = stage.place(Want::BuyLow);
    stage.working(order);
    stage.fault(json!({"kind": "silent", "stream": "user"}));
    let silent = Instant::now();
    stage.crash();
    // Detected: what adds risk is not let through any more.
    stage.until(5, "the silence is noticed", |entries| !is_active(entries));
    println!("noticed after {} ms", silent.elapsed().as_millis());
    let blind = stage.place(Want::BuyLow);
    stage.until(5, "it is refused", |entries| is_refused(entries, blind));
    let ending = stage.done(5, order).ending();
    assert_eq!(ending, Some(Ending::Filled));
    assert!(silent.elapsed() < Duration::from_secs(5) + RECOVERY_MAX);
    assert!(stage.fired("silent") > 0);
    let healed = stage.heal();
    stage.recovers(healed);
}

/// NET-05, first half: the account's stream is cut off and REST is not. The truth is read, within the
/// budget, and nothing that adds risk is sent.
#[test]
fn net_05_stream_down_rest_up() {
    let mut stage = Stage::open(105);
    let first = stage.place(Want::BuyLow);
    stage.working(first);
    stage.fault(json!({"kind": "partition", "route": "user"}));
    stage.crash();
    stage.until(8, "the partition is noticed", |entries| !is_active(entries));
    let ending = stage.done(8, first).ending();
    assert_eq!(ending, Some(Ending::Filled), "read, not heard");
    let (before, start) = (stage.requests("GET /api/v3"), Instant::now());
    let sent = stage.requests(CREATE);
    let blind = stage.place(Want::BuyNow);
    stage.until(5, "refused", |entries| is_refused(entries, blind));
    std::thread::sleep(Duration::from_secs(3));
    let reads = stage.requests("GET /api/v3") - before;
    // Three or four questions every three seconds, and our own question for a price.
    assert!(reads <= 20, "{reads} reads in {:?}", start.elapsed());
    assert_eq!(stage.requests(CREATE), sent, "a blind order");
    assert!(stage.fired("partition") > 0);
    let healed = stage.heal();
    stage.recovers(healed);
}

/// NET-05, second half: REST is cut off and the stream is not. A cancel that was on its way is tried
/// until the order is gone; an order that was is never sent again. Its outcome is open for the quiet
/// time, as for any lost request: that the watchdog acts meanwhile comes with the watchdog.
#[test]
fn net_05_rest_down_stream_up() {
    let mut stage = Stage::open(106);
    let resting = stage.place(Want::SellHigh);
    stage.working(resting);
    stage.fault(json!({"kind": "partition", "route": "rest", "direction": "in"}));
    stage.cancel(resting);
    stage.order(5, resting, "being taken back", |o| o.state == OrderState::PendingCancel);
    std::thread::sleep(Duration::from_secs(3));
    assert!(stage.fired("partition") > 1);
    let healed = stage.heal();
    let ending = stage.done(5, resting).ending();
    assert_eq!(ending, Some(Ending::Canceled));
    stage.recovers(healed);
    assert_eq!(stage.requests(CREATE), 1);
}

/// NET-06: every connection lives for two seconds at most. No ban, far from the cap, and when it is
/// over the streams tell everything, once. (What ten minutes of it come to is counted in
/// `session::backoff`.)
#[test]
fn net_06_reconnect_storm() {
    reconnect_storm(Account::AtVenue, 2);
}

/// On paper there is one connection, and what is told of the account comes from the process.
#[test]
fn net_06_reconnect_storm_on_paper() {
    reconnect_storm(Account::OnPaper, 1);
}

fn reconnect_storm(account: Account, connections: u64) {
    const CAP: u64 = 300;
    let mut stage = Stage::open_as(account, 107);
    let resting = stage.send(Want::BuyLow);
    stage.working(resting);
    stage.fault(json!({"kind": "connect_cap", "connects_max": CAP}));
    stage.fault(json!({"kind": "close_after", "delay_ms": 0, "delay_max_ms": 2_000}));
    // What is open already is not closed by that.
    stage.fault(json!({"kind": "shutdown_notice", "delay_ms": 0}));
    let start = Instant::now();
    std::thread::sleep(Duration::from_secs(10));
    let sockets = stage.venue.state()["counts"]["sockets"].clone();
    let opened = sockets["opened"].as_u64().unwrap();
    println!("{opened} connections in {:?}", start.elapsed());
    assert!(stage.fired("close_after") >= 2 * connections);
    assert!((2 * connections..=CAP / 2).contains(&opened), "{sockets}");
    assert!(stage.agent_was_told("\"feed\""), "the agent knows that it was blind");
    assert_eq!(sockets["refused"], 0, "{sockets}");
    assert_eq!((stage.answers(429), stage.answers(418)), (0, 0));
    let healed = stage.heal();
    stage.recovers(healed);
    // Told once: by one subscription, not by those of all the connections before.
    let order = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, order).ending(), Some(Ending::Filled));
    // One that was opened during the fault is closed when its time is over, and takes a moment to come back.
    let open = |stage: &Stage| {
        let now = stage.venue.state()["counts"]["sockets"].clone();
        now["opened"].as_u64().unwrap() - now["closed"].as_u64().unwrap()
    };
    let start = Instant::now();
    while open(&stage) != connections && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(open(&stage), connections, "one for the market, one for an account at the venue");
    assert_eq!(stage.order(1, resting, "open", |_| true).state, OrderState::Working);
}

/// NET-08: answers that break in the middle, come drop by drop or are empty. Each leaves the order in
/// doubt or is overtaken by the stream; none refuses it, and memory stays small.
#[test]
fn net_08_broken_bodies() {
    let mut stage = Stage::open(108);
    const KINDS: [&str; 4] = ["truncate", "reset_midbody", "empty_body", "slow_drip"];
    for kind in KINDS {
        stage.fault(json!({"kind": kind, "route": CREATE, "count": 1}));
        let resting = stage.send(Want::BuyLow);
        stage.working(resting);
        let taking = stage.send(Want::BuyNow);
        assert_eq!(stage.done(5, taking).ending(), Some(Ending::Filled), "{kind}");
        let story = stage.story(resting);
        let refused = |(_, r): &(Duration, Record)| matches!(r, Record::Rejected { .. });
        assert!(!story.iter().any(refused), "{kind}: {story:#?}");
    }
    // Reads break as well, and are repeated.
    for kind in KINDS {
        stage.fault(json!({"kind": kind, "route": "GET /api/v3/myTrades", "count": 1}));
    }
    let end = Instant::now() + Duration::from_secs(12);
    while KINDS.iter().any(|kind| stage.fired(kind) < 2) {
        assert!(Instant::now() < end, "not every kind has struck a read");
        std::thread::sleep(Duration::from_millis(50));
    }
    let healed = stage.heal();
    stage.recovers(healed);
    let pid = stage.gateway.process.as_ref().unwrap().0.id();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 256 << 10, "{peak} KiB");
    assert_eq!(stage.requests(CREATE), 8);
}
