//! Tables for the tape: aggregates, candles, windows, and what a list of trades starts with.

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn print(tape: &mut Tape, millis: i64, price: i64, qty: i64, side: Side, taker: u64) {
    tape.print(GridPrice(price), GridQty(qty), side, at(millis), taker);
}

/// Three trades in the first second, one in the fourth, one in the third minute.
fn tape() -> Tape {
    let mut tape = Tape::default();
    print(&mut tape, 100, 10, 1, Side::Buy, 1);
    print(&mut tape, 200, 12, 2, Side::Buy, 2);
    print(&mut tape, 900, 9, 3, Side::Sell, 3);
    print(&mut tape, 3_500, 11, 4, Side::Buy, 4);
    print(&mut tape, 130_000, 20, 5, Side::Buy, 5);
    tape
}

/// Start in ms, open, high, low, close, volume, trades.
type Row = (i64, i64, i64, i64, i64, i64, u64);

fn rows(candles: &[Candle]) -> Vec<Row> {
    let row = |c: &Candle| {
        (c.start.millis(), c.open.0, c.high.0, c.low.0, c.close.0, c.volume.0, c.trades)
    };
    candles.iter().map(row).collect()
}

#[test]
fn candles_carry_the_last_close_through_silence() {
    let tape = tape();
    let seconds = tape.candles(at(4_999), SECOND, Some(at(0)), None, 10);
    let expected = [
        (0, 10, 12, 9, 9, 6, 3),
        (1_000, 9, 9, 9, 9, 0, 0),
        (2_000, 9, 9, 9, 9, 0, 0),
        (3_000, 11, 11, 11, 11, 4, 1),
        (4_000, 11, 11, 11, 11, 0, 0),
    ];
    assert_eq!(rows(&seconds), expected);
    let closed: Vec<bool> = seconds.iter().map(|candle| candle.closed).collect();
    assert_eq!(closed, [true, true, true, true, false], "the last second is not over");
    assert!(tape.candles(at(5_000), SECOND, Some(at(4_000)), None, 1)[0].closed);
    let first = seconds[0];
    assert_eq!((first.first_trade, first.last_trade), (1, 3));
    assert_eq!((first.quote_volume, first.taker_buy_quote_volume), (61, 34));
    assert_eq!((first.volume.0, first.taker_buy_volume.0), (6, 3));
}

#[test]
fn minutes_and_hours_are_made_of_minutes() {
    let tape = tape();
    let minutes = tape.candles(at(180_000), MINUTE, None, None, 10);
    let expected = [
        (0, 10, 12, 9, 11, 10, 4),
        (60_000, 11, 11, 11, 11, 0, 0),
        (120_000, 20, 20, 20, 20, 5, 1),
        (180_000, 20, 20, 20, 20, 0, 0),
    ];
    assert_eq!(rows(&minutes), expected);
    let hour = [(0, 10, 20, 9, 20, 15, 5)];
    for interval in [Interval::Seconds(3_600), Interval::Seconds(86_400), Interval::Month] {
        assert_eq!(rows(&tape.candles(at(180_000), interval, None, None, 10)), hour);
    }
    // The week began on the Monday before the epoch.
    let week = tape.candles(at(180_000), Interval::Week, None, None, 10);
    assert_eq!(rows(&week), [(-259_200_000, 10, 20, 9, 20, 15, 5)]);
}

#[test]
fn a_list_of_candles_starts_and_ends_where_it_is_told() {
    let tape = tape();
    // Start and end in ms, limit, and the starts of what comes in seconds; now is second 5.
    type Case<'a> = (Option<i64>, Option<i64>, usize, &'a [i64]);
    let cases: &[Case<'_>] = &[
        (None, None, 2, &[4, 5]),
        (None, Some(3_999), 2, &[2, 3]),
        (Some(1_000), None, 2, &[1, 2]),
        (Some(1_001), None, 2, &[2, 3]), // not before the start
        (Some(1_000), Some(2_000), 9, &[1, 2]),
        (Some(1_000), Some(1_999), 9, &[1]),
        (Some(-9_000), None, 2, &[0, 1]), // nothing before the first trade
        (None, Some(99_000), 1, &[5]),    // and nothing after now
        (Some(6_000), None, 9, &[]),
        (Some(3_000), Some(2_000), 9, &[]),
        (None, None, 0, &[]),
    ];
    for (start, end, limit, starts) in cases {
        let (start, end) = (start.map(at), end.map(at));
        let candles = tape.candles(at(5_000), SECOND, start, end, *limit);
        let found: Vec<i64> = candles.iter().map(|c| c.start.millis() / 1_000).collect();
        assert_eq!(&found, starts, "{start:?} {end:?} {limit}");
    }
    assert!(Tape::default().candles(at(5_000), SECOND, None, None, 9).is_empty());
    let never = Interval::Seconds(0);
    assert!(tape.candles(at(5_000), never, None, None, usize::MAX).is_empty());
    let far = Timestamp::MAX;
    let all = tape.candles(far, SECOND, Some(at(0)), None, usize::MAX);
    assert_eq!(all.len(), CANDLES_MAX, "an answer is bounded");
}

#[test]
fn an_aggregate_is_one_taker_at_one_price() {
    let mut tape = Tape::default();
    // Taker, price, side.
    let prints = [
        (1, 10, Side::Buy),
        (1, 10, Side::Buy),
        (1, 11, Side::Buy),
        (2, 11, Side::Buy),
        (2, 11, Side::Sell),
    ];
    for (n, (taker, price, side)) in prints.into_iter().enumerate() {
        print(&mut tape, n as i64, price, 1, side, taker);
    }
    let aggregates = tape.aggregates(TradesFrom::Newest, 9);
    let found: Vec<_> =
        aggregates.iter().map(|a| (a.id, a.first, a.last, a.qty.0, a.time.millis())).collect();
    let expected = [(1, 1, 2, 2, 0), (2, 3, 3, 1, 2), (3, 4, 4, 1, 3), (4, 5, 5, 1, 4)];
    assert_eq!(found, expected);
}

#[test]
fn a_list_of_trades_starts_and_ends_where_it_is_told() {
    let tape = tape();
    let time = |start: Option<i64>, end: Option<i64>| TradesFrom::Time {
        start: start.map(at),
        end: end.map(at),
    };
    let cases: &[(TradesFrom, usize, &[u64])] = &[
        (TradesFrom::Newest, 9, &[1, 2, 3, 4, 5]),
        (TradesFrom::Newest, 2, &[4, 5]),
        (TradesFrom::Newest, 0, &[]),
        (TradesFrom::Id(3), 2, &[3, 4]),
        (TradesFrom::Id(0), 1, &[1]),
        (TradesFrom::Id(6), 9, &[]),
        (TradesFrom::Id(1), usize::MAX, &[1, 2, 3, 4, 5]),
        (time(Some(200), Some(900)), 9, &[2, 3]),
        (time(Some(201), Some(899)), 9, &[]),
        (time(Some(200), None), 2, &[2, 3]),
        (time(None, Some(900)), 2, &[2, 3]),
        (time(None, Some(99)), 2, &[]),
        (time(None, None), 2, &[4, 5]),
    ];
    for (from, limit, found) in cases {
        let ids: Vec<u64> = tape.trades(*from, *limit).iter().map(|trade| trade.id).collect();
        assert_eq!(&ids, found, "{from:?} {limit}");
    }
}

#[test]
fn a_window_rolls() {
    let tape = tape();
    let day = Duration::from_secs(86_400);
    let (window, before) = tape.window(at(180_000), day).unwrap();
    assert_eq!((window.open.0, window.close.0, window.volume.0), (10, 20, 15));
    assert_eq!(before, None, "nothing is known from before");
    let (window, before) = tape.window(at(180_000), Duration::from_secs(120)).unwrap();
    assert_eq!((window.open.0, window.volume.0, window.trades), (20, 5, 1));
    assert_eq!(before, Some(GridPrice(11)));
    assert!(tape.window(at(86_400_000), Duration::from_secs(3_600)).is_none());
}

#[test]
fn the_tape_is_bounded_and_forgets_the_oldest() {
    let mut tape = Tape::default();
    for n in 0..TRADES_KEPT as i64 + 10 {
        print(&mut tape, n * 100, 10, 1, Side::Buy, n as u64);
    }
    assert_eq!(tape.trades(TradesFrom::Id(0), usize::MAX).len(), TRADES_KEPT);
    assert_eq!(tape.trades(TradesFrom::Id(0), 1)[0].id, 11);
    assert_eq!(tape.aggregates(TradesFrom::Id(0), usize::MAX).len(), TRADES_KEPT);
    assert_eq!(tape.seconds.len(), SECONDS_KEPT);
    assert_eq!(tape.last().unwrap().id, TRADES_KEPT as u64 + 10);
}

#[test]
fn numbers_beyond_the_range_are_capped() {
    let mut tape = Tape::default();
    for _ in 0..3 {
        print(&mut tape, 0, i64::MAX, i64::MAX, Side::Buy, 1);
    }
    assert_eq!(tape.aggregates(TradesFrom::Newest, 1)[0].qty.0, i64::MAX);
    assert_eq!(tape.volume_since(at(0)).1, i128::from(i64::MAX));
}
