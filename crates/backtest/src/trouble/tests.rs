//! What an agent meets when the exchange fails, and that its gateway's books agree with the exchange's afterwards.

use std::sync::{Arc, Mutex};

use data::{ASK, BUY, CLEAR, LAST, SELL};
use engine::{Event, Intents, View};
use model::{Entry, OrderKind, OrderSpec, Record, TimeInForce};

use super::*;
use crate::testing::{M, Rows, S, Script, id, order, setup};
use crate::{Begins, Fails, Latency, Outage, RateLimit, Report, Setup, Trouble, Troubles};

const MS: i64 = 1_000_000;

/// A trade at 100 each 100 ms, as many as fill so many seconds; from second 5 on at 90.
fn trades(seconds: i64) -> Box<dyn data::Source> {
    let row = |n: i64| {
        (n * 100, if n < 50 { 100 } else { 90 }, 1_000, if n % 2 == 0 { BUY } else { SELL })
    };
    Rows::trades(&(0..seconds * 10).map(row).collect::<Vec<_>>())
}

/// It fails so many milliseconds after the first row, for so long.
fn outage(after_ms: u64, for_ms: u64, fails: Fails) -> Trouble {
    let begins = Begins::After(Duration::from_millis(after_ms));
    let outage = Outage { begins, lasts: Duration::from_millis(for_ms), fails };
    Trouble { outages: vec![outage], rate_limit: None }
}

fn with(trouble: Trouble, each_way_ms: u64) -> Setup {
    let latency = Latency::constant(Duration::from_millis(each_way_ms));
    Setup { trouble, latency, ..setup() }
}

fn limit(side: Side, price: &str) -> OrderSpec {
    order(side, OrderKind::Limit { price: price.parse().unwrap() }, TimeInForce::Gtc)
}

/// The market event of a trade: two of the exchange's start come before none.
fn at_trade(number: u64) -> u64 {
    number + 1
}

type Written = Arc<Mutex<Vec<Entry>>>;

fn journal() -> (Written, crate::Journal) {
    let written = Written::default();
    let into = written.clone();
    (written, Box::new(move |entry| into.lock().unwrap().push(entry.clone())))
}

struct Done {
    report: Report,
    entries: Vec<Entry>,
    /// What the gateway thinks is held, and what is.
    held: (String, String),
    troubles: Troubles,
}

fn run(setup: &Setup, sources: Vec<Box<dyn data::Source>>, orders: Vec<(u64, OrderSpec)>) -> Done {
    let (written, journal) = journal();
    let script = |_: &[model::Instrument]| Script::new(orders);
    let mut backtest = Backtest::new(setup, sources, Some(journal), script).unwrap();
    backtest.run(|_, _| {}).unwrap();
    let report = backtest.report();
    let (base, _) = id().assets().unwrap();
    let of_gateway = backtest.engine.gateway().books().balances().get(&base).copied();
    let balances = backtest.venue.balances_of(backtest.account);
    let of_exchange = balances.into_iter().find(|(asset, _)| *asset == base);
    let total = |balance: Option<model::Balance>| format!("{:?}", balance.and_then(|b| b.total()));
    let held = (total(of_gateway), total(of_exchange.map(|(_, balance)| balance)));
    let entries = written.lock().unwrap().clone();
    let troubles = report.trouble.unwrap();
    Done { report, entries, held, troubles }
}

/// Names of the records that matter here, in order.
fn story(done: &Done) -> Vec<&'static str> {
    let word = |entry: &Entry| match &entry.record {
        Record::Prepared { .. } => Some("prepared"),
        Record::InDoubt { .. } => Some("in doubt"),
        Record::Filled { .. } => Some("filled"),
        Record::Rejected { .. } => Some("rejected"),
        Record::Ended { ending: model::Ending::NotPlaced, .. } => Some("not placed"),
        Record::Link { link: Link::Market, up: false, .. } => Some("market down"),
        Record::Link { link: Link::Account, up: false, .. } => Some("account down"),
        Record::Link { link: Link::Market, up: true, .. } => Some("market up"),
        Record::Link { link: Link::Account, up: true, .. } => Some("account up"),
        Record::RateLimited { .. } => Some("rate limited"),
        Record::BudgetWait { .. } => Some("waits"),
        _ => None,
    };
    done.entries.iter().filter_map(word).collect()
}

/// Writes down when each message of the market was heard, and of when it is.
struct Listener(Arc<Mutex<Vec<(i64, i64, MarketKind)>>>);

impl Strategy for Listener {
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, _: &mut Intents) {
        if let Event::Market(event) = event {
            let heard = (view.now.nanos(), event.venue_time.nanos(), event.kind.clone());
            self.0.lock().unwrap().push(heard);
        }
    }
}

fn listen(setup: &Setup, sources: Vec<Box<dyn data::Source>>) -> Vec<(i64, i64, MarketKind)> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = |_: &[model::Instrument]| Listener(heard.clone());
    let mut backtest = Backtest::new(setup, sources, None, listener).unwrap();
    backtest.run(|_, _| {}).unwrap();
    drop(backtest);
    Arc::into_inner(heard).unwrap().into_inner().unwrap()
}

/// Nobody hears what happened in an outage, neither while it lasts nor later; what was on its way is lost, too.
#[test]
fn the_market_of_an_outage_is_never_heard() {
    for (fails, each_way_ms, missed) in [
        (Fails::Market, 0, 10),
        (Fails::All, 0, 10),
        (Fails::Market, 250, 13),
        (Fails::Orders, 0, 0),
    ] {
        let setup = with(outage(1_050, 1_000, fails), each_way_ms);
        let heard = listen(&setup, vec![trades(4)]);
        let way = i64::try_from(each_way_ms).unwrap() * MS;
        let (from, to) = (M + 1_050 * MS, M + 2_050 * MS);
        let is_lost = |of: i64| from - way < of && of < to;
        let told = heard.iter().filter(|(.., kind)| matches!(kind, MarketKind::Trade(_)));
        let told: Vec<i64> = told.map(|(_, of, _)| *of).collect();
        // What is on its way when the data ends is not heard either.
        let calm = listen(&with(Trouble::default(), each_way_ms), vec![trades(4)]).len();
        assert_eq!(told.len(), calm - missed, "{fails:?} {each_way_ms}");
        if missed > 0 {
            assert!(!told.iter().any(|of| is_lost(*of)), "{fails:?} {each_way_ms}");
            let quiet = heard.iter().filter(|(at, ..)| from < *at && *at < to);
            assert_eq!(quiet.count(), 0, "{fails:?} {each_way_ms}");
            let lost = heard.iter().filter(|(.., kind)| *kind == MarketKind::BookLost);
            assert_eq!(lost.map(|(at, ..)| *at).collect::<Vec<_>>(), [from]);
        }
    }
}

/// After an outage the book is told as it is by then, and what changes from there on.
#[test]
fn a_book_is_whole_again_when_the_market_is_back() {
    let book = [
        (0, 99, 5_000, CLEAR),
        (0, 101, 500, ASK | LAST),
        (1_000, 98, 1_000, LAST),
        (2_000, 99, 0, LAST),
        (2_000, 97, 700, LAST),
        (4_000, 102, 300, ASK | LAST),
    ];
    let heard = listen(&with(outage(1_500, 1_000, Fails::Market), 0), vec![Rows::book(&book)]);
    let books: Vec<_> = heard
        .iter()
        .filter_map(|(at, _, kind)| match kind {
            MarketKind::Book(update) => Some((at - M, update.snapshot, update.levels.len())),
            _ => None,
        })
        .collect();
    let expected = [(0, true, 2), (S, false, 1), (2_500 * MS, true, 3), (4 * S, false, 1)];
    assert_eq!(books, expected);
    let MarketKind::Book(update) = &heard[3].2 else { panic!("{heard:?}") };
    let levels: Vec<_> = update.levels.iter().map(|l| (l.price.0 / 100, l.qty.0)).collect();
    assert_eq!(levels, [(98, 1_000), (97, 700), (101, 500)]);

    // One that lasts from before the first row to after it is over with the whole book, too.
    let heard = listen(&with(outage(0, 1_500, Fails::Market), 0), vec![Rows::book(&book)]);
    let first = heard.iter().find(|(.., kind)| matches!(kind, MarketKind::Book(_))).unwrap();
    let MarketKind::Book(update) = &first.2 else { panic!("{first:?}") };
    assert!(update.snapshot);
}

/// It is on its way when the connection is cut: in doubt, asked for when connections are back, and found not to have
/// arrived.
#[test]
fn an_order_that_is_lost_on_its_way_is_in_doubt_and_found_absent() {
    // Heard at 2 050 ms, it would arrive at 2 100.
    let setup = with(outage(2_080, 1_000, Fails::All), 50);
    let orders = vec![(at_trade(20), limit(Side::Buy, "101"))];
    let done = run(&setup, vec![trades(400)], orders);
    assert_eq!(done.report.fills, 0, "{:?}", story(&done));
    let cut = ["prepared", "in doubt", "account down", "market down", "account up", "market up"];
    assert!(story(&done).ends_with(&[&cut[..], &["not placed"]].concat()), "{:?}", story(&done));
    // A question of routine may be lost beside it.
    assert!(done.troubles.outages == 1 && done.troubles.requests_lost >= 1, "{:?}", done.troubles);
    assert_eq!(done.held.0, done.held.1);
}

/// It has arrived, and its answer is lost: filled while nobody heard, and known when connections are back.
#[test]
fn an_order_whose_answer_is_lost_is_found_filled() {
    let setup = with(outage(2_120, 1_000, Fails::All), 50);
    let orders = vec![(at_trade(20), limit(Side::Buy, "101"))];
    let done = run(&setup, vec![trades(60)], orders);
    let told = story(&done);
    let at = |word| told.iter().position(|told| *told == word);
    assert!(at("in doubt") < at("filled") && at("market up") < at("filled"), "{told:?}");
    assert!(done.report.fills == 1 && done.troubles.requests_lost >= 1, "{told:?}");
    assert_eq!(done.held.0, done.held.1);
}

/// It stands in the book, and the market goes through it while nobody hears.
#[test]
fn an_order_that_rests_is_filled_in_an_outage_and_known_afterwards() {
    let setup = with(outage(4_000, 3_000, Fails::All), 10);
    let orders = vec![(at_trade(10), limit(Side::Buy, "95"))];
    let done = run(&setup, vec![trades(60)], orders);
    let filled = done.entries.iter().find(|entry| matches!(entry.record, Record::Filled { .. }));
    let filled = filled.unwrap();
    let Record::Filled { fill, .. } = &filled.record else { panic!() };
    assert_eq!(fill.venue_time.nanos(), M + 5 * S + 100 * MS, "the first sale at 90");
    assert!(filled.at.nanos() >= M + 7 * S, "{filled:?}");
    assert!(done.troubles.reports_missed >= 2, "the fill and the balances: {:?}", done.troubles);
    assert_eq!(done.held.0, done.held.1);
    let told = story(&done);
    assert!(!told.contains(&"in doubt"), "{told:?}");
}

/// Without a connection for requests an order is not sent, which is certain; the agent hears the market all the
/// same, and may try again.
#[test]
fn an_order_that_cannot_leave_is_not_placed() {
    let setup = with(outage(2_000, 1_000, Fails::Orders), 0);
    let wanted = || limit(Side::Buy, "101");
    let orders = vec![(at_trade(25), wanted()), (at_trade(35), wanted())];
    let done = run(&setup, vec![trades(10)], orders);
    let told = story(&done);
    assert!(told.ends_with(&["prepared", "not placed", "prepared", "filled"]), "{told:?}");
    assert!(done.report.fills == 1 && done.troubles.requests_not_sent >= 1, "{told:?}");
    assert_eq!(done.held.0, done.held.1);
}

/// The exchange says that it is too much and until when; until then nothing is sent.
#[test]
fn what_is_throttled_is_rejected_and_nothing_is_sent_until_it_is_over() {
    let setup = with(outage(2_000, 5_000, Fails::Throttled), 0);
    let orders = vec![
        (at_trade(25), limit(Side::Buy, "101")),
        (at_trade(35), limit(Side::Buy, "101")),
        (at_trade(75), limit(Side::Buy, "91")),
    ];
    let done = run(&setup, vec![trades(10)], orders);
    let mut told = story(&done);
    assert!(told.contains(&"rate limited"), "{told:?}");
    told.retain(|word| *word != "rate limited");
    let expected = ["prepared", "rejected", "prepared", "not placed", "prepared", "filled"];
    assert!(told.ends_with(&expected), "{told:?} {:?}", done.report.refusals);
    let Troubles { requests_throttled, requests_not_sent, .. } = done.troubles;
    assert!(requests_throttled >= 1 && requests_not_sent >= 1, "{:?}", done.troubles);
}

/// Four a second, of which a fifth is kept for what protects: the fourth order waits for the first to be forgotten,
/// and meets the market as it is then.
#[test]
fn orders_beyond_the_rate_limit_wait_for_their_turn() {
    let rate_limit = Some(RateLimit { requests: 4, window: Duration::from_secs(1) });
    let setup = with(Trouble { outages: Vec::new(), rate_limit }, 0);
    // Seconds after the start, so that its questions are forgotten.
    let orders = (0..4).map(|n| (at_trade(30 + n), limit(Side::Buy, "101"))).collect();
    let done = run(&setup, vec![trades(10)], orders);
    let times: Vec<i64> = done.report.trades.iter().map(|trade| (trade.at - M) / MS).collect();
    assert_eq!((times.len(), times[0]), (4, 3_000), "{times:?}");
    assert!(times.windows(4).all(|of| of[3] - of[0] >= 1_000), "{times:?}");
    assert!(done.troubles.requests_held_back >= 1, "{:?}", done.troubles);
    assert!(story(&done).contains(&"waits"));
}

/// Where only bars are known: the second close is not heard. An order that waits between two bars for the next one is
/// lost with its connection, and does not come up later.
#[test]
fn bars_of_an_outage_are_not_heard_and_an_order_between_two_of_them_is_lost() {
    let bars = [[100, 110, 90, 105], [106, 112, 101, 108], [104, 106, 95, 96], [97, 99, 92, 98]];
    let heard = listen(&with(outage(90_000, 60_000, Fails::All), 0), vec![Rows::bars(&bars)]);
    let closes = heard.iter().filter(|(.., kind)| matches!(kind, MarketKind::Candle(_)));
    let closes: Vec<i64> = closes.map(|(at, ..)| at / M).collect();
    assert_eq!(closes, [1_001, 1_003, 1_004]);

    let bars = [(1_000, bars[0]), (1_002, bars[1]), (1_003, bars[2])];
    let orders = vec![(2, limit(Side::Buy, "111"))];
    let done =
        run(&with(outage(90_000, 10_000, Fails::All), 0), vec![Rows::bars_at(&bars)], orders);
    assert_eq!(done.report.fills, 0);
    assert!(story(&done).ends_with(&["not placed"]), "{:?}", story(&done));
    assert_eq!(done.held.0, done.held.1);
}

/// One that was over before the gateway starts never was; one that lasts into the data is met at once.
#[test]
fn an_outage_from_before_the_data_is_met_as_far_as_it_lasts() {
    let at = |seconds: i64, lasts: u64| {
        let begins = Begins::At(model::Timestamp::from_nanos(M - seconds * S));
        let outage = Outage { begins, lasts: Duration::from_secs(lasts), fails: Fails::All };
        let setup = with(Trouble { outages: vec![outage], rate_limit: None }, 0);
        let done = run(&setup, vec![trades(8)], vec![(at_trade(40), limit(Side::Buy, "95"))]);
        let told = story(&done);
        assert!(told.ends_with(&["prepared", "filled"]), "{told:?} {:?}", done.report.refusals);
        assert_eq!(done.held.0, done.held.1);
        (done.troubles.outages, told.iter().filter(|word| **word == "market down").count())
    };
    assert_eq!(at(20, 5), (0, 0));
    assert_eq!(at(20, 22), (1, 1));
}

/// The same with the same seed, to the byte.
#[test]
fn what_fails_by_chance_fails_the_same_way_again() {
    let records = |seed| {
        let every = |ms, fails| Outage {
            begins: Begins::Every(Duration::from_millis(ms)),
            lasts: Duration::from_millis(ms / 5),
            fails,
        };
        let outages = vec![
            every(2_000, Fails::All),
            every(3_000, Fails::Orders),
            every(5_000, Fails::Throttled),
            every(4_000, Fails::Market),
        ];
        let rate_limit = Some(RateLimit { requests: 10, window: Duration::from_secs(1) });
        let setup = Setup { seed, ..with(Trouble { outages, rate_limit }, 20) };
        let orders = (3..200).step_by(7).map(|n| (n, limit(Side::Buy, "101"))).collect();
        let done = run(&setup, vec![trades(120)], orders);
        assert!(done.troubles.outages > 50, "{:?}", done.troubles);
        assert_eq!(done.held.0, done.held.1);
        format!("{:?}", done.entries)
    };
    assert!(records(1) == records(1));
    assert!(records(1) != records(2));
}
