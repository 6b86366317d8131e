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
    /// The account is on paper: there is none at the venue that could be asked.
    #[error(
        "venue {venue}: mode = \"paper\": the account is in the gateway's own process, and there is no \
         other to be asked; start the gateway (plimsoll run)"
    )]
    Paper {
        /// Which venue.
        venue: VenueId,
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
    /// The token that is shared with the watchdog is not where the configuration says.
    #[error("watchdog.token: {0}")]
    WatchdogToken(SecretError),
    /// The watchdog could not find the account.
    #[error("paper.listen {address}: {source}; name another port of this host")]
    PaperListen {
        /// Which port.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The watchdog could not find this process.
    #[error("watchdog.gateway_pid_file: {}: cannot be written: {source}", path.display())]
    PidFile {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A sink of alerts has a secret that is not where the configuration says.
    #[error("alert {name:?}: {source}")]
    Alert {
        /// The sink's name.
        name: String,
        /// Why.
        source: SecretError,
    },
    /// The journal cannot be opened, read or written.
    #[error("journal: {0}")]
    Journal(#[from] StoreError),
    /// Market data cannot be kept where the configuration says.
    #[error("record: {0}")]
    Record(#[from] data::record::RecordError),
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
    /// The key may do what it should not, or may not do what it should.
    #[error(
        "venue {venue}: {cause}; or, if it has to be so, write accept_key_scopes = [{accept}] in \
         [venue.{venue}]; docs/keys.md"
    )]
    KeyScopes {
        /// Which venue.
        venue: VenueId,
        /// What is missing or in excess, and what to do.
        cause: String,
        /// The findings by the names that the configuration has for them.
        accept: String,
    },
    /// A gate says no.
    #[error("a live run does not start: {0}")]
    Gates(String),
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
