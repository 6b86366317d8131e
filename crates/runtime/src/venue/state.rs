//! `GET /_sim/state`: the oracle as JSON.

use model::market::Level;
use model::venue::{MarketRequest, PublicMarket as _, Response, VenueOrderStatus};
use model::{Instrument, Side};
use serde_json::{Value, json};
use sim_venue::{OracleFill, OracleOrder, SimVenue};

use super::world::Shared;
use crate::clock;

/// Levels of each side of a book that are told.
const BOOK_DEPTH: u32 = 100;

/// Everything that is true: orders, executions, balances, the market, the faults, and what
/// clients did in numbers.
pub(super) fn state(shared: &Shared) -> Value {
    let world = shared.world();
    let (faults, counts) = (world.faults.report(clock::now()), world.counts.report());
    let oracle = world.exchange().oracle();
    let market = world.market.clone();
    let exchange = world.exchange();
    let books: serde_json::Map<String, Value> =
        exchange.instruments().map(|of| (of.id.to_string(), book(exchange, of))).collect();
    drop(world);
    let balances: serde_json::Map<String, Value> = oracle
        .balances
        .iter()
        .map(|(account, balances)| (account.to_string(), json!(balances)))
        .collect();
    json!({
        "now": clock::now().millis(),
        "orders": oracle.orders.iter().map(order).collect::<Vec<_>>(),
        "fills": oracle.fills.iter().map(fill).collect::<Vec<_>>(),
        "balances": balances,
        "books": books,
        "market": {
            "source": market.source,
            "events": market.events,
            "finished": market.finished,
            "error": market.error,
            "ledger": oracle.market,
            "fees": oracle.fees,
        },
        "faults": faults,
        "counts": counts,
    })
}

/// Price and quantity of each level, best first.
fn book(exchange: &SimVenue, of: &Instrument) -> Value {
    let (instrument, grid) = (of.id, of.grid());
    let request = MarketRequest::Book { instrument, depth: BOOK_DEPTH };
    let Ok(Response::Book(book)) = exchange.read(clock::now(), &request) else {
        return Value::Null;
    };
    let level = |level: &Level| json!([grid.price(level.price), grid.qty(level.qty)]);
    let side = |levels: &[Level]| levels.iter().map(level).collect::<Vec<_>>();
    json!({"bids": side(&book.bids), "asks": side(&book.asks)})
}

fn order(OracleOrder { account, order }: &OracleOrder) -> Value {
    json!({
        "id": order.id,
        "client_id": order.client_order_id,
        "account": account,
        "instrument": order.instrument,
        "side": side(order.side),
        "type": order.kind,
        "price": order.kind.price(),
        "qty": order.qty,
        "filled": order.filled,
        "filled_notional": order.filled_notional,
        "status": status(order.status),
        "created": order.created.millis(),
        "updated": order.updated.millis(),
    })
}

fn fill(OracleFill { account, fill }: &OracleFill) -> Value {
    json!({
        "trade_id": fill.trade_id,
        "order_id": fill.venue_order_id,
        "client_id": fill.client_order_id,
        "account": account,
        "instrument": fill.instrument,
        "side": side(fill.side),
        "price": fill.price,
        "qty": fill.qty,
        "fee": fill.fee.map(|fee| fee.amount),
        "fee_asset": fill.fee.map(|fee| fee.asset),
        "maker": fill.liquidity == model::Liquidity::Maker,
        "time": fill.venue_time.millis(),
    })
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn status(status: VenueOrderStatus) -> &'static str {
    match status {
        VenueOrderStatus::New => "new",
        VenueOrderStatus::PartiallyFilled => "partially_filled",
        VenueOrderStatus::Filled => "filled",
        VenueOrderStatus::Canceled => "canceled",
        VenueOrderStatus::Rejected => "rejected",
        VenueOrderStatus::Expired => "expired",
        VenueOrderStatus::ExpiredInMatch => "expired_in_match",
        VenueOrderStatus::Unknown => "unknown",
    }
}
