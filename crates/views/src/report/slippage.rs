//! What executions cost against the market that the agent saw when it decided.

use super::asking::{Asking, Section};

const BPS: &str = "CASE WHEN sum(notional + 0.0) > 0 THEN round(10000.0 * sum(slippage_mid + 0.0) /
    sum(CASE WHEN slippage_mid IS NOT NULL THEN notional + 0.0 END), 3) END";

pub(super) fn make(asking: &Asking<'_>) -> rusqlite::Result<(Vec<Section>, Vec<String>)> {
    let instruments = asking.table(&format!(
        "SELECT instrument, liquidity, count(*) AS fills, sum_exact(notional) AS notional,
            sum_exact(slippage_mid) AS against_mid, {BPS} AS mid_bps,
            sum_exact(slippage_touch) AS against_touch,
            round(10000.0 * sum(slippage_touch + 0.0) /
                sum(CASE WHEN slippage_touch IS NOT NULL THEN notional + 0.0 END), 3) AS touch_bps,
            sum(slippage_mid IS NULL) AS not_measured
         FROM fills WHERE busted = 0 AND agent IS NOT NULL AND at >= :from
            AND (:agent IS NULL OR agent = :agent)
         GROUP BY instrument, liquidity ORDER BY instrument, liquidity"
    ))?;
    let worst = asking.table(
        "SELECT time, client_order_id, instrument, side, qty, price, mid, slippage_mid, late
         FROM fills WHERE busted = 0 AND slippage_mid > 0 AND at >= :from
            AND (:agent IS NULL OR agent = :agent)
         ORDER BY slippage_mid + 0.0 DESC LIMIT min(:rows, 10)",
    )?;
    let notes = vec![
        "Above zero is worse than the market was, quote units over the whole quantity. Middle and touch (the \
         best price of the other side) are those of the moment of the decision: for an order that rests it is \
         also what the market did meanwhile. Where no book was seen the middle is the reference price."
            .to_owned(),
    ];
    Ok((
        vec![
            Section::new("instruments", "by instrument and liquidity", instruments),
            Section::new("worst", "worst executions", worst),
        ],
        notes,
    ))
}
