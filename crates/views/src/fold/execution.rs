//! Executions: positions, what they cost, and what each execution realized.

use model::{ClientOrderId, Decimal, Ending, Fee, Fill, Rounding};
use rusqlite::params;

use super::line::Line;
use super::order::{self, add_to};
use super::state::Fold;
use crate::money::worse_by;

/// What an execution knows from its order.
#[derive(Clone, Default)]
struct Ordered {
    agent: String,
    mid: Option<Decimal>,
    touch: Option<Decimal>,
    reason_kind: Option<String>,
}

impl Fold {
    pub(super) fn filled(
        &mut self,
        row: &Line<'_>,
        id: Option<&ClientOrderId>,
        fill: &Fill,
        late: bool,
    ) -> rusqlite::Result<()> {
        let notional = fill.price.get().checked_mul(fill.qty.get(), Rounding::Down);
        let fee = in_quote(fill);
        let ordered = match id {
            Some(id) => self.ordered(row, id, fill)?,
            None => None,
        };
        let known = ordered.clone().unwrap_or_default();
        let (before, after, pnl) = self.holdings.count(&known.agent, fill, fee);
        if let Some(id) = id {
            self.orders.change(row.connection, id, |order| {
                order.fills += 1;
                order.late_fills += i64::from(late);
                order.first_fill_at.get_or_insert(row.at);
                order.last_fill_at = Some(row.at);
                order.venue_order_id.get_or_insert_with(|| fill.venue_order_id.to_string());
                count(order, fill.qty.get(), notional);
                add_to(&mut order.fee_quote, fee);
                add_to(&mut order.pnl, pnl);
                if order.is_whole() {
                    // No other entry says that it is over.
                    order.state = "done".to_owned();
                    order.ending = Some(Ending::Filled.word().to_owned());
                    order.ended_at = Some(row.at);
                }
            })?;
        }
        let (balance, asset) = self.paying(fill.instrument, fill.side);
        let slip =
            |than: Option<Decimal>| worse_by(fill.side, fill.price.get(), than?, fill.qty.get());
        let text = |number: Option<Decimal>| number.map(|number| number.to_string());
        let sql = "INSERT INTO fills (seq, at, session, agent, instrument, client_order_id, venue_order_id,
            trade_id, side, price, qty, notional, fee, fee_asset, fee_quote, liquidity, late, busted, venue_at,
            reason_kind, position_before, position_after, balance_before, balance_asset, mid, slippage_mid,
            slippage_touch, pnl) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
            ?17, 0, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27)";
        row.connection.prepare_cached(sql)?.execute(params![
            row.seq,
            row.at,
            row.session,
            ordered.as_ref().map(|ordered| ordered.agent.as_str()),
            fill.instrument.as_str(),
            id.map(ClientOrderId::as_str),
            fill.venue_order_id.as_str(),
            fill.trade_id.as_str(),
            order::side(fill.side),
            fill.price.to_string(),
            fill.qty.to_string(),
            text(notional),
            fill.fee.map(|fee| fee.amount.to_string()),
            fill.fee.map(|fee| fee.asset.to_string()),
            text(fee),
            match fill.liquidity {
                model::Liquidity::Maker => "maker",
                model::Liquidity::Taker => "taker",
            },
            late,
            fill.venue_time.nanos(),
            known.reason_kind,
            before.to_string(),
            after.to_string(),
            balance,
            asset,
            text(known.mid),
            text(slip(known.mid)),
            text(slip(known.touch)),
            text(pnl),
        ])?;
        Ok(())
    }

    fn ordered(
        &mut self,
        row: &Line<'_>,
        id: &ClientOrderId,
        fill: &Fill,
    ) -> rusqlite::Result<Option<Ordered>> {
        let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
        self.orders.change(row.connection, id, |order| Ordered {
            agent: order.agent.clone(),
            mid: number(&order.mid),
            touch: match fill.side {
                model::Side::Buy => number(&order.ask),
                model::Side::Sell => number(&order.bid),
            },
            reason_kind: order.reason_kind.clone(),
        })
    }

    /// It is counted no more: the opposite is traded at its price, and its row says so.
    pub(super) fn busted(
        &mut self,
        row: &Line<'_>,
        id: Option<&ClientOrderId>,
        fill: &Fill,
    ) -> rusqlite::Result<()> {
        let fee = in_quote(fill).and_then(Decimal::checked_neg);
        let notional = fill.price.get().checked_mul(fill.qty.get(), Rounding::Down);
        let agent = match id {
            Some(id) => self.orders.change(row.connection, id, |order| order.agent.clone())?,
            None => None,
        };
        let opposite = Fill { side: fill.side.opposite(), ..*fill };
        let (_, _, back) = self.holdings.count(&agent.unwrap_or_default(), &opposite, fee);
        if let Some(id) = id {
            self.orders.change(row.connection, id, |order| {
                let back_qty = fill.qty.get().checked_neg().unwrap_or(Decimal::ZERO);
                count(order, back_qty, notional.and_then(Decimal::checked_neg));
                order.fills -= 1;
                add_to(&mut order.fee_quote, fee);
                add_to(&mut order.pnl, back);
            })?;
        }
        let find =
            "SELECT seq, pnl FROM fills WHERE trade_id = ?1 AND instrument = ?2 AND busted = 0";
        let of = params![fill.trade_id.as_str(), fill.instrument.as_str()];
        let found: Result<(i64, Option<String>), _> = row
            .connection
            .prepare_cached(find)?
            .query_row(of, |row| Ok((row.get(0)?, row.get(1)?)));
        match found {
            Ok((seq, mut pnl)) => {
                // What it realized and what taking it back did come to what it did to the sum.
                add_to(&mut pnl, back);
                let sql = "UPDATE fills SET busted = 1, pnl = ?1 WHERE seq = ?2";
                row.connection.prepare_cached(sql)?.execute(params![pnl, seq])?;
            }
            Err(rusqlite::Error::QueryReturnedNoRows) => {}
            Err(error) => return Err(error),
        }
        row.error(&model::Record::Busted { client_order_id: id.copied(), fill: *fill })
    }
}

fn count(order: &mut super::order::Order, qty: Decimal, notional: Option<Decimal>) {
    let number = |text: &str| text.parse::<Decimal>().ok();
    let filled = number(&order.filled).and_then(|sum| sum.checked_add(qty));
    let sum = number(&order.notional).zip(notional).and_then(|(sum, more)| sum.checked_add(more));
    if let Some((filled, sum)) = filled.zip(sum) {
        let average = sum.checked_div(filled, Rounding::Down);
        order.average = average.filter(|_| !filled.is_zero()).map(|price| price.to_string());
        (order.filled, order.notional) = (filled.to_string(), sum.to_string());
    }
}

/// What an execution cost, in quote units: a fee in the base asset at its own price. `None` for a fee in a third
/// asset, whose price nobody has told.
fn in_quote(fill: &Fill) -> Option<Decimal> {
    let Some(Fee { asset, amount }) = fill.fee else { return Some(Decimal::ZERO) };
    let (base, quote) = fill.instrument.assets()?;
    if asset == quote {
        Some(amount.get())
    } else if asset == base {
        amount.get().checked_mul(fill.price.get(), Rounding::Up)
    } else {
        None
    }
}
