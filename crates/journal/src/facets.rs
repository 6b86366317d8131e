//! What of an entry is kept in columns of its own, so that questions find it without reading all.

use model::{Action, AgentId, ClientOrderId, Discrepancy, InstrumentId, Record};

/// Kind, agent, instrument and order of a record, as far as it has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facets<'r> {
    /// The tag that its JSON has.
    pub kind: &'static str,
    /// The agent that it names.
    pub agent: Option<&'r str>,
    /// The instrument that it names.
    pub instrument: Option<&'r str>,
    /// The order of ours that it is about.
    pub client_order_id: Option<&'r str>,
}

impl<'r> Facets<'r> {
    fn new(kind: &'static str) -> Facets<'r> {
        Facets { kind, ..Facets::default() }
    }

    fn agent(self, agent: &'r AgentId) -> Facets<'r> {
        Facets { agent: Some(agent.as_str()), ..self }
    }

    fn instrument(self, instrument: &'r InstrumentId) -> Facets<'r> {
        Facets { instrument: Some(instrument.as_str()), ..self }
    }

    /// The same of a record that older versions wrote without.
    fn instrument_if(self, instrument: Option<&'r InstrumentId>) -> Facets<'r> {
        Facets { instrument: instrument.map(InstrumentId::as_str), ..self }
    }

    fn order(self, id: &'r ClientOrderId) -> Facets<'r> {
        Facets { client_order_id: Some(id.as_str()), ..self }
    }
}

/// The columns of a record. The kind is the tag that its JSON has.
pub fn facets(record: &Record) -> Facets<'_> {
    match record {
        Record::Started { .. } => Facets::new("started"),
        Record::Stopped => Facets::new("stopped"),
        Record::Decided { intent, .. } => {
            let facets = Facets::new("decided").agent(&intent.agent);
            match &intent.action {
                Action::Place(spec) => facets.instrument(&spec.instrument),
                Action::CancelAll(instrument) => facets.instrument(instrument),
                Action::Cancel(_) | Action::Halt => facets,
            }
        }
        Record::Refused { agent, .. } => Facets::new("refused").agent(agent),
        Record::Prepared { agent, order, .. } => Facets::new("prepared")
            .agent(agent)
            .instrument(&order.instrument)
            .order(&order.client_order_id),
        Record::CancelPrepared { client_order_id, .. } => {
            Facets::new("cancel_prepared").order(client_order_id)
        }
        Record::Answered { client_order_id, .. } => Facets::new("answered").order(client_order_id),
        Record::Alerted { .. } => Facets::new("alerted"),
        Record::Accepted { client_order_id, .. } => Facets::new("accepted").order(client_order_id),
        Record::Rejected { client_order_id, .. } => Facets::new("rejected").order(client_order_id),
        Record::CancelRejected { client_order_id, .. } => {
            Facets::new("cancel_rejected").order(client_order_id)
        }
        Record::InDoubt { client_order_id, .. } => Facets::new("in_doubt").order(client_order_id),
        Record::Filled { client_order_id, fill, .. } => {
            let facets = Facets::new("filled").instrument(&fill.instrument);
            match client_order_id {
                Some(id) => facets.order(id),
                None => facets,
            }
        }
        Record::Busted { client_order_id, fill } => {
            let facets = Facets::new("busted").instrument(&fill.instrument);
            match client_order_id {
                Some(id) => facets.order(id),
                None => facets,
            }
        }
        Record::Triggered { client_order_id } => Facets::new("triggered").order(client_order_id),
        Record::Ended { client_order_id, .. } => Facets::new("ended").order(client_order_id),
        Record::Foreign { order } => Facets::new("foreign").instrument(&order.instrument),
        Record::ForeignGone { instrument, .. } => {
            Facets::new("foreign_gone").instrument_if(instrument.as_ref())
        }
        Record::ForeignCancel { instrument, .. } => {
            Facets::new("foreign_cancel").instrument_if(instrument.as_ref())
        }
        Record::Balances { .. } => Facets::new("balances"),
        Record::Transferred { .. } => Facets::new("transferred"),
        Record::TransferKnown { .. } => Facets::new("transfer_known"),
        Record::Link { .. } => Facets::new("link"),
        Record::Gap { instrument, .. } => Facets::new("gap").instrument(instrument),
        Record::Duplicates { .. } => Facets::new("duplicates"),
        Record::MissedTrades { instrument, .. } => {
            Facets::new("missed_trades").instrument(instrument)
        }
        Record::HandedOver { .. } => Facets::new("handed_over"),
        Record::Rules { instrument } => Facets::new("rules").instrument(&instrument.id),
        Record::Feed { instrument, .. } => Facets::new("feed").instrument(instrument),
        Record::RateLimited { .. } => Facets::new("rate_limited"),
        Record::BudgetWait { .. } => Facets::new("budget_wait"),
        Record::Discrepancy { found } => {
            let facets = Facets::new("discrepancy");
            match found {
                Discrepancy::MissedFill { client_order_id: Some(id), .. }
                | Discrepancy::MissedEnd { client_order_id: id, .. }
                | Discrepancy::MissedTrigger { client_order_id: id }
                | Discrepancy::MissedAccept { client_order_id: id }
                | Discrepancy::Ghost { client_order_id: id }
                | Discrepancy::TwoIds { client_order_id: id, .. }
                | Discrepancy::Overfill { client_order_id: id, .. }
                | Discrepancy::Busted { client_order_id: Some(id), .. }
                | Discrepancy::UnknownToVenue { client_order_id: id } => facets.order(id),
                Discrepancy::MissedFill { client_order_id: None, .. }
                | Discrepancy::Busted { client_order_id: None, .. }
                | Discrepancy::Foreign { .. }
                | Discrepancy::NotUnderstood { .. }
                | Discrepancy::Balance { .. }
                | Discrepancy::Deposit { .. }
                | Discrepancy::Dust { .. } => facets,
            }
        }
        Record::Reconciled { .. } => Facets::new("reconciled"),
        Record::DifferencesAccepted { .. } => Facets::new("differences_accepted"),
        Record::Trading { .. } => Facets::new("trading"),
        Record::Flatten { instrument, .. } => Facets::new("flatten").instrument(instrument),
        Record::ResumeRequested { .. } => Facets::new("resume_requested"),
        Record::ResumeRefused { .. } => Facets::new("resume_refused"),
        Record::Resumed { .. } => Facets::new("resumed"),
        Record::Limits { .. } => Facets::new("limits"),
        Record::AgentDisabled { agent, .. } => Facets::new("agent_disabled").agent(agent),
        Record::AgentEnabled { agent } => Facets::new("agent_enabled").agent(agent),
        Record::EquityMark { .. } => Facets::new("equity_mark"),
        Record::Breaker { .. } => Facets::new("breaker"),
        Record::KeyAudited { .. } => Facets::new("key_audited"),
        Record::Agent { agent, .. } => Facets::new("agent").agent(agent),
        Record::GateOverridden { .. } => Facets::new("gate_overridden"),
        Record::Ramp { .. } => Facets::new("ramp"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::samples::sample;

    /// Kinds of record; a new one needs a sample.
    const KINDS: usize = 48;

    #[test]
    fn columns_are_what_the_text_has() {
        let mut kinds = BTreeSet::new();
        for entry in sample() {
            let json = serde_json::to_value(&entry).unwrap();
            let facets = facets(&entry.record);
            kinds.insert(facets.kind);
            assert_eq!(json["kind"], facets.kind);
            let text = |names: &[&str]| {
                names.iter().find_map(|name| json.pointer(name)?.as_str().map(str::to_owned))
            };
            let agent = text(&["/agent", "/intent/agent"]);
            assert_eq!(facets.agent.map(str::to_owned), agent, "{json}");
            let order =
                text(&["/client_order_id", "/order/client_order_id", "/found/client_order_id"]);
            // A foreign order's name is somebody else's.
            let order = order.filter(|_| facets.kind != "foreign");
            assert_eq!(facets.client_order_id.map(str::to_owned), order, "{json}");
            let instrument = text(&[
                "/instrument",
                "/instrument/id",
                "/order/instrument",
                "/fill/instrument",
                "/intent/action/place/instrument",
            ]);
            assert_eq!(facets.instrument.map(str::to_owned), instrument, "{json}");
        }
        assert_eq!(kinds.len(), KINDS, "a kind without a sample: {kinds:?}");
    }
}
