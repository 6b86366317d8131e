//! Which records are about something that went wrong, and what it was.

use model::{AlertLevel, BreakerEvent, Link, Record};

/// What went wrong, where a record is about that.
pub fn what_went_wrong(record: &Record) -> Option<String> {
    Some(match record {
        Record::Rejected { because, .. } => format!("the venue rejected it: {because}"),
        Record::CancelRejected { because, .. } => {
            format!("the venue rejected its cancel: {because}")
        }
        Record::InDoubt { because, .. } => format!("its outcome is unknown: {because}"),
        Record::Ended { ending, cause, lost, .. } if *lost || cause.is_some() => {
            let lost = if *lost { ", and the venue does not know it any more" } else { "" };
            let cause = cause.as_deref().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{}{lost}{cause}", ending.word())
        }
        Record::Busted { fill, .. } => format!("execution {} was taken back", fill.trade_id),
        Record::Link { link, up: false, cause } => {
            format!("the connection of the {} is down: {cause}", link_name(*link))
        }
        Record::Gap { detail, .. } => format!("the book has a hole: {detail}"),
        Record::RateLimited { wait, detail } => {
            format!("the venue's rate limit holds requests for {wait:?}: {detail}")
        }
        Record::Discrepancy { found } => format!("{found} ({})", found.correction()),
        Record::Trading { state, cause, .. } if state.is_latched() => {
            format!("trading is {state:?}: {cause}").to_lowercase()
        }
        Record::ResumeRefused { because, .. } => {
            format!("the halt was not lifted: {}", because.join("; "))
        }
        Record::AgentDisabled { cause, .. } => format!("the agent is disabled: {cause}"),
        Record::Breaker { name, about, event: BreakerEvent::Tripped, value, limit } => {
            let about = about.as_deref().map(|about| format!(" of {about}")).unwrap_or_default();
            format!("breaker {name:?}{about} tripped at {value}, its limit is {limit}")
        }
        Record::Alerted { alert } if alert.level != AlertLevel::Info => alert.text.clone(),
        Record::Agent { event, .. } if event != "up" => format!("the agent's process: {event}"),
        _ => return None,
    })
}

/// The word of a connection.
pub const fn link_name(link: Link) -> &'static str {
    match link {
        Link::Market => "market",
        Link::Account => "account",
    }
}
