//! Two runs over the same rows: in one of them the strategy is shown everything, because it never rests. Nobody can
//! tell them apart.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data::{ASK, BUY, CLEAR, LAST, SELL, Source};
use engine::{Event, Intents, Rest, Strategy, View};
use model::market::GridPrice;
use model::{Instrument, Side};
use proptest::collection::vec;
use proptest::strategy::{Just, Strategy as Draw};
use proptest::test_runner::Config;
use proptest::{prop_assert_eq, prop_oneof, proptest};

use crate::testing::{Rows, setup};
use crate::{Backtest, Begins, Fails, Journal, Outage, Report, Setup, Trouble};

/// Counts what it is shown, and may be made one that never rests.
struct Watched {
    inner: Box<dyn Strategy>,
    is_restless: bool,
    shown: Arc<AtomicUsize>,
}

impl Strategy for Watched {
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
        self.shown.fetch_add(usize::from(matches!(event, Event::Market(_))), Ordering::Relaxed);
        self.inner.on_event(view, event, intents);
    }

    fn rest(&self, view: &View<'_>) -> Rest {
        if self.is_restless { Rest::NONE } else { self.inner.rest(view) }
    }
}

/// A book of five levels on either side of 10 000, and what happens to it: so many milliseconds later a level so far
/// behind the best price is set, or somebody takes.
#[derive(Clone, Copy, Debug)]
enum Step {
    Level { pause: i64, side: Side, depth: i64, lots: i64 },
    Trade { pause: i64, side: Side, lots: i64 },
}

fn step() -> impl Draw<Value = Step> {
    let side = || prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let pause = || prop_oneof![8 => 0i64..12, 2 => 0i64..300, 1 => 0i64..12_000];
    prop_oneof![
        8 => (pause(), side(), -1i64..8, prop_oneof![1 => Just(0i64), 4 => 1i64..5_000])
            .prop_map(|(pause, side, depth, lots)| Step::Level { pause, side, depth, lots }),
        2 => (pause(), side(), 1i64..3_000)
            .prop_map(|(pause, side, lots)| Step::Trade { pause, side, lots }),
    ]
}

/// Milliseconds, price, lots, and flags or the taker.
type Row = (i64, i64, i64, i32);
/// A book and its prints.
type Recorded = (Vec<Row>, Vec<Row>);

/// The rows of a book that is never crossed, and of its prints.
fn rows(steps: &[Step]) -> Recorded {
    let mut book = vec![(0, 9_999, 3_000, CLEAR)];
    let mut levels: [BTreeMap<i64, i64>; 2] = [BTreeMap::new(), BTreeMap::new()];
    levels[0].insert(9_999, 3_000);
    for depth in 1..5 {
        book.push((0, 9_999 - depth, 3_000, 0));
        levels[0].insert(9_999 - depth, 3_000);
    }
    for depth in 0..5 {
        book.push((0, 10_001 + depth, 3_000, if depth == 4 { ASK | LAST } else { ASK }));
        levels[1].insert(10_001 + depth, 3_000);
    }
    let (mut trades, mut now) = (Vec::new(), 0);
    for step in steps {
        let best = |side: usize| match side {
            0 => levels[0].keys().next_back().copied(),
            _ => levels[1].keys().next().copied(),
        };
        let (bid, ask) = (best(0).unwrap_or(9_000), best(1).unwrap_or(11_000));
        match *step {
            Step::Level { pause, side, depth, lots } => {
                now += pause;
                let (of, flag, price) = match side {
                    Side::Buy => (0, 0, (bid - depth).min(ask - 1)),
                    Side::Sell => (1, ASK, (ask + depth).max(bid + 1)),
                };
                if lots == 0 {
                    levels[of].remove(&price)
                } else {
                    levels[of].insert(price, lots)
                };
                book.push((now, price, lots, flag | LAST));
            }
            Step::Trade { pause, side, lots } => {
                now += pause;
                let (price, taker) = if side == Side::Buy { (ask, BUY) } else { (bid, SELL) };
                trades.push((now, price, lots, taker));
            }
        }
    }
    (book, trades)
}

fn run(
    setup: &Setup,
    (book, trades): &Recorded,
    agent: usize,
    is_restless: bool,
) -> (String, Report, usize) {
    let (name, params): (&str, &[(&str, &str)]) = [
        ("ema-cross", &[("fast", "2"), ("slow", "5"), ("sample_ms", "200"), ("qty", "0.1")][..]),
        ("market-maker", &[("half_spread_bps", "1"), ("requote_every", "50"), ("qty", "0.1")][..]),
        ("mean-reversion", &[("qty", "0.1")][..]),
    ][agent];
    let params: BTreeMap<String, String> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let shown = Arc::new(AtomicUsize::new(0));
    let make = |instruments: &[Instrument]| Watched {
        inner: agents::build(name, &params, instruments).unwrap(),
        is_restless,
        shown: shown.clone(),
    };
    let written = Arc::new(Mutex::new(String::new()));
    let into = written.clone();
    let journal: Journal =
        Box::new(move |entry| into.lock().unwrap().push_str(&format!("{entry:?}\n")));
    let mut sources: Vec<Box<dyn Source>> = vec![Rows::book(book)];
    if !trades.is_empty() {
        sources.push(Rows::trades(trades));
    }
    let mut backtest = Backtest::new(setup, sources, Some(journal), make).unwrap();
    backtest.run(|_, _| {}).unwrap();
    let text = written.lock().unwrap().clone();
    (text, backtest.report(), shown.load(Ordering::Relaxed))
}

proptest! {
    #![proptest_config(Config { cases: 128, ..Config::default() })]

    #[test]
    fn putting_changes_together_changes_nothing(
        steps in vec(step(), 1..400),
        agent in 0usize..3,
        fails in prop_oneof![Just(None), Just(Some(Fails::All)), Just(Some(Fails::Market))],
    ) {
        let rows = rows(&steps);
        let (begins, lasts) = (Begins::Every(Duration::from_secs(3)), Duration::from_millis(400));
        let outages = fails.map(|fails| Outage { begins, lasts, fails }).into_iter().collect();
        let setup = Setup { trouble: Trouble { outages, ..Trouble::default() }, ..setup() };
        let (text, report, _) = run(&setup, &rows, agent, false);
        let (all_text, all_report, _) = run(&setup, &rows, agent, true);
        for (one, other) in text.lines().zip(all_text.lines()) {
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(text.len(), all_text.len());
        prop_assert_eq!(format!("{report:?}"), format!("{all_report:?}"));
    }
}

/// Otherwise the two above would be alike because they are.
#[test]
fn most_changes_are_not_shown_and_orders_are_placed() {
    let mut steps = Vec::new();
    for number in 0..4_000_i64 {
        let side = if number % 2 == 0 { Side::Buy } else { Side::Sell };
        // Now and then the best price moves, up for a while and then down.
        let depth = if number % 40 == number / 2_000 { -1 } else { 1 + number % 6 };
        let gone = number % 40 == 20 + number / 2_000;
        let (depth, lots) = if gone { (0, 0) } else { (depth, 100 + number % 900) };
        steps.push(Step::Level { pause: 7, side, depth, lots });
    }
    let rows = rows(&steps);
    for agent in 0..2 {
        let (text, report, shown) = run(&setup(), &rows, agent, false);
        let (all_text, _, all_shown) = run(&setup(), &rows, agent, true);
        assert!(text == all_text);
        // What meets an order of ours, or what one of ours took from, is told as it comes.
        assert!(shown * 2 < all_shown, "{agent}: {shown} of {all_shown}");
        assert!(report.orders > 3, "{agent}: {report:?}");
    }
}

/// Of many trades in a moment only the last ones are shown, and what follows from them is the same. The market maker
/// stands at the best price of this book, so each of them meets an order of its own and is told as it comes.
#[test]
fn most_trades_are_not_shown() {
    let trade = |number: i64| {
        let side = if number % 2 == 0 { Side::Buy } else { Side::Sell };
        // What was taken is put back.
        let back = Step::Level { pause: 1, side: side.opposite(), depth: 0, lots: 3_000 };
        [Step::Trade { pause: 1, side, lots: 1 + number % 5 }, back]
    };
    let steps: Vec<Step> = (0..4_000).flat_map(trade).collect();
    let rows = rows(&steps);
    let (text, _, shown) = run(&setup(), &rows, 0, false);
    let (all_text, _, all_shown) = run(&setup(), &rows, 0, true);
    assert!(text == all_text);
    assert!(shown * 4 < all_shown, "{shown} of {all_shown}");
}

/// What the doc of a rest says: the best prices are those of both sides.
#[test]
fn the_best_prices_are_those_that_the_gateway_knows() {
    let rows = rows(&[Step::Level { pause: 1, side: Side::Buy, depth: 3, lots: 5 }]);
    let params = BTreeMap::new();
    let make =
        |instruments: &[Instrument]| agents::build("ema-cross", &params, instruments).unwrap();
    let mut backtest = Backtest::new(&setup(), vec![Rows::book(&rows.0)], None, make).unwrap();
    backtest.run(|_, _| {}).unwrap();
    let both = Some((GridPrice(999_900), GridPrice(1_000_100)));
    assert_eq!((backtest.best_shown(0), backtest.ask_for_rest(0).best), (both, both));
}
