//! The server's state, and what REST and the WebSocket API share: a call becomes a plan, the
//! exchange's answer is booked and worded.

use std::collections::BTreeMap;
use std::net::IpAddr;

use model::venue::{PublicMarket, Response, VenueError};
use model::{AccountId, ClientOrderId, Instrument, Timestamp};

use super::account_calls::{self, Plan, Wording};
use super::auth::{Key, Keys};
use super::calls::Call;
use super::config::ServerConfig;
use super::errors::ApiError;
use super::limits::{FirstFills, Limits, limiter};
use super::market_data::{self, Public};
use super::params::Params;
use super::sockets::{Conn, Listeners};
use super::streams::Hub;
use super::time_unit::TimeUnit;
use crate::binance::Symbols;
use crate::binance::sign::VerifyingKey;
use crate::server::{ConnId, HttpResponse, Scopes};

/// Binance's protocol for one simulated exchange.
pub struct BinanceServer {
    pub(super) config: ServerConfig,
    /// As it was made, while `config` may be less.
    pub(super) usual: ServerConfig,
    pub(super) symbols: Symbols,
    pub(super) keys: Keys,
    pub(super) limits: Limits,
    pub(super) first_fills: FirstFills,
    pub(super) conns: BTreeMap<ConnId, Conn>,
    pub(super) listeners: Listeners,
    pub(super) listen_keys: BTreeMap<String, AccountId>,
    pub(super) hub: Hub,
    pub(super) made: u64,
}

/// What is remembered between a question and its answer.
#[derive(Debug)]
pub struct Pending {
    pub(super) account: AccountId,
    pub(super) call: Call,
    pub(super) weight: u32,
    pub(super) peer: IpAddr,
    pub(super) wording: Wording,
    pub(super) way: Way,
}

/// Which way a call came, and so its answer goes.
#[derive(Debug)]
pub(super) enum Way {
    Http(TimeUnit),
    Socket(Caller),
}

/// Where an answer of the WebSocket API goes.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) conn: ConnId,
    /// The request's id as it was written.
    pub(super) id: String,
    /// The request asked not to be told how much of the limits is used.
    pub(super) hide_limits: bool,
}

impl BinanceServer {
    /// A server for these instruments, without keys.
    pub fn new(config: ServerConfig, instruments: Vec<Instrument>) -> BinanceServer {
        BinanceServer {
            usual: config.clone(),
            config,
            symbols: Symbols::new(instruments),
            keys: Keys::default(),
            limits: Limits::default(),
            first_fills: FirstFills::default(),
            conns: BTreeMap::new(),
            listeners: Listeners::default(),
            listen_keys: BTreeMap::new(),
            hub: Hub::default(),
            made: 0,
        }
    }

    /// Lets an API key into an account, to look and to trade.
    pub fn add_key(&mut self, api_key: &str, verifying: VerifyingKey, account: AccountId) {
        self.add_key_with(api_key, verifying, account, Scopes::default());
    }

    /// Lets an API key into an account, with these rights only.
    pub fn add_key_with(
        &mut self,
        api_key: &str,
        verifying: VerifyingKey,
        account: AccountId,
        scopes: Scopes,
    ) {
        self.keys.add(api_key, Key { verifying, account, scopes });
    }

    pub(super) fn public<'a>(&'a self, now: Timestamp, market: &'a dyn PublicMarket) -> Public<'a> {
        Public { now, symbols: &self.symbols, config: &self.config, market }
    }

    /// A name for an order that came without one.
    fn make_id(&mut self) -> ClientOrderId {
        self.made += 1;
        let name = format!("autoNamedOrder{:08}", self.made);
        ClientOrderId::new(&name).unwrap_or_else(|_| unreachable!("22 letters and digits"))
    }

    fn order_limits(&mut self, now: Timestamp, account: AccountId) -> String {
        let (ten, day) = self.limits.orders(now, account);
        market_data::text(&[
            limiter("ORDERS", "SECOND", 10, self.config.orders_per_10s, Some(ten)),
            limiter("ORDERS", "DAY", 1, self.config.orders_per_day, Some(day)),
        ])
    }

    /// What a signed call comes to, when its owner is known.
    pub(super) fn plan(
        &mut self,
        now: Timestamp,
        account: AccountId,
        call: Call,
        params: &Params,
    ) -> Result<Plan, ApiError> {
        match call {
            Call::OrderLimits => return Ok(Plan::Ready(self.order_limits(now, account))),
            Call::TradeFee => return self.trade_fees(params).map(Plan::Ready),
            _ => {}
        }
        let made = self.make_id();
        let plan = account_calls::plan(call, params, &self.symbols, || made)?;
        match (call.places(), self.limits.check_orders(&self.config, now, account)) {
            (true, Err(over)) if call == Call::CancelReplace => {
                account_calls::cancel_only(params, plan, over)
            }
            (true, Err(over)) => Err(over),
            (true, Ok(())) => {
                self.limits.placed(now, account);
                Ok(plan)
            }
            (false, _) => Ok(plan),
        }
    }

    /// An answer with the usage headers that every answer has.
    pub(super) fn http_answer(
        &mut self,
        now: Timestamp,
        peer: IpAddr,
        orders_of: Option<AccountId>,
        answer: Result<String, ApiError>,
    ) -> HttpResponse {
        let used = self.limits.used_weight(&self.config, now, peer).to_string();
        let mut headers = vec![
            ("content-type", "application/json;charset=UTF-8".to_owned()),
            ("x-mbx-used-weight", used.clone()),
            ("x-mbx-used-weight-1m", used),
        ];
        if let Some(account) = orders_of {
            let (ten, day) = self.limits.orders(now, account);
            headers.push(("x-mbx-order-count-10s", ten.to_string()));
            headers.push(("x-mbx-order-count-1d", day.to_string()));
        }
        match answer {
            Ok(body) => HttpResponse { status: 200, headers, body: body.into_bytes() },
            Err(error) => {
                if let Some(at) = error.retry_at_ms {
                    // Rounded up: who comes back after this long is let in.
                    let wait = (at - now.millis()).max(0).unsigned_abs().div_ceil(1_000);
                    headers.push(("retry-after", wait.to_string()));
                }
                let body = error.body().to_string().into_bytes();
                HttpResponse { status: error.status, headers, body }
            }
        }
    }

    /// Books an answer: what worked is free, and an accepted order counts.
    pub(super) fn settle(
        &mut self,
        now: Timestamp,
        pending: &Pending,
        answer: Result<Response, VenueError>,
    ) -> Result<String, ApiError> {
        let accepted = match &answer {
            Ok(Response::Placed { .. } | Response::Replaced(_)) => true,
            Ok(_) | Err(_) => false,
        };
        let Pending { wording, account, .. } = pending;
        // A replacement counts even where only its cancel was tried.
        let was_counted = pending.call.places() && !matches!(wording, Wording::OnlyCanceled { .. });
        if was_counted && !accepted {
            self.limits.withdrawn(now, *account);
        }
        let worded =
            account_calls::word(wording, answer, &self.symbols, self.config.fees, *account);
        if worded.is_ok() && self.config.free_success && pending.call.is_free_when_it_works() {
            self.limits.refund(now, pending.peer, pending.weight);
        }
        worded
    }
}
