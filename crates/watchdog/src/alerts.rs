//! Alerts go to the log and, as JSON, to every address that is configured. A dead one holds nothing up.
//!
//! Each address has a queue and a task of its own. What does not go through is tried again, later and
//! later, until it is old; when the queue is full the new one is dropped and the log says so.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::core::effect::{Alert, Level};

/// Alerts that wait for one address.
const QUEUE: usize = 64;
/// One attempt.
const ATTEMPT_MAX: Duration = Duration::from_secs(3);
/// The first pause; it doubles.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// An alert older than this is of no use.
const AGE_MAX: Duration = Duration::from_secs(600);

/// Where alerts are handed over.
#[derive(Debug)]
pub struct Alerts {
    sinks: Vec<mpsc::Sender<(Alert, i64, Instant)>>,
}

impl Alerts {
    /// Starts a task for each address; needs a runtime.
    pub fn start(urls: &[Zeroizing<String>]) -> Result<Alerts, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(ATTEMPT_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let sink = |url: &Zeroizing<String>| {
            let (tell, told) = mpsc::channel(QUEUE);
            tokio::spawn(deliver(client.clone(), url.clone(), told));
            tell
        };
        Ok(Alerts { sinks: urls.iter().map(sink).collect() })
    }

    /// Hands an alert over; never waits.
    pub fn tell(&self, alert: &Alert, at_ms: i64) {
        let Alert { cause, level, text } = alert;
        match level {
            Level::Info => tracing::info!(cause, "{text}"),
            Level::Warning => tracing::warn!(cause, "{text}"),
            Level::Critical => tracing::error!(cause, "{text}"),
        }
        for (index, sink) in self.sinks.iter().enumerate() {
            if sink.try_send((alert.clone(), at_ms, Instant::now())).is_err() {
                tracing::error!(cause, "alert address {} takes no more; not told", index + 1);
            }
        }
    }
}

async fn deliver(
    client: reqwest::Client,
    url: Zeroizing<String>,
    mut alerts: mpsc::Receiver<(Alert, i64, Instant)>,
) {
    while let Some((alert, at_ms, since)) = alerts.recv().await {
        let Alert { cause, level, text } = alert;
        let body = json!({
            "source": "plimsoll-watchdog", "cause": cause, "level": level, "text": text,
            "at_ms": at_ms,
        });
        let mut pause = PAUSE;
        loop {
            let sent = client.post(url.as_str()).json(&body).send().await;
            if sent.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            if since.elapsed() > AGE_MAX {
                tracing::error!(cause, "an alert was not delivered within {AGE_MAX:?}");
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}
