//! An account's executions in our words.
//!
//! The first report of an order on a connection says what was ordered; later ones say what has changed alone.
//! So what is known of open orders is kept as long as the connection lives. A report of an order of which
//! nothing is known is told as not understood, and its order is asked for.
//!
//! Source: `spot-websocket-v2` page `executions`, read 2026-08-21.

use std::collections::BTreeMap;

use model::venue::{AccountEvent, Execution, Unread, VenueOrder, VenueOrderStatus};
use model::{
    ClientOrderId, Fill, Liquidity, Notional, OrderQty, Price, Qty, TimeInForce, Timestamp,
};
use serde_json::value::RawValue;

use super::DecodeError;
use super::convert::{self, SELF_TRADES};
use super::market::{data, is_snapshot, parse};
use crate::kraken::symbols::{Symbols, asset};
use crate::kraken::vocabulary;
use crate::kraken::wire::{self, Head, Num, Report};
use crate::rows::{self, Keys};

/// How a report names its order.
const REPORT: Keys =
    Keys { symbol: "symbol", order: "order_id", client: "cl_ord_id", trade: &["exec_id"] };

/// One message of the connection that carries an account's executions.
#[derive(Debug)]
pub enum AccountMessage {
    /// What happened to orders, in order, and the message's number.
    Reports {
        /// All that is open, and not what happened.
        snapshot: bool,
        /// Counts from one within the subscription.
        sequence: u64,
        /// As they came.
        rows: Vec<Box<RawValue>>,
    },
    /// From now on executions are told.
    Subscribed,
    /// The venue refuses something.
    Refused(String),
    /// Something that changes no order.
    Other,
}

/// Reads one message.
pub fn decode_account(text: &str) -> Result<AccountMessage, DecodeError> {
    let head: Head<'_> = parse(text)?;
    if let Some(method) = head.method.as_deref() {
        return Ok(match (head.success, method) {
            (Some(false), _) => {
                AccountMessage::Refused(head.error.unwrap_or_else(|| "no reason".to_owned()))
            }
            (Some(true), "subscribe") => AccountMessage::Subscribed,
            _ => AccountMessage::Other,
        });
    }
    match head.channel.as_deref() {
        Some("executions") => Ok(AccountMessage::Reports {
            snapshot: is_snapshot(&head)?,
            sequence: head
                .sequence
                .ok_or_else(|| DecodeError::Shape("reports without a number".to_owned()))?,
            rows: data(&head)?,
        }),
        Some(_) => Ok(AccountMessage::Other),
        None => Err(DecodeError::Shape("neither a channel nor an answer".to_owned())),
    }
}

/// Open orders as they were told on one connection.
#[derive(Debug, Default)]
pub struct Orders {
    known: BTreeMap<String, VenueOrder>,
    /// Orders of pairs that are not followed: what comes after has no pair in it.
    foreign: std::collections::BTreeSet<String>,
}

/// What a report comes to.
#[derive(Debug)]
pub(super) enum Told {
    /// News.
    Event(Box<AccountEvent>),
    /// Not understood: its order is asked for.
    Strange(Unread),
    /// Of a pair that is not followed.
    NotFollowed(Option<String>),
}

impl Orders {
    /// Takes one report.
    pub(super) fn take(&mut self, row: &RawValue, sequence: u64, symbols: &Symbols) -> Told {
        let read =
            parse::<Report>(row.get()).and_then(|report| self.report(&report, sequence, symbols));
        read.unwrap_or_else(|error| {
            let instrument = |name: &str| Some(symbols.find(name)?.instrument.id);
            let mut strange = rows::unread(row, &error, &REPORT, instrument);
            // Most reports are of no execution.
            if !row.get().contains("\"exec_id\"") {
                strange.trade = None;
            }
            Told::Strange(strange)
        })
    }

    fn report(
        &mut self,
        told: &Report,
        sequence: u64,
        symbols: &Symbols,
    ) -> Result<Told, DecodeError> {
        let name = &told.order_id;
        let time = convert::time(&told.timestamp)?;
        let status = vocabulary::parse_status(&told.order_status);
        if let Some(pair) = told.symbol.as_deref()
            && symbols.find(pair).is_none()
        {
            if status.is_open() {
                self.foreign.insert(name.clone());
            } else {
                self.foreign.remove(name);
            }
            return Ok(Told::NotFollowed(Some(pair.to_owned())));
        }
        if self.foreign.contains(name) {
            if !status.is_open() {
                self.foreign.remove(name);
            }
            return Ok(Told::NotFollowed(None));
        }
        let mut order = match self.known.get(name) {
            Some(known) => known.clone(),
            None => first(told, time, symbols)?,
        };
        apply(&mut order, told, time)?;
        let execution = execution(told, &order, time)?;
        if order.status.is_open() {
            self.known.insert(name.clone(), order.clone());
        } else {
            self.known.remove(name);
        }
        Ok(Told::Event(Box::new(AccountEvent::Order {
            order,
            execution,
            execution_id: sequence,
            time,
        })))
    }
}

fn shape(what: &str) -> DecodeError {
    DecodeError::Shape(what.to_owned())
}

/// An order of which nothing is known yet: the report has to say what was ordered.
fn first(told: &Report, time: Timestamp, symbols: &Symbols) -> Result<VenueOrder, DecodeError> {
    let pair =
        told.symbol.as_deref().ok_or_else(|| shape("a report of an order that is not known"))?;
    let row = convert::row(symbols, pair)?;
    let id = convert::order_id(&told.order_id)?;
    let limit = told.limit_price.and_then(convert::some_price);
    let trigger = told.triggers.as_ref().and_then(|triggers| convert::some_price(triggers.price));
    let word = told.order_type.as_deref().ok_or_else(|| shape("an order without a kind"))?;
    let kind = convert::kind_or_nearest(word, limit, trigger);
    let end = told.expire_time.as_deref().map(convert::time).transpose()?;
    let tif = told.time_in_force.as_deref().unwrap_or("GTC");
    let tif = vocabulary::parse_time_in_force(tif, end).unwrap_or(TimeInForce::Gtc);
    let (ordered, qty) = match (told.cash_order_qty, told.order_qty) {
        (Some(cash), _) if cash.above_zero().is_some() => {
            (OrderQty::Quote(convert::notional(cash)?), Qty::ZERO)
        }
        (_, Some(qty)) => {
            let qty = convert::qty(qty)?;
            (OrderQty::Base(qty), qty)
        }
        _ => return Err(shape("an order without a quantity")),
    };
    let side = told.side.as_deref().ok_or_else(|| shape("an order without a side"))?;
    Ok(VenueOrder {
        id,
        client_order_id: convert::client_id(told.cl_ord_id.as_deref(), id)?,
        instrument: row.instrument.id,
        side: convert::side(side)?,
        kind,
        ordered,
        qty,
        time_in_force: tif,
        post_only: told.post_only == Some(true),
        self_trade_prevention: SELF_TRADES,
        status: VenueOrderStatus::New,
        filled: Qty::ZERO,
        filled_notional: Notional::ZERO,
        prevented: Qty::ZERO,
        created: time,
        updated: time,
        working_since: kind.trigger().is_none().then_some(time),
        expiry: None,
    })
}

/// What the report changes.
fn apply(order: &mut VenueOrder, told: &Report, time: Timestamp) -> Result<(), DecodeError> {
    if let Some(name) = told.cl_ord_id.as_deref() {
        let ours = ClientOrderId::new(name).ok();
        order.client_order_id = ours.unwrap_or(order.client_order_id);
    }
    if let Some(qty) = told.cum_qty {
        order.filled = convert::qty(qty)?;
    }
    if let Some(cost) = told.cum_cost {
        order.filled_notional = convert::notional(cost)?;
    }
    // An amendment says what is ordered now.
    if let (Some(qty), OrderQty::Base(_)) = (told.order_qty, order.ordered) {
        let qty = convert::qty(qty)?;
        (order.ordered, order.qty) = (OrderQty::Base(qty), qty);
    }
    if matches!(order.ordered, OrderQty::Quote(_)) {
        order.qty = order.qty.max(order.filled);
    }
    order.status = vocabulary::parse_status(&told.order_status);
    if order.status == VenueOrderStatus::New && !order.filled.is_zero() {
        order.status = VenueOrderStatus::PartiallyFilled;
    }
    let triggered = told.triggers.as_ref().and_then(|triggers| triggers.status.as_deref());
    if order.working_since.is_none() && triggered == Some("triggered") {
        order.working_since = Some(time);
    }
    order.updated = time;
    order.expiry = convert::expiry(order.status, order.time_in_force);
    Ok(())
}

fn execution(told: &Report, order: &VenueOrder, time: Timestamp) -> Result<Execution, DecodeError> {
    Ok(match told.exec_type.as_str() {
        "pending_new" | "new" => Execution::New,
        "trade" => Execution::Trade(fill(told, order, time)?),
        "canceled" => Execution::Canceled(order.client_order_id),
        "expired" => Execution::Expired,
        "status" if order.kind.trigger().is_some() && order.working_since == Some(time) => {
            Execution::Triggered
        }
        // How it stands is in the report, whatever made it so: filled, amended, restated and the rest.
        _ => Execution::Standing,
    })
}

fn fill(told: &Report, order: &VenueOrder, time: Timestamp) -> Result<Fill, DecodeError> {
    let needed = |number: Option<Num>| number.ok_or_else(|| shape("an execution without a number"));
    let (price, qty) = (needed(told.last_price)?, needed(told.last_qty)?);
    let name = told.exec_id.as_deref().ok_or_else(|| shape("an execution without a name"))?;
    let fee = match told.fees.as_slice() {
        [] => None,
        [wire::FeePaid { asset: name, qty }] => {
            let paid_in = asset(name).ok_or_else(|| convert::unknown("asset", name))?;
            convert::fee(*qty, paid_in)?
        }
        _ => return Err(shape("an execution with several fees")),
    };
    Ok(Fill {
        trade_id: convert::trade_id(name)?,
        venue_order_id: order.id,
        client_order_id: Some(order.client_order_id),
        instrument: order.instrument,
        side: order.side,
        price: Price::try_from(price.0).map_err(|_| convert::off(price))?,
        qty: convert::qty(qty)?,
        fee,
        liquidity: match told.liquidity_ind.as_deref() {
            Some("m") => Liquidity::Maker,
            _ => Liquidity::Taker,
        },
        venue_time: time,
    })
}
