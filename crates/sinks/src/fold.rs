//! What was held before a record: positions and balances as the records so far say, so that a row can tell
//! them although its record does not.
//!
//! Only what rows need: the gateway's own books are another fold, and a reader of sinks has no need of them.
//! It is kept beside the cursor, so it has to be small: instruments, assets and agents are few.

use std::collections::BTreeMap;

use model::{
    Action, AgentId, Asset, Balance, Decimal, Entry, InstrumentId, IntentId, NetQty, Record, Side,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::journey::{Journey, Journeys};

/// Positions and balances up to an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fold {
    /// Net position by our fills; `None` where a sum could not be held.
    positions: BTreeMap<InstrumentId, Option<NetQty>>,
    balances: BTreeMap<Asset, Balance>,
    balances_at: Option<Timestamp>,
    /// The agent's position that its last decision was taken on.
    decided: BTreeMap<AgentId, (IntentId, NetQty)>,
    /// Records are missing: what is not told again since is not known.
    partial: bool,
    /// Orders on their way, for a sink of traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    journeys: Option<Journeys>,
}

/// What was held before a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Before {
    /// The account's, in the record's instrument.
    pub(crate) position: Option<Decimal>,
    /// The agent's, when it decided.
    pub(crate) agent_position: Option<Decimal>,
    /// Free, of the asset that the record's order pays with.
    pub(crate) balance: Option<(Asset, Decimal)>,
}

impl Fold {
    /// Records were missed: from here on only what is told anew is known.
    pub(crate) fn missed(&mut self) {
        let journeys = self.journeys.as_ref().map(|_| Journeys::default());
        *self = Fold { partial: true, journeys, ..Fold::default() };
    }

    /// Orders are followed from here on, or are not.
    pub(crate) fn follow(&mut self, orders: bool) {
        self.journeys = orders.then(|| self.journeys.take().unwrap_or_default());
    }

    /// The order that an entry is about, as it was before it; `None` where orders are not followed.
    pub(crate) fn journey(&self, entry: &Entry) -> Option<Journey> {
        self.journeys.as_ref()?.before(entry)
    }

    /// Takes an entry into account.
    pub(crate) fn pass(&mut self, entry: &Entry) {
        self.add(&entry.record);
        if let Some(journeys) = &mut self.journeys {
            journeys.add(entry);
        }
    }

    /// What was held before this record.
    pub(crate) fn before(&self, record: &Record) -> Before {
        let agent_position = match record {
            Record::Decided { position, .. } => Some(*position),
            Record::Prepared { agent, intent, .. } => {
                let decided = self.decided.get(agent).filter(|(id, _)| id == intent);
                decided.map(|(_, position)| *position)
            }
            _ => None,
        };
        let Some((instrument, side)) = traded(record) else {
            return Before { agent_position: agent_position.map(NetQty::get), ..Before::default() };
        };
        let position = match self.positions.get(&instrument) {
            Some(position) => *position,
            None => (!self.partial).then_some(NetQty::ZERO),
        };
        Before {
            position: position.map(NetQty::get),
            agent_position: agent_position.map(NetQty::get),
            balance: side.and_then(|side| self.balance(instrument, side)),
        }
    }

    fn balance(&self, instrument: InstrumentId, side: Side) -> Option<(Asset, Decimal)> {
        let (base, quote) = instrument.assets()?;
        let asset = if side == Side::Buy { quote } else { base };
        self.balances.get(&asset).map(|balance| (asset, balance.free.get()))
    }

    fn add(&mut self, record: &Record) {
        match record {
            Record::Decided { intent, position, .. } => {
                self.decided.insert(intent.agent, (intent.id, *position));
            }
            Record::Filled { fill, .. } => {
                self.shift(fill.instrument, NetQty::of(fill.side, fill.qty));
            }
            Record::Busted { fill, .. } => {
                let back = if fill.side == Side::Buy { Side::Sell } else { Side::Buy };
                self.shift(fill.instrument, NetQty::of(back, fill.qty));
            }
            // As in the gateway's books: an older word does not replace a newer one.
            Record::Balances { balances, venue_time, .. }
                if self.balances_at.is_none_or(|at| at <= *venue_time) =>
            {
                self.balances_at = Some(*venue_time);
                self.balances.extend(balances);
            }
            _ => {}
        }
    }

    fn shift(&mut self, instrument: InstrumentId, by: NetQty) {
        let unknown = (!self.partial).then_some(NetQty::ZERO);
        let position = self.positions.entry(instrument).or_insert(unknown);
        *position = position.and_then(|net| net.checked_add(by));
    }
}

/// The instrument of a record that is about trading it, and on which side, as far as that is one.
fn traded(record: &Record) -> Option<(InstrumentId, Option<Side>)> {
    match record {
        Record::Decided { intent, .. } => match &intent.action {
            Action::Place(spec) => Some((spec.instrument, Some(spec.side))),
            Action::CancelAll(instrument) => Some((*instrument, None)),
            Action::Cancel(_) | Action::Halt => None,
        },
        Record::Prepared { order, .. } => Some((order.instrument, Some(order.side))),
        Record::Filled { fill, .. } | Record::Busted { fill, .. } => {
            Some((fill.instrument, Some(fill.side)))
        }
        Record::Flatten { instrument, .. } => Some((*instrument, None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(side: Side, qty: &str) -> Record {
        let text = format!(
            r#"{{"kind":"filled","client_order_id":null,"fill":{{"trade_id":"1","venue_order_id":"1",
                "client_order_id":null,"instrument":"BTC-USDT","side":"{}","price":"60000","qty":"{qty}",
                "fee":null,"liquidity":"taker","venue_time":5}},"late":false}}"#,
            if side == Side::Buy { "buy" } else { "sell" }
        );
        serde_json::from_str(&text).unwrap()
    }

    fn position(fold: &Fold) -> Option<String> {
        fold.before(&filled(Side::Buy, "1")).position.map(|position| position.to_string())
    }

    #[test]
    fn a_position_is_the_sum_of_the_fills_before() {
        let mut fold = Fold::default();
        let mut seen = vec![position(&fold)];
        for record in [filled(Side::Buy, "0.5"), filled(Side::Sell, "0.7")] {
            fold.add(&record);
            seen.push(position(&fold));
        }
        let Record::Filled { client_order_id, fill, .. } = filled(Side::Sell, "0.7") else {
            panic!("it is one")
        };
        fold.add(&Record::Busted { client_order_id, fill });
        seen.push(position(&fold));
        let expected = ["0", "0.5", "-0.2", "0.5"].map(|text| Some(text.to_owned()));
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_was_missed_is_not_made_up() {
        let mut fold = Fold::default();
        fold.add(&filled(Side::Buy, "0.5"));
        fold.missed();
        fold.add(&filled(Side::Buy, "0.5"));
        assert_eq!(position(&fold), None, "a sum without its beginning is none");
    }

    #[test]
    fn an_older_balance_does_not_replace_a_newer_one() {
        let told = |free: &str, at: i64| {
            let text = format!(
                r#"{{"kind":"balances","balances":{{"USDT":{{"free":"{free}","locked":"0"}}}},"venue_time":{at}}}"#
            );
            serde_json::from_str::<Record>(&text).unwrap()
        };
        let mut fold = Fold::default();
        fold.add(&told("100", 9));
        fold.add(&told("50", 8));
        let (asset, free) = fold.before(&filled(Side::Buy, "1")).balance.unwrap();
        assert_eq!((asset.as_str(), free.to_string().as_str()), ("USDT", "100"));
        assert_eq!(fold.before(&filled(Side::Sell, "1")).balance, None, "no word on BTC");
        let text = serde_json::to_string(&fold).unwrap();
        assert_eq!(serde_json::from_str::<Fold>(&text).unwrap(), fold);
    }
}
