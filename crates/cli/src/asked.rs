//! The journal that a question is about, and its tables brought up to date.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use journal::Address;
use views::{Views, ViewsError};

use crate::failure::Failure;

/// The password of a store that is named on the command line, where others could read it.
const PASSWORD: &str = "PLIMSOLL_STORE_PASSWORD";
/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(100);
/// Entries that are read without a word.
const SILENT: u64 = 100_000;

#[derive(clap::Args)]
pub(crate) struct Journal {
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE", conflicts_with = "store")]
    config: Option<PathBuf>,
    /// The journal itself: sqlite:FILE, postgres://… or redis://…; its password may be in
    /// PLIMSOLL_STORE_PASSWORD.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl Journal {
    /// Opens it, and brings its tables up to its end.
    pub(crate) fn open(&self) -> Result<Views, Failure> {
        let (address, state_dir) = self.address()?;
        let directory = runtime::budget::directory(state_dir.as_deref()).map_err(Failure::usage)?;
        let bar = std::io::stderr().is_terminal().then(bar).transpose()?;
        let mut said = false;
        let views = Views::open(&address, &directory, &mut |done, all| match &bar {
            Some(bar) => {
                bar.set_length(all);
                bar.set_position(done);
            }
            None if !said && all.saturating_sub(done) > SILENT => {
                eprintln!("reading {all} entries of the journal into tables, once …");
                said = true;
            }
            None => {}
        });
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        views.map_err(failed)
    }

    /// The configuration file, where one was named.
    pub(crate) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The journal as it was named on the command line, without a password.
    pub(crate) fn shown(&self) -> Option<String> {
        let (address, _) = self.address().ok()?;
        match &address {
            Address::Sqlite(_) => self.store.clone(),
            server => Some(server.to_string()),
        }
    }

    /// Where the journal is, and the state directory of its gateway.
    pub(crate) fn address(&self) -> Result<(Address, Option<PathBuf>), Failure> {
        match (&self.config, &self.store) {
            (Some(file), _) => {
                let config = runtime::config::load(file).map_err(Failure::usage)?;
                Ok((config.journal().map_err(Failure::usage)?, config.state_dir))
            }
            (None, Some(store)) => {
                let address = Address::parse(store, Path::new(""))
                    .map_err(|problem| Failure::usage(anyhow!("--store: {problem}")))?;
                let password = std::env::var(PASSWORD).ok().filter(|_| !address.has_password());
                let address = match password {
                    Some(password) => address.with_password(&password),
                    None => address,
                };
                Ok((address, None))
            }
            (None, None) => Err(Failure::usage(anyhow!("name a journal with --config or --store"))),
        }
    }
}

/// A question that is wrong is the asker's mistake; anything else is not.
pub(crate) fn failed(error: ViewsError) -> Failure {
    if error.is_usage() { Failure::usage(error) } else { Failure::Failed(error.into()) }
}

fn bar() -> anyhow::Result<ProgressBar> {
    let bar = ProgressBar::new(0);
    let style = "{spinner} reading the journal into tables [{bar:30}] {pos}/{len}";
    bar.set_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    bar.enable_steady_tick(TICK);
    Ok(bar)
}

/// Writes a file whole, or says which one was not written.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{} was not written", path.display()))
}
