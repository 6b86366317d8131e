//! A simulated exchange and a gateway in paper mode, each a process of its own, and what the second one takes of the
//! machine.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

/// No gateway takes longer to be told that it is to end.
const END_MAX: Duration = Duration::from_secs(30);
/// Clock ticks of `/proc` in a second, on every Linux.
const TICKS: f64 = 100.0;

/// Wide, all of them: this is about memory and time.
const LIMITS: &str = r#"
reference_age_max_ms = 5000
[account]
exposure_max = { USDT = "10000000" }
messages_max = 16384
[orders]
open_max = 1000
rate_max = 1000
rate_window_ms = 10000
stops_max = 100
messages_max = 16384
messages_window_ms = 1000
alike_max = 16384
alike_window_ms = 1000
executed_max = 10000
executed_window_ms = 1000
[breakers]
drawdown_bps = 10000
day_loss_bps = 10000
loss_velocity_bps = 10000
rejections_percent = 100
rejections_in_a_row = 10000
refusals_in_a_row = 10000
stale_ms = 3600000
reconnects_max = 10000
doubt_grace_ms = 3600000
repeats_max = 10000
unvalued_ms = 3600000
dwell_ms = 60000
"#;
const OF_INSTRUMENT: &str = r#"
qty_max = "1000"
notional_max = "100000"
position_max = "5000"
collar_bps = 1500
exposure_max = "10000000"
turnover_max = "1000000000"
turnover_window_ms = 1000
walk_bps = 10000
walk_window_ms = 1000
"#;

/// What is to run.
pub(crate) struct Plan<'a> {
    pub(crate) instruments: &'a [String],
    /// How much faster than a market the market is.
    pub(crate) speed: f64,
    pub(crate) records: bool,
    /// Tables of agents.
    pub(crate) agents: &'a str,
}

/// Both processes; they end with this.
pub(crate) struct OnPaper {
    folder: tempfile::TempDir,
    gateway: Child,
    venue: Child,
}

impl Drop for OnPaper {
    fn drop(&mut self) {
        for child in [&mut self.gateway, &mut self.venue] {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl OnPaper {
    pub(crate) fn start(plan: &Plan<'_>) -> anyhow::Result<OnPaper> {
        let Plan { instruments, speed, records, agents } = plan;
        let binary = binary()?;
        let folder = tempfile::tempdir()?;
        let mut venue = Command::new(&binary);
        venue.args(["venue", "--listen", "127.0.0.1:0", "--market", "synthetic:7"]);
        venue.args(["--speed", &speed.to_string(), "--account", "nobody:nobody:1 USDT"]);
        venue.args(["--dialect", "binance"]);
        instruments.iter().for_each(|instrument| {
            venue.args(["--instrument", instrument]);
        });
        let mut venue = venue.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        let out = venue.stdout.take().context("an exchange without an output")?;
        BufReader::new(out).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let names: Vec<&str> =
            instruments.iter().filter_map(|instrument| instrument.split(':').next()).collect();
        let cash: Vec<String> = names
            .iter()
            .filter_map(|name| name.split('-').next())
            .map(|base| format!("10 {base}"))
            .collect();
        let record = if *records { "record = \"recording\"\n" } else { "" };
        let config = format!(
            "mode = \"paper\"\nstore = \"sqlite:plimsoll.db\"\nlimits = \"limits.toml\"\nstate_dir = \"state\"\n\
             {record}[venue.sim]\nkind = \"binance-spot\"\ninstruments = {names:?}\nrest = \"{address}\"\n\
             [paper]\ncash = \"1000000 USDT, {}\"\nmaker_bps = 2\ntaker_bps = 10\nlatency_ms = 20\n{agents}",
            cash.join(", ")
        );
        let limits: String =
            names.iter().map(|name| format!("[instrument.{name}]{OF_INSTRUMENT}")).collect();
        std::fs::write(folder.path().join("plimsoll.toml"), config)?;
        std::fs::write(folder.path().join("limits.toml"), format!("{LIMITS}{limits}"))?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let mut gateway = Command::new(&binary);
        gateway.args(["run", "--config"]).arg(folder.path().join("plimsoll.toml"));
        let gateway = gateway.stdin(Stdio::null()).stderr(log).spawn()?;
        Ok(OnPaper { folder, gateway, venue })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Memory of the gateway that is in use, MiB.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")).map(str::trim);
        let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let kib: f64 = kib.with_context(|| format!("the gateway has ended: {}", log()))?.parse()?;
        Ok(kib / 1_024.0)
    }

    /// Time that processors have spent on the gateway, seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = self.proc("stat")?;
        // The name may hold spaces.
        let (_, rest) = stat.rsplit_once(')').context("a line of another form")?;
        let numbers: Vec<&str> = rest.split_whitespace().collect();
        let of = |at: usize| numbers.get(at).and_then(|text| text.parse::<f64>().ok());
        let (user, system) = of(11).zip(of(12)).context("a line of another form")?;
        Ok((user + system) / TICKS)
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.gateway.id());
        let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        std::fs::read_to_string(&path).with_context(|| format!("{path}: {}", log()))
    }

    /// Ends the gateway as a person would, and waits for it.
    pub(crate) fn end(&mut self) -> anyhow::Result<()> {
        let id = self.gateway.id().to_string();
        ensure!(
            Command::new("kill").args(["-TERM", &id]).status()?.success(),
            "it has ended before"
        );
        let end = Instant::now() + END_MAX;
        while self.gateway.try_wait()?.is_none() {
            ensure!(Instant::now() < end, "the gateway does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// `plimsoll` beside this program.
fn binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.parent().context("a program without a directory")?.join("plimsoll");
    ensure!(path.exists(), "{} is not there: cargo xtask bench makes it", path.display());
    Ok(path)
}
