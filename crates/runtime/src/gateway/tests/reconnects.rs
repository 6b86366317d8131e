//! A bot that loses its connections two hundred times in a row loses nothing else, and keeps nothing
//! of them.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{Link, Side};
use serde_json::json;
use venues::session::PAUSE_MIN;

use super::super::feeds::Pace;
use super::resources::{Held, alone};
use super::stage::Stage;
use crate::config::VenueKind;

/// Losses in a row.
const LOSSES: u32 = 200;
/// The first few, after which nothing may grow any more.
const FIRST: u32 = 20;
/// Descriptors and tasks that may be more at the end than after the first few: what the pool of
/// connections for requests happens to keep. A leak would show as one a loss.
const SPARE: usize = 24;
/// Bytes that may be more: the exchange and the journal remember what happened. A leak of 50 KiB a
/// loss is found.
const MEMORY_SPARE: u64 = 9 << 20;

/// Both connections are lost again and again, now with a farewell and now without, while orders of
/// the bot are filled: before the loss, in it, and after it.
async fn loses_nothing(kind: VenueKind) {
    // Soon back, or two hundred losses would take an hour.
    let mut stage = Stage::open(kind, Pace { pause_max: PAUSE_MIN, age_max: None }).await;
    // The tape begins here.
    deal(&mut stage, Side::Buy).await;
    stage.agrees().await;
    let mut after_first = None;
    let begun = std::time::Instant::now();
    for loss in 0..LOSSES {
        let side = if loss % 2 == 0 { Side::Sell } else { Side::Buy };
        stage.rests(side).await;
        let before = stage.told(|told| told.downs.clone());
        if loss % 4 < 2 {
            stage.fault(json!({"kind": "shutdown_notice", "delay_ms": 0})).await;
            lost(&stage, Link::Account, &before).await;
            stage.is_taken(side).await;
        } else {
            stage.is_taken(side).await;
            stage.fault(json!({"kind": "outage", "for": "5ms"})).await;
            lost(&stage, Link::Account, &before).await;
        }
        lost(&stage, Link::Market, &before).await;
        if loss + 1 == FIRST {
            deal(&mut stage, side).await;
            stage.agrees().await;
            after_first = Some(Held::now());
        }
    }
    // What was missed last is found by what comes next.
    deal(&mut stage, Side::Buy).await;
    stage.agrees().await;
    let (first, last) = (after_first.unwrap(), Held::now());
    let (late, missed) = (stage.told(|told| told.late), stage.missed_executions());
    println!(
        "{LOSSES} losses in {:.1?}, {late} trades and {missed} executions fetched: {first:?}, {last:?}",
        begun.elapsed()
    );
    assert!(missed > 0, "no execution was ever missed");
    // The others tell the last trades again at each subscription, so none has to be fetched.
    assert_eq!(
        late > 0,
        kind == VenueKind::of(&venues::binance::VENUE),
        "trades that had to be fetched"
    );
    assert!(last.tasks <= first.tasks + SPARE, "{first:?}, {last:?}");
    assert!(last.files <= first.files + SPARE, "{first:?}, {last:?}");
    assert!(last.memory <= first.memory + MEMORY_SPARE, "{first:?}, {last:?}");
    stage.close().await;
}

/// Waits until this connection has been lost once more.
async fn lost(stage: &Stage, link: Link, before: &BTreeMap<Link, u32>) {
    while stage.told(|told| told.downs.get(&link) <= before.get(&link)) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn deal(stage: &mut Stage, side: Side) {
    stage.rests(side).await;
    stage.is_taken(side).await;
}

#[test]
fn two_hundred_losses_on_binance() {
    alone(
        "reconnects::two_hundred_losses_on_binance",
        loses_nothing(VenueKind::of(&venues::binance::VENUE)),
    );
}

#[test]
fn two_hundred_losses_on_kraken() {
    alone(
        "reconnects::two_hundred_losses_on_kraken",
        loses_nothing(VenueKind::of(&venues::kraken::VENUE)),
    );
}

#[test]
fn two_hundred_losses_on_coinbase() {
    alone(
        "reconnects::two_hundred_losses_on_coinbase",
        loses_nothing(VenueKind::of(&venues::coinbase::VENUE)),
    );
}
