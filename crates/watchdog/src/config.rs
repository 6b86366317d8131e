//! The configuration: the gateway's own file, of which the kill switch reads what it needs.
//!
//! Its own table, `[watchdog]`, is read strictly; other tables belong to the gateway, and their keys are not
//! looked at. Relative paths are relative to the file that names them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::core::words::Instrument;
use crate::limits::Limits;
use crate::paper::PaperTable;
use crate::secret::take_from_environment;
pub use crate::secret::{AlertAddress, Secret, SecretError};
use crate::venue::Dialect;

/// Addresses that alerts go to.
const ALERTS_MAX: usize = 16;

/// A configuration that has passed every check.
#[derive(Debug)]
pub struct Config {
    /// Which exchange.
    pub dialect: Dialect,
    /// Its address, where it is not the exchange's own.
    pub rest: Option<String>,
    /// What is traded.
    pub instruments: Vec<Instrument>,
    /// The kill switch's own limits.
    pub limits: Limits,
    /// Its own table.
    pub watchdog: Table,
    /// The gateway is in paper mode: its account is in its own process, at `rest`.
    pub paper: bool,
}

/// `[watchdog]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// `HOST:PORT` where the gateway beats.
    pub heartbeat: String,
    /// `HOST:PORT` where a person is heard.
    pub control: String,
    /// `HOST:PORT` of this host where its metrics are scraped; `None` where they are not.
    pub metrics: Option<String>,
    /// What gateway, kill switch and people share.
    pub token: Secret,
    /// API key, its own; `None` where the account is on paper, whatever the file says, and never else.
    pub key: Option<Secret>,
    /// Its secret. As `key`.
    pub secret: Option<Secret>,
    /// The limits' file.
    pub limits: PathBuf,
    /// Where the latch is kept.
    pub state_dir: PathBuf,
    /// A file whose existence halts.
    pub halt_file: Option<PathBuf>,
    /// Where alerts are posted to.
    #[serde(default)]
    pub alert: Vec<AlertAddress>,
    /// What the names of the gateway's orders begin with.
    #[serde(default)]
    pub own_prefix: Vec<String>,
    /// The address that connections to the exchange leave from.
    pub local_address: Option<IpAddr>,
    /// End the gateway's process once tripped.
    #[serde(default)]
    pub kill_gateway: bool,
    /// Where the gateway writes its process id.
    pub gateway_pid_file: Option<PathBuf>,
    /// Sell what is held once nothing else is open.
    #[serde(default)]
    pub flatten: bool,
}

impl Table {
    /// The account is on paper: no key of the venue is read, no way out of the host is taken, and latch and marks are
    /// not those of an account at the venue.
    fn on_paper(&mut self) {
        (self.key, self.secret, self.local_address) = (None, None, None);
        self.state_dir.push("paper");
    }

    fn secrets_mut(&mut self) -> impl Iterator<Item = &mut Secret> {
        let alerts = self.alert.iter_mut().filter_map(AlertAddress::secret_mut);
        let keys = self.key.iter_mut().chain(&mut self.secret);
        std::iter::once(&mut self.token).chain(keys).chain(alerts)
    }
}

impl Config {
    /// Reads the secrets that are in the environment and removes them from it; to be called before the first
    /// thread is started.
    pub fn take_secrets(&mut self) {
        take_from_environment(self.watchdog.secrets_mut());
    }
}

/// What is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It does not say what it has to say.
    #[error("{}: {problem}", path.display())]
    Value {
        /// Which.
        path: PathBuf,
        /// What, and what to do.
        problem: String,
    },
}

#[derive(Deserialize)]
struct File {
    mode: Option<Mode>,
    paper: Option<PaperTable>,
    #[serde(default)]
    venue: BTreeMap<String, VenueTable>,
    watchdog: Option<Table>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Paper,
    Live,
}

#[derive(Deserialize)]
struct VenueTable {
    kind: Dialect,
    instruments: Vec<String>,
    rest: Option<String>,
}

/// Reads and checks the configuration and the limits.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let bad = |problem: String| ConfigError::Value { path: path.to_owned(), problem };
    let file: File = toml::from_str(&text(path)?).map_err(|error| bad(located(&error)))?;
    let mut table = file.watchdog.ok_or_else(|| bad("there is no [watchdog] table".to_owned()))?;
    let mut venues = file.venue.into_values();
    let (Some(venue), None) = (venues.next(), venues.next()) else {
        return Err(bad("venue: exactly one venue is watched by one kill switch".to_owned()));
    };
    let instruments: Vec<Instrument> = venue
        .instruments
        .iter()
        .map(|id| match id.split_once('-') {
            Some((base, quote))
                if !base.is_empty() && !quote.is_empty() && !quote.contains('-') =>
            {
                let (base, quote) = (base.to_owned(), quote.to_owned());
                Ok(Instrument { symbol: venue.kind.symbol(id), base, quote })
            }
            _ => Err(bad(format!("instruments: {id:?} is not BASE-QUOTE, as in BTC-USDT"))),
        })
        .collect::<Result<_, _>>()?;
    if instruments.is_empty() {
        return Err(bad("instruments: is empty; list what is traded".to_owned()));
    }
    let http = |url: &String| url.starts_with("http://") || url.starts_with("https://");
    if let Some(url) = venue.rest.iter().find(|url| !http(url)) {
        return Err(bad(format!("{url:?} does not start with http:// or https://")));
    }
    if table.alert.len() > ALERTS_MAX {
        return Err(bad(format!("watchdog.alert: {ALERTS_MAX} addresses are the most")));
    }
    if table.own_prefix.iter().any(String::is_empty) {
        return Err(bad(
            "watchdog.own_prefix: an empty prefix makes every order the gateway's".into()
        ));
    }
    if table.kill_gateway && table.gateway_pid_file.is_none() {
        let problem = "watchdog.kill_gateway needs gateway_pid_file: which process is it?";
        return Err(bad(problem.to_owned()));
    }
    let here = path.parent().unwrap_or(Path::new("."));
    for path in [&mut table.limits, &mut table.state_dir]
        .into_iter()
        .chain(table.halt_file.as_mut())
        .chain(table.gateway_pid_file.as_mut())
    {
        *path = here.join(&path);
    }
    let paper = file.mode == Some(Mode::Paper);
    let rest = if paper {
        table.on_paper();
        Some(file.paper.unwrap_or_default().address().map_err(bad)?)
    } else {
        let missing = |what: &str| bad(format!("missing field `{what}` in [watchdog]"));
        table.key.as_ref().ok_or_else(|| missing("key"))?;
        table.secret.as_ref().ok_or_else(|| missing("secret"))?;
        venue.rest
    };
    table.secrets_mut().for_each(|secret| secret.within(here));
    let limits = Limits::parse(&text(&table.limits)?, &instruments, table.flatten)
        .map_err(|problem| ConfigError::Value { path: table.limits.clone(), problem })?;
    Ok(Config { dialect: venue.kind, rest, instruments, limits, watchdog: table, paper })
}

fn text(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::File { path: path.to_owned(), source };
    std::fs::read_to_string(path).map_err(unreadable)
}

/// What the parser says, never the line itself: it may hold a secret.
fn located(error: &toml::de::Error) -> String {
    let at = error.span().map_or(String::new(), |span| format!(" (byte {})", span.start));
    format!("{}{at}", error.message().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
mode = "live"
store = "sqlite:plimsoll.db"
limits = "limits.toml"
[venue.sim]
kind = "binance-spot"
instruments = ["BTC-USDT", "ETH-USDT"]
key = { env = "KEY" }
secret = { env = "SECRET" }
rest = "http://127.0.0.1:9000"
[agent.trend]
whatever = 1
[watchdog]
heartbeat = "127.0.0.1:9200"
control = "127.0.0.1:9201"
token = { env = "TOKEN" }
key = { file = "key" }
secret = { env = "WATCHDOG_SECRET" }
limits = "watchdog-limits.toml"
state_dir = "state"
"#;

    fn load_text(config: &str) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let limits = directory.path().join("watchdog-limits.toml");
        std::fs::write(limits, crate::core::testing::LIMITS).unwrap();
        let path = directory.path().join("plimsoll.toml");
        std::fs::write(&path, config).unwrap();
        load(&path)
    }

    #[test]
    fn the_gateways_file_is_read_as_far_as_it_matters() {
        let config = load_text(GOOD).unwrap();
        assert_eq!(config.dialect, Dialect::BinanceSpot);
        assert_eq!(config.instruments[0].symbol, "BTCUSDT");
        assert!(config.watchdog.state_dir.is_absolute());
        assert!(!config.watchdog.kill_gateway && !config.watchdog.flatten);
        let Some(Secret::File(path)) = &config.watchdog.key else { panic!() };
        assert!(path.is_absolute());
    }

    #[test]
    fn on_paper_no_key_is_read_and_the_account_is_on_this_host() {
        let paper = GOOD.replace("\"live\"", "\"paper\"");
        let config = load_text(&paper).unwrap();
        assert!(config.paper && config.watchdog.key.is_none() && config.watchdog.secret.is_none());
        assert_eq!(config.rest.as_deref(), Some("http://127.0.0.1:9202"));
        assert!(config.watchdog.state_dir.ends_with("state/paper"));
        let elsewhere = format!("{paper}[paper]\ncash = \"1 USDT\"\nlisten = \"127.0.0.1:7\"\n");
        assert_eq!(load_text(&elsewhere).unwrap().rest.as_deref(), Some("http://127.0.0.1:7"));
        let keyless = paper.replace("key = { file = \"key\" }\n", "");
        assert!(load_text(&keyless).is_ok());
        let error = load_text(&keyless.replace("\"paper\"", "\"live\"")).unwrap_err().to_string();
        assert!(error.contains("missing field `key`"), "{error}");
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, said) in [
            ("state_dir", "statedir", "unknown field `statedir`"),
            ("limits = \"watchdog-limits.toml\"", "", "missing field `limits`"),
            ("[watchdog]", "[watchdoq]", "there is no [watchdog] table"),
            ("BTC-USDT", "BTCUSDT", "\"BTCUSDT\" is not BASE-QUOTE"),
            ("http://", "ftp://", "does not start with http://"),
            ("{ env = \"TOKEN\" }", "\"hush\"", "never the secret itself"),
            ("state_dir", "alert = [\"https://slack.com/hush\"]\nstate_dir", "may hold a token"),
            ("{ env = \"TOKEN\" }", "{ env = \"A\", file = \"b\" }", "where the secret is"),
            ("state_dir", "kill_gateway = true\nstate_dir", "needs gateway_pid_file"),
            ("state_dir", "own_prefix = [\"\"]\nstate_dir", "an empty prefix"),
            ("state_dir", "flatten = true\nstate_dir", "[flatten] is missing"),
            ("binance-spot", "kraken-spot", "unknown variant"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let error = load_text(&GOOD.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(said), "{said}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
