//! What the dashboard cannot do by itself: see how the gateway is, and halt it. Both are what `plimsoll status` and
//! `plimsoll halt` do.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dashboard::{About, Halt, Settings, Watch};
use journal::Address;
use model::HaltedBy;
use runtime::config::{Config, Place};
use serde_json::Value;

use crate::asked::Journal;
use crate::beside::Lines;
use crate::failure::Failure;
use crate::halt::{self, Wish};
use crate::status::Watched;

/// Why, where the person says nothing.
const REASON: &str = "halted on the dashboard";

/// What a dashboard is opened on.
pub(super) struct Opened {
    pub(super) settings: Settings,
    pub(super) listen: Option<SocketAddr>,
    pub(super) token: Option<String>,
    pub(super) hosts: Vec<String>,
}

/// Opens a gateway's journal by its configuration, or a journal alone.
pub(super) fn open(journal: &Journal, told: Option<&Lines>) -> Result<Opened, Failure> {
    match journal.config() {
        Some(file) => of_gateway(file, told),
        None => {
            let (address, state_dir) = journal.address()?;
            let directory = directory(state_dir.as_deref())?;
            // It says at once that there is nothing of that name.
            drop(journal::JournalReader::of(&address)?);
            let named = format!("--store {}", journal.shown().unwrap_or_default());
            let settings = settings(address, directory, None, named);
            Ok(Opened { settings, listen: None, token: None, hosts: Vec::new() })
        }
    }
}

fn of_gateway(file: &Path, told: Option<&Lines>) -> Result<Opened, Failure> {
    let mut config = runtime::config::load(file).map_err(Failure::usage)?;
    let place = runtime::config::place(file).map_err(Failure::usage)?;
    let address = match told.and_then(|told| told.store_password.as_deref()) {
        Some(password) => config.store.clone().with_password(password),
        None => config.journal().map_err(Failure::usage)?,
    };
    let directory = directory(config.state_dir.as_deref())?;
    let table = config.dashboard.take();
    let token = match &table {
        Some(table) if told.is_none() => table.token.as_ref(),
        _ => None,
    };
    let token = token.map(|source| source.read()).transpose().map_err(Failure::usage)?;
    let hosts = table.as_ref().map(|table| table.hosts.clone()).unwrap_or_default();
    let named = format!("--config {}", file.display());
    let settings = settings(address, directory, Some((config, place)), named);
    Ok(Opened {
        settings,
        listen: table.map(|table| table.listen),
        token: token.map(|token| token.reveal().to_owned()),
        hosts,
    })
}

fn directory(state_dir: Option<&Path>) -> Result<PathBuf, Failure> {
    runtime::budget::directory(state_dir).map_err(Failure::usage)
}

fn settings(
    address: Address,
    directory: PathBuf,
    gateway: Option<(Config, Place)>,
    named: String,
) -> Settings {
    let (config, place) = gateway.unzip();
    let watch = Watched::new(address.clone(), directory.clone(), config);
    let halt = place.map(|place| Arc::new(Button(place)) as Arc<dyn Halt>);
    Settings {
        about: About { journal: address.to_string(), named, version: env!("CARGO_PKG_VERSION") },
        journal: address,
        directory,
        watch: Box::new(Looking(watch)),
        halt,
    }
}

struct Looking(Watched);

impl Watch for Looking {
    fn look(&mut self) -> Result<Value, String> {
        self.0.look().map_err(|error| error.to_string())
    }
}

/// The button: what `plimsoll halt` does, with its own name as the source.
struct Button(Place);

impl Halt for Button {
    fn halt(&self, reason: &str) -> Result<Value, String> {
        let reason = if reason.is_empty() { REASON } else { reason }.to_owned();
        let wish = Wish { reason, dark: false, by: HaltedBy::Dashboard };
        match halt::halt(&wish, &self.0) {
            Ok(done) if done.is_halted() => Ok(done.json()),
            Ok(done) => Err(format!("{}; {}", halt::NOTHING, done.json()["asked"])),
            Err(failure) => Err(failure.text()),
        }
    }
}
