//! Connections that the exchange ends by itself are replaced before that: nothing is lost, nothing is
//! counted twice, and nobody notices.

use std::time::Duration;

use model::{Link, Side};
use serde_json::json;
use tokio::time::Instant;
use venues::session::PAUSE_MIN;

use super::super::feeds::Pace;
use super::resources::alone;
use super::stage::Stage;
use crate::config::VenueKind;

/// The exchange ends every connection at this age.
const ENDED_AFTER_MS: u64 = 4_000;
/// Ours are handed over before; a sixteenth of it is drawn.
const AGE_MAX: Duration = Duration::from_millis(1_200);
/// Hand-overs of each connection.
const HAND_OVERS: u32 = 4;

async fn nobody_notices(kind: VenueKind) {
    let pace = Pace { pause_max: PAUSE_MIN, age_max: Some(AGE_MAX) };
    let mut stage = Stage::open(kind, pace).await;
    stage.rests(Side::Buy).await;
    stage.is_taken(Side::Buy).await;
    stage.agrees().await;
    // For every connection from the next one on.
    stage.fault(json!({"kind": "close_after", "delay_ms": ENDED_AFTER_MS})).await;
    let begun = Instant::now();
    let (mut deals, mut side) = (0, Side::Sell);
    let done = |stage: &Stage, link| {
        stage.told(|told| told.handed_over.get(&link).copied().unwrap_or(0)) >= HAND_OVERS
    };
    while !(done(&stage, Link::Market) && done(&stage, Link::Account)) {
        stage.rests(side).await;
        stage.is_taken(side).await;
        side = if side == Side::Buy { Side::Sell } else { Side::Buy };
        deals += 1;
        let (downs, causes) = stage.told(|told| (told.downs.clone(), told.causes.clone()));
        assert!(downs.is_empty(), "reported down: {downs:?}: {causes:?}");
        assert!(begun.elapsed() < Duration::from_secs(30), "no hand-over");
    }
    println!("{deals} deals in {:.1?}", begun.elapsed());
    assert!(begun.elapsed() > Duration::from_millis(ENDED_AFTER_MS), "no end was ever near");
    stage.agrees().await;
    assert_eq!(stage.told(|told| told.late), 0, "nothing had to be fetched afterwards");
    assert!(stage.fired("close_after").await > u64::from(HAND_OVERS));
    let opened = stage.sockets().await;
    assert!(opened >= 2 * u64::from(1 + HAND_OVERS), "{opened}");
    stage.close().await;
}

#[test]
fn nobody_notices_on_binance() {
    alone(
        "hand_over::nobody_notices_on_binance",
        nobody_notices(VenueKind::of(&venues::binance::VENUE)),
    );
}

/// Coinbase documents no forced end, so nothing is handed over there by itself; that it could be is
/// what its feed is built for.
#[test]
fn nobody_notices_on_coinbase() {
    alone(
        "hand_over::nobody_notices_on_coinbase",
        nobody_notices(VenueKind::of(&venues::coinbase::VENUE)),
    );
}
