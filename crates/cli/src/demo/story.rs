//! Tells what happens in plain words, from nothing but the gateway's journal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use journal::{JournalReader, Summary};
use model::{
    ClientOrderId, Discrepancy, Entry, Link, Notional, OrderQty, Qty, Record, Rounding, Side,
    TradingState,
};

/// Time for the gateway to make its journal.
const OPEN_MAX: Duration = Duration::from_secs(10);
/// Fills that are told one by one; after that only in the live display.
const FILLS_TOLD_MAX: u64 = 12;

/// The journal as far as it has been read.
pub(super) struct Story {
    reader: JournalReader,
    last: u64,
    entries: Vec<Entry>,
    summary: Summary,
    state: TradingState,
    /// What may still fill of orders, base units, and on which side.
    leaves: BTreeMap<ClientOrderId, (Side, Qty)>,
    /// Those of them that the venue has.
    resting: BTreeSet<ClientOrderId>,
    fills_told: u64,
    away: bool,
}

impl Story {
    /// Waits for the journal to be there.
    pub(super) async fn open(path: PathBuf) -> anyhow::Result<Story> {
        let end = tokio::time::Instant::now() + OPEN_MAX;
        let reader = loop {
            match JournalReader::open(&path) {
                Ok(reader) => break reader,
                Err(error) if tokio::time::Instant::now() > end => {
                    return Err(error).context("the gateway made no journal");
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        Ok(Story {
            reader,
            last: 0,
            entries: Vec::new(),
            summary: Summary::default(),
            state: TradingState::Starting,
            leaves: BTreeMap::new(),
            resting: BTreeSet::new(),
            fills_told: 0,
            away: false,
        })
    }

    /// Reads what is new and tells it.
    pub(super) fn catch_up(&mut self, mut say: impl FnMut(&str)) -> anyhow::Result<()> {
        let mut new = Vec::new();
        self.reader.replay(self.last, &mut |seq, entry| {
            new.push((seq, entry));
            Ok(())
        })?;
        for (seq, entry) in new {
            self.last = seq;
            self.summary.add(&entry);
            if let Some(line) = self.tell(&entry) {
                say(&line);
            }
            self.entries.push(entry);
        }
        Ok(())
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn is_active(&self) -> bool {
        self.state == TradingState::Active
    }

    /// Do orders rest on both sides?
    pub(super) fn has_resting_orders(&self) -> bool {
        let sides = self.resting.iter().filter_map(|id| self.leaves.get(id));
        let sides: BTreeSet<Side> = sides.map(|(side, _)| *side).collect();
        sides.len() == 2
    }

    /// How many executions the journal has.
    pub(super) fn executions(&self) -> u64 {
        self.summary.fills
    }

    /// One line for the live display.
    pub(super) fn status(&self) -> String {
        let position = self.summary.positions.values().next();
        let position = position.map_or_else(|| "0".to_owned(), ToString::to_string);
        format!(
            "{}  position {position} BTC  {} orders  {} fills  {} reconnects",
            self.state.name(),
            self.summary.orders,
            self.summary.fills,
            self.summary.reconnects,
        )
    }

    fn tell(&mut self, entry: &Entry) -> Option<String> {
        match &entry.record {
            Record::Started { .. } => {
                Some("The journal is open; what is written there comes before what is sent.".into())
            }
            Record::Link { link, up, cause } => Some(self.link(*link, *up, cause)),
            Record::Trading { state, cause, .. } => {
                self.state = *state;
                Some(match state {
                    TradingState::Active => "Books agree with the exchange: trading.".to_owned(),
                    other => format!("Not trading ({}): {cause}.", other.name()),
                })
            }
            Record::Prepared { order, .. } => {
                if let OrderQty::Base(qty) = order.qty {
                    self.leaves.insert(order.client_order_id, (order.side, qty));
                }
                None
            }
            Record::Accepted { client_order_id, .. } => {
                self.resting.insert(*client_order_id);
                None
            }
            Record::Ended { client_order_id, .. } | Record::Rejected { client_order_id, .. } => {
                self.over(client_order_id);
                None
            }
            Record::Filled { client_order_id, fill, late } => {
                if let Some(id) = client_order_id {
                    self.filled(id, fill.qty);
                }
                self.fill(fill, *late)
            }
            Record::InDoubt { client_order_id, because } => Some(format!(
                "No answer about {client_order_id} ({because}): in doubt, it is asked for and \
                 never sent again."
            )),
            Record::Discrepancy { found } => Some(discrepancy(found)),
            Record::Reconciled { found, left, .. } if self.away || *found > 0 => {
                self.away = false;
                Some(format!("Reconciled: {found} differences found and corrected, {left} left."))
            }
            Record::Gap { detail, .. } => Some(format!("The book has a hole ({detail}): rebuilt.")),
            Record::RateLimited { wait, .. } => {
                Some(format!("The exchange says too many requests: everything waits {wait:?}."))
            }
            Record::BudgetWait { limiter, wait, requests } => Some(format!(
                "{requests} requests waited, the longest {wait:.1?}, to stay within {limiter}."
            )),
            Record::Agent { agent, event, .. } if event != "up" => {
                Some(format!("Agent {agent}: {event}."))
            }
            Record::AgentDisabled { agent, cause } => {
                Some(format!("Agent {agent} is disabled until a person enables it: {cause}."))
            }
            Record::Refused { because, .. } => {
                Some(format!("A guardrail refused an order: {because}."))
            }
            Record::Busted { fill, .. } => {
                Some(format!("The exchange takes execution {} back.", fill.trade_id))
            }
            Record::Foreign { order } => Some(format!("An order that is not ours: {}.", order.id)),
            Record::Stopped
            | Record::EquityMark { .. }
            | Record::Breaker { .. }
            | Record::Reconciled { .. }
            | Record::Decided { .. }
            | Record::CancelPrepared { .. }
            | Record::CancelRejected { .. }
            | Record::Triggered { .. }
            | Record::ForeignGone { .. }
            | Record::ForeignCancel { .. }
            | Record::DifferencesAccepted { .. }
            | Record::Balances { .. }
            | Record::Transferred { .. }
            | Record::TransferKnown { .. }
            | Record::Flatten { .. }
            | Record::ResumeRequested { .. }
            | Record::ResumeRefused { .. }
            | Record::Resumed { .. }
            | Record::Duplicates { .. }
            | Record::MissedTrades { .. }
            | Record::HandedOver { .. }
            | Record::Rules { .. }
            | Record::Feed { .. }
            | Record::Limits { .. }
            | Record::GateOverridden { .. }
            | Record::Ramp { .. }
            | Record::AgentEnabled { .. }
            | Record::KeyAudited { .. }
            | Record::Answered { .. }
            | Record::Alerted { .. }
            | Record::Agent { .. } => None,
        }
    }

    fn filled(&mut self, id: &ClientOrderId, qty: Qty) {
        let Some((_, leaves)) = self.leaves.get_mut(id) else { return };
        *leaves = leaves.saturating_sub(qty);
        if leaves.is_zero() {
            self.over(id);
        }
    }

    fn over(&mut self, id: &ClientOrderId) {
        self.leaves.remove(id);
        self.resting.remove(id);
    }

    fn link(&mut self, link: Link, up: bool, cause: &str) -> String {
        let name = match link {
            Link::Market => "Market streams",
            Link::Account => "Account stream",
        };
        if up {
            return format!("{name}: connected.");
        }
        self.away = true;
        format!("{name}: lost ({cause}).")
    }

    fn fill(&mut self, fill: &model::Fill, late: bool) -> Option<String> {
        if !late {
            self.fills_told += 1;
            if self.fills_told > FILLS_TOLD_MAX {
                return None;
            }
        }
        let verb = match fill.side {
            Side::Buy => "Bought",
            Side::Sell => "Sold",
        };
        let notional = fill.price.notional(fill.qty, Rounding::Down).unwrap_or(Notional::ZERO);
        let when = if late { ", while we were away" } else { "" };
        let more = if self.fills_told == FILLS_TOLD_MAX && !late { " (and so on)" } else { "" };
        Some(format!("{verb} {} at {} for {notional} USDT{when}.{more}", fill.qty, fill.price))
    }
}

fn discrepancy(found: &Discrepancy) -> String {
    match found {
        Discrepancy::MissedFill { trade_id, .. } => {
            format!("Found: execution {trade_id} happened while we were away.")
        }
        Discrepancy::MissedEnd { client_order_id, ending } => {
            format!("Found: {client_order_id} had ended meanwhile ({ending:?}).")
        }
        Discrepancy::MissedAccept { client_order_id } => {
            format!("Found: {client_order_id} had reached the exchange after all.")
        }
        Discrepancy::UnknownToVenue { client_order_id } => {
            format!("Found: the exchange does not show {client_order_id} as open; asking.")
        }
        Discrepancy::Foreign { venue_order_id, .. } => {
            format!("Found: order {venue_order_id} on the account is not ours.")
        }
        Discrepancy::Balance { asset, ours, theirs } => {
            format!("Found: {asset} is {theirs} there and {ours} here.")
        }
        Discrepancy::MissedTrigger { .. }
        | Discrepancy::Ghost { .. }
        | Discrepancy::Deposit { .. }
        | Discrepancy::Dust { .. }
        | Discrepancy::Busted { .. }
        | Discrepancy::TwoIds { .. }
        | Discrepancy::NotUnderstood { .. }
        | Discrepancy::Overfill { .. } => format!("Found: {found}."),
    }
}
