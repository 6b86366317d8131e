//! The WebSocket API: the same calls as REST, sessions, and the account's events.
//!
//! Source: web-socket-api.md, read 2026-07-21.

use std::sync::Arc;

use model::venue::PublicMarket;
use model::{AccountId, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::account_calls::Plan;
use super::auth;
use super::calls::{self, Call};
use super::errors::ApiError;
use super::legacy;
use super::limits::limiter;
use super::params::Params;
use super::sockets::{LogOn, wrap};
use super::state::{BinanceServer, Caller, Pending, Way};
use super::strict;
use crate::binance::wire::{RateLimit, SocketRequest};
use crate::server::{ConnId, Frame, Payload, Step};

/// Subscriptions of one connection at a time (web-socket-api.md).
const SUBSCRIPTIONS_MAX: usize = 1_000;

impl BinanceServer {
    /// A request on a connection of the WebSocket API.
    pub(super) fn api_request(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        text: &str,
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) -> Step<(), Pending> {
        let request: SocketRequest<'_> = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(_) => {
                let error = ApiError::bad(-1000, "Malformed request.");
                let caller = Caller { conn, id: "null".to_owned(), hide_limits: false };
                self.socket_answer(now, &caller, Err(error), None, out);
                return Step::Done(());
            }
        };
        let id = request.id.map_or("null", RawValue::get).to_owned();
        let mut caller = Caller { conn, id, hide_limits: false };
        match self.api_call(now, &mut caller, &request, market, out) {
            Ok(Some(step)) => return step,
            Ok(None) => {}
            Err(error) => self.socket_answer(now, &caller, Err(error), None, out),
        }
        Step::Done(())
    }

    fn api_call(
        &mut self,
        now: Timestamp,
        caller: &mut Caller,
        request: &SocketRequest<'_>,
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) -> Result<Option<Step<(), Pending>>, ApiError> {
        let conn = caller.conn;
        let Some(peer) = self.conns.get(&conn).map(|conn| conn.peer) else { return Ok(None) };
        let params = Params::from_json(request.params)?;
        caller.hide_limits = params.get("returnRateLimits") == Some("false");
        let method = request.method.as_ref();
        if method.contains('.') && self.session_call(now, caller, method, &params, out)? {
            return Ok(None);
        }
        let call = calls::method(method)
            .ok_or_else(|| ApiError::bad(-1020, "This operation is not supported."))?;
        let weight = call.weight(&params);
        self.limits.charge(&self.config, now, peer, weight)?;
        strict::check(call, &params, strict::Frame::Socket)?;
        if call.is_public() {
            let answer = self.public(now, market).answer(call, &params)?;
            self.socket_answer(now, caller, Ok(answer), None, out);
            return Ok(None);
        }
        let account = self.socket_account(now, conn, call, &params)?;
        let plan = self.plan(now, account, call, &params)?;
        match plan {
            Plan::Ready(body) => {
                self.socket_answer(now, caller, Ok(body), Some(account), out);
                Ok(None)
            }
            Plan::Ask(request, wording) => {
                let way = Way::Socket(caller.clone());
                let pending = Pending { account, call, weight, peer, wording, way };
                Ok(Some(Step::Ask { account, request, pending }))
            }
        }
    }

    /// Whose call it is: by its own key and signature, or by the session's.
    fn socket_account(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        call: Call,
        params: &Params,
    ) -> Result<AccountId, ApiError> {
        if params.get("apiKey").is_none()
            && let Some(session) = self.conns.get_mut(&conn).and_then(|conn| conn.session())
            && let Some(log_on) = &session.log_on
        {
            let account = log_on.account;
            auth::check_time(params, now)?;
            self.keys.find(Some(&log_on.api_key))?.may(now, call)?;
            return Ok(account);
        }
        let key = self.keys.find(Some(params.required("apiKey")?))?;
        auth::check_socket(key, params, now)?;
        key.may(now, call)?;
        Ok(key.account)
    }

    /// Calls about the session itself; false for all others.
    fn session_call(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        method: &str,
        params: &Params,
        out: &mut Vec<Frame>,
    ) -> Result<bool, ApiError> {
        let conn = caller.conn;
        let method = method.strip_prefix("v3/").unwrap_or(method);
        if method.starts_with("session.") || method.starts_with("userDataStream.") {
            self.charge_session(now, conn)?;
        }
        let answer = match method {
            "session.logon" => self.log_on(now, conn, params)?,
            "session.status" => self.session_status(now, conn),
            "session.logout" => self.log_out(now, conn, out),
            "session.subscriptions" => self.subscriptions(conn),
            "userDataStream.subscribe" => {
                let Some(log_on) = self.session_log_on(conn) else {
                    return Err(auth::unknown_key());
                };
                self.subscribe(conn, log_on.account, true)?
            }
            "userDataStream.subscribe.signature" => {
                let key = self.keys.find(Some(params.required("apiKey")?))?;
                auth::check_socket(key, params, now)?;
                let account = key.account;
                self.subscribe(conn, account, false)?
            }
            "userDataStream.unsubscribe" => self.unsubscribe(now, conn, params, out)?,
            "userDataStream.start" | "userDataStream.ping" | "userDataStream.stop" => {
                return Err(legacy::gone());
            }
            _ => return Ok(false),
        };
        self.socket_answer(now, caller, Ok(answer.to_string()), None, out);
        Ok(true)
    }

    fn charge_session(&mut self, now: Timestamp, conn: ConnId) -> Result<(), ApiError> {
        match self.conns.get(&conn).map(|conn| conn.peer) {
            Some(peer) => self.limits.charge(&self.config, now, peer, 2),
            None => Ok(()),
        }
    }

    fn session_log_on(&mut self, conn: ConnId) -> Option<LogOn> {
        self.conns.get_mut(&conn)?.session()?.log_on.clone()
    }

    fn log_on(&mut self, now: Timestamp, conn: ConnId, params: &Params) -> Result<Value, ApiError> {
        let api_key = params.required("apiKey")?.to_owned();
        let key = self.keys.find(Some(&api_key))?;
        auth::check_socket(key, params, now)?;
        if !key.verifying.can_log_on() {
            return Err(ApiError::bad(-4056, "HMAC_SHA256 API key is not supported."));
        }
        let account = key.account;
        if let Some(session) = self.conns.get_mut(&conn).and_then(|conn| conn.session()) {
            session.log_on = Some(LogOn { api_key, account, since: now });
        }
        Ok(self.session_status(now, conn))
    }

    fn session_status(&mut self, now: Timestamp, conn: ConnId) -> Value {
        let opened = self.conns.get(&conn).map_or(now, |conn| conn.opened());
        let log_on = self.session_log_on(conn);
        let session = self.conns.get_mut(&conn).and_then(|conn| conn.session());
        let (shown, listens) = session.map_or((true, false), |session| {
            (!session.hide_limits, !session.subscriptions.is_empty())
        });
        json!({
            "apiKey": log_on.as_ref().map(|log_on| &log_on.api_key),
            "authorizedSince": log_on.as_ref().map(|log_on| log_on.since.millis()),
            "connectedSince": opened.millis(),
            "returnRateLimits": shown,
            "serverTime": now.millis(),
            "userDataStream": listens,
        })
    }

    fn log_out(&mut self, now: Timestamp, conn: ConnId, out: &mut Vec<Frame>) -> Value {
        let session = self.conns.get_mut(&conn).and_then(|conn| conn.session());
        let mut ended = Vec::new();
        if let Some(session) = session {
            session.log_on = None;
            ended = session
                .subscriptions
                .iter()
                .filter(|(_, (_, by_log_on))| *by_log_on)
                .map(|(id, _)| *id)
                .collect();
        }
        for id in ended {
            self.end_subscription(now, conn, id, out);
        }
        self.session_status(now, conn)
    }

    fn subscribe(
        &mut self,
        conn: ConnId,
        account: AccountId,
        by_log_on: bool,
    ) -> Result<Value, ApiError> {
        let Some(open) = self.conns.get_mut(&conn) else { return Err(ApiError::not_found()) };
        let unit = open.unit;
        let Some(session) = open.session() else { return Err(ApiError::not_found()) };
        if session.subscriptions.values().any(|(subscribed, _)| *subscribed == account) {
            let text = "User Data Stream subscription already active.";
            return Err(ApiError::bad(-2035, text));
        }
        if session.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            return Err(ApiError::bad(-2042, "Subscription ID limit reached for this connection."));
        }
        let id = session.next_subscription;
        session.next_subscription += 1;
        session.subscriptions.insert(id, (account, by_log_on));
        self.listeners.add(account, (conn, Some(id)), unit);
        Ok(json!({"subscriptionId": id}))
    }

    fn unsubscribe(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        params: &Params,
        out: &mut Vec<Frame>,
    ) -> Result<Value, ApiError> {
        let wanted = params.number("subscriptionId")?;
        let Some(session) = self.conns.get_mut(&conn).and_then(|conn| conn.session()) else {
            return Ok(json!({}));
        };
        let ended: Vec<u32> = session
            .subscriptions
            .keys()
            .copied()
            .filter(|id| wanted.is_none_or(|wanted| wanted == u64::from(*id)))
            .collect();
        if ended.is_empty() {
            return Err(ApiError::bad(-2036, "User Data Stream subscription not active."));
        }
        for id in ended {
            self.end_subscription(now, conn, id, out);
        }
        Ok(json!({}))
    }

    /// Says that no more events come, and sends none.
    pub(super) fn end_subscription(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        id: u32,
        out: &mut Vec<Frame>,
    ) {
        let session = self.conns.get_mut(&conn).and_then(|conn| conn.session());
        let Some((account, _)) = session.and_then(|session| session.subscriptions.remove(&id))
        else {
            return;
        };
        self.listeners.remove(account, (conn, Some(id)));
        let event = json!({"e": "eventStreamTerminated", "E": now.millis()}).to_string();
        let event = self.conns.get(&conn).map(|open| open.unit).unwrap_or_default().convert(event);
        out.push(Frame { conn, payload: Payload::Text(wrap(Some(id), &event)) });
    }

    fn subscriptions(&mut self, conn: ConnId) -> Value {
        let session = self.conns.get_mut(&conn).and_then(|conn| conn.session());
        let ids = session.map(|session| session.subscriptions.keys().copied().collect::<Vec<_>>());
        let list = ids.unwrap_or_default().into_iter().map(|id| json!({"subscriptionId": id}));
        Value::from(list.collect::<Vec<_>>())
    }

    /// Writes an answer; who is banned loses the connection with it.
    pub(super) fn socket_answer(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        answer: Result<String, ApiError>,
        account: Option<AccountId>,
        out: &mut Vec<Frame>,
    ) {
        let (conn, id) = (caller.conn, &caller.id);
        let Some(open) = self.conns.get_mut(&conn) else { return };
        let (peer, unit) = (open.peer, open.unit);
        let hidden = open.session().is_some_and(|session| session.hide_limits);
        let limits = if caller.hide_limits || hidden {
            String::new()
        } else {
            let limits = self.usage(now, peer, account);
            format!(",\"rateLimits\":{}", super::market_data::text(&limits))
        };
        let mut close = false;
        let text = match answer {
            Ok(body) => {
                let body = unit.convert(body);
                format!("{{\"id\":{id},\"status\":200,\"result\":{body}{limits}}}")
            }
            Err(error) => {
                close = error.status == 418;
                let mut body = json!({"code": error.code, "msg": error.msg});
                if let Some(data) = error.data {
                    body["data"] = data;
                } else if let Some(at) = error.retry_at_ms {
                    body["data"] = json!({"serverTime": now.millis(), "retryAfter": at});
                }
                format!("{{\"id\":{id},\"status\":{},\"error\":{body}{limits}}}", error.status)
            }
        };
        out.push(Frame { conn, payload: Payload::Text(Arc::from(text)) });
        if close {
            out.push(Frame { conn, payload: Payload::Close(1_008, "banned".to_owned()) });
        }
    }

    /// How much of the limits is used.
    fn usage(
        &mut self,
        now: Timestamp,
        peer: std::net::IpAddr,
        account: Option<AccountId>,
    ) -> Vec<RateLimit> {
        let config = &self.config;
        let limit = config.weight_per_minute;
        let weight = self.limits.used_weight(config, now, peer);
        let mut usage = vec![limiter("REQUEST_WEIGHT", "MINUTE", 1, limit, Some(weight))];
        if let Some(account) = account {
            let (ten, day) = self.limits.orders(now, account);
            usage.push(limiter("ORDERS", "SECOND", 10, config.orders_per_10s, Some(ten)));
            usage.push(limiter("ORDERS", "DAY", 1, config.orders_per_day, Some(day)));
        }
        usage
    }
}
