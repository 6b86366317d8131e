//! Requests on a connection: subscribe and unsubscribe, one channel at a time.
//!
//! Source: websocket-overview.md, websocket-channels.md, read 2026-08-08. The texts of errors vary
//! and are nowhere listed (unverified).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::venue::PublicMarket;
use model::{AccountId, InstrumentId, Timestamp};

use super::ids;
use super::limits::Caller;
use super::market_data::text;
use super::sockets::{Channel, Conn};
use super::state::CoinbaseServer;
use super::user_channel;
use crate::coinbase::symbols::Symbols;
use crate::coinbase::wire::{StreamError, StreamRequest, SubscriptionsEvent};
use crate::server::{ConnId, Frame, Payload};

/// A request that can be carried out.
struct Wanted {
    subscribe: bool,
    channel: Channel,
    products: BTreeSet<InstrumentId>,
    user: Option<AccountId>,
}

impl CoinbaseServer {
    /// Carries out a request, or says why not.
    pub(super) fn stream_request(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        request: &str,
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) {
        match self.wanted(now, conn, request) {
            Err(message) => {
                out.push(error(conn, message));
            }
            Ok(wanted) if wanted.subscribe => self.subscribe(now, conn, &wanted, market, out),
            Ok(wanted) => self.unsubscribe(now, conn, &wanted, out),
        }
    }

    fn wanted(&mut self, now: Timestamp, conn: ConnId, request: &str) -> Result<Wanted, String> {
        let peer = self.conns.get(&conn).map(|conn| conn.peer).ok_or("not connected")?;
        let request: Result<StreamRequest, _> = serde_json::from_str(request);
        let token = request.as_ref().ok().and_then(|request| request.jwt.as_deref());
        let known = token.map(|token| self.keys.of_token(now, token, None));
        // Whoever shows a good token is not counted.
        if !matches!(known, Some(Ok(_))) {
            let limit = self.config.messages_per_s;
            let counted = self.limits.charge(now, Caller::Messages(peer), limit);
            counted.map_err(|_| "rate limit exceeded".to_owned())?;
        }
        let request = request.map_err(|error| format!("malformed message: {error}"))?;
        let known = known.transpose().map_err(|_| "authentication failure".to_owned())?;
        let subscribe = match request.kind.as_str() {
            "subscribe" => true,
            "unsubscribe" => false,
            other => return Err(format!("unknown message type: {other}")),
        };
        let channel = Channel::parse(&request.channel)
            .ok_or_else(|| format!("unknown channel: {}", request.channel))?;
        let user = match (channel, known) {
            (Channel::User, None) => return Err("authentication failure".to_owned()),
            (Channel::User, Some(known)) if !known.scopes.view => {
                return Err("authentication failure".to_owned());
            }
            (_, known) => known.map(|known| known.account),
        };
        let mut products = BTreeSet::new();
        for name in &request.product_ids {
            let row = self.symbols.find(name);
            products
                .insert(row.ok_or_else(|| format!("invalid product id: {name}"))?.instrument.id);
        }
        if subscribe && channel.is_of_products() && products.is_empty() {
            return Err(format!("no product ids for channel {}", channel.name()));
        }
        Ok(Wanted { subscribe, channel, products, user })
    }

    fn subscribe(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        wanted: &Wanted,
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) {
        let Some(open) = self.conns.get_mut(&conn) else { return };
        open.is_for(wanted.channel);
        let is_new = !open.channels.contains_key(&wanted.channel);
        let subscribed = open.channels.entry(wanted.channel).or_default();
        // No products are all: what is all already stays so.
        if is_new || !subscribed.is_empty() {
            subscribed.extend(&wanted.products);
        }
        if wanted.products.is_empty() {
            subscribed.clear();
        }
        if wanted.channel == Channel::User {
            open.user = wanted.user;
        }
        acknowledge(now, conn, open, &self.symbols, out);
        for product in &wanted.products {
            self.hub.subscribe(conn, wanted.channel, *product);
        }
        if wanted.channel == Channel::User {
            self.user_snapshot(now, conn, out);
            return;
        }
        let public = super::market_data::Public { now, symbols: &self.symbols, market };
        let Some(open) = self.conns.get_mut(&conn) else { return };
        for events in self.hub.snapshots(&public, wanted.channel, &wanted.products) {
            open.say(now, conn, wanted.channel.told_as(), &events, out);
        }
    }

    /// All open orders, a page at a time; the first page that is not full ends it.
    fn user_snapshot(&mut self, now: Timestamp, conn: ConnId, out: &mut Vec<Frame>) {
        let Some(open) = self.conns.get(&conn) else { return };
        let (Some(account), Some(products)) = (open.user, open.channels.get(&Channel::User)) else {
            return;
        };
        let pages =
            user_channel::snapshot(&self.renderer(account), self.ledger.desk(account), products);
        let Some(open) = self.conns.get_mut(&conn) else { return };
        for events in pages {
            open.say(now, conn, Channel::User.told_as(), &events, out);
        }
    }

    fn unsubscribe(&mut self, now: Timestamp, conn: ConnId, wanted: &Wanted, out: &mut Vec<Frame>) {
        let Some(open) = self.conns.get_mut(&conn) else { return };
        let Some(subscribed) = open.channels.get_mut(&wanted.channel) else {
            acknowledge(now, conn, open, &self.symbols, out);
            return;
        };
        let gone: Vec<InstrumentId> = if wanted.products.is_empty() {
            subscribed.iter().copied().collect()
        } else {
            wanted.products.iter().copied().collect()
        };
        gone.iter().for_each(|product| {
            subscribed.remove(product);
        });
        if subscribed.is_empty() {
            open.channels.remove(&wanted.channel);
        }
        acknowledge(now, conn, open, &self.symbols, out);
        for product in gone {
            self.hub.unsubscribe(conn, wanted.channel, product);
        }
    }
}

/// What went wrong. It stands outside of all channels and has no number.
pub(super) fn error(conn: ConnId, message: String) -> Frame {
    let text = text(&StreamError { kind: "error".to_owned(), message });
    Frame { conn, payload: Payload::Text(Arc::from(text)) }
}

/// Everything that is subscribed to now.
fn acknowledge(
    now: Timestamp,
    conn: ConnId,
    open: &mut Conn,
    symbols: &Symbols,
    out: &mut Vec<Frame>,
) {
    let name = |id: &InstrumentId| symbols.get(*id).map(|row| row.instrument.symbol.clone());
    let all = || symbols.iter().map(|row| row.instrument.symbol.clone()).collect();
    let listed = open.channels.iter().map(|(channel, products)| {
        let list = match channel {
            Channel::Heartbeats => vec![Channel::Heartbeats.name().to_owned()],
            Channel::User => open.user.map(ids::user_id).into_iter().collect(),
            Channel::Status if products.is_empty() => all(),
            Channel::Level2
            | Channel::MarketTrades
            | Channel::Ticker
            | Channel::TickerBatch
            | Channel::Candles
            | Channel::Status => products.iter().filter_map(name).collect(),
        };
        (channel.name().to_owned(), list)
    });
    let subscriptions: BTreeMap<String, Vec<String>> = listed.collect();
    let events = text(&[SubscriptionsEvent { subscriptions }]);
    open.say(now, conn, "subscriptions", &events, out);
}
