//! What was recorded is what is read, whatever ended the recorder.

use std::fs;

use model::market::{GridPrice, GridQty, LevelUpdate};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::batch::{Batch, Columns};
use crate::merge::Merge;
use crate::options::Options;

const GRID: Grid = Grid { price_decimals: 2, qty_decimals: 3 };
const SECOND: i64 = 1_000_000_000;
const NEVER: Rotation = Rotation { bytes: u64::MAX, every: Duration::ZERO };

fn id() -> InstrumentId {
    "BTC-USDT".parse().unwrap()
}

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

fn event(venue: i64, kind: MarketKind) -> MarketEvent {
    MarketEvent { instrument: id(), venue_time: at(venue), kind }
}

fn trade(id: u64, time: i64) -> PublicTrade {
    let (price, qty) = (GridPrice(100), GridQty(1));
    PublicTrade { id, price, qty, taker_side: Side::Buy, time: at(time) }
}

fn levels(snapshot: bool, levels: &[(Side, i64, i64)]) -> MarketKind {
    let level = |(side, price, qty): &(Side, i64, i64)| LevelUpdate {
        side: *side,
        price: GridPrice(*price),
        qty: GridQty(*qty),
    };
    MarketKind::Book(BookUpdate { snapshot, levels: levels.iter().map(level).collect() })
}

fn recorder(folder: &TempDir, rotation: Rotation) -> (Recorder, Vec<Unfinished>) {
    let (mut recorder, left) = Recorder::open(folder.path(), "sim", rotation).unwrap();
    recorder.follow(id(), GRID).unwrap();
    (recorder, left)
}

fn finish(files: &[Unfinished]) -> Vec<Finished> {
    files.iter().map(|file| file.finish().unwrap()).collect()
}

/// Ends it and finishes all.
fn end(mut recorder: Recorder, now: i64) -> Vec<Finished> {
    let mut files = recorder.closed();
    let ended = recorder.end(at(now)).unwrap();
    files.extend(ended.unfinished);
    finish(&files)
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

/// The book after each event of all files, as a backtest would read them; `None` where it is not known.
fn replay(folder: &TempDir, extension: &str) -> Vec<(i64, Option<Book>)> {
    let names = names(folder).into_iter();
    let paths = names.filter(|name| name.contains("-book-") && name.ends_with(extension));
    let paths = paths.map(|name| folder.path().join(name));
    let open = |path: std::path::PathBuf| crate::open(&path, &Options::default()).unwrap();
    let mut merge = Merge::new(paths.map(open).collect());
    let (mut book, mut all) = (None, Vec::new());
    while let Some(run) = merge.next_run().unwrap() {
        let Columns::Book(rows) = &run.batch.columns else { panic!("no book") };
        for at in run.rows {
            let row = rows.row(at);
            if row.clear {
                book = Some(Book::default());
            }
            let known = book.as_mut().expect("a file begins with a whole book");
            known.set(row.side, row.level.price, row.level.qty);
            if row.lost {
                book = None;
            }
            if row.last {
                all.push((run.batch.time[at], book.clone()));
            }
        }
    }
    all
}

#[test]
fn trades_are_in_order_with_those_that_came_late() {
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, left) = recorder(&folder, NEVER);
    assert_eq!(left, []);
    for (received, trade, late) in [
        (10, trade(1, 5), false),
        (10, trade(2, 5), false),
        (11, trade(5, 9), false),
        (12, trade(4, 9), true),
        (12, trade(3, 7), true),
    ] {
        let kind = if late { MarketKind::LateTrade(trade) } else { MarketKind::Trade(trade) };
        let event = event(trade.time.nanos(), kind);
        assert_eq!(recorder.take(at(received), &event).unwrap(), Taken::Recorded);
    }
    let counts = recorder.counts();
    assert_eq!((counts.trades, counts.late, counts.rows, counts.gaps), (5, 2, 5, 0));
    let finished = end(recorder, 20);
    assert_eq!(names(&folder), ["sim-BTC-USDT-trades-19700101T000000Z.parquet"]);
    let [finished] = &finished[..] else { panic!("{finished:?}") };
    assert_eq!((finished.rows, finished.cut, finished.torn), (5, false, 0));
    let path = finished.file.clone().unwrap();
    let mut source = crate::open(&path, &Options::default()).unwrap();
    assert_eq!((source.meta().instrument, source.meta().grid), (Some(id()), GRID));
    let mut batch = Batch::new(Kind::Trades);
    assert!(source.next_batch(&mut batch).unwrap());
    let Columns::Trades(trades) = &batch.columns else { panic!() };
    assert_eq!(trades.id, [1, 2, 3, 4, 5]);
    assert_eq!(batch.time, [5, 5, 7, 9, 9]);
    assert_eq!(batch.received, [10, 11, 14, 13, 12], "rising as they were heard");
    let info = crate::inspect(&path, &Options::default(), &mut |_, _, _| {}).unwrap();
    assert_eq!(info.checks.gaps.unwrap().missing, 0);
}

#[test]
fn each_file_begins_with_the_book_and_a_gap_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation { bytes: u64::MAX, every: Duration::from_secs(60) };
    let (mut recorder, _) = recorder(&folder, rotation);
    let take = |recorder: &mut Recorder, second: i64, kind| {
        recorder.take(at(second * SECOND), &event(second * SECOND, kind)).unwrap()
    };
    use Side::{Buy, Sell};
    let whole = || levels(true, &[(Buy, 99, 5), (Sell, 101, 6)]);
    assert_eq!(take(&mut recorder, 1, levels(false, &[(Buy, 98, 1)])), Taken::Passed);
    assert_eq!(take(&mut recorder, 2, whole()), Taken::Recorded);
    assert_eq!(take(&mut recorder, 3, levels(false, &[(Buy, 99, 0)])), Taken::Recorded);
    // Another minute: the file before is closed, and the new one has all of the book.
    assert_eq!(take(&mut recorder, 61, levels(false, &[(Buy, 97, 2)])), Taken::Recorded);
    assert_eq!(
        recorder
            .closed()
            .iter()
            .map(|file| finish(std::slice::from_ref(file)).len())
            .sum::<usize>(),
        1
    );
    // Another one begins while nothing happens, and it is lost right after.
    recorder.flush(at(121 * SECOND), true).unwrap();
    finish(&recorder.closed());
    assert_eq!(take(&mut recorder, 122, MarketKind::BookLost), Taken::Recorded);
    assert_eq!(take(&mut recorder, 123, MarketKind::BookLost), Taken::Passed, "once");
    assert_eq!(take(&mut recorder, 124, levels(false, &[(Buy, 90, 2)])), Taken::Passed);
    assert_eq!(take(&mut recorder, 125, whole()), Taken::Recorded);
    // A book that is crossed is none.
    assert_eq!(take(&mut recorder, 126, levels(false, &[(Buy, 101, 2)])), Taken::Crossed);
    let crossed = levels(true, &[(Buy, 105, 2), (Sell, 104, 1)]);
    assert_eq!(take(&mut recorder, 127, crossed), Taken::Crossed);
    assert_eq!(take(&mut recorder, 128, levels(true, &[])), Taken::Recorded, "an empty one is one");
    assert_eq!(recorder.counts().gaps, 2);
    let finished = end(recorder, 130 * SECOND);
    assert!(finished.iter().all(|file| !file.cut), "{finished:?}");
    let found = replay(&folder, ".parquet");
    let told: Vec<(i64, Option<(usize, usize)>)> = found
        .iter()
        .map(|(time, book)| {
            let sides = book.as_ref().map(|book| (book.bids().count(), book.asks().count()));
            (time / SECOND, sides)
        })
        .collect();
    let expected = [
        (2, Some((1, 1))),
        (3, Some((0, 1))),
        (3, Some((0, 1))),
        (61, Some((1, 1))),
        (61, Some((1, 1))),
        (122, None),
        (125, Some((1, 1))),
        (126, None),
        (128, Some((0, 0))),
        (128, None),
    ];
    assert_eq!(told, expected);
    assert_eq!(names(&folder).len(), 3);
    let last = folder.path().join(&names(&folder)[2]);
    let info = crate::inspect(&last, &Options::default(), &mut |_, _, _| {}).unwrap();
    let lost = Duration::from_secs(3 + 2);
    assert_eq!((info.checks.lost, info.checks.crossed), ((3, lost), 0));
}

#[test]
fn a_venue_whose_clock_goes_back_keeps_the_order() {
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, _) = recorder(&folder, NEVER);
    for (venue, kind) in [
        (50, levels(true, &[(Side::Buy, 99, 5)])),
        (40, levels(false, &[(Side::Buy, 98, 5)])),
        (60, levels(false, &[(Side::Buy, 97, 5)])),
    ] {
        recorder.take(at(70), &event(venue, kind)).unwrap();
    }
    end(recorder, 55);
    let times: Vec<i64> = replay(&folder, ".parquet").iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [50, 50, 60, 60]);
}

#[test]
fn a_folder_has_one_recorder_and_names_are_never_used_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = recorder(&folder, NEVER);
    let refused = Recorder::open(folder.path(), "sim", NEVER).unwrap_err();
    let process = Some(std::process::id());
    assert!(
        matches!(&refused, RecordError::InUse { process: told, .. } if *told == process),
        "{refused}"
    );
    let mut first = first;
    first.take(at(1), &event(1, MarketKind::Trade(trade(1, 1)))).unwrap();
    end(first, 2);
    let (mut second, left) = recorder(&folder, NEVER);
    assert_eq!(left, []);
    second.take(at(3), &event(3, MarketKind::Trade(trade(2, 3)))).unwrap();
    end(second, 4);
    let stem = "sim-BTC-USDT-trades-19700101T000000Z";
    assert_eq!(names(&folder), [format!("{stem}.parquet"), format!("{stem}_002.parquet")]);

    let file = folder.path().join(&names(&folder)[0]);
    let refused = Recorder::open(&file, "sim", NEVER).unwrap_err().to_string();
    assert!(refused.contains("no folder"), "{refused}");
}

/// A finished file that is whole, beside the unfinished one that it was made from; and one that is not.
#[test]
fn a_crash_while_a_file_is_finished_leaves_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, _) = recorder(&folder, NEVER);
    first.take(at(1), &event(1, MarketKind::Trade(trade(1, 1)))).unwrap();
    let Ended { unfinished: files, hold, .. } = first.end(at(2)).unwrap();
    let [file] = &files[..] else { panic!("{files:?}") };
    let unfinished = fs::read(&file.path).unwrap();
    finish(&files);
    let finished = fs::read(&file.target).unwrap();
    fs::write(&file.path, unfinished).unwrap();
    fs::write(folder.path().join(".plimsoll-record-x.parquet"), "torn").unwrap();
    fs::write(folder.path().join("just-made.unfinished"), "").unwrap();
    drop(hold);
    let (_second, left) = recorder(&folder, NEVER);
    assert_eq!(left, files);
    let [again] = &finish(&left)[..] else { panic!() };
    assert_eq!(again.file.as_ref(), Some(&file.target));
    assert_eq!(fs::read(&file.target).unwrap(), finished, "untouched");
    assert!(!file.path.exists());
    assert!(!folder.path().join(".plimsoll-record-x.parquet").exists());
    assert!(!folder.path().join("just-made.unfinished").exists());
    // What is none of ours, or damaged, is said and kept.
    let damaged = folder.path().join("damaged.unfinished");
    fs::write(&damaged, "PLIMSOLL UNFINISHED 1\nbook\n").unwrap();
    let target = damaged.with_extension("parquet");
    let refused = Unfinished { path: damaged.clone(), target }.finish().unwrap_err();
    assert!(refused.to_string().contains("is kept as it is"), "{refused}");
    assert!(damaged.exists());
}

/// Anything that the recorder is fed with.
#[derive(Clone, Debug)]
enum Step {
    Whole(Vec<(bool, i64, i64)>),
    Change(Vec<(bool, i64, i64)>),
    Lost,
    Later(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let side = || prop::collection::vec((any::<bool>(), 1i64..50, 0i64..4), 1..6);
    prop_oneof![
        2 => side().prop_map(Step::Whole),
        9 => side().prop_map(Step::Change),
        1 => Just(Step::Lost),
        3 => (1i64..40).prop_map(Step::Later),
    ]
}

/// Bids below 50 and asks above, so that most books are not crossed; a bid may stand at the lowest ask.
fn sides(of: &[(bool, i64, i64)], snapshot: bool) -> MarketKind {
    let level = |(buy, price, qty): &(bool, i64, i64)| {
        if *buy { (Side::Buy, price + 1, *qty) } else { (Side::Sell, price + 49, *qty) }
    };
    levels(snapshot, &of.iter().map(level).collect::<Vec<_>>())
}

proptest! {
    // Each waits for the disk some dozens of times.
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// The recorder against a plain fold, with files that are closed at any time, and cut anywhere.
    #[test]
    fn what_is_read_is_what_was_told(steps in prop::collection::vec(step(), 1..80), cut in 0.0f64..1.0) {
        let folder = tempfile::tempdir().unwrap();
        let rotation = Rotation { bytes: 600, every: Duration::from_secs(60) };
        let (mut recorder, _) = recorder(&folder, rotation);
        let (mut book, mut told) = (None::<Book>, Vec::new());
        let mut now = 0;
        for step in &steps {
            let kind = match step {
                Step::Whole(of) => sides(of, true),
                Step::Change(of) => sides(of, false),
                Step::Lost => MarketKind::BookLost,
                Step::Later(seconds) => {
                    now += seconds * SECOND;
                    recorder.flush(at(now), false).unwrap();
                    continue;
                }
            };
            now += 1;
            let before = book.clone();
            match &kind {
                MarketKind::Book(update) if update.snapshot || book.is_some() => {
                    let mut next = book.take().unwrap_or_default();
                    next.apply(update);
                    book = (!next.is_crossed()).then_some(next);
                }
                _ => book = None,
            }
            if book.is_some() || before.is_some() {
                told.push((now, book.clone()));
            }
            recorder.take(at(now), &event(now, kind)).unwrap();
        }
        recorder.flush(at(now), false).unwrap();
        // Killed here: what is there is read as it is, and finished, and both say the same.
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().path()).collect();
        let unfinished: Vec<_> =
            files.iter().filter(|f| f.extension().is_some_and(|e| e == "unfinished")).collect();
        let whole = |all: Vec<(i64, Option<Book>)>| {
            // Where a file begins its book is told again.
            let mut all = all;
            all.dedup_by(|next, before| next.1 == before.1);
            all
        };
        let mut expected = told.clone();
        expected.dedup_by(|next, before| next.1 == before.1);
        let times_aside = |all: &[(i64, Option<Book>)]| -> Vec<Option<Book>> {
            all.iter().map(|(_, book)| book.clone()).collect()
        };
        if told.iter().any(|(_, book)| book.is_some()) {
            let found = whole(replay(&folder, ".unfinished"));
            prop_assert_eq!(times_aside(&found), times_aside(&expected));
        }
        // The last one is cut anywhere: a part of what was told, whole events only.
        let last = unfinished.iter().max();
        if let Some(path) = last {
            let bytes = fs::read(path).unwrap();
            let head = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).unwrap().0 + 1;
            // The first event of a file is on the disk before the file before it is ended.
            let first: [u8; 4] = bytes[head..head + 4].try_into().unwrap();
            let head = head + 8 + u32::from_le_bytes(first) as usize;
            let keep = head + ((bytes.len() - head) as f64 * cut) as usize;
            fs::write(path, &bytes[..keep]).unwrap();
        }
        drop(recorder);
        let (_next, left) = Recorder::open(folder.path(), "sim", rotation).unwrap();
        finish(&left);
        let found = times_aside(&whole(replay(&folder, ".parquet")));
        let mut expected = times_aside(&expected);
        // Behind a cut nothing is known.
        let common = found.iter().zip(&expected).take_while(|(a, b)| a == b).count();
        prop_assert!(found.len() <= common + 1);
        prop_assert!(found.last().is_none_or(Option::is_none), "known until the end");
        expected.truncate(common);
        prop_assert!(common + 1 >= found.len());
    }
}

/// Files have one grid each.
#[test]
fn a_finer_grid_begins_a_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, _) = recorder(&folder, NEVER);
    let whole = || levels(true, &[(Side::Buy, 99, 5), (Side::Sell, 101, 6)]);
    recorder.take(at(SECOND), &event(SECOND, whole())).unwrap();
    recorder.follow(id(), GRID).unwrap();
    assert_eq!(recorder.closed(), [], "the same grid");
    let finer = Grid { price_decimals: 3, qty_decimals: 3 };
    recorder.follow(id(), finer).unwrap();
    let change = levels(false, &[(Side::Buy, 990, 5)]);
    assert_eq!(recorder.take(at(2 * SECOND), &event(2, change)).unwrap(), Taken::Passed);
    recorder.take(at(3 * SECOND), &event(3 * SECOND, whole())).unwrap();
    end(recorder, 4 * SECOND);
    let grids: Vec<Grid> = names(&folder)
        .iter()
        .map(|name| crate::open(&folder.path().join(name), &Options::default()).unwrap())
        .map(|source| source.meta().grid)
        .collect();
    assert_eq!(grids, [GRID, finer]);
    let known: Vec<bool> =
        replay(&folder, ".parquet").iter().map(|(_, book)| book.is_some()).collect();
    assert_eq!(known, [true, false, true, false]);
}
