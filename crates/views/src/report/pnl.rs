//! Profit and loss by agent and by the kind of reason that its order had, and what is still open.

use model::Decimal;

use super::asking::{Asking, Section};
use crate::money::Holding;
use crate::table::{Cell, Table};

pub(super) fn make(asking: &Asking<'_>) -> rusqlite::Result<(Vec<Section>, Vec<String>)> {
    let reasons = asking.table(
        "SELECT agent, instrument, reason_kind AS reason, count(*) AS fills,
            sum_exact(CASE WHEN busted = 0 THEN notional END) AS notional, sum_exact(pnl) AS realized,
            sum_exact(CASE WHEN busted = 0 THEN fee_quote END) AS fees, '' AS net,
            sum(late) AS while_away, sum(fee_quote IS NULL OR pnl IS NULL) AS uncounted
         FROM fills WHERE at >= :from AND (:agent IS NULL OR agent = :agent)
         GROUP BY agent, instrument, reason_kind ORDER BY agent, instrument, sum(pnl + 0.0)",
    )?;
    let agents = asking.table(
        "SELECT agent, instrument, count(*) AS fills, sum_exact(pnl) AS realized,
            sum_exact(CASE WHEN busted = 0 THEN fee_quote END) AS fees, '' AS net
         FROM fills WHERE at >= :from AND (:agent IS NULL OR agent = :agent)
         GROUP BY agent, instrument ORDER BY agent, instrument",
    )?;
    let notes = vec![
        "Quote units, exact. realized is by average cost of the agent's own position, booked where a position \
         gets smaller; net is realized less fees. Fees in the base asset count at the price of their execution; \
         fees in a third asset are in no figure and are counted in uncounted. A reason is shown with each of \
         its numbers as #."
            .to_owned(),
    ];
    Ok((
        vec![
            Section::new("agents", "by agent", net(agents)),
            Section::new("reasons", "by agent and reason, worst first", net(reasons)),
            Section::new("open", "still open, at the last middle that was seen", open(asking)?),
        ],
        notes,
    ))
}

/// Fills the column `net`: realized less fees, exactly.
pub(super) fn net(mut table: Table) -> Table {
    let index = |name: &str| table.columns.iter().position(|column| column == name);
    let Some(((realized, fees), net)) = index("realized").zip(index("fees")).zip(index("net"))
    else {
        return table;
    };
    for row in &mut table.rows {
        let number = |cell: &Cell| match cell {
            Cell::Null => Some(Decimal::ZERO),
            other => other.text().parse::<Decimal>().ok(),
        };
        let difference = number(&row[realized])
            .zip(number(&row[fees]))
            .and_then(|(realized, fees)| realized.checked_sub(fees));
        row[net] = difference.map(|sum| sum.to_string()).into();
    }
    table
}

/// What is held now, valued by the last middle of a decision, else by the last execution.
pub(super) fn open(asking: &Asking<'_>) -> rusqlite::Result<Table> {
    let mut table = asking.table(
        "SELECT agent, instrument, net, cost,
            coalesce((SELECT o.mid FROM orders o WHERE o.instrument = p.instrument AND o.mid IS NOT NULL
                ORDER BY o.seq DESC LIMIT 1),
                (SELECT f.price FROM fills f WHERE f.instrument = p.instrument ORDER BY f.seq DESC LIMIT 1))
                AS price, '' AS unrealized
         FROM positions p WHERE net <> 0 AND (:agent IS NULL OR agent = :agent)
         ORDER BY agent, instrument",
    )?;
    for row in &mut table.rows {
        let number = |index: usize| row[index].text().parse::<Decimal>().ok();
        let value = number(2)
            .zip(number(3))
            .zip(number(4))
            .and_then(|((net, cost), price)| Holding { net, cost }.open_at(price));
        row[5] = value.map(|value| value.to_string()).into();
    }
    Ok(table)
}
