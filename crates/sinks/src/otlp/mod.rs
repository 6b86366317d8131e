//! OpenTelemetry: a trace for each order, sent as OTLP over HTTP in JSON.
//!
//! A span's id comes from its trace and the record that it tells of, so what is sent again is the same span again, and a
//! receiver that keeps one span an id has it once. Nothing is asked of the receiver: the protocol has no question
//! for what is there.
//!
//! Source: OpenTelemetry protocol 1.5, "OTLP/HTTP", "JSON Protobuf encoding", "Partial success"; read 2026-12-01.

mod span;

use std::path::PathBuf;

use model::{StoreTag, Timestamp};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::dead::DeadLetters;
use crate::http::{Answer, Http};
use crate::otlp::span::{spans, text};
use crate::row::Row;
use crate::settings::Hidden;
use crate::target::{Bounds, Target, TargetError};

/// Records of one request; each makes four spans at most.
const ROWS_MAX: u64 = 1_000;
/// Bytes of records of one request; receivers take a few megabytes.
const BYTES_MAX: usize = 1 << 20;
const PATH: &str = "/v1/traces";

/// A receiver.
#[derive(Debug)]
pub(crate) struct Otlp {
    http: Http,
    tag: String,
    dead: DeadLetters,
}

impl Otlp {
    pub(crate) fn new(
        url: &str,
        header: Option<&(String, Hidden)>,
        dead: PathBuf,
    ) -> Result<Otlp, String> {
        let header = header.map(|(name, value)| (name.clone(), value.reveal().to_owned()));
        let headers: Vec<(String, String)> = header.into_iter().collect();
        let http = Http::new(url, &headers)?;
        Ok(Otlp { http, tag: String::new(), dead: DeadLetters::open(dead) })
    }

    fn send(&self, spans: &[Json]) -> Result<Answer, TargetError> {
        let resource = [
            text("service.name", "plimsoll"),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("service.instance.id", &self.tag),
        ];
        let of = json!({
            "resource": {"attributes": resource},
            "scopeSpans": [{"scope": {"name": "plimsoll.orders"}, "spans": spans}],
        });
        let body = json!({"resourceSpans": if spans.is_empty() { vec![] } else { vec![of] }});
        let json = "application/json";
        let answer = self.http.ask(Method::POST, PATH, json, body.to_string().into_bytes())?;
        match answer.is_fine() {
            true => Ok(answer),
            false => Err(self.http.refused("traces", &answer)),
        }
    }
}

impl Target for Otlp {
    fn place(&self) -> String {
        format!("{}{PATH}", self.http.base())
    }

    fn bounds(&self) -> Bounds {
        Bounds { rows: ROWS_MAX, bytes: BYTES_MAX }
    }

    fn span(&self, _: Timestamp) -> i64 {
        0
    }

    fn follows_orders(&self) -> bool {
        true
    }

    /// Nothing is sent, so that a wrong address or secret is seen before the first order.
    fn open(&mut self, tag: StoreTag, had: u64) -> Result<u64, TargetError> {
        self.tag = tag.to_string();
        self.send(&[])?;
        Ok(had)
    }

    fn write(&mut self, rows: &[Row]) -> Result<(), TargetError> {
        let all: Vec<Json> = rows.iter().flat_map(spans).collect();
        let Some(first) = rows.first().filter(|_| !all.is_empty()) else { return Ok(()) };
        let answer = self.send(&all)?;
        // What was rejected in a success is not to be sent again, as the protocol says.
        let said: Json = serde_json::from_str(&answer.body).unwrap_or_default();
        let partial = &said["partialSuccess"];
        let count = &partial["rejectedSpans"];
        // A number of 64 bits may come as a text.
        let rejected = count.as_u64().or_else(|| count.as_str()?.parse().ok()).unwrap_or(0);
        if rejected > 0 {
            let error = json!({"rejected_spans": rejected, "error": partial["errorMessage"]});
            self.dead.keep(first, u64::from(answer.status), &error)?;
        }
        Ok(())
    }

    fn dead_letters(&self) -> u64 {
        self.dead.count()
    }
}
