//! The demo's dashboard: the process that a user would start. Without it the demo plays all the same.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::system::Folder;

/// Time for it to be ready.
const READY_MAX: Duration = Duration::from_secs(10);

/// A dashboard, or why there is none.
pub(super) struct Page {
    opened: Result<(Child, String), String>,
    /// What it reads.
    _folder: Option<Folder>,
}

impl Page {
    pub(super) async fn open(config: &Path) -> Page {
        Page { opened: start(config).await.map_err(|error| format!("{error:#}")), _folder: None }
    }

    /// The same, and its folder stays as long as it does.
    pub(super) fn with(self, folder: Folder) -> Page {
        Page { _folder: Some(folder), ..self }
    }

    pub(super) fn words(&self) -> String {
        match &self.opened {
            Ok((_, address)) => format!("Watch it in a browser: {address}"),
            Err(problem) => format!("There is no dashboard to watch it in: {problem}."),
        }
    }

    /// Stays open until it is interrupted.
    pub(super) async fn linger(mut self, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
        let (child, address) = match &mut self.opened {
            Ok(opened) => opened,
            Err(problem) => bail!("there is no dashboard to keep open: {problem}"),
        };
        eprintln!("The dashboard stays at {address} until Ctrl-C.");
        tokio::select! {
            ended = child.wait() => bail!("the dashboard ended ({})", ended?),
            // Nobody is left to say it: then there is nothing to wait for.
            _ = stop.wait_for(|stop| *stop) => Ok(()),
        }
    }
}

async fn start(config: &Path) -> anyhow::Result<(Child, String)> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut child = Command::new(program)
        .args(["dashboard", "--listen", "127.0.0.1:0", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("it cannot be started")?;
    let stdout = child.stdout.take().context("it has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    let line = tokio::time::timeout(READY_MAX, lines.next_line()).await;
    let line = line.context("it does not get ready")??.context("it ended at once")?;
    let address = line.strip_prefix("dashboard at ").context("an unexpected line")?.to_owned();
    Ok((child, address))
}
