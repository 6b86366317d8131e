//! The processes of the demo: the exchange and the gateway, started as a user would.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Time for a process to be ready, to answer or to end.
const PROCESS_MAX: Duration = Duration::from_secs(15);

/// Pause before the exchange's books are asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

const KEY: &str = "demo-key";
const SECRET: &str = "demo-secret";
/// What the account starts with: enough on both sides for a market maker.
const BALANCES: &str = "10000 USDT,0.2 BTC";

const LIMITS: &str = r#"reference_age_max_ms = 2000

[account]
exposure_max = { USDT = "10000" }
messages_max = 200
[orders]
open_max = 8
stops_max = 10
rate_max = 60
rate_window_ms = 10000
messages_max = 200
messages_window_ms = 10000
alike_max = 4
alike_window_ms = 1000
executed_max = 40
executed_window_ms = 1000

[instrument.BTC-USDT]
qty_max = "0.01"
notional_max = "2000"
position_max = "0.05"
exposure_max = "10000"
turnover_max = "1000000000"
turnover_window_ms = 10000
collar_bps = 100
walk_bps = 200
walk_window_ms = 10000

[breakers]
stale_ms = 3600000      # a market may stand still here, or be empty, and is to be seen so
unvalued_ms = 3600000
"#;

/// Where the gateway's files are.
pub(super) enum Folder {
    /// Removed at the end.
    Temporary(TempDir),
    /// Stays, for questions.
    Kept(PathBuf),
}

impl Folder {
    fn open(keep: Option<&Path>) -> anyhow::Result<Folder> {
        let Some(path) = keep else {
            return Ok(Folder::Temporary(
                tempfile::Builder::new().prefix("plimsoll-demo-").tempdir()?,
            ));
        };
        let problem = || format!("--keep {}", path.display());
        std::fs::create_dir_all(path).with_context(problem)?;
        // A journal that is there is somebody's, and a second demo on it would be another story.
        if path.join("plimsoll.db").exists() {
            bail!("--keep {}: a journal is there already; name another folder", path.display());
        }
        Ok(Folder::Kept(std::fs::canonicalize(path).with_context(problem)?))
    }

    fn path(&self) -> &Path {
        match self {
            Folder::Temporary(directory) => directory.path(),
            Folder::Kept(path) => path,
        }
    }
}

/// Everything that runs.
pub(super) struct System {
    directory: Folder,
    venue: Child,
    gateway: Child,
    url: String,
    client: reqwest::Client,
}

impl System {
    pub(super) async fn start(
        listen: SocketAddr,
        market: &str,
        speed: f64,
        keep: Option<&Path>,
    ) -> anyhow::Result<System> {
        let directory = Folder::open(keep)?;
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let (venue, url) = start_venue(&program, listen, market, speed).await?;
        write_config(directory.path(), &url)?;
        let gateway = Command::new(&program)
            .args(["run", "--config"])
            .arg(directory.path().join("plimsoll.toml"))
            .env("DEMO_KEY", KEY)
            .env("DEMO_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(directory.path().join("gateway.log"))?)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the gateway")?;
        let client = reqwest::Client::builder().timeout(PROCESS_MAX).no_proxy().build()?;
        Ok(System { directory, venue, gateway, url, client })
    }

    pub(super) fn venue_url(&self) -> &str {
        &self.url
    }

    pub(super) fn journal_path(&self) -> PathBuf {
        self.directory.path().join("plimsoll.db")
    }

    pub(super) fn config_path(&self) -> PathBuf {
        self.directory.path().join("plimsoll.toml")
    }

    /// Both processes must be alive.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.venue.try_wait()? {
            bail!("the simulated exchange ended ({status})");
        }
        if let Some(status) = self.gateway.try_wait()? {
            bail!("the gateway ended ({status}): {}", self.log_tail());
        }
        Ok(())
    }

    /// The last lines that the gateway logged.
    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.directory.path().join("gateway.log"));
        let log = log.unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    /// Every connection to the exchange is cut for a while, and for at most `more` after that none
    /// comes to anything: that can be ended by [`System::end_outage`], whose own door stays open.
    pub(super) async fn outage(&self, length: Duration, more: Duration) -> anyhow::Result<()> {
        let whole = (length + more).as_secs_f64();
        self.fault(json!({"kind": "drop_request", "for": whole})).await?;
        self.fault(json!({"kind": "drop_request", "route": "WS /", "for": whole})).await?;
        self.fault(json!({"kind": "outage", "for": length.as_secs_f64()})).await
    }

    async fn fault(&self, fault: Value) -> anyhow::Result<()> {
        let url = format!("{}/_sim/faults", self.url);
        // The outage may cut the very connection that asks for it.
        match self.client.post(url).body(fault.to_string()).send().await {
            Ok(answer) if !answer.status().is_success() => {
                bail!("the exchange refuses the outage: {}", answer.text().await?)
            }
            Ok(_) => Ok(()),
            Err(error) if error.is_connect() => Err(error.into()),
            Err(_) => Ok(()),
        }
    }

    /// The exchange takes connections again.
    pub(super) async fn end_outage(&self) -> anyhow::Result<()> {
        let answer = self.client.post(format!("{}/_sim/heal", self.url)).send().await;
        answer.context("the exchange does not end the outage")?.error_for_status()?;
        Ok(())
    }

    /// What the exchange's own books say.
    pub(super) async fn truth(&self) -> anyhow::Result<Value> {
        // The outage cuts the very connection that this is asked on, the one that is being made, too.
        let until = Instant::now() + PROCESS_MAX;
        let text = loop {
            match self.state().await {
                Err(_) if Instant::now() < until => tokio::time::sleep(ASK_AGAIN).await,
                answered => break answered.context("the exchange does not answer")?,
            }
        };
        serde_json::from_str(&text).context("the exchange's books cannot be read")
    }

    async fn state(&self) -> reqwest::Result<String> {
        self.client.get(format!("{}/_sim/state", self.url)).send().await?.text().await
    }

    /// An orderly stop of the gateway: entry orders are taken back, books compared.
    pub(super) async fn stop_gateway(&mut self) -> anyhow::Result<()> {
        let status = end(&mut self.gateway).await.context("the gateway does not end")?;
        if !status.success() {
            bail!("the gateway ended badly ({status}): {}", self.log_tail());
        }
        Ok(())
    }

    /// Ends it; the folder with the journal is the caller's then.
    pub(super) async fn stop(mut self) -> anyhow::Result<Folder> {
        end(&mut self.venue).await.context("the simulated exchange does not end")?;
        Ok(self.directory)
    }
}

async fn start_venue(
    program: &Path,
    listen: SocketAddr,
    market: &str,
    speed: f64,
) -> anyhow::Result<(Child, String)> {
    let mut venue = Command::new(program)
        .args(["venue", "--dialect", "binance"])
        .args(["--listen", &listen.to_string()])
        .args(["--account", &format!("{KEY}:{SECRET}:{BALANCES}")])
        .args(["--market", market])
        .args(["--speed", &speed.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the simulated exchange")?;
    let stdout = venue.stdout.take().context("no output of the simulated exchange")?;
    let mut lines = BufReader::new(stdout).lines();
    let ready = tokio::time::timeout(PROCESS_MAX, lines.next_line()).await;
    match ready.context("the simulated exchange does not get ready")?? {
        Some(line) => {
            let url = line.strip_prefix("listening on ").context("an unexpected line")?.to_owned();
            Ok((venue, url))
        }
        // It has said why on standard error.
        None => {
            let output = venue.wait_with_output().await?;
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("the simulated exchange: {}", said.trim().trim_start_matches("error: "))
        }
    }
}

fn write_config(directory: &Path, url: &str) -> anyhow::Result<()> {
    let config = format!(
        r#"mode = "live"
store = "sqlite:plimsoll.db"
limits = "limits.toml"
reconcile_every_s = 5
state_dir = "state"

[venue.sim]
kind = "binance-spot"
instruments = ["BTC-USDT"]
key = {{ env = "DEMO_KEY" }}
secret = {{ env = "DEMO_SECRET" }}
rest = "{url}"

# The exchange is simulated and its money is made up, so the gates before real money are opened one by one. At an
# exchange leave this out: plimsoll doctor shows what is missing and how to get it (docs/gates.md).
[gates.override]
paper-record = "a demonstration against a simulated exchange"
watchdog = "a demonstration of the gateway alone"
alerts = "somebody watches the demonstration"
loss-max = "the money is made up"

[ramp]
start_percent = 100     # all of the limits at once, for the same reason

[agent.maker]
strategy = "market-maker"
venue = "sim"
params = {{ qty = "0.005", half_spread_bps = 0, requote_every = 1500 }}
"#
    );
    let write = |name: &str, text: &str| -> anyhow::Result<()> {
        let path = directory.join(name);
        let mut file = std::fs::File::create(&path)?;
        file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
    };
    write("limits.toml", LIMITS)?;
    write("plimsoll.toml", &config)
}

/// Asks a process to end and waits for it.
async fn end(child: &mut Child) -> anyhow::Result<std::process::ExitStatus> {
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
        terminate(id)?;
    }
    let ended = tokio::time::timeout(PROCESS_MAX, child.wait()).await;
    Ok(ended.context("it did not end in time")??)
}

/// Sends the signal to end in an orderly way.
#[expect(unsafe_code, reason = "the standard library can kill a process but not ask it to end")]
fn terminate(id: i32) -> std::io::Result<()> {
    // SAFETY: kill(2) takes two numbers and touches no memory; the process is a child of ours that
    // has not been waited for, so its id is not anybody else's.
    match unsafe { libc::kill(id, libc::SIGTERM) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}
