//! One test message to each sink, and what happened: before anybody relies on it.

use std::time::{Duration, Instant};

use model::{Alert, AlertKey, AlertLevel, Timestamp};
use serde::Serialize;

use crate::message::{Message, Standing};
use crate::settings::Settings;
use crate::sink::Sink;

/// What happened to one sink's test message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Its name.
    pub name: String,
    /// The kind's word in the configuration.
    pub kind: String,
    /// Where it goes, without secrets.
    pub to: String,
    /// How long it took.
    pub took: Duration,
    /// Why it was not delivered; `None` when it was.
    pub failure: Option<String>,
}

/// Sends a test message to every sink, side by side, once.
pub async fn trial(settings: &Settings, now: Timestamp) -> Vec<Tried> {
    let mut trials = Vec::new();
    for sink in &settings.sinks {
        let text = format!("this is a test of the sink {:?}; nothing has to be done", sink.name);
        let alert = Alert::new(AlertLevel::Info, AlertKey::Test, &sink.name, text);
        let id = format!("{:x}-test", now.nanos());
        let message = Message::new(id, &settings.source, now, (alert, Standing::default()), 0);
        let (name, kind, to) = (sink.name.clone(), sink.word().to_owned(), sink.to());
        let way = Sink::new(sink);
        trials.push(tokio::spawn(async move {
            let begun = Instant::now();
            let failure = way.deliver(&message).await.err().map(|failure| failure.text);
            Tried { name, kind, to, took: begun.elapsed(), failure }
        }));
    }
    let mut tried = Vec::new();
    for (trial, sink) in trials.into_iter().zip(&settings.sinks) {
        let lost = |_| Tried {
            name: sink.name.clone(),
            kind: sink.word().to_owned(),
            to: sink.to(),
            took: Duration::ZERO,
            failure: Some("the attempt ended without a result".to_owned()),
        };
        tried.push(trial.await.unwrap_or_else(lost));
    }
    tried
}
