//! The venue's two streams to the gateway, as a session of `venues/src/session` tells of them: up and down,
//! whole or with holes, and nothing that overtakes anything on one connection.

use std::time::Duration;

use model::market::{BookUpdate, LevelUpdate, MarketEvent, MarketKind, PublicTrade};
use model::venue::{AccountEvent, VenueEvent};
use model::{FeedNotice, Input, Link, Timestamp};

use crate::agenda::Event;
use crate::faults::Fault;
use crate::plan::Kind;
use crate::world::World;

/// First pause before a new connection, at most, and longest one (`session/backoff.rs`).
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A connection that has lived this long is stable.
const STABLE: Duration = Duration::from_secs(60);
/// A market that says nothing for so long is dead.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(10);

impl World {
    /// The market around the account makes a step.
    pub(crate) fn market_moves(&mut self) {
        let pause = self.market.pause();
        self.after(pause, Event::Market);
        if self.trouble.stalled {
            return;
        }
        let background = self.market.step();
        self.oracle.market_is_at(self.market.middle);
        let (now, id) = (self.venue_now(), self.names.id());
        self.front.engine.background(now, id, &background, &mut self.events);
        self.publish();
    }

    /// What has happened at the venue is checked, and told.
    pub(crate) fn publish(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        let mut levels: Vec<LevelUpdate> = Vec::new();
        let mut trades: Vec<PublicTrade> = Vec::new();
        for event in events.drain(..) {
            match event {
                VenueEvent::Level { level, .. } => levels.push(level),
                VenueEvent::Trade { trade, .. } => trades.push(trade),
                VenueEvent::Account { event, .. } => {
                    self.oracle.happened(&event);
                    self.report(event);
                }
            }
        }
        self.events = events;
        let line = *self.line(Link::Market);
        if !line.up || !line.whole || self.trouble.market_silent {
            return;
        }
        if (!levels.is_empty() || !trades.is_empty()) && self.strikes_by_chance(Fault::MarketGap) {
            return self.gap();
        }
        for trade in trades {
            self.send_market(MarketKind::Trade(trade));
        }
        if !levels.is_empty() {
            self.send_market(MarketKind::Book(BookUpdate { snapshot: false, levels }));
        }
    }

    fn send_market(&mut self, kind: MarketKind) {
        let (instrument, venue_time) = (self.names.id(), self.venue_now());
        self.send_feed(Input::Market(MarketEvent { instrument, venue_time, kind }));
    }

    fn send_feed(&mut self, input: Input) {
        let way = self.dice.streams.between(Duration::from_millis(1), Duration::from_millis(15));
        let (now, line) = (self.now, self.line(Link::Market));
        line.tail = line.tail.max(now.after(way));
        let (at, conn) = (line.tail, line.conn);
        self.agenda.at(at, Event::Feed { conn, input: Box::new(input), as_of: now });
    }

    /// Messages are missing: the session says so, and begins again with the book.
    fn gap(&mut self) {
        let instrument = self.names.id();
        self.tell(|| "stream    the market has a gap".to_owned());
        let detail = "a number is missing".to_owned();
        self.send_feed(Input::Feed(FeedNotice::Gap { instrument, detail }));
        self.book_is_lost();
    }

    fn book_is_lost(&mut self) {
        self.send_market(MarketKind::BookLost);
        self.line(Link::Market).whole = false;
        let conn = self.line(Link::Market).conn;
        let pause =
            self.dice.streams.between(Duration::from_millis(50), Duration::from_millis(400));
        self.after(pause, Event::Snapshot { conn });
    }

    /// The venue takes a picture of its book, and tells every change from there on.
    pub(crate) fn snapshot(&mut self, conn: u32) {
        let line = *self.line(Link::Market);
        if line.conn != conn || !line.up || line.whole {
            return;
        }
        if self.trouble.rest_down {
            let pause = Duration::from_secs(1);
            return self.after(pause, Event::Snapshot { conn });
        }
        self.line(Link::Market).whole = true;
        let now = self.venue_now();
        let book = self.front.snapshot(now);
        self.send_market(MarketKind::Book(book));
    }

    /// A message of the market's stream is there.
    pub(crate) fn feed(&mut self, conn: u32, input: &Input, as_of: Timestamp) {
        if self.line(Link::Market).conn == conn {
            self.take_as_of(input, as_of);
        }
    }

    /// The account's stream tells what has happened, if nothing is wrong with it.
    fn report(&mut self, event: AccountEvent) {
        if !self.line(Link::Account).up {
            return;
        }
        if self.trouble.account_silent {
            self.fired.note(Fault::AccountSilent);
            return;
        }
        let Some(told) = self.front.told(&event) else { return };
        let numbered = self.plan.venue.kind == Kind::Coinbase;
        if self.strikes_by_chance(Fault::AccountGap) {
            self.tell(|| format!("stream    lost: {}", crate::story::report(&told)));
            if numbered {
                // The next number shows it.
                let conn = self.line(Link::Account).conn;
                let cause = "a message is missing";
                self.after(Duration::from_secs(1), Event::Cut { link: Link::Account, conn, cause });
            }
            return;
        }
        let way = self.dice.streams.between(Duration::from_millis(1), Duration::from_millis(30));
        let now = self.now;
        let line = self.line(Link::Account);
        let conn = line.conn;
        let mut at = line.tail.max(now.after(way));
        if !numbered && self.strikes_by_chance(Fault::AccountSwap) {
            // What comes later overtakes it.
            at = at.after(self.dice.streams.heavy(Duration::from_secs(3)));
        } else {
            self.line(Link::Account).tail = at;
        }
        if self.strikes_by_chance(Fault::AccountRepeat) && !is_transfer(&told) {
            let again = at.after(self.dice.streams.heavy(Duration::from_secs(5)));
            self.agenda.at(again, Event::Account { conn, event: Box::new(told.clone()) });
        }
        self.agenda.at(at, Event::Account { conn, event: Box::new(told) });
    }

    /// A report of the account's stream is there.
    pub(crate) fn account(&mut self, conn: u32, event: Box<AccountEvent>) {
        if self.line(Link::Account).conn == conn {
            self.tell(|| format!("stream    {}", crate::story::report(&event)));
            self.take(&Input::Account(*event));
        }
    }

    /// A connection is dialled anew.
    pub(crate) fn dial(&mut self, link: Link) {
        let failures = self.line(link).failures.min(6);
        let most = (PAUSE_FIRST * 2u32.pow(failures)).min(PAUSE_MAX);
        let pause = self.dice.streams.between(Duration::from_millis(50), most);
        let way = self.way();
        let conn = self.line(link).conn;
        self.after(pause + way * 2, Event::Linked { link, conn });
    }

    /// The venue tells what happens from now on.
    pub(crate) fn linked(&mut self, link: Link, conn: u32) {
        let (now, runs) = (self.now, self.life.is_some());
        let line = self.line(link);
        if line.conn != conn || line.up || !runs {
            return;
        }
        (line.up, line.whole, line.linked_at) = (true, false, now);
        line.tail = line.tail.max(now);
        self.tell(|| format!("stream    {link:?} is up"));
        self.take(&Input::Link { link, up: true, cause: "subscribed".to_owned() });
        match link {
            Link::Market => {
                let pause = self
                    .dice
                    .streams
                    .between(Duration::from_millis(30), Duration::from_millis(300));
                self.after(pause, Event::Snapshot { conn });
                if self.trouble.market_silent {
                    self.dies_of_silence();
                }
            }
            Link::Account => {
                let now = self.venue_now();
                let standing = self.front.standing(now);
                if !self.trouble.account_silent {
                    for event in standing {
                        let way = self.way();
                        self.after(way, Event::Account { conn, event: Box::new(event) });
                    }
                }
            }
        }
    }

    /// The market says nothing: its session gives the connection up after a while.
    pub(crate) fn dies_of_silence(&mut self) {
        let conn = self.line(Link::Market).conn;
        let cause = "nothing came";
        self.after(SILENCE_MAX, Event::Cut { link: Link::Market, conn, cause });
    }

    /// A connection is lost.
    pub(crate) fn cut(&mut self, link: Link, conn: u32, cause: &'static str) {
        let now = self.now;
        let line = self.line(link);
        if line.conn != conn || !line.up {
            return;
        }
        let stable = now.since(line.linked_at) > STABLE;
        line.failures = if stable { 1 } else { line.failures + 1 };
        (line.up, line.conn) = (false, conn + 1);
        self.tell(|| format!("stream    {link:?} is down: {cause}"));
        self.take(&Input::Link { link, up: false, cause: cause.to_owned() });
        if link == Link::Market {
            let (instrument, venue_time) = (self.names.id(), self.venue_now());
            let kind = MarketKind::BookLost;
            self.take(&Input::Market(MarketEvent { instrument, venue_time, kind }));
        }
        self.dial(link);
    }

    /// The gateway does not believe what a stream tells.
    pub(crate) fn distrust(&mut self, link: Link, one_instrument: bool) {
        let line = *self.line(link);
        if !line.up {
            return;
        }
        if link == Link::Market && one_instrument {
            if line.whole {
                self.book_is_lost();
            }
            return;
        }
        let conn = line.conn;
        self.after(Duration::ZERO, Event::Cut { link, conn, cause: "it is not believed" });
    }
}

/// The session itself passes a transfer on once.
const fn is_transfer(event: &AccountEvent) -> bool {
    matches!(event, AccountEvent::Transfer { .. })
}
