//! What goes wrong on command, in Binance's own words.
//!
//! Source: rest-api.md "Limits", web-socket-api.md "General", user-data-stream.md
//! (`eventStreamTerminated`, `listenKeyExpired`), web-socket-streams.md (`serverShutdown`), read
//! 2026-07-21.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use serde_json::json;

use super::config::ServerConfig;
use super::errors::ApiError;
use super::limits;
use super::sockets::Kind;
use super::state::BinanceServer;
use crate::binance::wire::SocketRequest;
use crate::scan::between;
use crate::server::{
    ConnId, Frame, HttpRequest, HttpResponse, LimitChange, Payload, SocketClass, Topic,
};

/// Parameters that differ each time a question is asked.
const OF_THE_MOMENT: [&str; 3] = ["timestamp=", "signature=", "recvWindow="];

impl BinanceServer {
    /// Who listens to an account's listen key is of that account.
    pub(super) fn class_of(&self, conn: ConnId) -> Option<SocketClass> {
        let is_of_account = match &self.conns.get(&conn)?.kind {
            Kind::Api(_) => true,
            Kind::Streams { names, .. } => {
                names.iter().any(|name| self.listen_keys.contains_key(name))
            }
        };
        Some(if is_of_account { SocketClass::User } else { SocketClass::Market })
    }

    pub(super) fn topic_of(&self, conn: ConnId, text: &str) -> Topic {
        let user = |name: String| Topic { class: SocketClass::User, name };
        let market = |name: String| Topic { class: SocketClass::Market, name };
        match self.conns.get(&conn).map(|open| &open.kind) {
            Some(Kind::Api(session)) => {
                let number = between(text, "{\"subscriptionId\":", ',').parse::<u32>().ok();
                let account = number.and_then(|number| session.subscriptions.get(&number));
                user(account.map(|(account, _)| account.to_string()).unwrap_or_default())
            }
            Some(Kind::Streams { names, .. }) => {
                let event = between(text, "\"e\":\"", '"');
                let of_account = ["executionReport", "outboundAccountPosition", "balanceUpdate"];
                if of_account.contains(&event) {
                    let key = names.iter().find_map(|name| self.listen_keys.get(name));
                    return user(key.map(ToString::to_string).unwrap_or_default());
                }
                match between(text, "{\"stream\":\"", '"') {
                    "" => market(format!("{event} {}", between(text, "\"s\":\"", '"'))),
                    name => market(name.to_owned()),
                }
            }
            None => market(String::new()),
        }
    }

    pub(super) fn throttled_answer(
        &mut self,
        now: Timestamp,
        peer: IpAddr,
        wait: Duration,
    ) -> HttpResponse {
        let limit = self.config.weight_per_minute;
        let mut error = limits::too_much(&format!("{limit} request weight per 1 MINUTE"));
        error.retry_at_ms = Some(now.after(wait).millis());
        self.http_answer(now, peer, None, Err(error))
    }

    pub(super) fn banned_answer(
        &mut self,
        now: Timestamp,
        peer: IpAddr,
        wait: Duration,
    ) -> HttpResponse {
        let error: ApiError = limits::banned(now.after(wait));
        self.http_answer(now, peer, None, Err(error))
    }

    /// The limits are those the server was made with, less what is taken from them.
    pub(super) fn limits_changed(&mut self, change: &LimitChange) {
        let usual = &self.usual;
        let share = |limit: u32| {
            let part = u64::from(limit) * u64::from(change.share_permille) / 1_000;
            u32::try_from(part).unwrap_or(limit).max(1)
        };
        self.config = ServerConfig {
            weight_per_minute: share(usual.weight_per_minute),
            raw_per_5m: share(usual.raw_per_5m),
            orders_per_10s: share(usual.orders_per_10s),
            orders_per_day: share(usual.orders_per_day),
            connections_per_5m: change.connections_max.unwrap_or(usual.connections_per_5m),
            ..usual.clone()
        };
        self.limits.set_neighbour(change.neighbour_permille);
    }

    /// Subscriptions of the WebSocket API end with their event; listen keys expire.
    pub(super) fn subscriptions_end(&mut self, now: Timestamp, out: &mut Vec<Frame>) {
        let conns: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in conns {
            let session = self.conns.get_mut(&conn).and_then(|open| open.session());
            let ids = session.map(|session| session.subscriptions.keys().copied().collect());
            let ids: Vec<u32> = ids.unwrap_or_default();
            for id in ids {
                self.end_subscription(now, conn, id, out);
            }
        }
        for (key, account) in std::mem::take(&mut self.listen_keys) {
            let event = json!({"e": "listenKeyExpired", "E": now.millis(), "listenKey": key});
            for (conn, open) in &self.conns {
                let Kind::Streams { names, combined } = &open.kind else { continue };
                if !names.contains(&key) {
                    continue;
                }
                let event = open.unit.convert(event.to_string());
                let text = if *combined {
                    format!("{{\"stream\":{},\"data\":{event}}}", json!(key))
                } else {
                    event
                };
                self.listeners.remove(account, (*conn, None));
                out.push(Frame { conn: *conn, payload: Payload::Text(Arc::from(text)) });
            }
        }
    }
}

/// The method of a request on a connection; empty where it cannot be read.
pub(super) fn method(text: &str) -> String {
    let request = serde_json::from_str::<SocketRequest<'_>>(text);
    request.map(|request| request.method.into_owned()).unwrap_or_default()
}

/// The status of an answer of the WebSocket API.
pub(super) fn status(text: &str) -> Option<u16> {
    #[derive(serde::Deserialize)]
    struct Answer {
        status: u16,
    }
    serde_json::from_str::<Answer>(text).ok().map(|answer| answer.status)
}

/// Who asks what, whenever it is asked.
pub(super) fn question(request: &HttpRequest<'_>) -> String {
    let kept = request
        .query
        .split('&')
        .filter(|pair| !OF_THE_MOMENT.iter().any(|name| pair.starts_with(name)));
    let key = request.header("x-mbx-apikey").unwrap_or_default();
    format!("{key} {}?{}", request.path, kept.collect::<Vec<_>>().join("&"))
}
