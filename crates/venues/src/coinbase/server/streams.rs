//! Market channels: who listens to what, and what is due to them.
//!
//! Changes of a book are gathered and sent twenty times a second: each level once, as it is then.
//! Trades are sent four times a second, candles once, tickers after trades, and the batched ticker
//! and the products' states every five seconds.
//!
//! Source: websocket-channels.md, read 2026-08-08; how long book changes are gathered no source says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use model::market::{Candle, GridPrice, GridQty, Level, PublicTrade};
use model::venue::{MarketRequest, Response, TradesFrom, VenueEvent};
use model::{InstrumentId, Side, Timestamp};

use super::market_data::{self, Public, best, change_percent, text};
use super::sockets::{Channel, Conn};
use crate::coinbase::symbols::Row;
use crate::coinbase::vocabulary::{self, STREAM_INTERVAL};
use crate::coinbase::wire::{self, Num};
use crate::server::{ConnId, Frame};

const TRADES_EVERY: Duration = Duration::from_millis(250);
const CANDLES_EVERY: Duration = Duration::from_secs(1);
const BATCH_EVERY: Duration = Duration::from_secs(5);
/// Trades in a snapshot (unverified).
const TRADES_SNAPSHOT: u32 = 100;
/// Candles in a snapshot (unverified).
const CANDLES_SNAPSHOT: u32 = 100;
/// Trades that wait for their turn; more of them do not wait.
const TRADES_WAITING_MAX: usize = 10_000;

/// What is kept of one instrument until it is sent.
#[derive(Debug, Default)]
struct Market {
    levels: BTreeMap<(Side, GridPrice), (GridQty, Timestamp)>,
    /// Oldest first.
    trades: Vec<PublicTrade>,
    /// Something has traded since the ticker, and since the batched ticker.
    traded: bool,
    traded_in_batch: bool,
    candle: Option<Candle>,
}

/// All market channels.
#[derive(Debug, Default)]
pub(super) struct Hub {
    feeds: BTreeMap<(Channel, InstrumentId), BTreeSet<ConnId>>,
    markets: BTreeMap<InstrumentId, Market>,
    trades_at: Timestamp,
    candles_at: Timestamp,
    batch_at: Timestamp,
}

/// All connections, by number.
type Conns = BTreeMap<ConnId, Conn>;

impl Hub {
    pub(super) fn subscribe(&mut self, conn: ConnId, channel: Channel, product: InstrumentId) {
        if channel.is_of_products() {
            self.feeds.entry((channel, product)).or_default().insert(conn);
        }
    }

    pub(super) fn unsubscribe(&mut self, conn: ConnId, channel: Channel, product: InstrumentId) {
        let Some(feed) = self.feeds.get_mut(&(channel, product)) else { return };
        feed.remove(&conn);
        if feed.is_empty() {
            self.feeds.remove(&(channel, product));
            let Some(market) = self.markets.get_mut(&product) else { return };
            match channel {
                Channel::Level2 => market.levels.clear(),
                Channel::MarketTrades => market.trades.clear(),
                Channel::Candles => market.candle = None,
                Channel::Ticker
                | Channel::TickerBatch
                | Channel::Heartbeats
                | Channel::Status
                | Channel::User => {}
            }
        }
    }

    /// What somebody who has just subscribed gets first: JSON lists of events.
    pub(super) fn snapshots(
        &self,
        public: &Public<'_>,
        channel: Channel,
        products: &BTreeSet<InstrumentId>,
    ) -> Vec<String> {
        let rows = || products.iter().filter_map(|id| public.symbols.get(*id));
        match channel {
            Channel::Level2 => rows().filter_map(|row| level2_snapshot(public, row)).collect(),
            Channel::MarketTrades => {
                rows().filter_map(|row| self.trades_snapshot(public, row)).collect()
            }
            Channel::Ticker => ticker_event(public, rows(), "snapshot", true),
            Channel::TickerBatch => ticker_event(public, rows(), "snapshot", false),
            Channel::Candles => rows().filter_map(|row| candles_snapshot(public, row)).collect(),
            Channel::Status => status(public, products, "snapshot").into_iter().collect(),
            Channel::Heartbeats | Channel::User => Vec::new(),
        }
    }

    /// The trades before those that wait: they follow by themselves.
    fn trades_snapshot(&self, public: &Public<'_>, row: &Row) -> Option<String> {
        let waiting = self.markets.get(&row.instrument.id).map_or(0, |market| market.trades.len());
        let limit = TRADES_SNAPSHOT.saturating_add(u32::try_from(waiting).unwrap_or(u32::MAX));
        let mut trades = public.last_trades(row, TradesFrom::Newest, limit).ok()?;
        trades.truncate(trades.len().saturating_sub(waiting));
        let recent = trades.len().saturating_sub(TRADES_SNAPSHOT as usize);
        Some(trades_event(public, row, "snapshot", &trades[recent..]))
    }

    /// What happened at the exchange is gathered for those who listen.
    pub(super) fn events(
        &mut self,
        public: &Public<'_>,
        events: &[VenueEvent],
        conns: &mut Conns,
        out: &mut Vec<Frame>,
    ) {
        for event in events {
            match event {
                VenueEvent::Level { instrument, level, time, .. } => {
                    if self.feeds.contains_key(&(Channel::Level2, *instrument)) {
                        let market = self.markets.entry(*instrument).or_default();
                        market.levels.insert((level.side, level.price), (level.qty, *time));
                    }
                }
                VenueEvent::Trade { instrument, trade } => {
                    let market = self.markets.entry(*instrument).or_default();
                    market.traded = true;
                    market.traded_in_batch = true;
                    if self.feeds.contains_key(&(Channel::MarketTrades, *instrument)) {
                        market.trades.push(*trade);
                        if market.trades.len() >= TRADES_WAITING_MAX {
                            self.trades(public, conns, out);
                        }
                    }
                }
                VenueEvent::Account { .. } => {}
            }
        }
    }

    /// Time passes.
    pub(super) fn tick(&mut self, public: &Public<'_>, conns: &mut Conns, out: &mut Vec<Frame>) {
        let now = public.now;
        self.levels(public, conns, out);
        self.tickers(public, conns, out);
        if due(&mut self.trades_at, now, TRADES_EVERY) {
            self.trades(public, conns, out);
        }
        if due(&mut self.candles_at, now, CANDLES_EVERY) {
            self.candles(public, conns, out);
        }
        if due(&mut self.batch_at, now, BATCH_EVERY) {
            self.batch(public, conns, out);
        }
    }

    fn deliver(
        &self,
        now: Timestamp,
        (channel, product): (Channel, InstrumentId),
        events: &str,
        conns: &mut Conns,
        out: &mut Vec<Frame>,
    ) {
        for id in self.feeds.get(&(channel, product)).into_iter().flatten() {
            if let Some(conn) = conns.get_mut(id) {
                conn.say(now, *id, channel.told_as(), events, out);
            }
        }
    }

    fn levels(&mut self, public: &Public<'_>, conns: &mut Conns, out: &mut Vec<Frame>) {
        let changed: Vec<InstrumentId> =
            self.markets.iter().filter(|(_, m)| !m.levels.is_empty()).map(|(id, _)| *id).collect();
        for id in changed {
            let (Some(market), Some(row)) = (self.markets.get_mut(&id), public.symbols.get(id))
            else {
                continue;
            };
            let levels = std::mem::take(&mut market.levels);
            let events = level2(
                public,
                row,
                "update",
                levels.iter().map(|(key, value)| {
                    let ((side, price), (qty, time)) = (*key, *value);
                    (side, Level { price, qty }, time)
                }),
            );
            self.deliver(public.now, (Channel::Level2, id), &events, conns, out);
        }
    }

    fn trades(&mut self, public: &Public<'_>, conns: &mut Conns, out: &mut Vec<Frame>) {
        let waiting: Vec<InstrumentId> =
            self.markets.iter().filter(|(_, m)| !m.trades.is_empty()).map(|(id, _)| *id).collect();
        for id in waiting {
            let (Some(market), Some(row)) = (self.markets.get_mut(&id), public.symbols.get(id))
            else {
                continue;
            };
            let trades = std::mem::take(&mut market.trades);
            let events = trades_event(public, row, "update", &trades);
            self.deliver(public.now, (Channel::MarketTrades, id), &events, conns, out);
        }
    }

    fn tickers(&mut self, public: &Public<'_>, conns: &mut Conns, out: &mut Vec<Frame>) {
        let traded: Vec<InstrumentId> = self
            .markets
            .iter_mut()
            .filter_map(|(id, market)| std::mem::take(&mut market.traded).then_some(*id))
            .collect();
        for id in traded {
            let key = (Channel::Ticker, id);
            if self.feeds.contains_key(&key) {
                for events in ticker_event(public, public.symbols.get(id), "update", true) {
                    self.deliver(public.now, key, &events, conns, out);
                }
            }
        }
    }

    fn candles(&mut self, public: &Public<'_>, conns: &mut Conns, out: &mut Vec<Frame>) {
        let wanted = self.feeds.keys().filter(|(channel, _)| *channel == Channel::Candles);
        let wanted: Vec<InstrumentId> = wanted.map(|(_, id)| *id).collect();
        for id in wanted {
            let (Some(row), Some(candles)) = (
                public.symbols.get(id),
                public.symbols.get(id).and_then(|row| last_candles(public, row, 2)),
            ) else {
                continue;
            };
            let market = self.markets.entry(id).or_default();
            let sent = market.candle.take();
            market.candle = candles.last().copied().or(sent);
            let is_news = |candle: &&Candle| {
                sent.is_none_or(|sent| candle.start >= sent.start && **candle != sent)
            };
            let news: Vec<Candle> = candles.iter().filter(is_news).copied().collect();
            if !news.is_empty() {
                let events = candles_event(public, row, "update", &news);
                self.deliver(public.now, (Channel::Candles, id), &events, conns, out);
            }
        }
    }

    /// The batched ticker where something traded, and the products' states.
    fn batch(&mut self, public: &Public<'_>, conns: &mut Conns, out: &mut Vec<Frame>) {
        let traded: Vec<InstrumentId> = self
            .markets
            .iter_mut()
            .filter_map(|(id, market)| std::mem::take(&mut market.traded_in_batch).then_some(*id))
            .collect();
        for id in traded {
            let key = (Channel::TickerBatch, id);
            if self.feeds.contains_key(&key) {
                for events in ticker_event(public, public.symbols.get(id), "update", false) {
                    self.deliver(public.now, key, &events, conns, out);
                }
            }
        }
        for (id, conn) in conns {
            let Some(products) = conn.channels.get(&Channel::Status) else { continue };
            if let Some(events) = status(public, products, "update") {
                conn.say(public.now, *id, Channel::Status.told_as(), &events, out);
            }
        }
    }
}

/// Has another aligned interval begun? The clock may have been set back.
fn due(last: &mut Timestamp, now: Timestamp, every: Duration) -> bool {
    let start = now.floor_to(every);
    std::mem::replace(last, start) != start
}

/// The name under which a market is told: the other product's, where both are one book, unless that
/// one has a book of its own here.
fn told<'a>(public: &Public<'a>, row: &'a Row) -> &'a str {
    match public.symbols.find(&row.book) {
        Some(other) if other.instrument.id != row.instrument.id => &row.instrument.symbol,
        Some(_) | None => &row.book,
    }
}

fn level2(
    public: &Public<'_>,
    row: &Row,
    kind: &str,
    levels: impl Iterator<Item = (Side, Level, Timestamp)>,
) -> String {
    let name = told(public, row);
    let mut events = format!("[{{\"type\":\"{kind}\",\"product_id\":\"{name}\",\"updates\":[");
    let mut comma = "";
    for (side, level, time) in levels {
        let (price, qty) = (market_data::price(row, level.price), market_data::qty(row, level.qty));
        // Writing to a string cannot fail. Written by hand: books have tens of thousands of levels.
        let _ = write!(
            events,
            "{comma}{{\"side\":\"{}\",\"event_time\":\"{time}\",\"price_level\":\"{price}\",\
             \"new_quantity\":\"{qty}\"}}",
            vocabulary::book_side(side)
        );
        comma = ",";
    }
    events.push_str("]}]");
    events
}

fn level2_snapshot(public: &Public<'_>, row: &Row) -> Option<String> {
    let book = public.book(row.instrument.id, u32::MAX).ok()?;
    let bids = book.bids.iter().map(|level| (Side::Buy, *level, Timestamp::EPOCH));
    let asks = book.asks.iter().map(|level| (Side::Sell, *level, Timestamp::EPOCH));
    Some(level2(public, row, "snapshot", bids.chain(asks)))
}

/// Newest first; the side is the maker's.
fn trades_event(public: &Public<'_>, row: &Row, kind: &str, trades: &[PublicTrade]) -> String {
    let name = told(public, row);
    let trades = trades.iter().rev().map(|trade| market_data::trade(row, name, trade)).collect();
    text(&[wire::TradesEvent { kind: kind.to_owned(), trades }])
}

fn ticker_event<'a>(
    public: &Public<'_>,
    rows: impl IntoIterator<Item = &'a Row>,
    kind: &str,
    with_best: bool,
) -> Vec<String> {
    let tickers = rows.into_iter().filter_map(|row| ticker(public, row, with_best));
    let tickers: Vec<wire::TickerRow> = tickers.collect();
    if tickers.is_empty() {
        return Vec::new();
    }
    vec![text(&[wire::TickerEvent { kind: kind.to_owned(), tickers }])]
}

fn ticker(public: &Public<'_>, row: &Row, with_best: bool) -> Option<wire::TickerRow> {
    let found = public.tickers(vec![row.instrument.id]).ok()?;
    let found = found.first()?;
    let window = found.ticker.as_ref().map(|ticker| &ticker.window);
    let price = |of: fn(&Candle) -> GridPrice| {
        Num(window.map(|window| market_data::price(row, of(window))))
    };
    let (bid, ask) = best(row, &found.quote);
    let qty = |level: Option<Level>| level.map(|level| market_data::qty(row, level.qty));
    let only = |number| Num(if with_best { number } else { None });
    Some(wire::TickerRow {
        kind: "ticker".to_owned(),
        product_id: told(public, row).to_owned(),
        price: match price(|candle| candle.close) {
            Num(None) => Num(market_data::middle(bid, ask).0),
            last => last,
        },
        volume_24_h: Num(window.map(|window| market_data::qty(row, window.volume))),
        low_24_h: price(|candle| candle.low),
        high_24_h: price(|candle| candle.high),
        // The past does not reach further back here.
        low_52_w: price(|candle| candle.low),
        high_52_w: price(|candle| candle.high),
        price_percent_chg_24_h: Num(window.and_then(|window| change_percent(row, window))),
        best_bid: only(bid),
        best_bid_quantity: only(qty(found.quote.bid)),
        best_ask: only(ask),
        best_ask_quantity: only(qty(found.quote.ask)),
    })
}

/// Oldest first.
fn last_candles(public: &Public<'_>, row: &Row, limit: u32) -> Option<Vec<Candle>> {
    let (instrument, interval) = (row.instrument.id, STREAM_INTERVAL);
    let request = MarketRequest::Candles { instrument, interval, start: None, end: None, limit };
    match public.read(&request).ok()? {
        Response::Candles(candles) => Some(candles),
        _ => None,
    }
}

fn candles_snapshot(public: &Public<'_>, row: &Row) -> Option<String> {
    let candles = last_candles(public, row, CANDLES_SNAPSHOT)?;
    Some(candles_event(public, row, "snapshot", &candles))
}

/// Newest first.
fn candles_event(public: &Public<'_>, row: &Row, kind: &str, candles: &[Candle]) -> String {
    let candles = candles.iter().rev().map(|candle| wire::StreamCandle {
        start: candle.start.millis().div_euclid(1_000).to_string(),
        high: market_data::price(row, candle.high),
        low: market_data::price(row, candle.low),
        open: market_data::price(row, candle.open),
        close: market_data::price(row, candle.close),
        volume: market_data::qty(row, candle.volume),
        product_id: told(public, row).to_owned(),
    });
    text(&[wire::CandlesEvent { kind: kind.to_owned(), candles: candles.collect() }])
}

/// These products, or all.
fn status(public: &Public<'_>, products: &BTreeSet<InstrumentId>, kind: &str) -> Option<String> {
    let all = public.symbols.iter();
    let wanted = |row: &&Row| products.is_empty() || products.contains(&row.instrument.id);
    let rows: Vec<&Row> = all.filter(wanted).collect();
    let products = public.list(&rows).ok()?.into_iter().map(|product| wire::StatusProduct {
        product_type: product.product_type,
        id: product.product_id,
        display_name: format!("{}/{}", product.base_currency_id, product.quote_currency_id),
        base_currency: product.base_currency_id,
        quote_currency: product.quote_currency_id,
        base_increment: product.base_increment,
        quote_increment: product.quote_increment,
        // What a product may not do is said in words.
        status_message: match (product.trading_disabled, product.cancel_only) {
            (true, _) => "Trading is disabled".to_owned(),
            (false, true) => "Cancel only".to_owned(),
            (false, false) => String::new(),
        },
        status: product.status,
        min_market_funds: product.quote_min_size,
    });
    Some(text(&[wire::StatusEvent { kind: kind.to_owned(), products: products.collect() }]))
}
