//! Requests over REST: who asks, whether they may, and whether the exchange must be asked.

use std::collections::VecDeque;
use std::time::Duration;

use budget::kraken::cancel_cost;
use model::venue::{AccountRequest, OrderKey, PublicMarket};
use model::{AccountId, Decimal, Fill, InstrumentId, Rounding, Timestamp};
use serde_json::{Map, Value, json};

use super::auth::{self, Known};
use super::calls::{Access, Call, route};
use super::limits::Caller;
use super::market_data::Public;
use super::params::Params;
use super::render::{self, invalid};
use super::state::{KrakenServer, Pending};
use super::wording::{Wording, cancel};
use super::{ids, orders};
use crate::kraken::{DEAD_MAN_MAX_S, PAGE, TICKET_S};
use crate::server::ledger::{Desk, Entry};
use crate::server::{HttpRequest, HttpResponse, Step, Telling};

/// Orders that one batch of cancels takes.
const BATCH_MAX: usize = 50;
/// Tickets that are remembered; the oldest go first.
const TICKETS_MAX: usize = 1_000;

type Answer = Result<Step<Value, Pending>, String>;

impl KrakenServer {
    /// Answers a request, or says what to ask.
    pub(super) fn rest(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        market: &dyn PublicMarket,
    ) -> Answer {
        let Some((call, access, cost)) = route(request.method, request.path) else {
            return Err("EGeneral:Unknown method".to_owned());
        };
        let (caller, falls) = match access {
            Access::Public => (Caller::Address(request.peer), self.config.public),
            Access::Any | Access::View | Access::Trade => {
                let name = request.header("api-key").unwrap_or_default().to_owned();
                (Caller::Key(name), self.config.private)
            }
        };
        if access == Access::Public {
            if !self.limits.charge(now, caller, cost, falls) {
                return Err("EGeneral:Too many requests".to_owned());
            }
            let params = Params::form(request.query);
            let public = self.public(now, market);
            let answer = public.answer(call, &params);
            return answer
                .unwrap_or_else(|| Err("EGeneral:Unknown method".to_owned()))
                .map(Step::Done);
        }
        let params = Params::body(request.body);
        let known = self.keys.of_request(request, &params)?;
        // Who has not signed is not counted: nobody can use up somebody else's calls.
        if !self.limits.charge(now, caller, cost, falls) {
            return Err("EAPI:Rate limit exceeded".to_owned());
        }
        auth::may(known.scopes, now, access)?;
        self.private(now, call, &params, &known)
    }

    pub(super) fn public<'a>(&'a self, now: Timestamp, market: &'a dyn PublicMarket) -> Public<'a> {
        let percent = |rate: Decimal| rate.checked_times(100).unwrap_or(rate);
        let percent = (percent(self.config.fees.taker), percent(self.config.fees.maker));
        Public { now, symbols: &self.symbols, market, percent }
    }

    fn private(&mut self, now: Timestamp, call: Call, params: &Params, known: &Known) -> Answer {
        let account = known.account;
        let done = |value| Ok(Step::Done(value));
        match call {
            Call::OpenOrders
            | Call::ClosedOrders
            | Call::QueryOrders
            | Call::TradesHistory
            | Call::QueryTrades => {
                done(self.history(call, params, self.ledger.desk(account), None)?)
            }
            Call::Balance | Call::BalanceEx => {
                let wording = Wording::Balances { extended: call == Call::BalanceEx };
                Ok(ask(account, AccountRequest::Account, wording))
            }
            Call::TradeVolume => done(self.volume(params)?),
            Call::KeyInfo => {
                let until = known.scopes.trades_until;
                let until = until.map_or(0, |at| at.millis().div_euclid(1_000));
                let addresses: &[&str] = if known.scopes.ip_bound { &["127.0.0.1"] } else { &[] };
                done(json!({
                    "api_key_name": known.key_name,
                    "permissions": auth::permissions(known.scopes, now),
                    "ip_allowlist": addresses,
                    "valid_until": until.to_string(),
                    "nonce_window": "0",
                }))
            }
            Call::Token => {
                self.made += 1;
                // Not to be guessed, because what it is made of is not told.
                let text = format!("{}{}{}", known.key_name, now.nanos(), self.made);
                let key = self.keys.sign(&known.key_name, &text);
                while self.tickets.len() >= TICKETS_MAX {
                    self.tickets.pop_first();
                }
                let until = now.after(Duration::from_secs(TICKET_S));
                self.tickets.insert(key.clone(), (account, known.scopes, until));
                done(json!({"token": key, "expires": TICKET_S}))
            }
            Call::AddOrder => self.add(now, params, account, Wording::Placed),
            Call::AmendOrder => {
                // The exchange behind has no amendments.
                self.find(params, account)?;
                Err("EOrder:Order not editable".to_owned())
            }
            Call::CancelOrder => {
                let wanted = self.find(params, account)?;
                self.charge_cancel(now, account, &wanted)?;
                Ok(ask(account, cancel(wanted), Wording::Canceled))
            }
            Call::CancelBatch => {
                let names = params.all("orders").into_iter().chain(params.all("cl_ord_ids"));
                let names: Vec<&str> = names.collect();
                if names.is_empty() || names.len() > BATCH_MAX {
                    return Err(invalid("orders"));
                }
                let desk = self.ledger.desk(account);
                let open = names.into_iter().filter_map(|name| named(desk, name));
                let open: Vec<_> = open.filter(|entry| entry.order.status.is_open()).collect();
                Ok(many(account, open.into_iter().map(key_of).collect()))
            }
            Call::CancelAll => {
                let open = self.ledger.desk(account).open();
                Ok(many(account, open.map(key_of).collect()))
            }
            Call::CancelAfter => {
                let timeout = params.number("timeout")?.ok_or_else(|| invalid("timeout"))?;
                done(self.arm(now, account, timeout)?)
            }
            Call::Time
            | Call::SystemStatus
            | Call::Assets
            | Call::AssetPairs
            | Call::Ticker
            | Call::Ohlc
            | Call::Depth
            | Call::Trades
            | Call::Spread => Err("EGeneral:Unknown method".to_owned()),
        }
    }

    /// A new order, or one that is only checked.
    pub(super) fn add(
        &mut self,
        now: Timestamp,
        params: &Params,
        account: AccountId,
        wording: Wording,
    ) -> Answer {
        self.made += 1;
        // What it costs it costs whether it is good or not.
        let pair = params.get("pair").and_then(|name| self.symbols.find(name));
        if let Some(id) = pair.map(|row| row.instrument.id) {
            self.charge_engine(now, account, id, 1)?;
        }
        let order = orders::read(params, &self.symbols, now, &render::made_up(self.made))?;
        if params.flag("validate") {
            let row = self.symbols.get(order.instrument).ok_or("EQuery:Unknown asset pair")?;
            let (volume, side) = (params.get("volume"), params.get("type"));
            let sentence = format!(
                "{} {} {} @ {}",
                side.unwrap_or_default(),
                volume.unwrap_or_default(),
                row.instrument.symbol,
                params.get("ordertype").unwrap_or_default(),
            );
            return Ok(ask(account, AccountRequest::Test(order), Wording::Tested { sentence }));
        }
        Ok(ask(account, AccountRequest::Place(order), wording))
    }

    fn charge_engine(
        &mut self,
        now: Timestamp,
        account: AccountId,
        pair: InstrumentId,
        cost: u32,
    ) -> Result<(), String> {
        let caller = Caller::Pair(account, pair);
        if self.limits.charge(now, caller, cost, self.config.trading) {
            Ok(())
        } else {
            Err("EOrder:Rate limit exceeded".to_owned())
        }
    }

    /// Young orders are dear to take back.
    pub(super) fn charge_cancel(
        &mut self,
        now: Timestamp,
        account: AccountId,
        (pair, key): &(InstrumentId, OrderKey),
    ) -> Result<(), String> {
        let OrderKey::Venue(id) = key else { return Ok(()) };
        let entry = self.ledger.desk(account).order(*id);
        let age = entry.map_or(Duration::ZERO, |entry| now.since(entry.order.created));
        self.charge_engine(now, account, *pair, cancel_cost(age))
    }

    /// The open order that a request names.
    pub(super) fn find(
        &self,
        params: &Params,
        account: AccountId,
    ) -> Result<(InstrumentId, OrderKey), String> {
        let name = params.get("txid").or_else(|| params.get("cl_ord_id"));
        let name = name.ok_or_else(|| invalid("txid"))?;
        let found = named(self.ledger.desk(account), name);
        let open = found.filter(|entry| entry.order.status.is_open());
        open.map(key_of).ok_or_else(|| "EOrder:Unknown order".to_owned())
    }

    /// Winds up the dead-man timer; zero disarms it.
    pub(super) fn arm(
        &mut self,
        now: Timestamp,
        account: AccountId,
        timeout: u64,
    ) -> Result<Value, String> {
        if timeout >= DEAD_MAN_MAX_S {
            return Err(invalid("timeout"));
        }
        if timeout == 0 {
            self.dead_man.remove(&account);
            return Ok(json!({"currentTime": now.to_string(), "triggerTime": "0"}));
        }
        let at = now.after(Duration::from_secs(timeout));
        self.dead_man.insert(account, at);
        Ok(json!({"currentTime": now.to_string(), "triggerTime": at.to_string()}))
    }

    fn volume(&self, params: &Params) -> Result<Value, String> {
        let percent = |rate: Decimal| {
            let times = rate.checked_times(100).and_then(|rate| rate.round_to(4, Rounding::Up));
            render::fixed(times.unwrap_or(rate), 4)
        };
        let (mut takers, mut makers) = (Map::new(), Map::new());
        for name in params.all("pair") {
            let row = self.symbols.find(name).ok_or("EQuery:Unknown asset pair")?;
            let fee = |rate: Decimal| {
                json!({
                    "fee": percent(rate), "min_fee": percent(rate), "max_fee": percent(rate),
                    "next_fee": null, "tier_volume": "0.0000", "next_volume": null,
                })
            };
            takers.insert(row.id.clone(), fee(self.config.fees.taker));
            makers.insert(row.id.clone(), fee(self.config.fees.maker));
        }
        Ok(json!({"currency": "ZUSD", "volume": "0.0000", "fees": takers, "fees_maker": makers}))
    }

    /// Questions about the past, answered from the ledger, with at most so many rows.
    fn history(
        &self,
        call: Call,
        params: &Params,
        desk: &Desk,
        rows_max: Option<u32>,
    ) -> Result<Value, String> {
        let trades = params.flag("trades");
        let page = rows_max.unwrap_or(u32::MAX).min(PAGE) as usize;
        let told = |entry: &Entry| {
            let name = ids::order_id(entry.order.id);
            (name, render::order(&self.symbols, desk, entry, trades))
        };
        let by_name = |entry: &&Entry| {
            let own = render::client_id(&entry.order);
            params.get("cl_ord_id").is_none_or(|name| own.as_deref() == Some(name))
        };
        let (start, end) = (params.get("start"), params.get("end"));
        let bound =
            |name: Option<&str>, desk: &Desk, key: &str| -> Result<Option<Timestamp>, String> {
                match name {
                    // The name of an order or execution stands for its time.
                    Some(name) if name.starts_with('O') => {
                        Ok(named(desk, name).map(|entry| entry.order.created))
                    }
                    Some(_) => params.seconds(key),
                    None => Ok(None),
                }
            };
        let (start, end) = (bound(start, desk, "start")?, bound(end, desk, "end")?);
        // The start is exclusive, the end is not.
        let in_time =
            |at: Timestamp| start.is_none_or(|start| at > start) && end.is_none_or(|end| at <= end);
        let skip = params.number("ofs")?.unwrap_or(0) as usize;
        Ok(match call {
            Call::OpenOrders => {
                let open = desk.open().filter(by_name).take(rows_max.unwrap_or(u32::MAX) as usize);
                json!({"open": open.map(told).collect::<Map<_, _>>()})
            }
            Call::ClosedOrders => {
                let by_end = params.get("closetime") == Some("close");
                let closed: Vec<&Entry> = desk
                    .orders
                    .iter()
                    .rev()
                    .filter(|entry| !entry.order.status.is_open())
                    .filter(by_name)
                    .filter(|entry| {
                        let order = &entry.order;
                        in_time(if by_end { order.updated } else { order.created })
                    })
                    .collect();
                let rows = closed.iter().skip(skip).take(page).map(|entry| told(entry));
                json!({"closed": rows.collect::<Map<_, _>>(), "count": closed.len()})
            }
            Call::QueryOrders => {
                let names = params.all("txid");
                let named_ones = names.iter().filter_map(|name| named(desk, name)).map(&told);
                let mut found: Map<String, Value> = named_ones.collect();
                if names.is_empty() {
                    params.required("cl_ord_id").map_err(|_| invalid("txid"))?;
                    found.extend(desk.orders.iter().filter(by_name).map(told));
                }
                found.into()
            }
            Call::TradesHistory => {
                let fills: Vec<&Fill> =
                    desk.fills.iter().rev().filter(|fill| in_time(fill.venue_time)).collect();
                let rows = fills.iter().skip(skip).take(page);
                let rows = rows.map(|fill| self.told_trade(desk, fill));
                json!({"trades": rows.collect::<Map<_, _>>(), "count": fills.len()})
            }
            _ => {
                let wanted: Vec<u64> =
                    params.all("txid").into_iter().filter_map(ids::number).collect();
                let fills = desk.fills.iter().filter(|fill| {
                    fill.trade_id.as_str().parse().is_ok_and(|number| wanted.contains(&number))
                });
                fills.map(|fill| self.told_trade(desk, fill)).collect::<Map<_, _>>().into()
            }
        })
    }

    fn told_trade(&self, desk: &Desk, fill: &Fill) -> (String, Value) {
        let name = ids::trade_id(fill.trade_id.as_str()).0;
        (name, render::trade(&self.symbols, desk, fill))
    }

    /// A question that is answered from the ledger, told so.
    pub(super) fn retold_answer(
        &self,
        _now: Timestamp,
        request: &HttpRequest<'_>,
        telling: &Telling,
    ) -> Option<HttpResponse> {
        let (call, ..) = route(request.method, request.path)?;
        let lists = [Call::OpenOrders, Call::ClosedOrders, Call::QueryOrders, Call::TradesHistory];
        if !lists.contains(&call) {
            return None;
        }
        let account = self.keys.named(request)?.account;
        let desk = self.ledger.desk(account).told(telling, call == Call::OpenOrders);
        let params = Params::body(request.body);
        Some(render::answer(self.history(call, &params, &desk, telling.rows_max)))
    }
}

/// The order of this name, the venue's or its owner's; the newest where several had it.
pub(super) fn named<'a>(desk: &'a Desk, name: &str) -> Option<&'a Entry> {
    if let Some(entry) = ids::parse_order_id(name).and_then(|id| desk.order(id)) {
        return Some(entry);
    }
    let own = |entry: &&Entry| render::client_id(&entry.order).as_deref() == Some(name);
    desk.orders.iter().rev().find(own)
}

pub(super) fn key_of(entry: &Entry) -> (InstrumentId, OrderKey) {
    (entry.order.instrument, OrderKey::Venue(entry.order.id))
}

pub(super) fn ask(
    account: AccountId,
    request: AccountRequest,
    wording: Wording,
) -> Step<Value, Pending> {
    Step::Ask { account, request, pending: Pending { account, wording } }
}

/// Cancels one after the other.
fn many(account: AccountId, open: Vec<(InstrumentId, OrderKey)>) -> Step<Value, Pending> {
    let mut left = VecDeque::from(open);
    match left.pop_front() {
        Some(first) => ask(account, cancel(first), Wording::Many { left, count: 0 }),
        None => Step::Done(json!({"count": 0})),
    }
}
