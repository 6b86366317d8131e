//! Alerts on their way from the loop to people: with position and open orders, and those that the core does
//! not know of, because they are about the process itself.

use alerts::{Alerts, Settings, Standing};
use gateway::Gateway;
use journal::StoreError;
use model::{AgentId, Alert, AlertKey, AlertLevel, NetQty};

use super::error::RunError;
use crate::agent::FromAgent;
use crate::clock;
use crate::config::Config;

/// Starts the sinks.
pub(super) fn open(config: &Config) -> Result<Alerts, RunError> {
    let settings = settings(config)?;
    if settings.sinks.is_empty() {
        tracing::info!(
            "no [[alert]] is configured: what happens is told here and in the journal alone"
        );
    }
    Ok(Alerts::start(&settings, clock::now))
}

/// The sinks with their secrets in place.
pub fn settings(config: &Config) -> Result<Settings, RunError> {
    let with_secrets = |alert: &crate::config::AlertConfig| {
        alert.settings().map_err(|source| RunError::Alert { name: alert.name.clone(), source })
    };
    let sinks = config.alerts.iter().map(with_secrets).collect::<Result<_, _>>()?;
    Ok(Settings { source: config.venue.0.to_string(), sinks })
}

/// How things stand, by our books.
pub(super) fn standing(gateway: &Gateway) -> Standing {
    let books = gateway.books();
    let positions = books.positions().map(|(instrument, position)| (instrument, position.net()));
    let positions = positions.filter(|(_, net)| *net != NetQty::ZERO);
    let positions = positions.map(|(instrument, net)| (instrument.to_string(), net.to_string()));
    Standing {
        trading: gateway.state().0.name().to_owned(),
        positions: positions.collect(),
        orders_open: books.open_count() as u64,
        orders_in_doubt: books.in_doubt().count() as u64,
    }
}

/// An agent that is gone without having been told to go.
pub(super) fn of_agent(agent: AgentId, said: &FromAgent) -> Option<Alert> {
    match said {
        FromAgent::Intent(_) | FromAgent::Up { .. } => None,
        FromAgent::Gone { cause } => {
            let text = format!("agent {agent} is gone and started again: {cause}");
            Some(Alert::warning(AlertKey::Agent, agent, text))
        }
        FromAgent::GaveUp { cause } => {
            let text = format!("agent {agent} is not started again: {cause}");
            Some(Alert::critical(AlertKey::Agent, agent, text))
        }
    }
}

pub(super) fn stops() -> Alert {
    let text = "the gateway was asked to end: entry orders are taken back";
    Alert::new(AlertLevel::Info, AlertKey::Stopped, "", text)
}

pub(super) fn outrun(error: &StoreError) -> Alert {
    let text = format!("another gateway has taken over: this one sends nothing any more ({error})");
    Alert::critical(AlertKey::Journal, "", text)
}

pub(super) fn journal_failed(error: &StoreError, open: usize) -> Alert {
    let text = format!("the journal failed: taking back entry orders, {open} of them: {error}");
    Alert::critical(AlertKey::Journal, "", text)
}

pub(super) fn not_cleared() -> Alert {
    let text = "entry orders may be left at the venue: look there and cancel them";
    Alert::critical(AlertKey::Order, "left at the venue", text)
}

pub(super) fn not_recorded(error: &str) -> Alert {
    let text = format!("market data is not recorded any more, and trading goes on: {error}");
    Alert::warning(AlertKey::Notice, "record", text)
}

pub(super) fn ended(error: &RunError) -> Alert {
    Alert::critical(AlertKey::Stopped, "", format!("the gateway has ended: {error}"))
}
