//! The end: what the journal says and what the exchange's own books say, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use anyhow::{Context as _, bail};
use journal::Summary;
use model::{Amount, Asset, ClientOrderId, Decimal, Entry, Record};
use serde_json::{Value, json};

/// The two accounts of what happened.
pub(super) struct Report {
    summary: Summary,
    accepted: u64,
    truth: Truth,
}

/// What the exchange says of the demo's account.
pub(super) struct Truth {
    orders: u64,
    open: u64,
    fills: u64,
    position: Decimal,
    balances: BTreeMap<Asset, Decimal>,
}

impl Report {
    pub(super) fn new(entries: &[Entry], state: &Value) -> anyhow::Result<Report> {
        // An order whose outcome was open for a while is heard of more than once.
        let accepted: BTreeSet<ClientOrderId> = entries
            .iter()
            .filter_map(|entry| match &entry.record {
                Record::Accepted { client_order_id, .. } => Some(*client_order_id),
                _ => None,
            })
            .collect();
        Ok(Report {
            summary: Summary::from_entries(entries),
            accepted: accepted.len() as u64,
            truth: Truth::read(state).context("the exchange's books cannot be read")?,
        })
    }

    fn position(&self) -> Decimal {
        let positions = self.summary.positions.values();
        positions.fold(Decimal::ZERO, |sum, net| sum.checked_add(net.get()).unwrap_or(sum))
    }

    fn position_agrees(&self) -> bool {
        self.position() == self.truth.position && self.summary.fills == self.truth.fills
    }

    /// Our own count (first balance plus every execution) against the exchange's balances.
    fn balance_agrees(&self) -> bool {
        !self.truth.balances.is_empty()
            && self.truth.balances.iter().all(|(asset, theirs)| self.counted(*asset) == *theirs)
    }

    fn counted(&self, asset: Asset) -> Decimal {
        self.summary.counted.get(&asset).map_or(Decimal::ZERO, |amount: &Amount| amount.get())
    }

    pub(super) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if as_json {
            writeln!(out, "{}", self.json())?;
            return Ok(());
        }
        writeln!(out, "\n{:<28}{:>18}{:>18}", "", "our journal", "the exchange")?;
        for (name, ours, theirs) in self.rows() {
            let mark = if ours == theirs { "" } else { "  DIFFERS" };
            writeln!(out, "{name:<28}{ours:>18}{theirs:>18}{mark}")?;
        }
        writeln!(out)?;
        let summary = &self.summary;
        for (name, count) in [
            ("executions while away", summary.late_fills),
            ("reconnects", summary.reconnects),
            ("gaps in the book", summary.gaps),
            ("duplicates dropped", summary.duplicates_dropped),
            ("orders in doubt for a while", summary.in_doubt),
            ("differences found", summary.discrepancies_found),
            ("refused by guardrails", summary.refused),
            ("halts", summary.halts),
            ("rate limits hit", summary.rate_limit_hits),
        ] {
            writeln!(out, "{name:<28}{count:>18}")?;
        }
        let left = summary.discrepancies_left.map_or("unknown".to_owned(), |left| left.to_string());
        writeln!(out, "{:<28}{left:>18}", "differences left")?;
        if self.verdict().is_ok() {
            let (count, so) = match summary.late_fills {
                1 => (1, "execution"),
                count => (count, "executions"),
            };
            writeln!(out, "\nBoth agree, on {count} {so} that nobody was there to hear of, too.")?;
        }
        Ok(())
    }

    fn rows(&self) -> Vec<(String, String, String)> {
        let truth = &self.truth;
        let mut rows = vec![
            ("orders accepted".to_owned(), self.accepted.to_string(), truth.orders.to_string()),
            ("executions".to_owned(), self.summary.fills.to_string(), truth.fills.to_string()),
            (
                "net executed, BTC".to_owned(),
                self.position().to_string(),
                truth.position.to_string(),
            ),
        ];
        for (asset, theirs) in &truth.balances {
            rows.push((
                format!("balance, {asset}"),
                self.counted(*asset).to_string(),
                theirs.to_string(),
            ));
        }
        rows
    }

    fn json(&self) -> Value {
        let summary = &self.summary;
        json!({
            "orders": summary.orders,
            "fills": summary.fills,
            "fills_while_away": summary.late_fills,
            "reconnects": summary.reconnects,
            "gaps": summary.gaps,
            "duplicates_dropped": summary.duplicates_dropped,
            "discrepancies_found": summary.discrepancies_found,
            "discrepancies_left": summary.discrepancies_left,
            "halts": summary.halts,
            "position_agrees": self.position_agrees(),
            "balance_agrees": self.balance_agrees(),
            "rate_limit_hits": summary.rate_limit_hits,
        })
    }

    /// Anything that does not agree fails the demo.
    pub(super) fn verdict(&self) -> anyhow::Result<()> {
        let truth = &self.truth;
        if !self.position_agrees() {
            bail!(
                "our journal has {} executions, net {}, and the exchange {} executions, net {}",
                self.summary.fills,
                self.position(),
                truth.fills,
                truth.position
            );
        }
        if !self.balance_agrees() {
            bail!("balances differ: {:?} and {:?}", self.summary.counted, truth.balances);
        }
        if self.accepted != truth.orders {
            bail!("{} orders by our journal, {} at the exchange", self.accepted, truth.orders);
        }
        if self.summary.discrepancies_left != Some(0) {
            bail!("differences are left: {:?}", self.summary.discrepancies_left);
        }
        if self.summary.late_fills == 0 {
            bail!(
                "nothing executed while every connection was cut, so nothing is proven about it; \
                 try another --market, or a higher --speed"
            );
        }
        if truth.open > 0 {
            bail!("{} orders are still open at the exchange", truth.open);
        }
        Ok(())
    }
}

impl Truth {
    /// How many executions the account has.
    pub(super) fn executions(&self) -> u64 {
        self.fills
    }

    /// Do orders rest there?
    pub(super) fn has_resting_orders(&self) -> bool {
        self.open > 0
    }

    /// From `GET /_sim/state`; the demo has one account.
    pub(super) fn read(state: &Value) -> anyhow::Result<Truth> {
        let list = |name: &str| state[name].as_array().with_context(|| format!("no {name}"));
        let (orders, fills) = (list("orders")?, list("fills")?);
        let open =
            |order: &&Value| matches!(order["status"].as_str(), Some("new" | "partially_filled"));
        let mut position = Decimal::ZERO;
        for fill in fills {
            let qty = decimal(&fill["qty"])?;
            let signed = match fill["side"].as_str() {
                Some("buy") => Some(qty),
                _ => qty.checked_neg(),
            };
            let sum = signed.and_then(|signed| position.checked_add(signed));
            position = sum.context("executions do not add up")?;
        }
        let accounts = state["balances"].as_object().context("no balances")?;
        let held = accounts.values().next().and_then(Value::as_object).context("no account")?;
        let mut balances = BTreeMap::new();
        for (asset, balance) in held {
            let total = decimal(&balance["free"])?.checked_add(decimal(&balance["locked"])?);
            balances.insert(asset.parse()?, total.context("a balance does not add up")?);
        }
        Ok(Truth {
            orders: orders.len() as u64,
            open: orders.iter().filter(open).count() as u64,
            fills: fills.len() as u64,
            position,
            balances,
        })
    }
}

fn decimal(value: &Value) -> anyhow::Result<Decimal> {
    let text = value.as_str().with_context(|| format!("{value} is no number"))?;
    text.parse().map_err(|error| anyhow::anyhow!("{text}: {error}"))
}
