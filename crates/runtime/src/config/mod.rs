//! The configuration: TOML, read once, checked in full before anything starts.
//!
//! Unknown keys are refused: a misspelt limit is a limit that does not hold. Secrets are named by
//! environment variable or file and never stand in the file itself. Relative paths are relative to
//! the file that names them, so a gateway may be started from anywhere.

mod secret;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ::budget::Shares;
use gateway::{ForeignOrders, Limits};
use journal::Address;
use model::{AgentId, InstrumentId, VenueId};
use serde::Deserialize;

pub use secret::{Secret, SecretError, SecretSource};

/// A configuration that has passed every check.
#[derive(Debug)]
pub struct Config {
    /// Where the journal is kept; without the password of `store_password`.
    pub store: Address,
    /// Password of the store's server, where it does not stand in `store`.
    pub store_password: Option<SecretSource>,
    /// The limits of `limits`.
    pub limits: Limits,
    /// The venue that is traded on, by its configured name.
    pub venue: (VenueId, VenueConfig),
    /// The agents, by name.
    pub agents: BTreeMap<AgentId, AgentSettings>,
    /// Entries of the journal that are kept at least; `None` keeps all.
    pub keep_records: Option<u64>,
    /// How often the books are compared with the venue's, seconds.
    pub reconcile_every_s: u64,
    /// Where what all processes of the host share is kept; `None` leaves it to the environment.
    pub state_dir: Option<PathBuf>,
    /// The text of both files, for the journal.
    pub text: String,
}

impl Config {
    /// Reads the secrets that are in the environment and removes them from it; to be called before
    /// the first thread is started.
    pub fn take_secrets(&mut self) {
        let (_, venue) = &mut self.venue;
        let venue = [&mut venue.key, &mut venue.secret];
        secret::take_from_environment(venue.into_iter().chain(&mut self.store_password));
    }

    /// Where the journal is kept, with its password.
    pub fn journal(&self) -> Result<Address, SecretError> {
        Ok(match &self.store_password {
            Some(source) => self.store.clone().with_password(source.read()?.reveal()),
            None => self.store.clone(),
        })
    }
}

/// One venue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VenueConfig {
    /// Which adapter.
    pub kind: VenueKind,
    /// What is followed and may be traded, within the limits.
    pub instruments: Vec<InstrumentId>,
    /// API key.
    pub key: SecretSource,
    /// API secret: an HMAC secret, or the text of an Ed25519 PEM file.
    pub secret: SecretSource,
    /// REST address; the venue's own when absent.
    pub rest: Option<String>,
    /// Market stream address; derived from `rest` when that is given, else the venue's own.
    pub streams: Option<String>,
    /// Part of each of the venue's limits that is kept for cancels and for reads that settle doubt,
    /// percent: 20 to 60.
    #[serde(default)]
    pub rate_reserve_percent: Shares,
    /// What is done about orders on the account that this gateway did not place: `adopt`, `cancel` or
    /// `halt`.
    #[serde(default)]
    pub foreign_orders: ForeignOrders,
    /// WebSocket API address; derived from `rest` when that is given, else the venue's own.
    pub ws_api: Option<String>,
}

impl VenueConfig {
    /// Where its REST API is: the address that is given, or the venue's own.
    pub fn rest_address(&self) -> &str {
        let own = match self.kind {
            VenueKind::BinanceSpot => venues::binance::REST,
            VenueKind::CoinbaseAdvanced => venues::coinbase::REST,
        };
        self.rest.as_deref().unwrap_or(own)
    }
}

/// The adapters there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VenueKind {
    /// Binance spot, and everything that speaks its protocol, `plimsoll venue` among it.
    BinanceSpot,
    /// Coinbase Advanced Trade, spot.
    CoinbaseAdvanced,
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSettings {
    /// A built-in strategy, or a program of one's own.
    pub program: AgentProgram,
    /// The strategy's parameters as text.
    pub params: BTreeMap<String, String>,
    /// Largest memory of its process, MiB.
    pub memory_max_mib: u64,
    /// How long it may leave an event unhandled, milliseconds.
    pub lease_ms: u64,
}

/// What runs as an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentProgram {
    /// A built-in strategy of this name.
    Strategy(String),
    /// A program that speaks the agent protocol on standard input and output.
    Command(Vec<String>),
}

/// What is wrong with a configuration, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML of the expected shape.
    #[error("{}: {message}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What the parser says, with line and column.
        message: String,
    },
    /// A value that does not make sense.
    #[error("{}: {key}: {problem}", path.display())]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: String,
        /// What is wrong with it and what to do.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mode: Mode,
    store: toml::Spanned<String>,
    store_password: Option<SecretSource>,
    limits: PathBuf,
    #[serde(default = "default_reconcile")]
    reconcile_every_s: u64,
    state_dir: Option<PathBuf>,
    #[serde(default)]
    journal: JournalFile,
    venue: BTreeMap<VenueId, VenueConfig>,
    #[serde(default)]
    agent: BTreeMap<AgentId, AgentFile>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalFile {
    keep_records: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Paper,
    Live,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentFile {
    strategy: Option<String>,
    command: Option<Vec<String>>,
    venue: VenueId,
    #[serde(default)]
    params: BTreeMap<String, toml::Value>,
    #[serde(default = "default_memory")]
    memory_max_mib: u64,
    #[serde(default = "default_lease")]
    lease_ms: u64,
}

const fn default_reconcile() -> u64 {
    30
}

const fn default_memory() -> u64 {
    512
}

const fn default_lease() -> u64 {
    2_000
}

/// Reads and checks a configuration and its limits.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let (text, file): (String, File) = read(path)?;
    let bad = |key: &str, problem: String| ConfigError::Value {
        path: path.to_owned(),
        key: key.to_owned(),
        problem,
    };
    if file.mode == Mode::Paper {
        let problem = "paper trading is not built yet; use mode = \"live\" and point `rest` of the \
                       venue at a simulated one (plimsoll venue)";
        return Err(bad("mode", problem.to_owned()));
    }
    let here = path.parent().unwrap_or(Path::new("."));
    let store =
        Address::parse(file.store.get_ref(), here).map_err(|problem| bad("store", problem))?;
    let store_password = file.store_password;
    if store_password.is_some() {
        let problem = match &store {
            Address::Sqlite(_) => Some("a file has none; leave it out"),
            store if store.has_password() => Some("there is one in `store`; take that out"),
            Address::Postgres(_) | Address::Redis(_) => None,
        };
        if let Some(problem) = problem {
            return Err(bad("store_password", problem.to_owned()));
        }
    }
    // The journal keeps the text, and many may read the journal.
    let text = without_password(text, &file.store, &store);
    let limits_path = here.join(&file.limits);
    let (limits_text, limits): (String, Limits) = read(&limits_path)?;
    check_limits(&limits_path, &limits)?;
    let mut venues = file.venue.into_iter();
    let (Some(venue), None) = (venues.next(), venues.next()) else {
        let problem = "exactly one venue is supported by one gateway so far";
        return Err(bad("venue", problem.to_owned()));
    };
    check_venue(&venue, &limits, &limits_path).map_err(|(key, problem)| bad(&key, problem))?;
    let agents = check_agents(file.agent, venue.0).map_err(|(key, problem)| bad(&key, problem))?;
    let text = format!("{text}\n# {}\n{limits_text}", file.limits.display());
    let reconcile_every_s = file.reconcile_every_s.max(1);
    let state_dir = file.state_dir.map(|path| here.join(path));
    let keep_records = file.journal.keep_records;
    Ok(Config {
        store,
        store_password,
        limits,
        venue,
        agents,
        keep_records,
        reconcile_every_s,
        state_dir,
        text,
    })
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<(String, T), ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let value = toml::from_str(&text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        message: located(&text, &error),
    })?;
    Ok((text, value))
}

/// The parser's words and where: line and column, never the line itself, which may hold a secret.
fn located(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().trim_end();
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return message.to_owned();
    };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("line {line}, column {column}: {message}")
}

/// The text with the store as it is printed, where it holds a password.
fn without_password(mut text: String, written: &toml::Spanned<String>, store: &Address) -> String {
    if store.has_password() {
        text.replace_range(written.span(), &format!("\"{store}\""));
    }
    text
}

/// A limit of zero refuses everything, which is nobody's intention.
fn check_limits(path: &Path, limits: &Limits) -> Result<(), ConfigError> {
    let bad = |key: String| ConfigError::Value {
        path: path.to_owned(),
        key,
        problem: "is zero, which would refuse every order; write the limit you mean".to_owned(),
    };
    let flow = &limits.orders;
    for (key, zero) in [
        ("reference_age_max_ms", limits.reference_age_max_ms == 0),
        ("orders.open_max", flow.open_max == 0),
        ("orders.rate_max", flow.rate_max == 0),
        ("orders.rate_window_ms", flow.rate_window_ms == 0),
    ] {
        if zero {
            return Err(bad(key.to_owned()));
        }
    }
    for (id, limit) in &limits.instrument {
        for (key, zero) in [
            ("qty_max", limit.qty_max.is_zero()),
            ("notional_max", limit.notional_max.get().is_zero()),
            ("position_max", limit.position_max.is_zero()),
            ("collar_bps", limit.collar_bps == 0),
        ] {
            if zero {
                return Err(bad(format!("instrument.{id}.{key}")));
            }
        }
    }
    Ok(())
}

fn check_venue(
    (name, venue): &(VenueId, VenueConfig),
    limits: &Limits,
    limits_path: &Path,
) -> Result<(), (String, String)> {
    let key = format!("venue.{name}");
    if venue.instruments.is_empty() {
        return Err((format!("{key}.instruments"), "is empty; list what is to be traded".into()));
    }
    for instrument in &venue.instruments {
        if !limits.instrument.contains_key(instrument) {
            let problem = format!(
                "{instrument} has no limits; add [instrument.{instrument}] to {}",
                limits_path.display()
            );
            return Err((format!("{key}.instruments"), problem));
        }
    }
    let addresses = [
        ("rest", &venue.rest, "http"),
        ("streams", &venue.streams, "ws"),
        ("ws_api", &venue.ws_api, "ws"),
    ];
    for (field, address, scheme) in addresses {
        if let Some(address) = address
            && !address.starts_with(&format!("{scheme}://"))
            && !address.starts_with(&format!("{scheme}s://"))
        {
            let problem = format!("{address:?} does not start with {scheme}:// or {scheme}s://");
            return Err((format!("{key}.{field}"), problem));
        }
    }
    Ok(())
}

fn check_agents(
    files: BTreeMap<AgentId, AgentFile>,
    venue: VenueId,
) -> Result<BTreeMap<AgentId, AgentSettings>, (String, String)> {
    let mut agents = BTreeMap::new();
    for (id, file) in files {
        let key = format!("agent.{id}");
        if file.venue != venue {
            let problem = format!("{:?} is not configured; the venue here is {venue}", file.venue);
            return Err((format!("{key}.venue"), problem));
        }
        let program = match (file.strategy, file.command) {
            (Some(name), None) => AgentProgram::Strategy(name),
            (None, Some(command)) if !command.is_empty() => AgentProgram::Command(command),
            _ => {
                let problem = "needs either strategy = \"…\" or command = [\"…\"]";
                return Err((key, problem.to_owned()));
            }
        };
        let params = file.params.into_iter().map(|(k, v)| (k, plain(&v))).collect();
        let (memory_max_mib, lease_ms) = (file.memory_max_mib, file.lease_ms);
        agents.insert(id, AgentSettings { program, params, memory_max_mib, lease_ms });
    }
    Ok(agents)
}

/// A parameter as a strategy reads it: text without quotes.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
