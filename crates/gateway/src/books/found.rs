//! Differences that were found, as the books keep them: which wait for a person's word, and which have
//! been said.

use model::{Amount, Discrepancy, InstrumentId, TradeId, VenueOrderId};

use super::recent::negative;
use super::{Books, TRADES_KEPT};

/// Differences that wait for a person's word; more than these say nothing new.
const UNACCEPTED_MAX: usize = 64;

/// What was not understood and is remembered. An older one that is told again is said again.
const NOT_UNDERSTOOD_KEPT: usize = 4_096;

impl Books {
    /// Was this said not to be understood?
    pub fn knows_not_understood(
        &self,
        instrument: Option<InstrumentId>,
        order: Option<VenueOrderId>,
        row: Option<TradeId>,
    ) -> bool {
        self.not_understood.knows(&(instrument, order, row))
    }

    /// An order is understood after all.
    pub(super) fn is_understood(&mut self, instrument: InstrumentId, order: VenueOrderId) {
        self.unaccepted.retain(|found| !is_order(found, instrument, order));
    }

    pub(super) fn found(&mut self, found: &Discrepancy) {
        if let Discrepancy::TwoIds { instrument, trade_id, counted_as, .. } = found {
            self.trades.remember((*instrument, *trade_id), TRADES_KEPT);
            self.recent.also_named(*instrument, *counted_as, *trade_id);
        }
        if let Discrepancy::NotUnderstood { instrument, venue_order_id, trade_id, .. } = found {
            let key = (*instrument, *venue_order_id, *trade_id);
            self.not_understood.remember(key, NOT_UNDERSTOOD_KEPT);
        }
        if let Discrepancy::Dust { asset, ours, theirs } = found
            && let Some(size) = ours.checked_sub(*theirs)
            && let Some(size) = if size < Amount::ZERO { negative(size) } else { Some(size) }
        {
            let sum = self.dust.entry(*asset).or_insert(Amount::ZERO);
            *sum = sum.checked_add(size).unwrap_or(*sum);
        }
        // What is not understood may be told without end; the other kinds are few, and each has to be seen.
        let may_be_many = matches!(found, Discrepancy::NotUnderstood { .. });
        let has_room = !may_be_many || self.unaccepted.len() < UNACCEPTED_MAX;
        if found.must_be_accepted() && has_room {
            self.unaccepted.push(found.clone());
        }
    }
}

/// Is it this order that was not understood, and not something among its executions?
fn is_order(found: &Discrepancy, instrument: InstrumentId, order: VenueOrderId) -> bool {
    let Discrepancy::NotUnderstood {
        instrument: of, venue_order_id: Some(id), trade_id: None, ..
    } = found
    else {
        return false;
    };
    *id == order && of.is_none_or(|of| of == instrument)
}
