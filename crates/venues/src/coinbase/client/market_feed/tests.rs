//! The feed in a session, on messages as the venue prints them.

use model::Side;
use model::market::{Book, GridPrice, GridQty, Markets};

use super::super::testing::{credentials, instrument};
use super::*;
use crate::session::{ConnId, Done, Happened, Session};

fn btc() -> InstrumentId {
    InstrumentId::new("BTC-USD").unwrap()
}

fn eth() -> InstrumentId {
    InstrumentId::new("ETH-USD").unwrap()
}

/// A session, the view that its news make, and what it asked for.
struct World {
    session: Session<MarketFeed>,
    now: Timestamp,
    markets: Markets,
    news: Vec<Input>,
    asked: Vec<(ConnId, MarketRequest, Duration)>,
    opened: Vec<ConnId>,
    said: Vec<String>,
    /// Number of the next message on the connection.
    number: u64,
}

impl World {
    fn new() -> World {
        let symbols = Symbols::new(vec![instrument("BTC", "USD"), instrument("ETH", "USD")]);
        let mut markets = Markets::default();
        symbols.iter().for_each(|row| markets.follow(row.instrument.clone()));
        let feed = MarketFeed::new("ws://venue".to_owned(), Arc::new(symbols), Some(credentials()));
        World {
            session: Session::new(feed, 3),
            now: Timestamp::EPOCH.after(Duration::from_secs(1)),
            markets,
            news: Vec::new(),
            asked: Vec::new(),
            opened: Vec::new(),
            said: Vec::new(),
            number: 0,
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
                Done::Ask(id, request, after) => self.asked.push((id, request, after)),
                Done::Open(id, _) => self.opened.push(id),
                Done::Say(_, text) => self.said.push(text),
                Done::WakeAt(_) | Done::Close(_) | Done::Hold(..) => {}
            }
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
        self.apply(Happened::Wake);
    }

    /// A message with the connection's next number.
    fn tell(&mut self, id: ConnId, channel: &str, events: &str) {
        let text = format!(
            r#"{{"channel":"{channel}","client_id":"","timestamp":"2026-01-01T00:00:00Z","sequence_num":{},"events":[{events}]}}"#,
            self.number
        );
        self.number += 1;
        self.apply(Happened::Text(id, &text));
    }

    fn book(&mut self, id: ConnId, kind: &str, product: &str, bid: &str) {
        let level = |side: &str, price: &str| {
            format!(
                r#"{{"side":"{side}","event_time":"2026-01-01T00:00:00Z","price_level":"{price}","new_quantity":"1.5"}}"#
            )
        };
        let levels = [level("bid", bid), level("offer", "101.00")].join(",");
        let event = format!(r#"{{"type":"{kind}","product_id":"{product}","updates":[{levels}]}}"#);
        self.tell(id, "l2_data", &event);
    }

    /// One message with these trades, as the venue orders them: newest first.
    fn trades(&mut self, id: ConnId, kind: &str, ids: impl DoubleEndedIterator<Item = u64>) {
        let trade = |number: u64| {
            format!(
                r#"{{"trade_id":"{number}","product_id":"BTC-USD","price":"100.00","size":"0.5","side":"BUY","time":"2026-01-01T00:00:00Z"}}"#
            )
        };
        let rows: Vec<String> = ids.rev().map(trade).collect();
        self.tell(
            id,
            "market_trades",
            &format!(r#"{{"type":"{kind}","trades":[{}]}}"#, rows.join(",")),
        );
    }

    fn heartbeat(&mut self, id: ConnId) {
        self.tell(id, "heartbeats", r#"{"current_time":"t","heartbeat_counter":1}"#);
    }

    /// Connects and subscribes; the books have not come yet.
    fn subscribe(&mut self) -> ConnId {
        let id = self.opened.pop().unwrap();
        self.number = 0;
        let stamp = Stamp { venue_now: self.now, nonce: 0, ticket: None };
        self.apply(Happened::Opened(id, stamp));
        for up_to in 1..=CHANNELS.len() {
            let products = r#"["BTC-USD","ETH-USD"]"#;
            let channels: Vec<String> =
                CHANNELS[..up_to].iter().map(|c| format!(r#""{}":{products}"#, c.name())).collect();
            let event = format!(r#"{{"subscriptions":{{{}}}}}"#, channels.join(","));
            self.tell(id, "subscriptions", &event);
        }
        id
    }

    fn connect(&mut self) -> ConnId {
        let id = self.subscribe();
        self.book(id, "snapshot", "BTC-USD", "99.00");
        self.book(id, "snapshot", "ETH-USD", "99.00");
        id
    }

    fn live() -> (World, ConnId) {
        let mut world = World::new();
        world.apply(Happened::Wake);
        let id = world.connect();
        assert!(world.is_live(btc()) && world.is_live(eth()));
        (world, id)
    }

    /// Loses the connection and makes another one.
    fn reconnect(&mut self, id: ConnId) -> ConnId {
        self.apply(Happened::Closed(id, "reset".to_owned()));
        self.pass(1);
        self.connect()
    }

    /// Makes another connection where the session has ended the last.
    fn reconnect_after_end(&mut self) -> ConnId {
        self.pass(1);
        self.connect()
    }

    fn answer(&mut self, outcome: Outcome) {
        let (id, request, _) = self.asked.remove(0);
        self.apply(Happened::Answer(id, request, outcome));
    }

    fn view(&self, instrument: InstrumentId) -> &Book {
        self.markets.get(instrument).unwrap().book()
    }

    fn is_live(&self, instrument: InstrumentId) -> bool {
        self.markets.get(instrument).unwrap().is_live()
    }

    /// Numbers of trades as they were told, and whether late.
    fn told(&self) -> Vec<(u64, bool)> {
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

    fn gaps(&self) -> Vec<InstrumentId> {
        let gap = |input: &Input| match input {
            Input::Feed(FeedNotice::Gap { instrument, .. }) => Some(*instrument),
            _ => None,
        };
        self.news.iter().filter_map(gap).collect()
    }

    fn duplicates(&self) -> u64 {
        let count = |input: &Input| match input {
            Input::Feed(FeedNotice::Duplicates(count)) => *count,
            _ => 0,
        };
        self.news.iter().map(count).sum()
    }
}

fn page(ids: std::ops::RangeInclusive<u64>) -> Outcome {
    let trade = |id| PublicTrade {
        id,
        price: GridPrice(1),
        qty: GridQty(1),
        taker_side: Side::Buy,
        time: Timestamp::EPOCH,
    };
    Outcome::Done(Response::Trades(ids.map(trade).collect()))
}

#[test]
fn a_book_is_live_from_its_own_snapshot_on_and_the_link_from_all_channels_on() {
    let mut world = World::new();
    world.apply(Happened::Wake);
    let id = world.subscribe();
    assert_eq!(world.said.len(), CHANNELS.len(), "one request each");
    assert!(world.session.is_up());
    world.book(id, "update", "BTC-USD", "98.00");
    assert!(!world.is_live(btc()), "a change without a snapshot before it");
    world.book(id, "snapshot", "BTC-USD", "99.00");
    assert!(world.is_live(btc()) && !world.is_live(eth()));
    assert_eq!(world.view(btc()).bids().count(), 1, "the change is not in it");
    world.book(id, "update", "BTC-USD", "98.00");
    assert_eq!(world.view(btc()).bids().count(), 2);
    world.book(id, "snapshot", "BTC-USD", "97.00");
    assert_eq!(world.view(btc()).bids().count(), 1, "a snapshot is the whole book");
}

#[test]
fn the_link_is_not_up_before_every_channel_is() {
    let mut world = World::new();
    world.apply(Happened::Wake);
    let id = world.opened.pop().unwrap();
    world.apply(Happened::Opened(id, Stamp { venue_now: world.now, nonce: 0, ticket: None }));
    let event = r#"{"subscriptions":{"heartbeats":[],"level2":["BTC-USD"]}}"#;
    world.tell(id, "subscriptions", event);
    assert!(!world.session.is_up());
}

/// One counter runs over all channels: a hole after a heartbeat is a hole in every book.
#[test]
fn a_missing_number_loses_every_book_and_a_new_connection_brings_them_back() {
    let (mut world, id) = World::live();
    world.heartbeat(id);
    world.number += 1;
    world.heartbeat(id);
    assert_eq!(world.gaps(), [btc(), eth()]);
    assert!(!world.is_live(btc()) && !world.is_live(eth()) && !world.session.is_up());
    let before = world.news.len();
    world.book(id, "update", "BTC-USD", "98.00");
    assert_eq!(world.news.len(), before, "nothing is heard of it any more");
    world.pass(1);
    world.connect();
    assert!(world.is_live(btc()) && world.is_live(eth()));
    assert_eq!(world.view(btc()).bids().count(), 1);
}

#[test]
fn what_is_told_again_is_dropped_and_counted() {
    let (mut world, id) = World::live();
    world.trades(id, "update", 1..=2);
    world.number -= 1;
    world.trades(id, "update", 1..=2);
    world.trades(id, "update", 2..=3);
    assert_eq!(world.told(), [(1, false), (2, false), (3, false)]);
    world.apply(Happened::Closed(id, "reset".to_owned()));
    assert_eq!(world.duplicates(), 2, "a message, and a trade in a message that is new");
}

/// After every subscription the last trades are told again: what was missed is news, the rest is not.
#[test]
fn the_trades_told_at_a_subscription_fill_the_hole() {
    let (mut world, id) = World::live();
    world.trades(id, "update", 1..=4);
    let id = world.reconnect(id);
    world.trades(id, "snapshot", 2..=6);
    let ids: Vec<u64> = world.told().iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    assert!(world.asked.is_empty());
}

#[test]
fn trades_that_were_missed_while_away_are_fetched_and_marked() {
    let (mut world, id) = World::live();
    world.trades(id, "update", 1..=1);
    let id = world.reconnect(id);
    world.trades(id, "update", 4..=4);
    world.trades(id, "update", 7..=7);
    let [(_, MarketRequest::Trades { from: TradesFrom::Newest, .. }, pause)] = world.asked[..]
    else {
        panic!("one question at a time: {:?}", world.asked)
    };
    assert_eq!(pause, Duration::ZERO);
    world.answer(page(1..=5));
    let late = [(1, false), (4, false), (7, false), (2, true), (3, true), (5, true)];
    assert_eq!(world.told(), late);
    assert_eq!(world.asked[0].2, TRADES_PAUSE, "trade 6 is not in the archive yet");
    world.answer(page(3..=8));
    assert_eq!(world.told()[6..], [(6, true)]);
    assert!(world.asked.is_empty());
}

#[test]
fn a_question_that_fails_is_asked_again_and_one_that_dies_with_its_connection_too() {
    let (mut world, id) = World::live();
    world.trades(id, "update", 1..=1);
    world.trades(id, "update", 3..=3);
    world.answer(Outcome::NotSent("no connection".to_owned()));
    assert_eq!(world.asked[0].2, TRADES_PAUSE);
    world.asked.clear();
    let id = world.reconnect(id);
    assert_eq!(world.asked.len(), 1, "as soon as it is subscribed");
    assert_eq!(world.asked[0].0, id);
    world.answer(page(1..=3));
    assert_eq!(world.told()[2..], [(2, true)]);
}

/// No forced end is documented, so nothing is handed over however old a connection is.
#[test]
fn a_connection_is_kept_as_long_as_it_lives() {
    let (mut world, id) = World::live();
    for _ in 0..2 * 86_400 / 4 {
        world.pass(4);
        world.book(id, "update", "BTC-USD", "98.00");
        world.book(id, "update", "ETH-USD", "98.00");
    }
    assert!(world.opened.is_empty() && world.session.is_up());
    assert_eq!(world.session.connections(), 1);
}

/// Were one handed over, each book is told by the connection whose snapshot came last, each trade is told
/// once, and the link stays up.
#[test]
fn a_second_connection_takes_over_book_by_book() {
    let world = World::new();
    let session = world.session.with_age_max(Duration::from_secs(100));
    let mut world = World { session, ..world };
    world.apply(Happened::Wake);
    let first = world.connect();
    while world.opened.is_empty() {
        world.pass(4);
        world.book(first, "update", "BTC-USD", "98.00");
        world.book(first, "update", "ETH-USD", "98.00");
    }
    // Each connection counts its own messages.
    let number = world.number;
    let second = world.subscribe();
    assert_eq!(world.session.connections(), 2);
    world.book(second, "snapshot", "BTC-USD", "97.00");
    world.trades(second, "update", 1..=1);
    let number = std::mem::replace(&mut world.number, number);
    world.book(first, "update", "BTC-USD", "96.00");
    world.book(first, "update", "ETH-USD", "96.00");
    world.trades(first, "update", 1..=2);
    world.number = number;
    assert_eq!(world.view(btc()).bids().count(), 1, "of the second's snapshot alone");
    assert_eq!(world.view(eth()).bids().count(), 3, "still the first's");
    world.trades(second, "update", 2..=3);
    world.book(second, "snapshot", "ETH-USD", "97.00");
    assert_eq!(world.told(), [(1, false), (2, false), (3, false)]);
    assert!(world.is_live(btc()) && world.is_live(eth()), "the end of the first loses nothing");
    assert_eq!(world.session.connections(), 1);
    let is_down = |input: &Input| matches!(input, Input::Link { up: false, .. });
    assert!(!world.news.iter().any(is_down));
    let handed_over = Input::Feed(FeedNotice::HandedOver(Link::Market));
    assert_eq!(world.news.iter().filter(|input| **input == handed_over).count(), 1);
}

/// A change with levels on both sides is whole after its last one: the best bid may pass an ask that the
/// same change takes away. One that leaves the book crossed is passed on as it is; the core sees that.
#[test]
fn a_book_is_crossed_only_after_a_whole_change() {
    let (mut world, id) = World::live();
    let level = |side: &str, price: &str, qty: &str| {
        format!(
            r#"{{"side":"{side}","event_time":"2026-01-01T00:00:00Z","price_level":"{price}","new_quantity":"{qty}"}}"#
        )
    };
    let mut change = |levels: &[String]| {
        let updates = levels.join(",");
        let event = format!(r#"{{"type":"update","product_id":"BTC-USD","updates":[{updates}]}}"#);
        world.tell(id, "l2_data", &event);
        world.view(btc()).is_crossed()
    };
    let up =
        [level("bid", "101.50", "1"), level("offer", "101.00", "0"), level("offer", "102", "1")];
    assert!(!change(&up));
    assert!(change(&[level("bid", "102.00", "1")]));
    assert!(world.is_live(btc()), "until the core says so");
    world.apply(Happened::Distrusted(Some(btc()), "the book is crossed".to_owned()));
    assert!(!world.is_live(btc()) && !world.session.is_up());
    world.pass(1);
    world.connect();
    assert!(world.is_live(btc()) && !world.view(btc()).is_crossed());
}

/// A message that comes late, after the ones behind it were missed: the connection has ended by then, and
/// what it says is not news.
#[test]
fn a_message_that_comes_out_of_order_is_a_gap_first() {
    let (mut world, id) = World::live();
    world.number += 1;
    world.trades(id, "update", 2..=2);
    world.number -= 2;
    world.trades(id, "update", 1..=1);
    assert_eq!(world.gaps(), [btc(), eth()]);
    assert_eq!(world.told(), [], "neither is believed");
    let id = world.reconnect_after_end();
    world.trades(id, "snapshot", 1..=2);
    assert_eq!(world.told(), [(1, false), (2, false)], "each is told with the next subscription");
}

#[test]
fn a_book_that_goes_mute_ends_the_connection_though_its_heart_beats() {
    let (mut world, id) = World::live();
    for _ in 0..20 {
        world.pass(1);
        world.book(id, "update", "BTC-USD", "98.00");
        world.book(id, "update", "ETH-USD", "98.00");
    }
    for _ in 0..6 {
        world.pass(1);
        world.heartbeat(id);
        world.book(id, "update", "ETH-USD", "98.00");
    }
    assert!(!world.session.is_up() && !world.is_live(btc()));
}

#[test]
fn without_a_heartbeat_it_is_dead() {
    let (mut world, id) = World::live();
    for _ in 0..4 {
        world.pass(4);
        world.heartbeat(id);
    }
    assert!(world.session.is_up());
    world.pass(5);
    assert!(!world.session.is_up());
}

/// It may have been a change of a book: the book is not known.
#[test]
fn what_cannot_be_read_and_what_is_refused_end_the_connection() {
    for text in ["{", r#"{"channel":"l2_data"}"#, r#"{"type":"error","message":"no such product"}"#]
    {
        let (mut world, id) = World::live();
        world.apply(Happened::Text(id, text));
        assert!(!world.session.is_up() && !world.is_live(btc()), "{text}");
        let down = |input: &Input| matches!(input, Input::Link { up: false, .. });
        assert!(world.news.iter().any(down));
    }
}

/// The venue sends a snapshot to a new subscription only.
#[test]
fn evidence_against_one_book_starts_the_connection_again() {
    let (mut world, _) = World::live();
    world.apply(Happened::Distrusted(Some(btc()), "crossed".to_owned()));
    assert!(!world.session.is_up() && !world.is_live(btc()) && !world.is_live(eth()));
    world.pass(1);
    assert_eq!(world.opened.len(), 1);
}
