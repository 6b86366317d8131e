//! Why a gateway cannot start or go on, with what to do about it.

use journal::StoreError;
use model::venue::VenueError;
use model::{AgentId, InstrumentId, VenueId};

use super::adapter::KeyError;
use crate::agent::AgentError;
use crate::budget::BudgetError;
use crate::config::SecretError;

/// Why a gateway ended, other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A secret is not where the configuration says.
    #[error("venue {venue}: {what}: {source}")]
    Secret {
        /// Which venue.
        venue: VenueId,
        /// The key or the secret.
        what: &'static str,
        /// Why.
        source: SecretError,
    },
    /// The secret is no key.
    #[error("venue {venue}: secret: {source}")]
    Key {
        /// Which venue.
        venue: VenueId,
        /// Why.
        source: KeyError,
    },
    /// The store's password is not where the configuration says.
    #[error("store_password: {0}")]
    StorePassword(SecretError),
    /// `store` names no place where this gateway can keep its journal.
    #[error("store: {0}")]
    Store(StoreError),
    /// The journal cannot be opened, read or written.
    #[error("journal: {0}")]
    Journal(#[from] StoreError),
    /// There is no rate budget, so nothing may be asked.
    #[error("{0}")]
    Budget(#[from] BudgetError),
    /// There can be no client.
    #[error("HTTP client: {0}; check the system's certificates")]
    Client(#[from] reqwest::Error),
    /// The venue does not answer.
    #[error(
        "venue {venue} at {address} does not answer: {cause}; check the address and that it is up"
    )]
    Unreachable {
        /// Which venue.
        venue: VenueId,
        /// Where.
        address: String,
        /// The last failure.
        cause: String,
    },
    /// The venue does not take the key.
    #[error(
        "venue {venue} refuses the key: {refusal}; check `key` and `secret`, the key's rights \
             and its list of addresses"
    )]
    Credentials {
        /// Which venue.
        venue: VenueId,
        /// Its words.
        refusal: VenueError,
    },
    /// The venue does not trade this.
    #[error("venue {venue} has no instrument {instrument}; check `instruments`")]
    Instrument {
        /// Which venue.
        venue: VenueId,
        /// Which instrument.
        instrument: InstrumentId,
    },
    /// An agent cannot be started.
    #[error("agent {agent}: {source}")]
    Agent {
        /// Which.
        agent: AgentId,
        /// Why.
        source: AgentError,
    },
}

impl RunError {
    /// Of a store that cannot be opened: another path would do, or this one must be made to.
    pub(super) fn opening(error: StoreError) -> RunError {
        match error {
            StoreError::NoDirectory { .. }
            | StoreError::NotWritable { .. }
            | StoreError::Unusable { .. }
            | StoreError::Foreign { .. } => RunError::Store(error),
            StoreError::InUse { .. }
            | StoreError::DiskFull { .. }
            | StoreError::Outrun { .. }
            | StoreError::Forgot { .. }
            | StoreError::Broken { .. }
            | StoreError::Damaged { .. }
            | StoreError::Removed { .. }
            | StoreError::Lost(_) => RunError::Journal(error),
        }
    }
}
