//! The configuration: TOML, read once, checked in full before anything starts.
//!
//! Unknown keys are refused: a misspelt limit is a limit that does not hold. Secrets are named by
//! environment variable or file and never stand in the file itself. Relative paths are relative to
//! the file that names them, so a gateway may be started from anywhere.

mod alerts;
mod gates;
mod kind;
mod limits;
mod paper;
mod place;
mod port;
mod ramp;
mod reading;
mod secret;
mod sinks;
mod watchdog;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ::budget::Shares;
use gateway::{ForeignOrders, LateStops, Limits, Ramp};
use journal::Address;
use model::venue::KeyFinding;
use model::{AgentId, InstrumentId, VenueId};
use serde::Deserialize;

pub use alerts::AlertConfig;
pub use gates::GatesConfig;
pub use kind::VenueKind;
pub use limits::{LimitsFile, LossStated};
pub use paper::PaperConfig;
pub use place::{Place, place};
pub use port::PortConfig;
pub use reading::ConfigError;
use reading::read;
pub use secret::{Secret, SecretError, SecretSource};
pub use sinks::SinkConfig;
pub use watchdog::WatchdogConfig;

/// Entries that are kept for sinks beyond `keep_records` where nothing is said: half a gigabyte or so.
const HELD_FOR_SINKS: u64 = 1_000_000;

/// A configuration that has passed every check.
#[derive(Debug)]
pub struct Config {
    /// Where the journal is kept; without the password of `store_password`.
    pub store: Address,
    /// Password of the store's server, where it does not stand in `store`.
    pub store_password: Option<SecretSource>,
    /// The limits of `limits`.
    pub limits: Limits,
    /// Where they are read from, and what they have to have.
    pub limits_file: LimitsFile,
    /// The account of a paper run; `None` in a live one.
    pub paper: Option<PaperConfig>,
    /// What a backtest of this run assumes of the exchange: the same table, which a live run does not look at.
    pub assumed: Option<PaperConfig>,
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
    /// Where market data is kept; `None` where it is not.
    pub record: Option<PathBuf>,
    /// Where alerts go.
    pub alerts: Vec<AlertConfig>,
    /// Where records are streamed to.
    pub sinks: Vec<SinkConfig>,
    /// Entries that are kept for sinks beyond `keep_records`, at most.
    pub held_for_sinks: u64,
    /// The kill switch that watches this gateway; `None` where there is none.
    pub watchdog: Option<WatchdogConfig>,
    /// What a live run has to show, and what a person has opened.
    pub gates: GatesConfig,
    /// How much of the limits holds how soon; `None` in a paper run, where all of them do.
    pub ramp: Option<Ramp>,
    /// What the limits file itself says of the most that may be lost.
    pub loss_stated: LossStated,
    /// Where its dashboard listens; `None` where there is none.
    pub dashboard: Option<PortConfig>,
    /// Where its metrics are scraped; `None` where they are not.
    pub metrics: Option<PortConfig>,
    /// Arguments that the processes which the gateway starts beside it get, too.
    pub own_arguments: Vec<String>,
    /// The file itself.
    pub path: PathBuf,
    /// The text of both files, for the journal.
    pub text: String,
}

impl Config {
    /// Reads the secrets that are in the environment and removes them from it; to be called before
    /// the first thread is started.
    pub fn take_secrets(&mut self) {
        let (_, venue) = &mut self.venue;
        let venue = [&mut venue.key, &mut venue.secret].into_iter().flatten();
        let watchdog = self.watchdog.as_mut().map(|watchdog| &mut watchdog.token);
        let alerts = self.alerts.iter_mut().flat_map(AlertConfig::secrets_mut);
        let sinks = self.sinks.iter_mut().filter_map(SinkConfig::secret_mut);
        let paper = self.gates.paper_store_password.iter_mut();
        let others = self.store_password.iter_mut().chain(paper).chain(watchdog).chain(alerts);
        let ports = [&mut self.dashboard, &mut self.metrics].into_iter().flatten();
        let ports = ports.filter_map(|port| port.token.as_mut());
        let others = others.chain(sinks).chain(ports);
        secret::take_from_environment(venue.chain(others));
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
    /// API key; `None` in a paper run, whatever the file says, and never in a live one.
    pub key: Option<SecretSource>,
    /// API secret: an HMAC secret, or the text of an Ed25519 PEM file. As `key`.
    pub secret: Option<SecretSource>,
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
    /// What is done about a protective stop that should be done and is not: `say`, or `close`.
    #[serde(default)]
    pub late_stops: LateStops,
    /// What the key may do, or may not, although a start is refused for it.
    #[serde(default)]
    pub accept_key_scopes: Vec<KeyFinding>,
    /// What a start is refused for, although it would only be said.
    #[serde(default)]
    pub demand_key_scopes: Vec<KeyFinding>,
    /// How often the venue is asked again what the key may do, seconds: 1 to 86400.
    #[serde(default = "default_key_audit")]
    pub key_audit_every_s: u64,
    /// WebSocket API address; derived from `rest` when that is given, else the venue's own.
    pub ws_api: Option<String>,
}

impl VenueConfig {
    /// Where its REST API is: the address that is given, or the venue's own.
    pub fn rest_address(&self) -> &str {
        self.rest.as_deref().unwrap_or(self.kind.rest_address())
    }

    /// Is it the exchange itself, and no test network, simulation or proxy?
    pub fn is_the_exchange(&self) -> bool {
        self.rest_address().trim_end_matches('/') == self.kind.rest_address()
    }
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSettings {
    /// A built-in strategy, or a program of one's own.
    pub program: AgentProgram,
    /// The strategy's parameters as text.
    pub params: BTreeMap<String, String>,
    /// Files and directories of its code besides what its command names.
    pub code: Vec<PathBuf>,
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
    record: Option<PathBuf>,
    paper: Option<paper::PaperFile>,
    #[serde(default)]
    journal: JournalFile,
    venue: BTreeMap<VenueId, VenueConfig>,
    #[serde(default)]
    agent: BTreeMap<AgentId, AgentFile>,
    watchdog: Option<WatchdogConfig>,
    dashboard: Option<PortConfig>,
    metrics: Option<PortConfig>,
    #[serde(default)]
    gates: gates::GatesFile,
    ramp: Option<ramp::RampFile>,
    #[serde(default)]
    alert: Vec<toml::Table>,
    #[serde(default)]
    sink: Vec<toml::Table>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalFile {
    keep_records: Option<u64>,
    held_for_sinks: Option<u64>,
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
    #[serde(default)]
    code: Vec<PathBuf>,
    #[serde(default = "default_memory")]
    memory_max_mib: u64,
    #[serde(default = "default_lease")]
    lease_ms: u64,
}

const fn default_reconcile() -> u64 {
    30
}

const fn default_key_audit() -> u64 {
    3_600
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
    let paper =
        paper(file.mode, file.paper.as_ref()).map_err(|(key, problem)| bad(&key, problem))?;
    let assumed = file.paper.as_ref().and_then(|paper| paper::checked(paper).ok());
    let here = path.parent().unwrap_or(Path::new("."));
    let store =
        Address::parse(file.store.get_ref(), here).map_err(|problem| bad("store", problem))?;
    let store_password = file.store_password.map(|source| source.within(here));
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
    limits::check(&limits_path, &limits)?;
    let loss_stated = LossStated::of(&limits_text);
    let mut venues = file.venue.into_iter();
    let (Some(mut venue), None) = (venues.next(), venues.next()) else {
        let problem = "exactly one venue is supported by one gateway so far";
        return Err(bad("venue", problem.to_owned()));
    };
    for (name, secret) in [("key", &mut venue.1.key), ("secret", &mut venue.1.secret)] {
        // What a paper run does not have it cannot use.
        *secret = secret.take().filter(|_| paper.is_none()).map(|source| source.within(here));
        if secret.is_none() && paper.is_none() {
            let problem = "is missing: write where it is; docs/keys.md";
            return Err(bad(&format!("venue.{}.{name}", venue.0), problem.to_owned()));
        }
    }
    check_venue(&venue, &limits, &limits_path).map_err(|(key, problem)| bad(&key, problem))?;
    let agents =
        check_agents(file.agent, venue.0, here).map_err(|(key, problem)| bad(&key, problem))?;
    if let Some(watchdog) = &file.watchdog {
        watchdog::check(watchdog).map_err(|(key, problem)| bad(&key, problem))?;
    }
    let watchdog = file.watchdog.map(|mut watchdog| {
        if paper.is_some() {
            // The kill switch's own: a paper run has no use for them, and nobody else reads them here.
            (watchdog.key, watchdog.secret) = (None, None);
        }
        watchdog.token = watchdog.token.within(here);
        watchdog.gateway_pid_file = watchdog.gateway_pid_file.map(|path| here.join(path));
        watchdog
    });
    let limits_file = LimitsFile {
        path: limits_path,
        instruments: venue.1.instruments.clone(),
        agents: agents.keys().copied().collect(),
    };
    limits_file.check(&limits)?;
    let alerts = alerts::read(file.alert, here).map_err(|(key, problem)| bad(&key, problem))?;
    let gates = gates::checked(file.gates, here).map_err(|(key, problem)| bad(&key, problem))?;
    let ramp = ramp::checked(file.ramp.as_ref()).map_err(|(key, problem)| bad(&key, problem))?;
    let ramp = Some(ramp).filter(|_| paper.is_none());
    let sinks = sinks::read(file.sink, here).map_err(|(key, problem)| bad(&key, problem))?;
    let port = |table, of| port::read(table, of, here).map_err(|(key, problem)| bad(&key, problem));
    let text = format!("{text}\n# {}\n{limits_text}", file.limits.display());
    let reconcile_every_s = file.reconcile_every_s.max(1);
    let state_dir = file.state_dir.map(|path| here.join(path));
    let record = file.record.map(|path| here.join(path));
    let keep_records = file.journal.keep_records;
    let held_for_sinks = file.journal.held_for_sinks.unwrap_or(HELD_FOR_SINKS);
    Ok(Config {
        store,
        store_password,
        limits,
        limits_file,
        paper,
        assumed,
        venue,
        agents,
        keep_records,
        reconcile_every_s,
        state_dir,
        record,
        alerts,
        sinks,
        held_for_sinks,
        watchdog,
        gates,
        ramp,
        loss_stated,
        own_arguments: Vec::new(),
        path: path.to_owned(),
        dashboard: port("dashboard", file.dashboard)?,
        metrics: port("metrics", file.metrics)?,
        text,
    })
}

/// The paper account, where it is one. A live run may have the table in its file, and does not look at it.
fn paper(
    mode: Mode,
    file: Option<&paper::PaperFile>,
) -> Result<Option<PaperConfig>, (String, String)> {
    let checked = file.map(paper::checked).transpose()?;
    if mode == Mode::Paper && checked.is_none() {
        let problem = "is missing: say what the account holds and what trading costs, as in cash = \
                       \"10000 USDT\", maker_bps = 10, taker_bps = 10; docs/paper.md";
        return Err(("paper".to_owned(), problem.to_owned()));
    }
    Ok(checked.filter(|_| mode == Mode::Paper))
}

/// A paper account, by the text of its table.
#[cfg(test)]
pub(crate) fn paper_of(text: &str) -> PaperConfig {
    paper::checked(&toml::from_str(text).unwrap()).unwrap()
}

/// Limits as their file has them.
pub fn limits_text(limits: &Limits) -> String {
    // Every value has its place in TOML.
    toml::to_string(limits).unwrap_or_default()
}

/// The text with the store as it is printed, where it holds a password.
fn without_password(mut text: String, written: &toml::Spanned<String>, store: &Address) -> String {
    if store.has_password() {
        text.replace_range(written.span(), &format!("\"{store}\""));
    }
    text
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
    limits::check_valuation(&venue.instruments, limits, limits_path)
        .map_err(|problem| (format!("{key}.instruments"), problem))?;
    if let Some(both) =
        venue.accept_key_scopes.iter().find(|finding| venue.demand_key_scopes.contains(finding))
    {
        let problem = format!("{:?} is demanded, too; it is one or the other", both.name());
        return Err((format!("{key}.accept_key_scopes"), problem));
    }
    if !(1..=86_400).contains(&venue.key_audit_every_s) {
        return Err((format!("{key}.key_audit_every_s"), "is not 1 to 86400 seconds".into()));
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
    here: &Path,
) -> Result<BTreeMap<AgentId, AgentSettings>, (String, String)> {
    let mut agents = BTreeMap::new();
    for (id, file) in files {
        let key = format!("agent.{id}");
        if id.as_str() == gateway::OWN_AGENT {
            let problem = "is the name of the gateway's own orders; give the agent another one";
            return Err((key, problem.to_owned()));
        }
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
        if !file.code.is_empty() && matches!(program, AgentProgram::Strategy(_)) {
            let problem = "is for a command; the code of a built-in strategy is known";
            return Err((format!("{key}.code"), problem.to_owned()));
        }
        let code = file.code.into_iter().map(|path| here.join(path)).collect();
        let params = file.params.into_iter().map(|(k, v)| (k, plain(&v))).collect();
        let (memory_max_mib, lease_ms) = (file.memory_max_mib, file.lease_ms);
        agents.insert(id, AgentSettings { program, params, code, memory_max_mib, lease_ms });
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
