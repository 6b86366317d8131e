//! Orders a second through the exchange's matching engine: locking, matching, fees, reports.

use std::collections::BTreeMap;
use std::time::Instant;

use model::venue::{AccountRequest, FeeRates};
use model::{
    AccountId, Amount, ClientOrderId, Decimal, NewOrder, OrderKind, OrderQty, Price, Side,
    TimeInForce,
};
use sim_venue::synthetic::SplitMix;
use sim_venue::{FeesIn, SimConfig, SimVenue};

use crate::samples::{at, id, instrument, parse};
use crate::table::{Row, per_second};

const ORDERS: usize = 100_000;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let accounts: [AccountId; 2] = [parse("account-1"), parse("account-2")];
    let mut orders = Vec::with_capacity(ORDERS);
    let mut random = SplitMix(7);
    for number in 0..ORDERS {
        orders.push((accounts[number % 2], order(number, &mut random)?));
    }
    let measured = per_second(|| {
        let fees = FeeRates { maker: Decimal::new(1, 3), taker: Decimal::new(1, 3) };
        let mut venue = SimVenue::new(SimConfig {
            instruments: vec![instrument()],
            fees,
            fees_in: FeesIn::Received,
        });
        let money: BTreeMap<_, Amount> =
            [(parse("USDT"), parse("1000000000000")), (parse("BTC"), parse("1000000000"))].into();
        accounts.iter().for_each(|account| venue.add_account(*account, &money));
        let requests: Vec<_> =
            orders.iter().map(|(a, order)| (*a, AccountRequest::Place(order.clone()))).collect();
        let mut events = Vec::new();
        let start = Instant::now();
        for (account, request) in &requests {
            events.clear();
            let placed = venue.execute(at(0), *account, request, &mut events);
            debug_assert!(placed.is_ok(), "{placed:?}");
        }
        (ORDERS as u64, start.elapsed())
    });
    Ok(vec![Row {
        what: "matching: limit orders around one price",
        measured,
        unit: "orders/s",
        target: "",
        peer: "",
    }])
}

/// About half of them trade at once.
fn order(number: usize, random: &mut SplitMix) -> anyhow::Result<NewOrder> {
    let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
    let cents = 6_000_000 + i64::try_from(random.below(200))? - 100;
    let qty = Decimal::new(1 + i64::try_from(random.below(1_000))?, 5);
    Ok(NewOrder {
        client_order_id: ClientOrderId::new(&format!("bench-{number}"))?,
        instrument: id(),
        side,
        kind: OrderKind::Limit { price: Price::try_from(Decimal::new(cents, 2))? },
        qty: OrderQty::Base(model::Qty::try_from(qty)?),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    })
}
