//! A gateway's own dashboard and its metrics: processes that it starts, keeps, and takes with it.
//!
//! Processes and no threads, because what they do grows with the journal and with whoever looks: memory,
//! panics and hunger for the processor (they run with a lower priority) are their own. They get no environment but
//! what names places, and on standard input the two secrets that each needs: what opens it, and the password of the
//! store. The gateway waits for nothing of them.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use runtime::config::Config;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::Instant;

/// What it finds of the gateway's environment: where things are, and what it logs.
const VARIABLES: [&str; 7] =
    ["HOME", "PATH", "PLIMSOLL_STATE_DIR", "RUST_LOG", "TMPDIR", "TZ", "XDG_STATE_HOME"];
/// How far they stand back when the processor is wanted by others.
const NICE: i32 = 10;
/// Pauses before one is started again: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
/// One that ran for so long had started well.
const WELL: Duration = Duration::from_secs(60);

/// The two tables, which are named as their commands are.
pub(crate) const DASHBOARD: &str = "dashboard";
pub(crate) const METRICS: &str = "metrics";

/// What the gateway tells one of them, in one line.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lines {
    /// What opens it.
    pub(crate) token: Option<String>,
    /// Password of the store.
    pub(crate) store_password: Option<String>,
}

impl Lines {
    /// Reads them, at the other end.
    pub(crate) fn read() -> anyhow::Result<Lines> {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        serde_json::from_str(&line).map_err(|_| {
            anyhow!(
                "--of-gateway is for `plimsoll run`, which tells what is needed on standard input"
            )
        })
    }

    /// Reads what this table needs, where the configuration says that it is. `None`: there is no such table.
    pub(crate) fn of(config: &Config, table: &'static str) -> anyhow::Result<Option<Lines>> {
        let port = if table == METRICS { &config.metrics } else { &config.dashboard };
        let Some(port) = port else { return Ok(None) };
        let read = |source: &Option<runtime::config::SecretSource>| {
            let secret = source.as_ref().map(|source| source.read()).transpose()?;
            Ok::<_, runtime::config::SecretError>(secret.map(|secret| secret.reveal().to_owned()))
        };
        let token = read(&port.token).with_context(|| format!("[{table}] token"))?;
        if let Some(token) = &token {
            let length = token.chars().count();
            if length < dashboard::TOKEN_MIN {
                return Err(dashboard::AccessError::Short(length).into());
            }
        }
        Ok(Some(Lines { token, store_password: read(&config.store_password)? }))
    }
}

/// Keeps a process of this table running until this is dropped. It never ends by itself, and whatever happens to it is
/// only said.
pub(crate) async fn keep(table: &'static str, config: PathBuf, lines: Lines) {
    let mut pause = PAUSES[0];
    loop {
        let start = Instant::now();
        let ended = match serve(table, &config, &lines).await {
            Ok(status) => format!("it ended ({status})"),
            Err(error) => format!("{error:#}"),
        };
        pause = if start.elapsed() >= WELL { PAUSES[0] } else { pause };
        tracing::warn!(
            ended,
            pause_s = pause.as_secs(),
            "[{table}] is not served; it is started again"
        );
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES[1]);
    }
}

async fn serve(
    table: &str,
    config: &Path,
    lines: &Lines,
) -> anyhow::Result<std::process::ExitStatus> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let known = VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut child = Command::new(program)
        .args([table, "--of-gateway", "--config"])
        .arg(config)
        .args(crate::log::arguments())
        .env_clear()
        .envs(known)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("it cannot be started")?;
    let mut line = serde_json::to_string(lines)?;
    line.push('\n');
    // It ends when this is closed, as when the gateway is killed.
    let mut input = child.stdin.take().context("it has no standard input")?;
    input.write_all(line.as_bytes()).await?;
    let ended = child.wait().await?;
    drop(input);
    Ok(ended)
}

/// Stands back where the gateway's own work is to be done.
pub(crate) fn stand_back() {
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "this process has the priority of its gateway");
    }
}

/// Returns when the gateway is gone: then its end of standard input is closed.
pub(crate) async fn orphaned() {
    let (gone, told) = tokio::sync::oneshot::channel::<()>();
    // A thread that nobody waits for: a read that blocks would hold up the end of a runtime.
    let watching = std::thread::Builder::new().name("gateway".to_owned()).spawn(move || {
        let read = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop((read, gone));
    });
    if let Err(error) = watching {
        tracing::warn!(%error, "its gateway's end will not be seen");
        std::future::pending::<()>().await;
    }
    let _ = told.await;
}
