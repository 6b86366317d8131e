//! What was held, and what was free to pay with, when each order was placed.

use super::asking::{Asking, Section};

pub(super) fn make(asking: &Asking<'_>) -> rusqlite::Result<(Vec<Section>, Vec<String>)> {
    let orders = asking.table(
        "SELECT time, agent, client_order_id, instrument, side, qty, coalesce(price, worst_price) AS price,
            position_before, balance_before, balance_asset, filled, coalesce(ending, state) AS state, reason
         FROM orders WHERE at >= :from AND (:agent IS NULL OR agent = :agent)
         ORDER BY seq DESC LIMIT :rows",
    )?;
    let now = asking.table(
        "SELECT agent, instrument, net, cost, realized, fees_quote, uncounted FROM positions
         WHERE :agent IS NULL OR agent = :agent ORDER BY agent, instrument",
    )?;
    let notes = vec![
        "position_before is the agent's, in base units; balance_before is what was free of the asset that pays, \
         as the venue last told it. Newest first; `plimsoll query` has all of `orders`."
            .to_owned(),
    ];
    Ok((
        vec![
            Section::new("orders", "orders, newest first", orders),
            Section::new("positions", "held now, by the agents' own executions", now),
        ],
        notes,
    ))
}
