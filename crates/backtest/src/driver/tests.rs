//! Each rule of the driver, by an order that it decides about.

use std::time::Duration;

use data::{ASK, BUY, CLEAR, LAST, LOST, SELL};
use model::{OrderKind, OrderSpec, Side, TimeInForce};

use crate::testing::{M, Rows, S, Script, order, setup};
use crate::{Assumptions, Backtest, Intrabar, Latency, Report, RestingFills, Setup, Trade};

type Source = Box<dyn data::Source>;

fn run(setup: &Setup, sources: Vec<Source>, orders: Vec<(u64, OrderSpec)>) -> Report {
    let mut backtest = Backtest::new(setup, sources, None, |_| Script::new(orders)).unwrap();
    backtest.run(|_, _| {}).unwrap();
    let report = backtest.report();
    assert_eq!((report.refused, report.rejected), (0, 0), "{report:?}");
    report
}

fn at_prices(report: &Report) -> Vec<(Side, String)> {
    report.trades.iter().map(|trade: &Trade| (trade.side, trade.price.to_string())).collect()
}

fn limit(side: Side, price: &str) -> OrderSpec {
    order(side, OrderKind::Limit { price: price.parse().unwrap() }, TimeInForce::Gtc)
}

fn market(side: Side) -> OrderSpec {
    order(side, OrderKind::Market, TimeInForce::Ioc)
}

fn stop(side: Side, trigger: &str) -> OrderSpec {
    order(side, OrderKind::StopLoss { trigger: trigger.parse().unwrap() }, TimeInForce::Gtc)
}

const BARS: &[[i64; 4]] =
    &[[100, 110, 90, 105], [106, 112, 101, 108], [104, 106, 95, 96], [97, 99, 92, 98]];

/// The first market event is the open of the very first bar, the second its close, and so on.
const FIRST_CLOSE: u64 = 2;

/// Decided at the close of the first bar, it meets the open of the second.
#[test]
fn a_market_order_fills_at_the_next_open() {
    let report = run(&setup(), vec![Rows::bars(BARS)], vec![(FIRST_CLOSE, market(Side::Buy))]);
    assert_eq!(at_prices(&report), [(Side::Buy, "106".to_owned())]);
    assert_eq!(report.trades[0].at, 1_001 * M, "when the second bar begins");
    assert_eq!((report.events, report.bars, report.orders, report.fills), (4, 4, 1, 1));
}

/// The second minute is missing: nothing is known of it, and nothing trades in it.
#[test]
fn an_order_waits_for_the_bar_that_comes() {
    let bars = [(1_000, BARS[0]), (1_002, BARS[2])];
    let report = run(&setup(), vec![Rows::bars_at(&bars)], vec![(FIRST_CLOSE, market(Side::Buy))]);
    assert_eq!(at_prices(&report), [(Side::Buy, "104".to_owned())]);
    assert_eq!(report.trades[0].at, 1_002 * M);
}

/// An order that is under way for two seconds meets the price on its way to the bar's first extreme.
#[test]
fn latency_moves_an_order_into_the_bar() {
    let latency = Latency::constant(Duration::from_secs(1));
    let setup = Setup { latency, intrabar: Intrabar::HighFirst, ..setup() };
    let report = run(&setup, vec![Rows::bars(BARS)], vec![(FIRST_CLOSE, market(Side::Buy))]);
    // From 106 to 112 in twenty seconds.
    let filled = (report.trades[0].at, report.trades[0].price.to_string());
    assert_eq!(filled, (1_001 * M + 2 * S, "106.6".to_owned()));
}

/// Stopped out at the low and in again at the high of the same bar: it reaches both.
#[test]
fn a_bar_reaches_both_of_its_extremes() {
    let bars = [[100, 101, 99, 100], [100, 107, 93, 95], [95, 96, 94, 95]];
    let wanted = vec![(FIRST_CLOSE, stop(Side::Sell, "97")), (FIRST_CLOSE, stop(Side::Buy, "105"))];
    let report = run(&setup(), vec![Rows::bars(&bars)], wanted);
    let both = [(Side::Sell, "97".to_owned()), (Side::Buy, "105".to_owned())];
    assert_eq!(at_prices(&report), both);
}

/// Of a book whose trades nobody recorded a stop goes by the best prices.
#[test]
fn stops_go_by_the_book_where_no_trades_are_recorded() {
    let mut book = BOOK.to_vec();
    book.extend([
        (6_000, 99, 0, 0),
        (6_000, 101, 0, ASK),
        (6_000, 102, 0, ASK),
        (6_000, 98, 500, LAST),
    ]);
    book.push((7_000, 97, 900, LAST));
    let report = run(&setup(), vec![Rows::book(&book)], vec![(2, stop(Side::Sell, "98.5"))]);
    let walked: Vec<_> =
        report.trades.iter().map(|t| (t.price.to_string(), t.qty.to_string())).collect();
    assert_eq!(walked, [("98".to_owned(), "0.5".to_owned()), ("97".to_owned(), "0.5".to_owned())]);
}

/// A message that goes on in the next batch is one message.
#[test]
fn a_message_is_whole_whatever_the_batches_are() {
    let snapshot =
        [(0, 99, 5_000, CLEAR), (0, 98, 4_000, 0), (0, 101, 500, ASK), (0, 102, 5_000, ASK | LAST)];
    let again: Vec<_> = snapshot.iter().map(|(_, p, q, f)| (1_500, *p, *q, *f)).collect();
    let mut levels = snapshot.to_vec();
    levels.push((1_000, 97, 100, LAST));
    levels.extend(again);
    levels.push((9_000, 96, 100, LAST));
    let filled = |size: usize| {
        let trades = Rows::trades(&[(2_000, 98, 4_000, SELL), (3_000, 98, 1, SELL)]);
        let sources = vec![Rows::book_in_batches(&levels, size), trades];
        // Behind the four thousand: a snapshot cut in two would put it before them.
        let report = run(&setup(), sources, vec![(2, limit(Side::Buy, "98"))]);
        report.trades.iter().map(|trade| trade.qty.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(filled(1_000), ["0.001"]);
    for size in 1..levels.len() {
        assert_eq!(filled(size), ["0.001"], "{size}");
    }
}

/// Whoever recorded it lost the book: the gateway knows that it does not know, and an order that is sent all the
/// same meets nothing. With the next snapshot all is there again.
#[test]
fn a_book_that_was_lost_is_not_traded_on() {
    let mut book = BOOK.to_vec();
    book.push((6_000, 0, 0, CLEAR | LAST | LOST));
    book.extend([(8_000, 99, 5_000, CLEAR), (8_000, 103, 5_000, ASK | LAST)]);
    book.push((9_000, 98, 500, LAST));
    // Three events of the book, what is taken away by the loss, the loss, and the snapshot.
    let wanted = vec![(5, market(Side::Buy)), (6, market(Side::Buy))];
    let sources = vec![Rows::book(&book)];
    let mut backtest = Backtest::new(&setup(), sources, None, |_| Script::new(wanted)).unwrap();
    backtest.run(|_, _| {}).unwrap();
    let report = backtest.report();
    assert_eq!((report.refused, report.orders), (1, 1), "{report:?}");
    assert_eq!(at_prices(&report), [(Side::Buy, "103".to_owned())]);
    assert_eq!(report.trades[0].at, M + 8 * S);
}

#[test]
fn a_limit_order_needs_a_price_beyond_it_unless_a_touch_is_enough() {
    let fills = |price: &str, resting| {
        let assumptions = Assumptions { resting, ..Assumptions::default() };
        let setup = Setup { assumptions, ..setup() };
        let bars = [[100, 101, 99, 100], [101, 103, 98, 99], [99, 102, 95, 96], BARS[3]];
        let wanted = vec![(FIRST_CLOSE, limit(Side::Buy, price))];
        let report = run(&setup, vec![Rows::bars(&bars)], wanted);
        at_prices(&report).len()
    };
    // The low of the second bar is 98, of the third 95, of the fourth 92.
    for (price, resting, count) in [
        ("96", RestingFills::Through, 1),
        ("95", RestingFills::Queue, 1),
        ("92", RestingFills::Through, 0),
        ("92", RestingFills::Queue, 0),
        ("92", RestingFills::Touch, 1),
        ("91", RestingFills::Touch, 0),
    ] {
        assert_eq!(fills(price, resting), count, "{price} {resting:?}");
    }
}

/// A stop on the way fills where it was triggered; one that the price leaps over fills at the open.
#[test]
fn a_stop_fills_at_its_trigger_or_at_the_gap() {
    for (trigger, price) in [("103", "103"), ("105", "105"), ("97", "97")] {
        let report =
            run(&setup(), vec![Rows::bars(BARS)], vec![(FIRST_CLOSE, stop(Side::Sell, trigger))]);
        assert_eq!(at_prices(&report), [(Side::Sell, price.to_owned())], "{trigger}");
    }
    // It arrives within the second bar: the third one opens below it.
    let report =
        run(&setup(), vec![Rows::bars(BARS)], vec![(FIRST_CLOSE + 1, stop(Side::Sell, "103"))]);
    assert_eq!(at_prices(&report), [(Side::Sell, "103".to_owned())]);
    let bars = [BARS[0], [106, 112, 104, 108], BARS[3]];
    let report =
        run(&setup(), vec![Rows::bars(&bars)], vec![(FIRST_CLOSE, stop(Side::Sell, "103"))]);
    assert_eq!(at_prices(&report), [(Side::Sell, "97".to_owned())]);
}

/// Where the last price stands for the book, an order is measured by where that was as well.
#[test]
fn no_order_walks_away_from_where_the_price_was() {
    let bars =
        [[100, 101, 99, 100], [100, 104, 100, 104], [104, 108, 104, 108], [108, 109, 107, 108]];
    let refused = |walk_bps| {
        let mut limits = gateway::Limits::wide([crate::testing::id()]);
        for limits in limits.instrument.values_mut() {
            (limits.walk_bps, limits.walk_window_ms) = (walk_bps, 3_600_000);
        }
        let setup = Setup { limits: Some(limits), ..setup() };
        let script = |_: &[model::Instrument]| Script::new(vec![(4, limit(Side::Buy, "108"))]);
        let mut backtest = Backtest::new(&setup, vec![Rows::bars(&bars)], None, script).unwrap();
        backtest.run(|_, _| {}).unwrap();
        backtest.report().refusals
    };
    assert!(refused(1_000).is_empty(), "8 % are within 10");
    assert_eq!(refused(500).into_values().sum::<u64>(), 1, "and not within 5");
}

/// With a position both a stop below and a target above lie inside one bar.
#[test]
fn of_stop_and_target_inside_one_bar_the_worse_one_is_reached() {
    let bars = [[100, 101, 99, 100], [100, 120, 80, 101], [101, 102, 100, 101]];
    let orders =
        vec![(FIRST_CLOSE, stop(Side::Sell, "92")), (FIRST_CLOSE, limit(Side::Sell, "109"))];
    for (intrabar, first) in [(Intrabar::Pessimistic, "92"), (Intrabar::Optimistic, "109")] {
        let setup = Setup { intrabar, ..setup() };
        let report = run(&setup, vec![Rows::bars(&bars)], orders.clone());
        assert_eq!(at_prices(&report)[0].1, first, "{intrabar:?}");
    }
}

const BOOK: &[(i64, i64, i64, i32)] = &[
    (0, 99, 5_000, CLEAR),
    (0, 101, 500, ASK),
    (0, 102, 5_000, ASK | LAST),
    (1_000, 98, 1_000, LAST),
    (5_000, 97, 1_000, LAST),
];

/// A taker walks up the book.
#[test]
fn a_taker_walks_through_the_levels() {
    let book = vec![Rows::book(BOOK)];
    let report = run(&setup(), book, vec![(2, limit(Side::Buy, "105"))]);
    let walked = [(Side::Buy, "101".to_owned()), (Side::Buy, "102".to_owned())];
    assert_eq!(at_prices(&report), walked);
}

/// Five thousand lots stand before it: a print of as many is not enough, one lot more fills one.
#[test]
fn a_queue_is_worked_off_from_its_front() {
    let filled = |lots: i64, resting| {
        let assumptions = Assumptions { resting, ..Assumptions::default() };
        let setup = Setup { assumptions, ..setup() };
        let trades = Rows::trades(&[(2_000, 99, lots, SELL), (3_000, 99, 1, BUY)]);
        let sources = vec![Rows::book(BOOK), trades];
        let report = run(&setup, sources, vec![(2, limit(Side::Buy, "99"))]);
        report.trades.iter().map(|trade| trade.qty.to_string()).collect::<Vec<_>>()
    };
    assert!(filled(5_000, RestingFills::Queue).is_empty());
    assert_eq!(filled(5_001, RestingFills::Queue), ["0.001"]);
    assert!(filled(9_000, RestingFills::Through).is_empty());
    assert_eq!(filled(1, RestingFills::Touch), ["1"]);
}

/// Only part of what is traded can have been ours.
#[test]
fn a_share_of_what_is_traded_fills_an_order_in_parts() {
    let assumptions =
        Assumptions { share_percent: Some(10), resting: RestingFills::Through, slippage_bps: 0 };
    let setup = Setup { assumptions, ..setup() };
    let trades = [
        (0, 100, 10, BUY),
        (1_000, 100, 10, BUY),
        (2_000, 98, 2_000, SELL),
        (3_000, 97, 50_000, SELL),
    ];
    let report = run(&setup, vec![Rows::trades(&trades)], vec![(2, limit(Side::Buy, "99"))]);
    let parts: Vec<_> = report.trades.iter().map(|trade| trade.qty.to_string()).collect();
    assert_eq!(parts, ["0.2", "0.8"]);
}

#[test]
fn slippage_costs_takers_and_never_beyond_their_limit() {
    for (wanted, paid) in [("103", "101.02"), ("101.01", "101.01")] {
        let assumptions = Assumptions { slippage_bps: 2, ..Assumptions::default() };
        let setup = Setup { assumptions, ..setup() };
        let trades = [(0, 101, 10, BUY), (1_000, 101, 2_000, SELL), (2_000, 101, 1, SELL)];
        let report = run(&setup, vec![Rows::trades(&trades)], vec![(2, limit(Side::Buy, wanted))]);
        // 2 bps of 101 are 0.0202, rounded up to 0.03: against the taker.
        let paid = if wanted == "103" { "101.03" } else { paid };
        assert_eq!(at_prices(&report), [(Side::Buy, paid.to_owned())]);
    }
}

/// An agent that knows the file would buy before a rise. What it sends arrives when the rise is over.
#[test]
fn nobody_trades_on_what_has_not_happened_yet() {
    let trades = [
        (0, 100, 10, BUY),
        (2_000, 100, 10, BUY),
        (2_100, 105, 10, BUY),
        (3_000, 105, 10, BUY),
        (4_000, 105, 1, BUY),
    ];
    for (ms, price) in [(0, "100"), (49, "100"), (50, "105"), (60, "105"), (600, "105")] {
        let latency = Latency::constant(Duration::from_millis(ms));
        let setup = Setup { latency, ..setup() };
        // It wants to buy at the last trade at 100; there and back again is twice as long.
        let report = run(&setup, vec![Rows::trades(&trades)], vec![(2, limit(Side::Buy, "110"))]);
        assert_eq!(at_prices(&report), [(Side::Buy, price.to_owned())], "{ms} ms");
    }
}

#[test]
fn the_same_input_gives_the_same_records() {
    let records = |seed| {
        let written = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let into = written.clone();
        let spread = crate::Delay::Between(Duration::from_millis(1), Duration::from_millis(900));
        let latency = Latency { feed: spread, entry: spread, response: spread };
        let setup = Setup { latency, seed, ..setup() };
        let orders = vec![(3, limit(Side::Buy, "105")), (4, market(Side::Sell))];
        let sources =
            vec![Rows::book(BOOK), Rows::trades(&[(2_000, 99, 10, SELL), (3_000, 99, 1, BUY)])];
        let journal: crate::Journal = Box::new(move |entry| {
            into.lock().unwrap().push_str(&format!("{entry:?}\n"));
        });
        let script = |_: &[model::Instrument]| Script::new(orders);
        let mut backtest = Backtest::new(&setup, sources, Some(journal), script).unwrap();
        backtest.run(|_, _| {}).unwrap();
        let text = written.lock().unwrap().clone();
        assert!(text.contains("Started") && text.contains("Filled"), "{text}");
        text
    };
    assert_eq!(records(1), records(1));
    assert_ne!(records(1), records(2), "latencies are drawn");
}

/// The money is all there: what was paid, what was got, and fees.
#[test]
fn equity_is_cash_and_what_is_held_at_the_last_price() {
    let fees = model::venue::FeeRates {
        maker: model::Decimal::new(1, 3),
        taker: model::Decimal::new(1, 3),
    };
    let fees = crate::FeeSchedule::flat(fees);
    let setup = Setup { fees, fees_in: crate::FeesIn::Quote, ..setup() };
    let report = run(&setup, vec![Rows::bars(BARS)], vec![(FIRST_CLOSE, market(Side::Buy))]);
    // Ten and then eleven at 98, less 106 and its thousandth.
    let expected = 100_000.0 - 106.0 - 0.106 + 11.0 * 98.0;
    assert!((report.final_equity - expected).abs() < 1e-9, "{report:?}");
    assert!((report.fees_paid - 0.106).abs() < 1e-12);
    assert!(report.max_drawdown > 0.0 && report.exposure > 0.9);
}
