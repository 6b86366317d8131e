//! The truth: every order, execution and balance, as plain data for whoever wants to compare.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use model::venue::VenueOrder;
use model::{AccountId, Asset, Balance, Decimal, Fill, Side};

use crate::venue::SimVenue;

/// Everything that is true at the exchange.
#[derive(Clone, Debug)]
pub struct Oracle {
    /// All orders ever accepted, oldest first.
    pub orders: Vec<OracleOrder>,
    /// All executions of accounts, by account and instrument, oldest first.
    pub fills: Vec<OracleFill>,
    /// Balances by account.
    pub balances: BTreeMap<AccountId, BTreeMap<Asset, Balance>>,
    /// What the market around the accounts gained, per asset.
    pub market: BTreeMap<Asset, Decimal>,
    /// Fees collected, per asset.
    pub fees: BTreeMap<Asset, Decimal>,
}

/// An order with its owner.
#[derive(Clone, Debug)]
pub struct OracleOrder {
    /// Whose.
    pub account: AccountId,
    /// The order.
    pub order: VenueOrder,
}

/// An execution with its owner.
#[derive(Clone, Debug)]
pub struct OracleFill {
    /// Whose.
    pub account: AccountId,
    /// The execution.
    pub fill: Fill,
}

impl SimVenue {
    /// All books, copied.
    pub fn oracle(&self) -> Oracle {
        let orders = self.orders.iter().enumerate().map(|(index, order)| OracleOrder {
            account: self.accounts.id(order.account),
            order: self.tell(index),
        });
        let fills = self.fills.iter().flat_map(|((account, _), fills)| {
            let account = self.accounts.id(*account);
            fills.iter().map(move |fill| OracleFill { account, fill: *fill })
        });
        Oracle {
            orders: orders.collect(),
            fills: fills.collect(),
            balances: self.accounts.iter().map(|(id, funds)| (id, funds.all().collect())).collect(),
            market: self.market_ledger.clone(),
            fees: self.fee_ledger.clone(),
        }
    }

    /// A hash of everything that can be seen from outside: books, orders, executions, balances.
    pub fn state_hash(&self) -> u64 {
        let mut text = String::new();
        for market in &self.markets {
            for side in [Side::Buy, Side::Sell] {
                for (price, queue) in market.book.levels(side) {
                    let price = market.grid.price(price);
                    let total =
                        crate::order::qty(&market.grid, model::market::GridQty(queue.total));
                    // Writing to a string cannot fail.
                    let _ = write!(text, "{side:?} {price:?} {total};");
                }
            }
        }
        for order in &self.orders {
            let tell = self.tell(order.id as usize - 1);
            let _ = write!(
                text,
                "{} {} {:?} {} {};",
                tell.id, tell.client_order_id, tell.status, tell.filled, tell.filled_notional
            );
        }
        for ((account, _), fills) in &self.fills {
            for fill in fills {
                let _ = write!(text, "{account} {} {} {};", fill.side as u8, fill.price, fill.qty);
            }
        }
        for (id, funds) in self.accounts.iter() {
            for (asset, balance) in funds.all() {
                let _ = write!(text, "{id} {asset} {} {};", balance.free, balance.locked);
            }
        }
        fnv(text.as_bytes())
    }
}

/// FNV-1a: short, and the same on every machine.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
