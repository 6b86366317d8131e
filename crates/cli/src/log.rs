//! Logs: lines on standard error, for people or as JSON for machines.
//!
//! `RUST_LOG` chooses what is said, but never what goes over the wire. In JSON each line is one object: `timestamp`,
//! `level`, `message`, and what is spoken of as fields beside them (`client_order_id`, `agent`, `instrument`, …).

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use clap::ValueEnum;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

static CHOSEN: OnceLock<Format> = OnceLock::new();

/// From here on it is logged.
pub(crate) fn begin(format: Format) {
    let format = *CHOSEN.get_or_init(|| format);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new("warn,plimsoll_runtime=info,plimsoll_sinks=info,plimsoll_watchdog=info")
    });
    // Without the hint every library would be asked to say everything, to have it thrown away here.
    let off_the_wire = filter_fn(is_off_the_wire).with_max_level_hint(LevelFilter::TRACE);
    let filter = filter.and(off_the_wire);
    let lines = fmt::layer().with_target(false).with_writer(std::io::stderr);
    let all = tracing_subscriber::registry();
    match format {
        Format::Text => {
            let lines = lines.with_ansi(std::io::stderr().is_terminal());
            all.with(lines.with_filter(filter)).init();
        }
        Format::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false);
            all.with(lines.with_span_list(false).with_filter(filter)).init();
        }
    }
}

/// What our own processes are started with, so that they log as this one does.
pub(crate) fn arguments() -> Vec<String> {
    match CHOSEN.get() {
        Some(Format::Json) => vec!["--log-format=json".to_owned()],
        Some(Format::Text) | None => Vec::new(),
    }
}

/// The library of the sockets tells each frame at its lowest level, and what subscribes to an account names
/// the key, or carries a token that is one for two minutes.
fn is_off_the_wire(said: &tracing::Metadata<'_>) -> bool {
    let of_sockets = ["tungstenite", "tokio_tungstenite"];
    let library = said.target().split("::").next().unwrap_or_default();
    *said.level() <= tracing::Level::DEBUG || !of_sockets.contains(&library)
}
