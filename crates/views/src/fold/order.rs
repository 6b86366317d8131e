//! An order's row: kept in memory while something happens to it, written once a batch.

use std::collections::BTreeMap;

use model::{ClientOrderId, Decimal, NewOrder, OrderKind, OrderQty, Side, TimeInForce};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

/// One row of `orders`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) client_order_id: String,
    pub(crate) venue_order_id: Option<String>,
    pub(crate) session: Option<i64>,
    pub(crate) agent: String,
    pub(crate) intent: i64,
    pub(crate) instrument: String,
    pub(crate) side: String,
    pub(crate) kind: String,
    pub(crate) qty: Option<String>,
    pub(crate) quote_qty: Option<String>,
    pub(crate) price: Option<String>,
    pub(crate) trigger: Option<String>,
    pub(crate) worst_price: Option<String>,
    pub(crate) time_in_force: String,
    pub(crate) post_only: bool,
    pub(crate) reduce_only: bool,
    pub(crate) reason: Option<String>,
    pub(crate) reason_kind: Option<String>,
    pub(crate) decision: Option<i64>,
    pub(crate) position_before: Option<String>,
    pub(crate) balance_before: Option<String>,
    pub(crate) balance_asset: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) bid: Option<String>,
    pub(crate) ask: Option<String>,
    pub(crate) mid: Option<String>,
    pub(crate) decided_at: Option<i64>,
    pub(crate) durable_at: Option<i64>,
    pub(crate) left_at: Option<i64>,
    pub(crate) answered_at: Option<i64>,
    pub(crate) accepted_at: Option<i64>,
    pub(crate) first_fill_at: Option<i64>,
    pub(crate) last_fill_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) state: String,
    pub(crate) ending: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) rejection: Option<String>,
    pub(crate) doubts: i64,
    pub(crate) fills: i64,
    pub(crate) late_fills: i64,
    pub(crate) filled: String,
    pub(crate) notional: String,
    pub(crate) average: Option<String>,
    pub(crate) fee_quote: Option<String>,
    pub(crate) pnl: Option<String>,
}

const COLUMNS: &str = "seq, at, client_order_id, venue_order_id, session, agent, intent, instrument, side, type,
    qty, quote_qty, price, trigger, worst_price, time_in_force, post_only, reduce_only, reason, reason_kind,
    decision, position_before, balance_before, balance_asset, reference, bid, ask, mid, decided_at, durable_at,
    left_at, answered_at, accepted_at, first_fill_at, last_fill_at, ended_at, state, ending, cause, rejection,
    doubts, fills, late_fills, filled, notional, average, fee_quote, pnl";

impl Order {
    pub(crate) fn of(order: &NewOrder) -> Order {
        let (qty, quote_qty) = match order.qty {
            OrderQty::Base(qty) => (Some(qty.to_string()), None),
            OrderQty::Quote(notional) => (None, Some(notional.to_string())),
        };
        Order {
            client_order_id: order.client_order_id.to_string(),
            instrument: order.instrument.to_string(),
            side: side(order.side).to_owned(),
            kind: kind(order.kind).to_owned(),
            qty,
            quote_qty,
            price: order.kind.price().map(|price| price.to_string()),
            trigger: order.kind.trigger().map(|price| price.to_string()),
            time_in_force: time_in_force(order.time_in_force),
            post_only: order.post_only,
            reduce_only: order.reduce_only,
            state: "pending".to_owned(),
            filled: "0".to_owned(),
            notional: "0".to_owned(),
            fee_quote: Some("0".to_owned()),
            pnl: Some("0".to_owned()),
            ..Order::default()
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == "done"
    }

    /// Has all of it executed? Of one that was ordered in quote units that is not to be told.
    pub(crate) fn is_whole(&self) -> bool {
        let number = |text: &str| text.parse::<Decimal>().ok();
        let ordered = self.qty.as_deref().and_then(number);
        ordered.zip(number(&self.filled)).is_some_and(|(ordered, filled)| filled >= ordered)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Order> {
        Ok(Order {
            seq: row.get(0)?,
            at: row.get(1)?,
            client_order_id: row.get(2)?,
            venue_order_id: row.get(3)?,
            session: row.get(4)?,
            agent: row.get(5)?,
            intent: row.get(6)?,
            instrument: row.get(7)?,
            side: row.get(8)?,
            kind: row.get(9)?,
            qty: row.get(10)?,
            quote_qty: row.get(11)?,
            price: row.get(12)?,
            trigger: row.get(13)?,
            worst_price: row.get(14)?,
            time_in_force: row.get(15)?,
            post_only: row.get(16)?,
            reduce_only: row.get(17)?,
            reason: row.get(18)?,
            reason_kind: row.get(19)?,
            decision: row.get(20)?,
            position_before: row.get(21)?,
            balance_before: row.get(22)?,
            balance_asset: row.get(23)?,
            reference: row.get(24)?,
            bid: row.get(25)?,
            ask: row.get(26)?,
            mid: row.get(27)?,
            decided_at: row.get(28)?,
            durable_at: row.get(29)?,
            left_at: row.get(30)?,
            answered_at: row.get(31)?,
            accepted_at: row.get(32)?,
            first_fill_at: row.get(33)?,
            last_fill_at: row.get(34)?,
            ended_at: row.get(35)?,
            state: row.get(36)?,
            ending: row.get(37)?,
            cause: row.get(38)?,
            rejection: row.get(39)?,
            doubts: row.get(40)?,
            fills: row.get(41)?,
            late_fills: row.get(42)?,
            filled: row.get(43)?,
            notional: row.get(44)?,
            average: row.get(45)?,
            fee_quote: row.get(46)?,
            pnl: row.get(47)?,
        })
    }

    fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = format!(
            "INSERT OR REPLACE INTO orders ({COLUMNS}) VALUES (:seq, :at, :client_order_id, :venue_order_id,
             :session, :agent, :intent, :instrument, :side, :kind, :qty, :quote_qty, :price, :trigger,
             :worst_price, :time_in_force, :post_only, :reduce_only, :reason, :reason_kind, :decision,
             :position_before, :balance_before, :balance_asset, :reference, :bid, :ask, :mid, :decided_at,
             :durable_at, :left_at, :answered_at, :accepted_at, :first_fill_at, :last_fill_at, :ended_at,
             :state, :ending, :cause, :rejection, :doubts, :fills, :late_fills, :filled, :notional, :average,
             :fee_quote, :pnl)"
        );
        connection.prepare_cached(&sql)?.execute(named_params! {
            ":seq": self.seq, ":at": self.at, ":client_order_id": self.client_order_id,
            ":venue_order_id": self.venue_order_id, ":session": self.session, ":agent": self.agent,
            ":intent": self.intent, ":instrument": self.instrument, ":side": self.side,
            ":kind": self.kind, ":qty": self.qty, ":quote_qty": self.quote_qty, ":price": self.price,
            ":trigger": self.trigger, ":worst_price": self.worst_price,
            ":time_in_force": self.time_in_force, ":post_only": self.post_only,
            ":reduce_only": self.reduce_only, ":reason": self.reason,
            ":reason_kind": self.reason_kind, ":decision": self.decision,
            ":position_before": self.position_before, ":balance_before": self.balance_before,
            ":balance_asset": self.balance_asset, ":reference": self.reference, ":bid": self.bid,
            ":ask": self.ask, ":mid": self.mid, ":decided_at": self.decided_at,
            ":durable_at": self.durable_at, ":left_at": self.left_at,
            ":answered_at": self.answered_at, ":accepted_at": self.accepted_at,
            ":first_fill_at": self.first_fill_at, ":last_fill_at": self.last_fill_at,
            ":ended_at": self.ended_at, ":state": self.state, ":ending": self.ending,
            ":cause": self.cause, ":rejection": self.rejection, ":doubts": self.doubts,
            ":fills": self.fills, ":late_fills": self.late_fills, ":filled": self.filled,
            ":notional": self.notional, ":average": self.average, ":fee_quote": self.fee_quote,
            ":pnl": self.pnl,
        })?;
        Ok(())
    }
}

/// The orders that something has happened to in this batch, and those that are open.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    known: BTreeMap<String, (Order, bool)>,
}

impl Orders {
    /// Takes up a new one.
    pub(crate) fn insert(&mut self, order: Order) {
        self.known.insert(order.client_order_id.clone(), (order, true));
    }

    /// Changes one, which is read where it is not at hand; nothing where the journal never had it: its
    /// beginning may have been removed.
    pub(crate) fn change<T>(
        &mut self,
        connection: &Connection,
        id: &ClientOrderId,
        change: impl FnOnce(&mut Order) -> T,
    ) -> rusqlite::Result<Option<T>> {
        if !self.known.contains_key(id.as_str()) {
            let sql = format!("SELECT {COLUMNS} FROM orders WHERE client_order_id = ?1");
            let mut select = connection.prepare_cached(&sql)?;
            let Some(order) = select.query_row([id.as_str()], Order::read).optional()? else {
                return Ok(None);
            };
            self.known.insert(id.to_string(), (order, false));
        }
        Ok(self.known.get_mut(id.as_str()).map(|(order, changed)| {
            *changed = true;
            change(order)
        }))
    }

    /// Writes what has changed, and lets go of what is over.
    pub(crate) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for (order, changed) in self.known.values_mut() {
            if std::mem::take(changed) {
                order.write(connection)?;
            }
        }
        self.known.retain(|_, (order, _)| !order.is_done());
        Ok(())
    }
}

pub(crate) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

pub(crate) const fn kind(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "market",
        OrderKind::Limit { .. } => "limit",
        OrderKind::StopLoss { .. } => "stop_loss",
        OrderKind::StopLimit { .. } => "stop_limit",
        OrderKind::TakeProfit { .. } => "take_profit",
        OrderKind::TakeProfitLimit { .. } => "take_profit_limit",
    }
}

fn time_in_force(of: TimeInForce) -> String {
    match of {
        TimeInForce::Gtc => "gtc".to_owned(),
        TimeInForce::Ioc => "ioc".to_owned(),
        TimeInForce::Fok => "fok".to_owned(),
        TimeInForce::Gtd(until) => format!("gtd {until}"),
    }
}

/// Adds to a sum that is kept as text; a sum without room is unknown from then on.
pub(crate) fn add_to(sum: &mut Option<String>, more: Option<Decimal>) {
    let before = sum.as_deref().and_then(|text| text.parse().ok());
    *sum = crate::money::plus(before, more).map(|sum| sum.to_string());
}
