//! Recorded sessions of real venues through the client's feeds, whole and with damage done to them:
//! messages lost, repeated and out of order, connections cut, answers late or missing.
//!
//! The books are compared with a reconstruction that shares no code with the client ([`fold`]). A book
//! that is live must be equal to it as of what was heard, and after a gap it must not be live; every
//! trade must be told once, at once or late.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test that is left out says so"
)]

mod archive;
mod binance;
mod chance;
mod coinbase;
mod driver;
mod fold;
mod recording;

use std::time::Duration;

use binance::Binance;
use coinbase::Coinbase;
use driver::{Damage, Driver, Tally};

/// One message in so many is damaged.
const DAMAGED_ONE_IN: u64 = 40;
/// From here to the end nothing is damaged: what was broken must have healed by then.
const CALM: u64 = 150;

fn whole(_: u64, _: &mut chance::Chance) -> Damage {
    Damage::None
}

fn damaged(left: u64, chance: &mut chance::Chance) -> Damage {
    if left < CALM || chance.below(DAMAGED_ONE_IN) > 0 {
        return Damage::None;
    }
    match chance.below(8) {
        0..=3 => Damage::Lost,
        4 | 5 => Damage::Twice,
        6 => Damage::Late,
        _ => Damage::Cut { replay: usize::try_from(chance.below(60)).unwrap() },
    }
}

/// That a run did what it is for; nothing of it may be missing.
fn assert_damage(tally: &Tally, least: u64) {
    let Tally { gaps, resyncs, duplicates, cuts, late, .. } = *tally;
    let all = [gaps, resyncs, duplicates, cuts, late];
    assert!(all.iter().all(|count| *count >= least), "{tally:?}");
}

#[test]
fn binance_a_session_of_eleven_minutes() {
    let Some(venue) = Binance::bitcoin() else { return };
    let tally = Driver::new(venue, 1).run(whole);
    assert!(tally.changes > 6_000 && tally.trades > 19_000 && tally.compared > 600, "{tally:?}");
    assert_eq!((tally.gaps, tally.resyncs, tally.late, tally.duplicates), (0, 1, 0, 0));
}

#[test]
fn binance_the_same_with_damage() {
    for seed in 1..=2 {
        let Some(venue) = Binance::bitcoin() else { return };
        let tally = Driver::new(venue, seed).failing().run(damaged);
        eprintln!("seed {seed}: {tally:?}");
        assert_damage(&tally, 20);
    }
}

/// Another connection takes over every 40 seconds; nobody may notice.
#[test]
fn binance_handed_over_again_and_again() {
    let Some(venue) = Binance::bitcoin() else { return };
    let tally = Driver::new(venue.aged(Duration::from_secs(40)), 1).run(whole);
    assert!(tally.hand_overs >= 10, "{tally:?}");
    assert_eq!((tally.gaps, tally.resyncs, tally.late), (0, 1, 0), "the book never went dark");
}

#[test]
fn binance_four_quiet_books_on_one_connection() {
    let Some(venue) = Binance::four_pairs() else { return };
    let tally = Driver::new(venue, 1).run(whole);
    assert!(tally.changes > 50 && tally.resyncs == 4 && tally.gaps == 0, "{tally:?}");
    for seed in 1..=20 {
        let Some(venue) = Binance::four_pairs() else { return };
        Driver::new(venue, seed).failing().run(|left, chance| {
            match (left, chance.below(8)) {
                // After the last message of a quiet book nothing shows that it was lost.
                (0, _) => Damage::Cut { replay: 3 },
                (_, 0) => Damage::Lost,
                _ => Damage::None,
            }
        });
    }
}

/// A day of which the recording has only parts: the hole in it is the recording's own.
#[test]
fn binance_a_recording_with_a_hole() {
    let Some(venue) = Binance::tron() else { return };
    let tally = Driver::new(venue, 1).run(whole);
    assert!(tally.changes > 2_500 && tally.trades > 9_000 && tally.resyncs >= 2, "{tally:?}");
    let Some(venue) = Binance::tron() else { return };
    let tally = Driver::new(venue, 2).failing().run(damaged);
    eprintln!("{tally:?}");
    assert_damage(&tally, 10);
}

/// What its author corrupted: the first has a price below zero, the second a trade in place of another.
#[test]
fn binance_corrupted_rows_are_never_believed() {
    let Some((depth, trades)) = Binance::corrupted() else { return };
    let Some(venue) = Binance::tron() else { return };
    let mut driver = Driver::new(venue, 1);
    driver.hear(&depth);
    assert!(!driver.is_up(), "a price below zero ends the connection");
    let Some(venue) = Binance::tron() else { return };
    let mut driver = Driver::new(venue, 1);
    trades.iter().for_each(|text| driver.hear(text));
    assert_eq!(driver.tally().duplicates, 1);
    assert!(driver.is_up());
    assert!(driver.tally().missed >= 1, "the trade that was replaced is missing");
}

#[test]
fn coinbase_a_session_of_ten_books() {
    let Some(venue) = Coinbase::session() else { return };
    let tally = Driver::new(venue, 1).run(whole);
    assert!(tally.changes > 9_000 && tally.trades > 90 && tally.compared > 5_000, "{tally:?}");
    assert_eq!((tally.gaps, tally.resyncs, tally.late), (0, 10, 0));
}

#[test]
fn coinbase_the_same_with_damage() {
    let mut late = 0;
    for seed in 1..=3 {
        let Some(venue) = Coinbase::session() else { return };
        let tally = Driver::new(venue, seed).failing().run(damaged);
        eprintln!("seed {seed}: {tally:?}");
        late += tally.late;
        assert_damage(&Tally { late: u64::MAX, ..tally }, 5);
    }
    assert!(late > 0, "trades were missed and fetched");
}

/// The whole depth of one product, and two seconds later again: what changed in between is told as
/// updates, and the books must be the second recording.
#[test]
fn coinbase_a_book_of_forty_thousand_levels() {
    let Some(venue) = Coinbase::deep() else { return };
    let tally = Driver::new(venue, 1).run(whole);
    assert!(tally.changes > 10 && tally.levels > 40_000, "{tally:?}");
}
