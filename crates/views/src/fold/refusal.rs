//! What a guardrail refused, with its figure and its limit.

use model::{AgentId, IntentId, Refusal};
use rusqlite::params;

use super::line::Line;
use super::order;
use super::pending::Pending;
use super::state::Fold;

impl Fold {
    pub(super) fn refused(
        &mut self,
        row: &Line<'_>,
        (agent, intent): (AgentId, IntentId),
        because: &Refusal,
    ) -> rusqlite::Result<()> {
        let intent = intent.0.cast_signed();
        let decision = self.decision_of(row, (agent.as_str(), intent), "refused", None)?;
        let spec = decision.as_ref().and_then(|decision| decision.spec.as_ref());
        let (balance, asset) = match spec {
            Some(spec) => self.paying(spec.instrument, spec.side),
            None => (None, None),
        };
        let (limit, actual) = figures(because);
        let sql = "INSERT INTO refusals (seq, at, session, agent, intent, decision, instrument, side, qty, price,
            reason, refusal, limit_value, actual_value, words, position_before, balance_before, balance_asset)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
        row.connection.prepare_cached(sql)?.execute(params![
            row.seq,
            row.at,
            row.session,
            agent.as_str(),
            intent,
            decision.as_ref().map(Pending::seq),
            spec.map(|spec| spec.instrument.to_string()),
            spec.map(|spec| order::side(spec.side)),
            spec.map(|spec| spec.qty.to_string()),
            spec.and_then(|spec| spec.kind.price()).map(|price| price.to_string()),
            decision.as_ref().map(|decision| decision.reason.as_str()),
            tag(because),
            limit,
            actual,
            because.to_string(),
            decision.as_ref().map(|decision| decision.position.as_str()),
            balance,
            asset,
        ])?;
        Ok(())
    }
}

/// The tag that a refusal has in the journal.
pub fn tag(because: &Refusal) -> String {
    let value = serde_json::to_value(because).unwrap_or_default();
    value["refusal"].as_str().unwrap_or("unknown").to_owned()
}

/// Limit and figure of a refusal, as far as it has them, in the unit of its guardrail; times in milliseconds.
fn figures(because: &Refusal) -> (Option<String>, Option<String>) {
    let both = |limit: &dyn ToString, actual: &dyn ToString| {
        (Some(limit.to_string()), Some(actual.to_string()))
    };
    match because {
        Refusal::Ramp { because, .. } => figures(because),
        Refusal::StalePrice { limit, age } => {
            (Some(limit.as_millis().to_string()), age.map(|age| age.as_millis().to_string()))
        }
        Refusal::OffTick { price, tick } => both(tick, price),
        Refusal::OffLot { qty, lot } => both(lot, qty),
        Refusal::QtyTooSmall { limit, qty } | Refusal::QtyTooLarge { limit, qty } => {
            both(limit, qty)
        }
        Refusal::NotionalTooSmall { limit, notional }
        | Refusal::NotionalTooLarge { limit, notional } => both(limit, notional),
        Refusal::Collar { price, low, high, .. } | Refusal::Walk { price, low, high, .. } => {
            both(if price < low { low } else { high }, price)
        }
        Refusal::Balance { needed, available } => both(available, needed),
        Refusal::PositionLimit { limit, worst } => both(limit, worst),
        Refusal::ExposureLimit { limit, worst, .. } => both(limit, worst),
        Refusal::LossHeadroom { limit, worst } => both(limit, worst),
        Refusal::NotReducing { position, qty } => both(position, qty),
        Refusal::OpenOrders { limit, open } | Refusal::Stops { limit, open } => both(limit, open),
        Refusal::OrderRate { limit, sent, .. } | Refusal::MessageRate { limit, sent, .. } => {
            both(limit, sent)
        }
        Refusal::Duplicate { limit, alike, .. } => both(limit, alike),
        Refusal::Turnover { limit, notional, .. } => both(limit, notional),
        Refusal::SelfTrade { price, resting } => both(resting, price),
        Refusal::WideSpread { collar_bps, .. } => (Some(collar_bps.to_string()), None),
        Refusal::Effect { position, .. } => (Some(position.to_string()), None),
        Refusal::VenueRefuses { in_a_row, .. } => (None, Some(in_a_row.to_string())),
        Refusal::Lease { limit, .. } => (Some(limit.as_millis().to_string()), None),
        Refusal::InstrumentNotAllowed { .. }
        | Refusal::NotTrading { .. }
        | Refusal::Expired { .. }
        | Refusal::AgentDisabled { .. }
        | Refusal::HeadroomUnknown
        | Refusal::NoValue { .. }
        | Refusal::NoLimit { .. }
        | Refusal::Unsupported { .. }
        | Refusal::NothingToCancel
        | Refusal::Unrepresentable => (None, None),
    }
}

/// Is it a lack of funds?
pub(crate) const INSUFFICIENT: &str = "balance";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_for_funds_has_this_tag() {
        let because =
            Refusal::Balance { needed: "2".parse().unwrap(), available: "1".parse().unwrap() };
        assert_eq!(tag(&because), INSUFFICIENT);
        assert_eq!(figures(&because), (Some("1".to_owned()), Some("2".to_owned())));
    }
}
