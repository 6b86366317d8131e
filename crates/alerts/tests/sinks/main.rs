//! Real sinks on loopback: each form arrives, and what is dead, hangs or refuses holds up nobody.

#![expect(clippy::unwrap_used, reason = "a test")]

mod http;
mod mails;
mod posts;
mod smtp;
mod trouble;

use std::time::{Duration, Instant};

use model::{Alert, AlertKey, AlertLevel, Timestamp};
use plimsoll_alerts::{Alerts, Hidden, Kind, Settings, SinkSettings, Standing};

/// An alert has to be with every sink after this time at the latest. An attempt that hangs takes twice that.
const HARD_BOUND: Duration = Duration::from_secs(5);

fn clock() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_nanos(since.as_nanos() as i64)
}

fn sink(name: &str, kind: Kind) -> SinkSettings {
    SinkSettings { name: name.to_owned(), min_level: AlertLevel::Info, kind }
}

fn webhook(name: &str, url: String) -> SinkSettings {
    sink(name, Kind::Webhook { url: Hidden::new(url), secret: None })
}

fn start(sinks: Vec<SinkSettings>) -> Alerts {
    // What the binary does before its first connection.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Alerts::start(&Settings { source: "sim".to_owned(), sinks }, clock)
}

fn standing() -> Standing {
    Standing {
        trading: "halted".to_owned(),
        positions: [("BTC-USDT".to_owned(), "0.25".to_owned())].into(),
        orders_open: 3,
        orders_in_doubt: 1,
    }
}

fn halted(text: &str) -> Alert {
    Alert::critical(AlertKey::Halted, text, text)
}

/// Waits until it is so.
async fn wait(what: &str, max: Duration, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + max;
    while !so() {
        assert!(Instant::now() < end, "not in {max:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
