//! Round trips: what each order earned that closed something, net of fees, first in first out.
//!
//! What one order closes is one round trip, however many executions it takes: parts of one order are no luck of their
//! own. Exact, in the asset that is paid.

use std::collections::VecDeque;

use model::{Asset, ClientOrderId, Decimal, Fill, Rounding, Side};

/// What is held of one instrument by one agent.
#[derive(Debug, Default)]
pub(super) struct Held {
    lots: VecDeque<Lot>,
}

#[derive(Clone, Copy, Debug)]
struct Lot {
    side: Side,
    qty: Decimal,
    price: Decimal,
    /// What is left of what it cost to come by it.
    fee: Decimal,
    /// Was it the version that is asked about?
    counts: bool,
}

/// What an order earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trip {
    pub(super) order: ClientOrderId,
    pub(super) quote: Asset,
    pub(super) earned: Decimal,
}

/// Why executions cannot be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Uncounted {
    /// A fee in an asset that is neither side of the instrument.
    FeeIn(Asset),
    /// A number that is too large, or an instrument that names no assets.
    Unrepresentable,
}

/// A price times a quantity, or either less the other, that does not fit is an error above.
fn fits(number: Option<Decimal>) -> Result<Decimal, Uncounted> {
    number.ok_or(Uncounted::Unrepresentable)
}

impl Held {
    /// One execution. What it closes goes to `trips`; `counts` says whether it was the version that is asked about.
    pub(super) fn executed(
        &mut self,
        fill: &Fill,
        (order, counts): (ClientOrderId, bool),
        trips: &mut Vec<Trip>,
    ) -> Result<(), Uncounted> {
        let (base, quote) = fill.instrument.assets().ok_or(Uncounted::Unrepresentable)?;
        let (price, mut left) = (fill.price.get(), fill.qty.get());
        let mut fee = Decimal::ZERO;
        if let Some(paid) = &fill.fee {
            let amount = paid.amount.get();
            fee = if paid.asset == quote {
                amount
            } else if paid.asset == base {
                if fill.side == Side::Buy {
                    // So much of it never came.
                    left = fits(left.checked_sub(amount))?;
                }
                fits(amount.checked_mul(price, Rounding::Up))?
            } else if amount.is_zero() {
                Decimal::ZERO
            } else {
                return Err(Uncounted::FeeIn(paid.asset));
            };
        }
        while left > Decimal::ZERO {
            let Some(lot) = self.lots.front_mut().filter(|lot| lot.side != fill.side) else {
                break;
            };
            let qty = left.min(lot.qty);
            let of_lot = part(lot.fee, qty, lot.qty)?;
            let of_fill = part(fee, qty, left)?;
            let rise = fits(price.checked_sub(lot.price))?;
            let rise = if lot.side == Side::Buy { Some(rise) } else { rise.checked_neg() };
            let gross = fits(fits(rise)?.checked_mul(qty, Rounding::Down))?;
            let earned = fits(gross.checked_sub(of_lot))?;
            let earned = fits(earned.checked_sub(of_fill))?;
            // What another version bought is not this one's merit, and neither is it its fault.
            if counts && lot.counts {
                add(trips, Trip { order, quote, earned })?;
            }
            lot.qty = fits(lot.qty.checked_sub(qty))?;
            lot.fee = fits(lot.fee.checked_sub(of_lot))?;
            left = fits(left.checked_sub(qty))?;
            fee = fits(fee.checked_sub(of_fill))?;
            if lot.qty.is_zero() {
                self.lots.pop_front();
            }
        }
        if left > Decimal::ZERO {
            self.lots.push_back(Lot { side: fill.side, qty: left, price, fee, counts });
        }
        Ok(())
    }

    /// What is still open would earn at this price; `None` when nothing of it counts.
    pub(super) fn open(&self, price: Decimal) -> Result<Option<Decimal>, Uncounted> {
        let mut sum = None;
        for lot in self.lots.iter().filter(|lot| lot.counts) {
            let rise = fits(price.checked_sub(lot.price))?;
            let rise = if lot.side == Side::Buy { Some(rise) } else { rise.checked_neg() };
            let gross = fits(fits(rise)?.checked_mul(lot.qty, Rounding::Down))?;
            let earned = fits(gross.checked_sub(lot.fee))?;
            sum = Some(fits(sum.unwrap_or(Decimal::ZERO).checked_add(earned))?);
        }
        Ok(sum)
    }
}

/// So much of a fee as `qty` is of `whole`; what is rounded off one part is in the next.
fn part(fee: Decimal, qty: Decimal, whole: Decimal) -> Result<Decimal, Uncounted> {
    if qty == whole {
        return Ok(fee);
    }
    let product = fits(fee.checked_mul(qty, Rounding::Up))?;
    fits(product.checked_div(whole, Rounding::Up))
}

/// To the same order's trip, which is one of the last: what executes executes soon.
fn add(trips: &mut Vec<Trip>, trip: Trip) -> Result<(), Uncounted> {
    const LOOK_BACK: usize = 64;
    let same = |known: &&mut Trip| (known.order, known.quote) == (trip.order, trip.quote);
    match trips.iter_mut().rev().take(LOOK_BACK).find(same) {
        Some(known) => known.earned = fits(known.earned.checked_add(trip.earned))?,
        None => trips.push(trip),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::{Fee, Liquidity, Timestamp, TradeId, VenueOrderId};

    use super::*;

    fn number<T: std::str::FromStr>(text: &str) -> T {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    /// Order, side, qty, price, fee and its asset, does it count.
    type Line = (&'static str, Side, &'static str, &'static str, &'static str, &'static str, bool);

    fn run(lines: &[Line]) -> Result<(Vec<String>, Held), Uncounted> {
        let (mut held, mut trips) = (Held::default(), Vec::new());
        for (at, (order, side, qty, price, fee, asset, counts)) in (1..).zip(lines) {
            let fill = Fill {
                trade_id: TradeId::from_number(at),
                venue_order_id: VenueOrderId::from_number(at),
                client_order_id: None,
                instrument: number("BTC-USDT"),
                side: *side,
                price: number(price),
                qty: number(qty),
                fee: Some(Fee { asset: number(asset), amount: number(fee) }),
                liquidity: Liquidity::Taker,
                venue_time: Timestamp::EPOCH,
            };
            held.executed(&fill, (ClientOrderId::new(order).unwrap(), *counts), &mut trips)?;
        }
        Ok((trips.iter().map(|trip| format!("{} {}", trip.order, trip.earned)).collect(), held))
    }

    #[test]
    fn first_in_first_out_net_of_fees() {
        use Side::{Buy, Sell};
        let q = "USDT";
        let cases: &[(&[Line], &[&str])] = &[
            (&[("a", Buy, "1", "100", "0.1", q, true)], &[]),
            (
                &[("a", Buy, "1", "100", "0.1", q, true), ("b", Sell, "1", "103", "0.2", q, true)],
                &["b 2.7"],
            ),
            // Short first, with a rebate.
            (
                &[("a", Sell, "1", "100", "-0.1", q, true), ("b", Buy, "1", "98", "0", q, true)],
                &["b 2.1"],
            ),
            // Two lots closed by one order in two executions: one trip.
            (
                &[
                    ("a", Buy, "1", "100", "0", q, true),
                    ("b", Buy, "1", "110", "0", q, true),
                    ("c", Sell, "1.5", "120", "0.3", q, true),
                    ("c", Sell, "0.5", "100", "0.1", q, true),
                ],
                &["c 19.6"],
            ),
            // One order closes and opens the other way.
            (
                &[
                    ("a", Buy, "1", "100", "0", q, true),
                    ("b", Sell, "3", "101", "0.3", q, true),
                    ("c", Buy, "2", "99", "0", q, true),
                ],
                &["b 0.9", "c 3.8"],
            ),
            // The fee is taken from what was bought.
            (
                &[
                    ("a", Buy, "1", "100", "0.001", "BTC", true),
                    ("b", Sell, "0.999", "101", "0", q, true),
                ],
                &["b 0.899"],
            ),
            // What another version has bought, or sells, is not counted.
            (&[("a", Buy, "1", "1", "0", q, false), ("b", Sell, "1", "103", "0", q, true)], &[]),
            (
                &[
                    ("a", Buy, "1", "1", "0", q, false),
                    ("b", Buy, "1", "100", "0", q, true),
                    ("c", Sell, "2", "103", "0", q, true),
                ],
                &["c 3"],
            ),
        ];
        for (lines, expected) in cases {
            assert_eq!(run(lines).unwrap().0, *expected, "{lines:?}");
        }
        let odd = run(&[("a", Buy, "1", "100", "0.1", "BNB", true)]);
        assert_eq!(odd.unwrap_err(), Uncounted::FeeIn(number("BNB")));
    }

    #[test]
    fn what_is_open_is_worth_what_the_market_says() {
        let (_, held) = run(&[
            ("a", Side::Buy, "2", "100", "0.2", "USDT", true),
            ("b", Side::Sell, "1", "101", "0", "USDT", true),
        ])
        .unwrap();
        assert_eq!(held.open(number("90")).unwrap(), Some(number("-10.1")));
        let (_, other) = run(&[("a", Side::Buy, "2", "100", "0.2", "USDT", false)]).unwrap();
        assert_eq!(other.open(number("90")).unwrap(), None);
    }
}
