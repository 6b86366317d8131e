//! What goes wrong on command, in Coinbase's own words, where it has any.
//!
//! It says nothing before it shuts down, so there is no notice. It is not known to ban: who is shut
//! out hears that it asks too much, for as long as that lasts. How a subscription of the `user` channel
//! ends is not documented either: an error without a number says so.
//!
//! Source: pages "Rate limits" and websocket-overview.md, read 2026-08-08.

use std::time::Duration;

use model::Timestamp;

use super::calls::{Call, route};
use super::config::ServerConfig;
use super::errors::ApiError;
use super::history;
use super::limits::Usage;
use super::params::Params;
use super::sockets::Channel;
use super::state::{CoinbaseServer, http_answer};
use super::stream_requests::error;
use crate::coinbase::sign::Token;
use crate::coinbase::wire::StreamRequest;
use crate::scan::between;
use crate::server::{
    ConnId, Frame, HttpRequest, HttpResponse, LimitChange, SocketClass, Telling, Topic,
};

impl CoinbaseServer {
    /// All that comes on a connection with `user` is of its account.
    pub(super) fn topic_of(&self, conn: ConnId, text: &str) -> Topic {
        let open = self.conns.get(&conn);
        let class = open.and_then(|open| open.class).unwrap_or(SocketClass::Market);
        let channel = between(text, "{\"channel\":\"", '"');
        let of = if channel == Channel::User.told_as() {
            open.and_then(|open| open.user).map(|user| user.to_string()).unwrap_or_default()
        } else {
            between(text, "\"product_id\":\"", '"').to_owned()
        };
        Topic { class, name: format!("{channel} {of}") }
    }

    /// Too many requests. Of whose limit it would have been the path tells, which nobody knows here:
    /// the figure is the one for everybody.
    pub(super) fn throttled_answer(&self, wait: Duration) -> HttpResponse {
        // Rounded up: who comes back after this long is let in.
        let reset_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let usage = Usage { limit: self.config.public_per_s, remaining: 0, reset_s };
        let mut answer = http_answer(Some(usage), Err(ApiError::too_many()));
        answer.headers.push(("retry-after", reset_s.to_string()));
        answer
    }

    /// The limits are those the server was made with, less what is taken from them.
    pub(super) fn limits_changed(&mut self, change: &LimitChange) {
        let usual = &self.usual;
        let share = |limit: u32| {
            let part = u64::from(limit) * u64::from(change.share_permille) / 1_000;
            u32::try_from(part).unwrap_or(limit).max(1)
        };
        self.config = ServerConfig {
            private_per_s: share(usual.private_per_s),
            public_per_s: share(usual.public_per_s),
            app_per_hour: share(usual.app_per_hour),
            connections_per_s: change.connections_max.unwrap_or(usual.connections_per_s),
            messages_per_s: share(usual.messages_per_s),
            fees: usual.fees,
        };
        self.limits.set_neighbour(change.neighbour_permille);
    }

    /// The `user` channel ends everywhere.
    pub(super) fn subscriptions_end(&mut self, out: &mut Vec<Frame>) {
        for (id, open) in &mut self.conns {
            if open.channels.remove(&Channel::User).is_some() {
                open.user = None;
                out.push(error(*id, "authentication failure".to_owned()));
            }
        }
    }

    /// A question that is answered from the ledger, told so.
    pub(super) fn retold_answer(
        &self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        telling: &Telling,
    ) -> Option<HttpResponse> {
        let route = route(request.method, request.path)?;
        if !matches!(route.call, Call::Order | Call::Orders | Call::Fills) {
            return None;
        }
        let account = self.keys.of_request(now, request).ok()?.account;
        let (renderer, params) = (self.renderer(account), Params::new(request.query));
        let only_open = params.all(&["order_status"]).any(|status| status == "OPEN");
        let desk = self.ledger.desk(account).told(telling, only_open);
        let rows_max = telling.rows_max;
        let body = match route.call {
            Call::Order => history::order(&renderer, &desk, route.name),
            Call::Orders => history::orders(&renderer, &desk, &params, rows_max),
            _ => history::fills(&renderer, &desk, &params, rows_max),
        };
        Some(http_answer(None, body))
    }
}

/// What a request on a connection wants, of what; empty where it cannot be read.
pub(super) fn method(text: &str) -> String {
    let request = serde_json::from_str::<StreamRequest>(text);
    request.map(|request| format!("{} {}", request.kind, request.channel)).unwrap_or_default()
}

/// Who asks what, whenever it is asked.
pub(super) fn question(request: &HttpRequest<'_>) -> String {
    let header = request.header("authorization").and_then(|text| text.strip_prefix("Bearer "));
    let token = header.and_then(|token| Token::read(token.trim()).ok());
    let key = token.map(|token| token.key_name).unwrap_or_default();
    format!("{key} {}?{}", request.path, request.query)
}
