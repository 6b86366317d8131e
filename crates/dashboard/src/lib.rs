//! The dashboard: what a gateway does, in a browser. It reads the journal through `views`, and asks the gateway how it is;
//! it may ask for a halt, and for nothing else.
//!
//! It runs in a process of its own (`plimsoll dashboard`, which `plimsoll run` starts where the configuration has a
//! `[dashboard]`), so that no browser and no question about a million entries can hold an order up. It knows
//! neither the gateway nor the runtime: whoever opens it brings the two things that it can do besides reading,
//! [`Watch`] and [`Halt`]. Everything that a page needs is in the binary; nothing is fetched from anywhere else
//! (ADR 18).

mod answer;
mod asking;
mod assets;
mod curves;
mod events;
mod guard;
mod live;
mod page;
mod problem;
mod route;
mod server;
mod tables;
mod wanted;

use std::path::PathBuf;
use std::sync::Arc;

use journal::Address;
use serde::Serialize;
use serde_json::Value;

pub use answer::{Answer, plain};
pub use guard::{Access, AccessError, Guard, Refused, TOKEN_MIN};
pub use server::{ServeError, Server, answer_all, serve};

/// Looks at the gateway, again and again, from a thread of its own.
pub trait Watch: Send {
    /// How it is now: the object of `plimsoll status --json`.
    fn look(&mut self) -> Result<Value, String>;
}

/// The one thing that a dashboard may ask for.
pub trait Halt: Send + Sync {
    /// Stops trading, by the first way that works. The object of `plimsoll halt --json`; an error where nothing was halted.
    fn halt(&self, reason: &str) -> Result<Value, String>;
}

/// What a dashboard shows.
pub struct Settings {
    /// The journal.
    pub journal: Address,
    /// Below which the tables of a server's journal are kept.
    pub directory: PathBuf,
    /// What the page says of itself.
    pub about: About,
    /// How the gateway is.
    pub watch: Box<dyn Watch>,
    /// Halts; `None` where there is nothing to halt.
    pub halt: Option<Arc<dyn Halt>>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("journal", &self.journal).finish_non_exhaustive()
    }
}

/// What the page says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// The journal, as it is printed.
    pub journal: String,
    /// What names it on the command line: `--config FILE` or `--store URL`.
    pub named: String,
    /// Version of the program.
    pub version: &'static str,
}
