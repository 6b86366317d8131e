//! One difference between our books and the venue's: what it is, what corrects it, and whether a person
//! has to look at it.
//!
//! Corrected by reading, never by trading. `docs/reconciliation.md` is the same table in words.

use serde::{Deserialize, Serialize};

use crate::ids::{Asset, ClientOrderId, InstrumentId, TradeId, VenueOrderId};
use crate::life::Ending;
use crate::money::{Amount, Qty};

/// One difference between our books and the venue's. Corrected by reading, never by trading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "discrepancy")]
pub enum Discrepancy {
    /// It executed while we were away.
    MissedFill {
        /// Our name for the order, if it is ours.
        client_order_id: Option<ClientOrderId>,
        /// The execution.
        trade_id: TradeId,
    },
    /// It ended while we were away.
    MissedEnd {
        /// Which order.
        client_order_id: ClientOrderId,
        /// How.
        ending: Ending,
    },
    /// Its trigger was reached while we were away.
    MissedTrigger {
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// It was in doubt, or thought unsent, and the venue has it.
    MissedAccept {
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// It was proven not to be at the venue, never placed or lost, and the venue has it.
    Ghost {
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// The venue does not know an order that we believe open. Not yet proof of anything.
    UnknownToVenue {
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// The venue has an order that we did not place.
    Foreign {
        /// Of which instrument. `None` in journals of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instrument: Option<InstrumentId>,
        /// The venue's name for it.
        venue_order_id: VenueOrderId,
    },
    /// A balance differs after all fills are in, and no deposit or withdrawal was told.
    Balance {
        /// Of which asset.
        asset: Asset,
        /// What we thought.
        ours: Amount,
        /// What the venue says.
        theirs: Amount,
    },
    /// Funds came that nobody told of, and nothing went for them: a deposit that only the balance shows.
    Deposit {
        /// Of which asset.
        asset: Asset,
        /// How much.
        amount: Amount,
    },
    /// A balance differs by less than the smallest step in which it can be traded.
    Dust {
        /// Of which asset.
        asset: Asset,
        /// What we thought.
        ours: Amount,
        /// What the venue says.
        theirs: Amount,
    },
    /// An execution that was counted is not in the venue's history any more, and its balances are as if
    /// it had never been.
    Busted {
        /// Our name for the order, if it is ours.
        client_order_id: Option<ClientOrderId>,
        /// Of which instrument.
        instrument: InstrumentId,
        /// The execution.
        trade_id: TradeId,
    },
    /// An execution is told under another id than the one that it is counted under.
    TwoIds {
        /// Of which order.
        client_order_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
        /// The other id.
        trade_id: TradeId,
        /// The id that it is counted under.
        counted_as: TradeId,
    },
    /// The venue's lists or its stream have something that is not understood: an order of which not even
    /// side and size can be read, or a row among the executions that is not a plain one.
    NotUnderstood {
        /// Of which instrument.
        instrument: Option<InstrumentId>,
        /// Of which order, by the venue's name.
        venue_order_id: Option<VenueOrderId>,
        /// The venue's name for the row where it is one of the executions; `None` where it is an order.
        trade_id: Option<TradeId>,
        /// What is not understood.
        because: String,
    },
    /// The venue executed more of an order than was ordered.
    Overfill {
        /// Which order.
        client_order_id: ClientOrderId,
        /// Base units ordered.
        ordered: Qty,
        /// Base units executed so far.
        filled: Qty,
    },
}

impl Discrepancy {
    /// Its kind, as it stands in the journal.
    pub const fn kind(&self) -> &'static str {
        match self {
            Discrepancy::MissedFill { .. } => "missed_fill",
            Discrepancy::MissedEnd { .. } => "missed_end",
            Discrepancy::MissedTrigger { .. } => "missed_trigger",
            Discrepancy::MissedAccept { .. } => "missed_accept",
            Discrepancy::Ghost { .. } => "ghost",
            Discrepancy::UnknownToVenue { .. } => "unknown_to_venue",
            Discrepancy::Foreign { .. } => "foreign",
            Discrepancy::Balance { .. } => "balance",
            Discrepancy::Deposit { .. } => "deposit",
            Discrepancy::Dust { .. } => "dust",
            Discrepancy::Busted { .. } => "busted",
            Discrepancy::TwoIds { .. } => "two_ids",
            Discrepancy::NotUnderstood { .. } => "not_understood",
            Discrepancy::Overfill { .. } => "overfill",
        }
    }

    /// What is done about it.
    pub const fn correction(&self) -> &'static str {
        match self {
            Discrepancy::MissedFill { .. } => "counted with its own price and fee",
            Discrepancy::MissedEnd { .. } => "ended in our books, with its executions read before",
            Discrepancy::MissedTrigger { .. } => "noted: it is on the book",
            Discrepancy::MissedAccept { .. } => "noted: it is at the venue",
            Discrepancy::Ghost { .. } => "open again, and taken back until it is over",
            Discrepancy::UnknownToVenue { .. } => "asked for until its end or absence is proven",
            Discrepancy::Foreign { .. } => "counted in every worst case, and by `foreign_orders`",
            Discrepancy::Balance { .. } => "none: nothing adds risk until a person accepts it",
            Discrepancy::Deposit { .. } => "taken over as a deposit",
            Discrepancy::Dust { .. } => "taken over",
            Discrepancy::Busted { .. } => "taken out of the books; no order answers it",
            Discrepancy::TwoIds { .. } => "counted once",
            Discrepancy::NotUnderstood { .. } => {
                "none: nothing adds risk until a person accepts it"
            }
            Discrepancy::Overfill { .. } => "counted in full",
        }
    }

    /// Has a person to look at it before risk is added again, although our books are right by now? It
    /// says that the venue does what it should not.
    pub const fn must_be_accepted(&self) -> bool {
        match self {
            Discrepancy::Busted { .. }
            | Discrepancy::TwoIds { .. }
            | Discrepancy::NotUnderstood { .. }
            | Discrepancy::Overfill { .. } => true,
            Discrepancy::MissedFill { .. }
            | Discrepancy::MissedEnd { .. }
            | Discrepancy::MissedTrigger { .. }
            | Discrepancy::MissedAccept { .. }
            | Discrepancy::Ghost { .. }
            | Discrepancy::UnknownToVenue { .. }
            | Discrepancy::Foreign { .. }
            | Discrepancy::Balance { .. }
            | Discrepancy::Deposit { .. }
            | Discrepancy::Dust { .. } => false,
        }
    }
}

impl std::fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Discrepancy::MissedFill { client_order_id: Some(id), trade_id } => {
                write!(f, "execution {trade_id} of order {id} had not been told")
            }
            Discrepancy::MissedFill { client_order_id: None, trade_id } => {
                write!(f, "execution {trade_id} of somebody else's order had not been told")
            }
            Discrepancy::MissedEnd { client_order_id, ending } => {
                write!(f, "order {client_order_id} had ended ({})", ending.word())
            }
            Discrepancy::MissedTrigger { client_order_id } => {
                write!(f, "the trigger of order {client_order_id} had been reached")
            }
            Discrepancy::MissedAccept { client_order_id } => {
                write!(f, "order {client_order_id} is at the venue after all")
            }
            Discrepancy::Ghost { client_order_id } => {
                write!(f, "order {client_order_id} is at the venue after it was proven not to be")
            }
            Discrepancy::UnknownToVenue { client_order_id } => {
                write!(f, "order {client_order_id} is not among the venue's open orders")
            }
            Discrepancy::Foreign { instrument: Some(instrument), venue_order_id } => {
                write!(f, "order {venue_order_id} of {instrument} was not placed by this gateway")
            }
            Discrepancy::Foreign { instrument: None, venue_order_id } => {
                write!(f, "order {venue_order_id} was not placed by this gateway")
            }
            Discrepancy::Balance { asset, ours, theirs } => {
                write!(f, "{asset} is {theirs} at the venue and {ours} by our count")
            }
            Discrepancy::Deposit { asset, amount } => {
                write!(f, "{amount} {asset} came that nobody told of")
            }
            Discrepancy::Dust { asset, ours, theirs } => {
                write!(f, "{asset} is {theirs} at the venue and {ours} by our count: dust")
            }
            Discrepancy::Busted { trade_id, instrument, .. } => {
                write!(f, "execution {trade_id} of {instrument} was taken back by the venue")
            }
            Discrepancy::TwoIds { client_order_id, trade_id, counted_as, .. } => {
                write!(f, "execution {trade_id} of order {client_order_id} is {counted_as} again")
            }
            Discrepancy::NotUnderstood { venue_order_id, trade_id, because, .. } => {
                f.write_str("what the venue says")?;
                if let Some(id) = trade_id {
                    write!(f, " in execution {id}")?;
                }
                if let Some(id) = venue_order_id {
                    write!(f, " of order {id}")?;
                }
                write!(f, " is not understood: {because}")
            }
            Discrepancy::Overfill { client_order_id, ordered, filled } => {
                write!(f, "{filled} of order {client_order_id} executed, {ordered} was ordered")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of all kinds, as they stand in the journal.
    const KINDS: [&str; 14] = [
        "missed_fill",
        "missed_end",
        "missed_trigger",
        "missed_accept",
        "ghost",
        "unknown_to_venue",
        "foreign",
        "balance",
        "deposit",
        "dust",
        "busted",
        "two_ids",
        "not_understood",
        "overfill",
    ];

    #[test]
    fn the_kind_is_what_stands_in_the_journal() {
        let order = ClientOrderId::new("o").unwrap();
        let (asset, instrument) =
            (Asset::new("BTC").unwrap(), InstrumentId::new("BTC-USDT").unwrap());
        let (trade_id, venue_order_id) = (TradeId::from_number(1), VenueOrderId::from_number(1));
        let (ours, theirs) = (Amount::ZERO, Amount::ZERO);
        use Discrepancy as D;
        let all = [
            D::MissedFill { client_order_id: None, trade_id },
            D::MissedEnd { client_order_id: order, ending: Ending::Expired },
            D::MissedTrigger { client_order_id: order },
            D::MissedAccept { client_order_id: order },
            D::Ghost { client_order_id: order },
            D::UnknownToVenue { client_order_id: order },
            D::Foreign { instrument: Some(instrument), venue_order_id },
            D::Balance { asset, ours, theirs },
            D::Deposit { asset, amount: ours },
            D::Dust { asset, ours, theirs },
            D::Busted { client_order_id: None, instrument, trade_id },
            D::TwoIds { client_order_id: order, instrument, trade_id, counted_as: trade_id },
            D::NotUnderstood {
                instrument: None,
                venue_order_id: None,
                trade_id: None,
                because: String::new(),
            },
            D::Overfill { client_order_id: order, ordered: Qty::ZERO, filled: Qty::ZERO },
        ];
        assert_eq!(all.len(), KINDS.len());
        let page = include_str!("../../../docs/reconciliation.md");
        for (found, name) in all.iter().zip(KINDS) {
            assert_eq!(found.kind(), name);
            let json = serde_json::to_value(found).unwrap();
            assert_eq!(json["discrepancy"], name);
            let row = format!("\n| `{name}` |");
            assert_eq!(page.matches(&row).count(), 1, "docs/reconciliation.md: {row}");
        }
    }
}
