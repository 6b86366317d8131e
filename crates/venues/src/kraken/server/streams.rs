//! What is said on connections: subscriptions, orders, and what is told because of them.
//!
//! Changes of a book are gathered and sent twenty times a second, as the difference between the levels that
//! were told and those that stand; levels that were pushed out of the depth are not told.
//!
//! Source: `spot-websocket-v2` pages, read 2026-08-21; how long changes are gathered no page says.

use std::collections::BTreeMap;

use model::market::PublicTrade;
use model::venue::{
    AccountEvent, AccountRequest, AccountSnapshot, PublicMarket, Response, VenueError,
};
use model::{AccountId, InstrumentId, Timestamp};
use serde_json::{Map, Value, json};

use super::asked::{Asked, kind_of};
use super::auth;
use super::calls::Access;
use super::feeds::{TRADES_SNAPSHOT, begin, news, trades_message};
use super::ids;
use super::market_data::Public;
use super::orders;
use super::render::{self, invalid};
use super::rest::{ask, key_of, named};
use super::sockets::{Channel, Conn, Listens, View};

use super::state::{KrakenServer, Pending};
use super::told::{balance_row, reports};
use super::wording::{Wording, cancel};
use crate::kraken::vocabulary;
use crate::scan::between;
use crate::server::{ConnId, Frame, Scopes, SocketClass, Step, Topic};

impl KrakenServer {
    pub(super) fn stream_request(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        text: &str,
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) -> Step<(), Pending> {
        let Some(open) = self.conns.get_mut(&conn) else { return Step::Done(()) };
        open.heard = now;
        let asked: Asked = match serde_json::from_str(text) {
            Ok(asked) => asked,
            Err(_) => {
                let error = json!({"error": "Malformed request", "success": false, "method": ""});
                open.say(now, error.to_string(), out);
                return Step::Done(());
            }
        };
        match asked.method.as_str() {
            "ping" => {
                let mut told = json!({"method": "pong", "time_in": now.to_string(),
                    "time_out": now.to_string()});
                if let (Some(id), Some(fields)) = (asked.req_id, told.as_object_mut()) {
                    fields.insert("req_id".to_owned(), id.into());
                }
                open.say(now, told.to_string(), out);
            }
            "subscribe" if asked.text("channel") == Some("balances") => {
                // What is held the exchange knows.
                match self.shown_for(now, conn, &asked, Access::View) {
                    Ok(account) => {
                        let (method, id) = (asked.method.clone(), asked.req_id);
                        let wording = Wording::Stream { method, id, order: None };
                        let request = AccountRequest::Account;
                        let pending = Pending { account, wording };
                        return Step::Ask { account, request, pending };
                    }
                    Err(error) => self.say(now, conn, asked.answer(now, Err(error)), out),
                }
            }
            "subscribe" => self.subscribe(now, conn, &asked, market, out),
            "unsubscribe" => self.unsubscribe(now, conn, &asked, out),
            "add_order" | "cancel_order" | "cancel_all" | "cancel_all_orders_after" => {
                match self.order_request(now, conn, &asked) {
                    Ok(Step::Ask { account, request, pending }) => {
                        return Step::Ask { account, request, pending };
                    }
                    Ok(Step::Done(result)) => {
                        self.say(now, conn, asked.answer(now, Ok(result)), out)
                    }
                    Err(error) => self.say(now, conn, asked.answer(now, Err(error)), out),
                }
            }
            _ => {
                let error = format!("Unsupported method: {}", asked.method);
                self.say(now, conn, asked.answer(now, Err(error)), out);
            }
        }
        Step::Done(())
    }

    fn say(&mut self, now: Timestamp, conn: ConnId, text: String, out: &mut Vec<Frame>) {
        if let Some(open) = self.conns.get_mut(&conn) {
            open.say(now, text, out);
        }
    }

    /// Whose ticket a request shows.
    fn shown(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        asked: &Asked,
    ) -> Result<(AccountId, Scopes), String> {
        let refused = || "ESession:Invalid session".to_owned();
        let token = asked.text("token").ok_or_else(refused)?;
        let open = self.conns.get_mut(&conn).ok_or_else(refused)?;
        if let Some(known) = open.known.get(token) {
            return Ok(*known);
        }
        let (account, scopes, until) = self.tickets.get(token).copied().ok_or_else(refused)?;
        if now > until {
            return Err(refused());
        }
        open.known.insert(token.to_owned(), (account, scopes));
        Ok((account, scopes))
    }

    fn shown_for(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        asked: &Asked,
        access: Access,
    ) -> Result<AccountId, String> {
        let (account, scopes) = self.shown(now, conn, asked)?;
        auth::may(scopes, now, access)?;
        if let Some(open) = self.conns.get_mut(&conn) {
            open.class = Some(SocketClass::User);
        }
        Ok(account)
    }

    fn order_request(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        asked: &Asked,
    ) -> Result<Step<Value, Pending>, String> {
        let account = self.shown_for(now, conn, asked, Access::Trade)?;
        let stream = |order: Option<String>| Wording::Stream {
            method: asked.method.clone(),
            id: asked.req_id,
            order,
        };
        match asked.method.as_str() {
            "add_order" => {
                let params = orders::of_stream(&asked.params);
                self.add(now, &params, account, stream(None))
            }
            "cancel_order" => {
                let mut names = asked.names("order_id");
                names.extend(asked.names("cl_ord_id"));
                // One answer for each: whoever wants several says so several times here.
                let [name] = names.as_slice() else { return Err(invalid("order_id")) };
                let entry = named(self.ledger.desk(account), name);
                let entry = entry.filter(|entry| entry.order.status.is_open());
                let wanted = entry.map(key_of).ok_or("EOrder:Unknown order")?;
                self.charge_cancel(now, account, &wanted)?;
                Ok(ask(account, cancel(wanted), stream(Some(name.clone()))))
            }
            "cancel_all" => {
                let count = self.ledger.desk(account).open().count();
                // The venue takes them back by itself, at once.
                self.dead_man.insert(account, now);
                Ok(Step::Done(json!({"count": count})))
            }
            _ => {
                let timeout = asked.number("timeout").ok_or_else(|| invalid("timeout"))?;
                self.arm(now, account, timeout).map(Step::Done)
            }
        }
    }

    pub(super) fn stream_reply(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        pending: Pending,
        answer: Result<Response, VenueError>,
        out: &mut Vec<Frame>,
    ) {
        let Pending { account, wording } = pending;
        let (method, req_id, order) = match wording {
            Wording::Stream { method, id, order } => (method, id, order),
            // It was only checked.
            _ => ("add_order".to_owned(), None, None),
        };
        if let Ok(Response::Placed { order, .. }) = &answer {
            self.ledger.note(account, order);
        }
        let asked = Asked { method, params: Map::new(), req_id };
        if let Ok(Response::Account(held)) = &answer {
            return self.subscribed_balances(now, conn, &asked, (account, held), out);
        }
        let result = match (answer, order) {
            (Err(error), _) => Err(render::error(&error)),
            (Ok(Response::Placed { order, .. }), _) => {
                let mut told = json!({"order_id": ids::order_id(order.id)});
                if let (Some(name), Some(fields)) =
                    (render::client_id(&order), told.as_object_mut())
                {
                    fields.insert("cl_ord_id".to_owned(), name.into());
                }
                Ok(told)
            }
            (Ok(_), Some(name)) => Ok(json!({"order_id": name})),
            (Ok(_), None) => Ok(json!({})),
        };
        self.say(now, conn, asked.answer(now, result), out);
    }

    fn subscribe(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        asked: &Asked,
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) {
        let channel = asked.text("channel").unwrap_or_default();
        if channel == "executions" {
            return self.subscribe_executions(now, conn, asked, out);
        }
        let Some(kind) = kind_of(channel, asked) else {
            let error = format!("Channel or its parameters not supported {channel}");
            return self.say(now, conn, asked.answer(now, Err(error)), out);
        };
        let snapshot = asked.params.get("snapshot") != Some(&Value::Bool(false));
        for name in asked.names("symbol") {
            let Some(row) = self.symbols.iter().find(|row| row.stream == name).cloned() else {
                let error = format!("Currency pair not supported {name}");
                self.say(now, conn, asked.answer(now, Err(error)), out);
                continue;
            };
            let mut result = json!({"channel": channel, "snapshot": snapshot, "symbol": name});
            if let (Channel::Book(depth), Some(fields)) = (kind, result.as_object_mut()) {
                fields.insert("depth".to_owned(), depth.into());
            }
            if let (Channel::Ohlc(minutes), Some(fields)) = (kind, result.as_object_mut()) {
                fields.insert("interval".to_owned(), minutes.into());
            }
            self.say(now, conn, asked.answer(now, Ok(result)), out);
            let public = self.public(now, market);
            let (first, subscription) = begin(&public, &row, kind);
            let Some(open) = self.conns.get_mut(&conn) else { return };
            open.class = Some(open.class.unwrap_or(SocketClass::Market));
            open.markets.insert((kind, row.instrument.id), subscription);
            if snapshot && let Some(first) = first {
                open.say(now, first, out);
            }
        }
    }

    fn subscribe_executions(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        asked: &Asked,
        out: &mut Vec<Frame>,
    ) {
        let account = match self.shown_for(now, conn, asked, Access::View) {
            Ok(account) => account,
            Err(error) => return self.say(now, conn, asked.answer(now, Err(error)), out),
        };
        let flag = |name: &str, usual| match asked.params.get(name) {
            Some(Value::Bool(flag)) => *flag,
            _ => usual,
        };
        let (orders, trades) = (flag("snap_orders", true), flag("snap_trades", false));
        let result = json!({"channel": "executions", "maxratecount": self.config.trading.max,
            "snap_orders": orders, "snap_trades": trades});
        let rows = self.executions_snapshot(account, (orders, trades));
        self.say(now, conn, asked.answer(now, Ok(result)), out);
        let Some(open) = self.conns.get_mut(&conn) else { return };
        open.executions = Some(Listens { account, sequence: 0 });
        tell(now, open, true, "snapshot", &rows.join(","), out);
    }

    fn subscribed_balances(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        asked: &Asked,
        (account, held): (AccountId, &AccountSnapshot),
        out: &mut Vec<Frame>,
    ) {
        let mut rows = Vec::new();
        for (asset, held) in &held.balances {
            let Some(total) = held.free.checked_add(held.locked) else { continue };
            self.totals.insert((account, *asset), total);
            rows.push(balance_row(asset.as_str(), &total.to_string()));
        }
        let result = json!({"channel": "balances", "snapshot": true});
        self.say(now, conn, asked.answer(now, Ok(result)), out);
        let Some(open) = self.conns.get_mut(&conn) else { return };
        open.balances = Some(Listens { account, sequence: 0 });
        tell(now, open, false, "snapshot", &rows.join(","), out);
    }

    fn executions_snapshot(
        &self,
        account: AccountId,
        (orders, trades): (bool, bool),
    ) -> Vec<String> {
        let desk = self.ledger.desk(account);
        let mut rows = Vec::new();
        for entry in desk.open().filter(|_| orders) {
            let order = &entry.order;
            let Some(row) = self.symbols.get(order.instrument) else { continue };
            let mut told =
                render::report(order, "new", render::stream_status(order), order.updated);
            render::ordered_in(row, order, &mut told);
            render::sums_in(row, order, &mut told);
            rows.push(told.close());
        }
        let last = desk.fills.iter().rev().take(TRADES_SNAPSHOT as usize).filter(|_| trades);
        for fill in last {
            let (Some(row), Some(entry)) =
                (self.symbols.get(fill.instrument), desk.order(fill.venue_order_id))
            else {
                continue;
            };
            let status = render::stream_status(&entry.order);
            let mut told = render::report(&entry.order, "trade", status, fill.venue_time);
            told.text("order_type", vocabulary::kind(entry.order.kind));
            render::fill_in(row, fill, &mut told);
            rows.push(told.close());
        }
        rows
    }

    fn unsubscribe(&mut self, now: Timestamp, conn: ConnId, asked: &Asked, out: &mut Vec<Frame>) {
        let channel = asked.text("channel").unwrap_or_default();
        let kind = kind_of(channel, asked);
        let names = asked.names("symbol");
        let ids: Vec<InstrumentId> =
            names.iter().filter_map(|name| Some(self.symbols.find(name)?.instrument.id)).collect();
        let Some(open) = self.conns.get_mut(&conn) else { return };
        match channel {
            "executions" => open.executions = None,
            "balances" => open.balances = None,
            _ => ids.iter().for_each(|id| {
                kind.and_then(|kind| open.markets.remove(&(kind, *id)));
            }),
        }
        let result = json!({"channel": channel, "symbol": names.first()});
        open.say(now, asked.answer(now, Ok(result)), out);
    }

    /// Somebody traded.
    pub(super) fn traded(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        trade: &PublicTrade,
        out: &mut Vec<Frame>,
    ) {
        let Some(row) = self.symbols.get(instrument) else { return };
        let mut text = None;
        for open in self.conns.values_mut() {
            if open.markets.contains_key(&(Channel::Trade, instrument)) {
                let text = text.get_or_insert_with(|| trades_message("update", row, &[*trade]));
                open.say(now, text.clone(), out);
            }
        }
    }

    /// Something happened to an account.
    pub(super) fn account_event(
        &mut self,
        now: Timestamp,
        account: AccountId,
        event: &AccountEvent,
        out: &mut Vec<Frame>,
    ) {
        self.ledger.book(account, event);
        match event {
            AccountEvent::Order { order, execution, time, .. } => {
                let Some(row) = self.symbols.get(order.instrument) else { return };
                let reports = reports(row, order, execution, *time);
                for open in self.conns.values_mut() {
                    if open.executions.is_some_and(|listens| listens.account == account) {
                        for report in &reports {
                            tell(now, open, true, "update", report, out);
                        }
                    }
                }
            }
            AccountEvent::Balances { balances, .. } => {
                for (asset, held) in balances {
                    let Some(total) = held.free.checked_add(held.locked) else { continue };
                    let before = self.totals.insert((account, *asset), total);
                    // What is set aside is not told, so it changes nothing here.
                    if before == Some(total) {
                        continue;
                    }
                    let row = balance_row(asset.as_str(), &total.to_string());
                    for open in self.conns.values_mut() {
                        if open.balances.is_some_and(|listens| listens.account == account) {
                            tell(now, open, false, "update", &row, out);
                        }
                    }
                }
            }
            AccountEvent::Transfer { .. } => {}
        }
    }

    pub(super) fn stream_tick(
        &mut self,
        now: Timestamp,
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) {
        let public = Public {
            now,
            symbols: &self.symbols,
            market,
            percent: (self.config.fees.taker, self.config.fees.maker),
        };
        let status = public.status();
        // Many listen to the same book.
        let mut books: BTreeMap<(InstrumentId, u32), View> = BTreeMap::new();
        for open in self.conns.values_mut() {
            open.tick(now, status, out);
            let mut said = Vec::new();
            for ((channel, id), subscription) in &mut open.markets {
                let Some(row) = self.symbols.get(*id) else { continue };
                said.extend(news(&public, row, *channel, subscription, &mut books));
            }
            said.into_iter().for_each(|text| open.say(now, text, out));
        }
    }

    /// All that comes on a connection with an account's channels is of its account.
    pub(super) fn topic_of(&self, conn: ConnId, text: &str) -> Topic {
        let open = self.conns.get(&conn);
        let class = open.and_then(|open| open.class).unwrap_or(SocketClass::Market);
        let channel = between(text, "\"channel\":\"", '"');
        let of = if matches!(channel, "executions" | "balances") {
            let listens = open.and_then(|open| open.executions.or(open.balances));
            listens.map(|listens| listens.account.to_string()).unwrap_or_default()
        } else {
            between(text, "\"symbol\":\"", '"').to_owned()
        };
        Topic { class, name: format!("{channel} {of}") }
    }

    /// The account's channels end everywhere, and tickets with them.
    pub(super) fn subscriptions_end(&mut self, out: &mut Vec<Frame>) {
        self.tickets.clear();
        for open in self.conns.values_mut() {
            open.known.clear();
            let ended = [open.executions.take().is_some(), open.balances.take().is_some()];
            if ended.contains(&true) {
                let error = json!({"method": "subscribe", "success": false,
                    "error": "ESession:Invalid session"});
                let heard = open.heard;
                open.say(heard, error.to_string(), out);
            }
        }
    }
}

/// Says the next message of an account's channel.
fn tell(
    now: Timestamp,
    open: &mut Conn,
    executions: bool,
    kind: &str,
    rows: &str,
    out: &mut Vec<Frame>,
) {
    let listens = if executions { &mut open.executions } else { &mut open.balances };
    let Some(listens) = listens else { return };
    listens.sequence += 1;
    let (number, channel) = (listens.sequence, if executions { "executions" } else { "balances" });
    let text = format!(
        "{{\"channel\":\"{channel}\",\"type\":\"{kind}\",\"data\":[{rows}],\"sequence\":{number}}}"
    );
    open.say(now, text, out);
}
