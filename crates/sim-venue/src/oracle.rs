//! The truth: every order, execution and balance, as plain data for whoever wants to compare.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use model::venue::VenueOrder;
use model::{AccountId, Asset, Balance, Decimal, Fill, Side};

use crate::venue::SimVenue;

/// Everything that is true at the exchange.
#[derive(Clone, Debug)]
pub struct Oracle {
    /// All orders that were accepted, oldest first, unless they were to be forgotten.
    pub orders: Vec<OracleOrder>,
    /// All executions of accounts, by account and instrument, oldest first, likewise.
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
        let orders = self.orders.iter().map(|(index, order)| OracleOrder {
            account: self.accounts.id(order.account),
            order: self.tell(index),
        });
        let fills = self.desks.iter().enumerate().flat_map(|(account, desks)| {
            let account = self.accounts.id(account);
            let fills = desks.iter().flat_map(|desk| &desk.fills);
            fills.map(move |fill| OracleFill { account, fill: *fill })
        });
        Oracle {
            orders: orders.collect(),
            fills: fills.collect(),
            balances: self.accounts.iter().map(|(id, funds)| (id, funds.all().collect())).collect(),
            market: self.market_ledger.clone(),
            fees: self.fee_ledger.clone(),
        }
    }

    /// A hash of everything that can be seen from outside: books, prints, orders, executions,
    /// balances and ledgers.
    pub fn state_hash(&self) -> u64 {
        fnv(self.describe().as_bytes())
    }

    /// What is hashed, one fact a line; assets of which there is nothing are left out.
    pub(crate) fn describe(&self) -> String {
        let mut text = String::new();
        for market in &self.markets {
            let last = market.tape.last().map(|trade| (trade.id, trade.price, trade.qty));
            line(&mut text, format_args!("{} {last:?}", market.instrument.id));
            for side in [Side::Buy, Side::Sell] {
                for queue in market.book.levels(side) {
                    line(&mut text, format_args!("{side:?} {:?} {}", queue.price(), queue.total()));
                }
            }
        }
        for (index, order) in self.orders.iter() {
            line(&mut text, format_args!("{} {:?}", order.account, self.tell(index)));
        }
        for desk in self.desks.iter().flatten() {
            desk.fills.iter().for_each(|fill| line(&mut text, format_args!("{fill:?}")));
        }
        for (id, funds) in self.accounts.iter() {
            for (asset, balance) in funds.all().filter(|(_, balance)| *balance != Balance::ZERO) {
                line(&mut text, format_args!("{id} {asset} {balance:?}"));
            }
        }
        for (name, ledger) in [("market", &self.market_ledger), ("fees", &self.fee_ledger)] {
            for (asset, sum) in ledger.iter().filter(|(_, sum)| !sum.is_zero()) {
                line(&mut text, format_args!("{name} {asset} {sum}"));
            }
        }
        text
    }
}

fn line(text: &mut String, fact: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{fact}");
}

/// FNV-1a: short, and the same on every machine.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
