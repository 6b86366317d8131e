//! Where money was lost: the sums, what executed while nobody was there to hear of it, and the orders that cost
//! most.

use model::{Decimal, Side};

use super::asking::{Asking, Section};
use super::pnl;
use crate::money::worse_by;
use crate::table::{Cell, Table};

pub(super) fn make(asking: &Asking<'_>) -> rusqlite::Result<(Vec<Section>, Vec<String>)> {
    let sums = asking.table(
        "SELECT agent, instrument, sum_exact(pnl) AS realized,
            sum_exact(CASE WHEN busted = 0 THEN fee_quote END) AS fees, '' AS net,
            sum_exact(CASE WHEN pnl < 0 THEN pnl END) AS lost_in_losers, sum(pnl < 0) AS losers,
            sum(late) AS while_away
         FROM fills WHERE at >= :from AND (:agent IS NULL OR agent = :agent)
         GROUP BY agent, instrument ORDER BY agent, instrument",
    )?;
    let costly = asking.table(
        "SELECT client_order_id, time, instrument, side, filled, average, pnl, fee_quote AS fee, late_fills,
            doubts, reason
         FROM orders WHERE pnl < 0 AND at >= :from AND (:agent IS NULL OR agent = :agent)
         ORDER BY pnl + 0.0 LIMIT min(:rows, 10)",
    )?;
    let outages = asking.table(
        "SELECT time AS back, link, round(lasted_ns / 1e9, 3) AS down_s, cause,
            (SELECT count(*) FROM fills f WHERE f.late = 1 AND f.venue_at BETWEEN c.at - c.lasted_ns - 1000000000
                AND c.at + 1000000000) AS executed_meanwhile
         FROM connections c WHERE reconnect = 1 AND at >= :from ORDER BY lasted_ns DESC LIMIT min(:rows, 10)",
    )?;
    let notes = vec![
        "away: executions that nobody heard of when they happened, because the connection was down. cost is \
         what each was worse by than the middle when the gateway could see again, quote units: what it would \
         have taken to have the order back. Below zero it was a gain."
            .to_owned(),
        "`plimsoll why ORDER` tells the whole story of one.".to_owned(),
    ];
    Ok((
        vec![
            Section::new("sums", "by agent, quote units", pnl::net(sums)),
            Section::new(
                "open",
                "still open, at the last middle that was seen",
                pnl::open(asking)?,
            ),
            Section::new("away", "executed while nobody was there to hear of it", away(asking)?),
            Section::new("outages", "longest outages", outages),
            Section::new("orders", "orders that lost most", costly),
        ],
        notes,
    ))
}

/// Late executions, each against the middle at the first decision after it was found.
fn away(asking: &Asking<'_>) -> rusqlite::Result<Table> {
    let mut table = asking.table(
        "SELECT f.client_order_id, strftime('%Y-%m-%dT%H:%M:%fZ', f.venue_at / 1e9, 'unixepoch') AS executed,
            round((f.at - f.venue_at) / 1e9, 3) AS found_after_s, f.instrument, f.side, f.qty, f.price,
            (SELECT o.mid FROM orders o WHERE o.seq > f.seq AND o.instrument = f.instrument
                AND o.bid IS NOT NULL AND o.ask IS NOT NULL ORDER BY o.seq LIMIT 1) AS middle_after, '' AS cost
         FROM fills f WHERE f.late = 1 AND f.busted = 0 AND f.at >= :from
            AND (:agent IS NULL OR f.agent = :agent) ORDER BY f.seq DESC LIMIT :rows",
    )?;
    for row in &mut table.rows {
        let number = |index: usize| row[index].text().parse::<Decimal>().ok();
        let side = if row[4] == Cell::from("buy") { Side::Buy } else { Side::Sell };
        let cost = number(6)
            .zip(number(7))
            .zip(number(5))
            .and_then(|((price, after), qty)| worse_by(side, price, after, qty));
        row[8] = cost.map(|cost| cost.to_string()).into();
    }
    Ok(table)
}
