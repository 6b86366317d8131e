//! The feed in a session, on messages as the venue prints them.

use model::market::{Book, Level, Markets};
use model::venue::BookSnapshot;

use super::super::testing::symbols;
use super::*;
use crate::session::{ConnId, Done, Happened, Session};

fn btc() -> InstrumentId {
    InstrumentId::new("BTC-USDT").unwrap()
}

/// A session, the view that its news make, and what it asked for.
struct World {
    session: Session<MarketFeed>,
    now: Timestamp,
    wake: Option<Timestamp>,
    markets: Markets,
    news: Vec<Input>,
    asked: Vec<(ConnId, MarketRequest)>,
    opened: Vec<ConnId>,
}

impl World {
    fn new() -> World {
        let symbols = Arc::new(symbols());
        let mut markets = Markets::default();
        symbols.iter().for_each(|row| markets.follow(row.instrument.clone()));
        let feed = MarketFeed::new("ws://venue/ws".to_owned(), symbols)
            .with_age_max(Duration::from_secs(600));
        World {
            session: Session::new(feed, 3),
            now: Timestamp::EPOCH.after(Duration::from_secs(1)),
            wake: None,
            markets,
            news: Vec::new(),
            asked: Vec::new(),
            opened: Vec::new(),
        }
    }

    fn apply(&mut self, happened: Happened<'_>) {
        let mut done = Vec::new();
        self.session.apply(self.now, happened, &mut done);
        for thing in done {
            match thing {
                Done::Emit(input) => {
                    if let Input::Market(event) = &input {
                        self.markets.apply(self.now, event);
                    }
                    self.news.push(input);
                }
                Done::Ask(id, request, _) => self.asked.push((id, request)),
                Done::Open(id, _) => self.opened.push(id),
                Done::WakeAt(at) => self.wake = Some(self.wake.map_or(at, |set| set.min(at))),
                Done::Say(..) | Done::Close(_) | Done::Hold(..) => {}
            }
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
        self.wake = None;
        self.apply(Happened::Wake);
    }

    /// Connects, subscribes, and returns the connection.
    fn connect(&mut self) -> ConnId {
        let id = self.opened.pop().unwrap();
        let stamp = Stamp { venue_now: self.now, nonce: 0, ticket: None };
        self.apply(Happened::Opened(id, stamp));
        self.apply(Happened::Text(id, r#"{"result":null,"id":1}"#));
        id
    }

    fn depth(&mut self, id: ConnId, first: u64, last: u64, bid: &str, qty: &str) {
        let text = format!(
            r#"{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":{first},"u":{last},"b":[["{bid}","{qty}"]],"a":[]}}"#
        );
        self.apply(Happened::Text(id, &text));
    }

    fn trade(&mut self, id: ConnId, number: u64) {
        let text = format!(
            r#"{{"e":"trade","E":1,"s":"BTCUSDT","t":{number},"p":"100.00","q":"1.000","T":1,"m":true,"M":true}}"#
        );
        self.apply(Happened::Text(id, &text));
    }

    /// Answers the last question for this instrument's book.
    fn snapshot(&mut self, update_id: u64) {
        let at = self.asked.iter().rposition(|(_, request)| {
            matches!(request, MarketRequest::Book { instrument, .. } if *instrument == btc())
        });
        let (id, request) = self.asked.remove(at.unwrap());
        let instrument = self.markets.get(btc()).unwrap().instrument();
        let level = |price: &str| Level {
            price: instrument.grid().grid_price(price.parse().unwrap()).unwrap(),
            qty: instrument.grid().grid_qty("1".parse().unwrap()).unwrap(),
        };
        let (bids, asks) = (vec![level("99.00")], vec![level("101.00")]);
        let book = BookSnapshot { instrument: btc(), update_id, bids, asks };
        self.apply(Happened::Answer(id, request, Outcome::Done(Response::Book(book))));
    }

    fn book(&self) -> &Book {
        self.markets.get(btc()).unwrap().book()
    }

    fn is_live(&self) -> bool {
        self.markets.get(btc()).unwrap().is_live()
    }

    fn trades(&self) -> Vec<(u64, bool)> {
        let trade = |input: &Input| match input {
            Input::Market(event) => match &event.kind {
                MarketKind::Trade(trade) => Some((trade.id, false)),
                MarketKind::LateTrade(trade) => Some((trade.id, true)),
                _ => None,
            },
            _ => None,
        };
        self.news.iter().filter_map(trade).collect()
    }

    fn live() -> (World, ConnId) {
        let mut world = World::new();
        world.apply(Happened::Wake);
        let id = world.connect();
        world.depth(id, 5, 7, "98.00", "1");
        world.snapshot(6);
        assert!(world.is_live());
        (world, id)
    }
}

/// An idle book is asked for, too: nobody may wait for a change that never comes.
#[test]
fn the_book_is_asked_for_at_once() {
    let mut world = World::new();
    world.apply(Happened::Wake);
    world.connect();
    world.snapshot(6);
    assert!(world.is_live());
}

#[test]
fn a_gap_loses_the_book_and_a_snapshot_brings_it_back() {
    let (mut world, id) = World::live();
    world.depth(id, 8, 9, "98.50", "2");
    assert_eq!(world.book().bids().count(), 3);
    world.depth(id, 12, 13, "98.60", "2");
    assert!(!world.is_live());
    assert!(matches!(world.news.iter().rev().nth(1), Some(Input::Feed(FeedNotice::Gap { .. }))));
    world.snapshot(11);
    assert!(world.is_live());
    assert_eq!(world.book().bids().count(), 2, "the snapshot and the change behind it");
}

#[test]
fn what_is_told_again_is_dropped_and_counted() {
    let (mut world, id) = World::live();
    world.depth(id, 5, 7, "98.00", "9");
    world.trade(id, 1);
    world.trade(id, 1);
    assert_eq!(world.trades(), [(1, false)]);
    world.apply(Happened::Closed(id, "reset".to_owned()));
    let dropped: u64 = world
        .news
        .iter()
        .map(|input| match input {
            Input::Feed(FeedNotice::Duplicates(count)) => *count,
            _ => 0,
        })
        .sum();
    assert_eq!(dropped, 2);
}

#[test]
fn trades_that_were_missed_while_away_are_fetched_and_marked() {
    let (mut world, id) = World::live();
    world.trade(id, 1);
    world.apply(Happened::Closed(id, "reset".to_owned()));
    world.pass(1);
    let id = world.connect();
    world.trade(id, 4);
    let at = world.asked.iter().position(|(_, r)| matches!(r, MarketRequest::Trades { .. }));
    let (id, request) = world.asked.remove(at.unwrap());
    assert!(matches!(request, MarketRequest::Trades { from: TradesFrom::Id(2), .. }));
    let trade = |number| PublicTrade {
        id: number,
        price: model::market::GridPrice(1),
        qty: model::market::GridQty(1),
        taker_side: model::Side::Buy,
        time: Timestamp::EPOCH,
    };
    let trades = (2..=6).map(trade).collect();
    world.apply(Happened::Answer(id, request, Outcome::Done(Response::Trades(trades))));
    assert_eq!(world.trades(), [(1, false), (4, false), (2, true), (3, true)]);
}

/// What was asked for on a connection that died is asked for again on the next.
#[test]
fn a_lost_question_for_trades_is_asked_again() {
    let (mut world, id) = World::live();
    world.trade(id, 1);
    world.trade(id, 4);
    world.asked.clear();
    world.apply(Happened::Closed(id, "reset".to_owned()));
    world.pass(1);
    world.connect();
    let again = world.asked.iter().any(|(_, request)| {
        matches!(request, MarketRequest::Trades { from: TradesFrom::Id(2), .. })
    });
    assert!(again, "{:?}", world.asked);
}

/// A connection that breaks again and again, each time before an answer came.
#[test]
fn holes_that_open_faster_than_they_are_filled_are_all_filled() {
    let (mut world, mut id) = World::live();
    for number in 0..6 {
        world.trade(id, 1 + 3 * number);
        world.asked.clear();
        world.apply(Happened::Closed(id, "reset".to_owned()));
        world.pass(10);
        id = world.connect();
    }
    world.trade(id, 19);
    let questions = |world: &World| -> Vec<usize> {
        let trades = |(_, r): &(ConnId, MarketRequest)| matches!(r, MarketRequest::Trades { .. });
        (0..world.asked.len()).filter(|at| trades(&world.asked[*at])).collect()
    };
    let asked = questions(&world);
    assert_eq!(asked.len(), 1, "one question at a time");
    let (asker, request) = world.asked.remove(asked[0]);
    assert!(matches!(request, MarketRequest::Trades { from: TradesFrom::Id(2), .. }));
    world.apply(Happened::Answer(asker, request, Outcome::InDoubt("time out".to_owned())));
    let (asker, request) = world.asked.remove(questions(&world)[0]);
    assert!(matches!(request, MarketRequest::Trades { from: TradesFrom::Id(2), .. }));
    let trade = |number| PublicTrade {
        id: number,
        price: model::market::GridPrice(1),
        qty: model::market::GridQty(1),
        taker_side: model::Side::Buy,
        time: Timestamp::EPOCH,
    };
    let page = Outcome::Done(Response::Trades((2..=19).map(trade).collect()));
    world.apply(Happened::Answer(asker, request, page));
    let mut ids: Vec<u64> = world.trades().iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    assert_eq!(ids, Vec::from_iter(1..=19));
    assert!(questions(&world).is_empty());
}

#[test]
fn a_book_that_is_not_believed_is_asked_for_again_though_it_is_idle() {
    let (mut world, _) = World::live();
    world.apply(Happened::Distrusted(Some(btc()), "crossed".to_owned()));
    assert!(!world.is_live());
    world.snapshot(9);
    assert!(world.is_live());
}

/// What the old connection asked for is asked for again by the one that takes over.
#[test]
fn a_hand_over_forgets_no_question() {
    let (mut world, first) = World::live();
    let mut update = 8;
    while world.opened.is_empty() {
        world.pass(4);
        world.depth(first, update, update, "98.00", "3");
        update += 1;
    }
    let second = world.connect();
    world.trade(first, 1);
    world.trade(first, 4);
    world.asked.retain(|(_, request)| matches!(request, MarketRequest::Book { .. }));
    world.depth(second, update, update, "98.00", "3");
    world.snapshot(update);
    assert_eq!(world.session.connections(), 1);
    let asked = |(id, request): &(ConnId, MarketRequest)| {
        *id == second && matches!(request, MarketRequest::Trades { from: TradesFrom::Id(2), .. })
    };
    assert!(world.asked.iter().any(asked), "{:?}", world.asked);
}

/// While two connections tell the same, everything is passed on once and the book never goes dark.
#[test]
fn a_hand_over_loses_nothing_and_repeats_nothing() {
    let (mut world, first) = World::live();
    let mut update = 8;
    while world.opened.is_empty() {
        world.pass(4);
        world.depth(first, update, update, "98.00", "3");
        update += 1;
        world.trade(first, update);
    }
    let second = world.connect();
    world.news.clear();
    for step in 0..10 {
        for id in [first, second] {
            world.depth(id, update, update, "98.00", "4");
            world.trade(id, update + 1);
        }
        if step == 5 {
            world.snapshot(update);
        }
        assert!(world.is_live());
        update += 1;
    }
    let trades: Vec<u64> = world.trades().iter().map(|(id, _)| *id).collect();
    let once: std::collections::BTreeSet<_> = trades.iter().collect();
    assert_eq!((trades.len(), once.len()), (10, 10), "{trades:?}");
    assert_eq!(world.session.connections(), 1, "the old one is closed");
    assert!(world.news.iter().any(|input| matches!(input, Input::Feed(FeedNotice::HandedOver(_)))));
    assert!(!world.news.iter().any(|input| matches!(input, Input::Link { .. })));
    let lost = |input: &Input| matches!(input, Input::Market(e) if e.kind == MarketKind::BookLost);
    assert!(!world.news.iter().any(lost));
}

#[test]
fn a_book_that_goes_mute_ends_the_connection_though_it_answers_pings() {
    let (mut world, id) = World::live();
    for update in 8..28 {
        world.pass(1);
        world.depth(id, update, update, "98.00", "3");
    }
    for _ in 0..6 {
        world.pass(1);
        world.apply(Happened::Control(id));
    }
    assert!(!world.is_live());
    assert!(!world.session.is_up());
}
