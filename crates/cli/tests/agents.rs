//! Agents that panic, loop and leak, and what that does to the gateway: nothing.

mod common;

use common::{Gateway, Venue};
use model::{Entry, Record, TradingState};

fn agent_events(entries: &[Entry]) -> Vec<String> {
    let event = |entry: &Entry| match &entry.record {
        Record::Agent { event, .. } => Some(event.clone()),
        _ => None,
    };
    entries.iter().filter_map(event).collect()
}

fn is_active(entries: &[Entry]) -> bool {
    let trading = entries.iter().rev().find_map(|entry| match &entry.record {
        Record::Trading { state, .. } => Some(*state),
        _ => None,
    });
    trading == Some(TradingState::Active)
}

/// Runs a drill beside a market maker: the drill's process ends, the gateway and the other agent go on.
fn drill(strategy: &str, settings: &str, cause: &str) {
    let venue = Venue::start(&["--market", "synthetic:3"]);
    let mut gateway = Gateway::prepare(
        &venue.addr,
        &format!(
            "[agent.drill]\nvenue = \"sim\"\nstrategy = \"{strategy}\"\n{settings}\n\
             [agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
             params = {{ qty = \"0.001\", half_spread_bps = 2 }}\n"
        ),
    );
    gateway.start();
    gateway.wait(60, strategy, |entries| agent_events(entries).iter().any(|e| e.contains(cause)));
    let orders = |entries: &[Entry]| {
        entries.iter().filter(|e| matches!(e.record, Record::Accepted { .. })).count()
    };
    let before = orders(&gateway.entries());
    gateway.wait(20, "the other agent trades on", |entries| orders(entries) > before + 2);
    assert!(is_active(&gateway.entries()), "the gateway must trade on");
    assert!(gateway.stop().success(), "{}", gateway.log());
    let open = venue.state()["orders"]
        .as_array()
        .map(|orders| orders.iter().filter(|o| o["status"] == "new").count());
    assert_eq!(open, Some(0), "a gateway that stops leaves no entry order");
}

#[test]
fn a_panic_ends_the_agent_and_nothing_else() {
    drill("drill-panic", "params = { after = 20 }", "panic");
}

#[test]
fn an_endless_loop_loses_its_lease() {
    drill("drill-loop", "params = { after = 20 }\nlease_ms = 500", "no progress");
}

#[test]
fn a_leak_is_stopped_at_its_limit() {
    drill("drill-leak", "params = { after = 20 }\nmemory_max_mib = 64", "memory");
}

/// The example in another language, as its documentation says to run it.
#[test]
fn the_example_agent_trades() {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        common::not_tested("the example agent, because python3 is not here");
        return;
    }
    let venue = Venue::start(&["--market", "synthetic:5"]);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/simple_agent.py");
    let agent =
        format!("[agent.simple]\nvenue = \"sim\"\ncommand = [\"python3\", \"{example}\"]\n");
    let mut gateway = Gateway::prepare(&venue.addr, &agent);
    gateway.start();
    gateway.wait(30, "the example trades", |entries| {
        let placed = entries.iter().filter(|e| matches!(e.record, Record::Accepted { .. })).count();
        let ended = entries.iter().filter(|e| matches!(e.record, Record::Ended { .. })).count();
        placed >= 2 && ended >= 1
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
}
