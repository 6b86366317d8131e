//! Which fault strikes what: tables of cases over the pure part.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use model::{Timestamp, TradingMode};
use venues::server::SocketClass;

use super::*;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ORDER: &str = "POST /api/v3/order";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

/// A table with these faults, added at second zero.
fn faults(rows: &[&str]) -> Faults {
    let mut faults = Faults::new(at(0), Scenario::default(), 1);
    for row in rows {
        faults.add(at(0), row.as_bytes()).unwrap();
    }
    faults
}

fn fired(faults: &Faults) -> Vec<u64> {
    let report = faults.report(at(0));
    report.iter().map(|row| row["fired"].as_u64().unwrap()).collect()
}

#[test]
fn an_outage_begins_once_and_ends_by_itself() {
    let mut faults = faults(&[r#"{"kind": "outage", "at": "2s", "for": "5s"}"#]);
    assert!(faults.turn(at(1)).begun.is_empty());
    assert_eq!(faults.turn(at(2)).begun[0].kind, FaultKind::Outage);
    assert!(faults.turn(at(3)).begun.is_empty(), "begins once");
    assert!(faults.is_outage(at(6)));
    assert!(!faults.is_outage(at(7)), "ends");
    assert_eq!(faults.turn(at(7)).ended, [FaultKind::Outage]);
    assert!(faults.turn(at(8)).ended.is_empty(), "ends once");
    faults.add(at(10), br#"{"kind": "outage", "seconds": 5}"#).unwrap();
    faults.turn(at(11));
    assert!(faults.is_outage(at(11)));
    faults.heal();
    assert!(!faults.is_outage(at(12)), "heals");
}

#[test]
fn a_route_a_peer_and_a_time_choose_the_requests() {
    let other = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
    let fault = r#"{"kind": "drop_request", "route": "POST /api/v3/order", "peer": "127.0.0.1",
        "at": "1s", "for": "2s"}"#;
    for (second, route, peer, is_struck) in [
        (0, ORDER, PEER, false),
        (1, ORDER, PEER, true),
        (2, "POST /api/v3/order/test", PEER, true),
        (3, ORDER, PEER, false),
        (2, "GET /api/v3/order", PEER, false),
        (2, "WS /ws-api/v3", PEER, false),
        (2, ORDER, other, false),
    ] {
        let verdict = faults(&[fault]).request(at(second), route, peer);
        let before = is_struck.then_some(Before::Cut);
        assert_eq!(verdict.before, before, "second {second}, {route} from {peer}");
    }
}

#[test]
fn upgrades_are_struck_only_where_they_are_named() {
    for (fault, is_struck) in [
        (r#"{"kind": "drop_request"}"#, false),
        (r#"{"kind": "drop_request", "route": "WS"}"#, true),
        (r#"{"kind": "drop_request", "route": "WS /stream"}"#, true),
        (r#"{"kind": "drop_request", "route": "WS /ws-api"}"#, false),
    ] {
        let verdict = faults(&[fault]).request(at(1), "WS /stream", PEER);
        assert_eq!(verdict.before.is_some(), is_struck, "{fault}");
    }
}

#[test]
fn a_probability_is_met_and_a_count_ends_it() {
    let mut half = faults(&[r#"{"kind": "drop_response", "probability": 0.5}"#]);
    let struck =
        (0..1_000).filter(|_| half.request(at(1), ORDER, PEER).after == Some(After::Cut)).count();
    assert!((400..600).contains(&struck), "{struck} of 1000");
    assert_eq!(fired(&half), [struck as u64]);
    let mut thrice = faults(&[r#"{"kind": "drop_response", "count": 3}"#]);
    let struck = (0..10).filter(|_| thrice.request(at(1), ORDER, PEER).after.is_some()).count();
    assert_eq!(struck, 3);
    let mut never = faults(&[r#"{"kind": "drop_response", "probability": 0}"#]);
    assert!((0..100).all(|_| never.request(at(1), ORDER, PEER) == Verdict::default()));
}

/// What one fault draws does not depend on another, and the seed decides it.
#[test]
fn draws_belong_to_their_fault_and_seed() {
    let pattern = |seed: u64, more: bool| {
        let mut faults = Faults::new(at(0), Scenario::default(), seed);
        faults.add(at(0), br#"{"kind": "drop_response", "probability": 0.5}"#).unwrap();
        if more {
            faults.add(at(0), br#"{"kind": "duplicate", "probability": 0.5}"#).unwrap();
        }
        let drawn = (0..64).map(|_| faults.request(at(1), ORDER, PEER));
        drawn.map(|verdict| (verdict.after.is_some(), verdict.twice)).collect::<Vec<_>>()
    };
    let drops = |pattern: Vec<(bool, bool)>| -> Vec<bool> {
        pattern.into_iter().map(|(drop, _)| drop).collect()
    };
    assert_eq!(drops(pattern(1, false)), drops(pattern(1, true)));
    assert_ne!(drops(pattern(1, false)), drops(pattern(2, false)));
    let both = pattern(1, true);
    assert!(both.iter().any(|(drop, twice)| drop != twice), "two faults, two draws");
}

#[test]
fn what_comes_first_hides_what_comes_after() {
    let mut both = faults(&[
        r#"{"kind": "drop_response"}"#,
        r#"{"kind": "duplicate"}"#,
        r#"{"kind": "status"}"#,
    ]);
    let verdict = both.request(at(1), ORDER, PEER);
    assert!(matches!(verdict.before, Some(Before::Answer(_))));
    assert_eq!((verdict.after, verdict.twice), (None, false));
    assert_eq!(fired(&both), [0, 0, 1], "what had no effect does not count");
}

#[test]
fn delays_are_drawn_with_a_heavy_tail_and_add_up() {
    let fault = r#"{"kind": "delay", "delay_ms": 1, "delay_max_ms": 10000}"#;
    let mut drawn: Vec<Duration> = (0..2_000)
        .scan(faults(&[fault]), |faults, _| faults.request(at(1), ORDER, PEER).delay)
        .collect();
    drawn.sort_unstable();
    let ms = |part: usize| drawn[drawn.len() * part / 100].as_millis();
    assert!(drawn[0] >= Duration::from_millis(1) && drawn[1_999] <= Duration::from_secs(10));
    assert!((50..200).contains(&ms(50)), "half are below {} ms", ms(50));
    assert!(ms(99) > 8_000, "one in a hundred is above {} ms", ms(99));
    let fixed = r#"{"kind": "delay", "delay_ms": 20}"#;
    let twice = faults(&[fixed, fixed]).request(at(1), ORDER, PEER);
    assert_eq!(twice.delay, Some(Duration::from_millis(40)));
}

#[test]
fn one_waits_until_another_has_passed() {
    let mut faults = faults(&[r#"{"kind": "reorder", "route": "POST", "count": 1}"#]);
    let Some((id, most)) = faults.request(at(1), ORDER, PEER).overtaken else { panic!("not held") };
    assert_eq!(most, Duration::from_secs(1));
    assert_eq!(faults.request(at(1), ORDER, PEER).overtaken, None, "one at a time");
    faults.carried_out("GET /api/v3/time", PEER);
    assert!(faults.must_wait(at(1), id), "another route");
    faults.carried_out(ORDER, PEER);
    assert!(!faults.must_wait(at(1), id));
    faults.goes_on(id);
}

#[test]
fn the_strictest_mode_and_the_worst_limits_count() {
    let mut faults = faults(&[
        r#"{"kind": "cancel_only", "for": "10s"}"#,
        r#"{"kind": "halted", "at": "2s", "for": "3s"}"#,
        r#"{"kind": "shrink_limit", "share": 0.5}"#,
        r#"{"kind": "shrink_limit", "share": 0.25, "at": "2s"}"#,
        r#"{"kind": "venue_skew", "skew_ms": -500}"#,
    ]);
    let mut seen = Vec::new();
    for second in [1, 2, 5, 10] {
        faults.turn(at(second));
        let Conditions { mode, limits, skew_ms, .. } = faults.conditions(at(second));
        assert_eq!(skew_ms, -500);
        seen.push((mode, limits.share_permille));
    }
    let expected = [
        (TradingMode::CancelOnly, 500),
        (TradingMode::Halted, 250),
        (TradingMode::CancelOnly, 250),
        (TradingMode::Live, 250),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_class_and_a_text_choose_the_messages() {
    let (market, user) = (SocketClass::Market, SocketClass::User);
    let origins = [Origin::Event(market), Origin::Event(user), Origin::Reply];
    for (aim, struck) in [
        ("", [true, true, false]),
        (r#", "stream": "market""#, [true, false, false]),
        (r#", "stream": "user""#, [false, true, false]),
        (r#", "stream": "replies""#, [false, false, true]),
        (r#", "stream": "all""#, [true, true, true]),
        (r#", "contains": "abc""#, [true, true, false]),
        (r#", "contains": "xyz""#, [false, false, false]),
    ] {
        let mut faults = faults(&[&format!(r#"{{"kind": "gap"{aim}}}"#)]);
        assert!(faults.watches_messages(at(1)));
        let lost = origins.map(|origin| faults.message(at(1), origin, "..abc..").lost);
        assert_eq!(lost, struck, "{aim}");
    }
}

#[test]
fn what_is_lost_is_not_struck_again() {
    let mut both = faults(&[r#"{"kind": "silent"}"#, r#"{"kind": "dup"}"#]);
    let treatment = both.message(at(1), Origin::Event(SocketClass::User), "x");
    assert!(treatment.lost && !treatment.twice);
    assert_eq!(fired(&both), [1, 0]);
}

#[test]
fn partitions_shut_the_ways_of_their_class() {
    let (market, user) = (SocketClass::Market, SocketClass::User);
    let open = Gate { reads: true, writes: true };
    for (fault, gates, is_rest) in [
        (r#"{"kind": "partition"}"#, [(false, false), (false, false)], true),
        (r#"{"kind": "partition", "route": "rest"}"#, [(true, true), (true, true)], true),
        (r#"{"kind": "partition", "route": "user"}"#, [(true, true), (false, false)], false),
        (
            r#"{"kind": "partition", "route": "streams", "direction": "in"}"#,
            [(false, true), (true, true)],
            false,
        ),
    ] {
        let mut faults = faults(&[fault]);
        assert_eq!(faults.gate(at(1), Some(market)), open, "it has not begun");
        faults.turn(at(1));
        let seen = [market, user].map(|class| faults.gate(at(1), Some(class)));
        assert_eq!(seen.map(|gate| (gate.reads, gate.writes)), gates, "{fault}");
        let strikes_all = seen[0] != open && seen[1] != open;
        assert_eq!(faults.gate(at(1), None) != open, strikes_all, "{fault}: nobody knows which");
        assert_eq!(faults.request(at(1), ORDER, PEER).before.is_some(), is_rest, "{fault}");
    }
}

#[test]
fn a_full_table_forgets_what_is_over_and_refuses_what_is_not() {
    let mut faults = faults(&[]);
    for _ in 0..1_000 {
        faults.add(at(0), br#"{"kind": "gap", "for": "5s"}"#).unwrap();
    }
    let one = br#"{"kind": "dup"}"#;
    assert_eq!(faults.add(at(1), one), Err(FaultError::TooMany));
    assert_eq!(faults.add(at(5), one), Ok(()));
    assert_eq!(faults.report(at(5)).len(), 1_000);
}
