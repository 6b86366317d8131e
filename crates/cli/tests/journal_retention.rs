//! A journal that keeps only so many entries: starts and `plimsoll status` know what they knew, and the
//! file does not grow for ever.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::time::{Duration, Instant};

use common::{Gateway, Venue, plimsoll, stderr};
use journal::JournalReader;
use model::Decimal;
use serde_json::Value;

const MAKER: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                     params = { qty = \"0.001\", half_spread_bps = 0, requote_every = 200 }\n";

fn status(gateway: &Gateway) -> Value {
    let config = gateway.path("plimsoll.toml");
    let json = plimsoll(&["status", "--config", config.to_str().unwrap(), "--json"]);
    assert!(json.status.success(), "{}", stderr(&json));
    serde_json::from_slice(&json.stdout).unwrap()
}

/// What the account holds, by the venue's own executions.
fn net(venue: &Venue) -> Decimal {
    let state = venue.state();
    state["fills"].as_array().unwrap().iter().fold(Decimal::ZERO, |net, fill| {
        let qty: Decimal = fill["qty"].as_str().unwrap().parse().unwrap();
        let signed = if fill["side"] == "buy" { Some(qty) } else { qty.checked_neg() };
        net.checked_add(signed.unwrap()).unwrap()
    })
}

#[test]
fn old_entries_go_and_nothing_is_forgotten() {
    let venue = Venue::start(&["--market", "synthetic:51"]);
    let mut gateway = Gateway::prepare(&venue.addr, "[journal]\nkeep_records = 10\n");
    gateway.add(MAKER);
    let first = |gateway: &Gateway| {
        let mut first = 0;
        // Stops at the first one.
        let _ =
            JournalReader::open(&gateway.path("plimsoll.db")).unwrap().replay(0, &mut |seq, _| {
                first = seq;
                Err(journal::StoreError::Lost("enough".to_owned()))
            });
        first
    };
    let mut firsts = Vec::new();
    for round in 1..=4u64 {
        let before = last(&gateway);
        gateway.start();
        let end = Instant::now() + Duration::from_secs(30);
        while last(&gateway) < before + 60 {
            assert!(Instant::now() < end, "it does not trade: {}", gateway.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(gateway.stop().success(), "{}", gateway.log());
        let status = status(&gateway);
        assert_eq!(status["session"], round);
        assert_eq!(status["orders_open"], 0);
        let held = status["positions"]["BTC-USDT"].as_str().unwrap_or("0");
        assert_eq!(held.parse::<Decimal>().unwrap(), net(&venue), "after round {round}");
        firsts.push(first(&gateway));
    }
    // Of two stops there are two snapshots; from then on each start removes what the older one has.
    assert_eq!(firsts[..2], [1, 1]);
    assert!(firsts[2] > 60 && firsts[3] > firsts[2] + 60, "{firsts:?}");
    let summary = JournalReader::open(&gateway.path("plimsoll.db")).unwrap().summary();
    assert!(summary.unwrap_err().to_string().contains("were removed"), "half of it is not told");
}

/// Number of the last entry; zero before the first start.
fn last(gateway: &Gateway) -> u64 {
    JournalReader::open(&gateway.path("plimsoll.db")).map_or(0, |reader| reader.last().unwrap())
}
