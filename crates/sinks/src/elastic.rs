//! Elasticsearch, and what speaks its protocol: documents whose id is the record id, written with `create`.
//!
//! A document that is there already is answered with 409, which is as good as a success. In a data stream that
//! holds for the newest of its indices alone, so after every start and every failure it is also looked which
//! of the next records are there, before they are sent. A document that cannot be taken as it is (its fields do
//! not fit the mapping) goes to a file; every other error holds the sink until it is over.
//!
//! Source: Elasticsearch reference 8.x, "Bulk API", "Data streams", "Index templates"; OpenSearch the same;
//! read 2026-08-21.

use std::collections::BTreeSet;
use std::path::PathBuf;

use base64::Engine as _;
use model::{StoreTag, Timestamp};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::dead::DeadLetters;
use crate::http::{Answer, Http};
use crate::row::Row;
use crate::schema::{self, COLUMNS, Type, Value};
use crate::settings::Auth;
use crate::target::{Bounds, Target, TargetError};

/// Documents of one request; what is looked for before one has to fit one answer, which may have 10 000.
const ROWS_MAX: u64 = 2_000;
/// Bytes of records of one request; the servers' own bound is a hundred megabytes.
const BYTES_MAX: usize = 4 << 20;
const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
/// What is wrong with a document itself, as the servers name it; it would never be taken.
const OF_THE_DOCUMENT: &[&str] = &[
    "mapper_parsing_exception",
    "document_parsing_exception",
    "strict_dynamic_mapping_exception",
    "illegal_argument_exception",
];

/// A data stream or an index on a server.
#[derive(Debug)]
pub(crate) struct Elastic {
    http: Http,
    stream: String,
    is_data_stream: bool,
    tag: String,
    /// Up to this number records may be there.
    doubt_until: u64,
    dead: DeadLetters,
}

#[derive(Deserialize)]
struct Bulk {
    errors: bool,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Created,
}

#[derive(Deserialize)]
struct Created {
    status: u64,
    #[serde(default)]
    error: Json,
}

impl Elastic {
    pub(crate) fn new(
        url: &str,
        (stream, is_data_stream): (&str, bool),
        auth: Option<&Auth>,
        dead: PathBuf,
    ) -> Result<Elastic, String> {
        let auth = auth.map(|auth| match auth {
            Auth::Basic(user, password) => {
                let both = format!("{user}:{}", password.reveal());
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both))
            }
            Auth::ApiKey(key) => format!("ApiKey {}", key.reveal()),
        });
        let headers: Vec<(&'static str, String)> =
            auth.map(|auth| ("authorization", auth)).into_iter().collect();
        Ok(Elastic {
            http: Http::new(url, &headers)?,
            stream: stream.to_owned(),
            is_data_stream,
            tag: String::new(),
            doubt_until: 0,
            dead: DeadLetters::open(dead),
        })
    }

    fn template(&self) -> Json {
        let mut fields = Map::new();
        fields.insert("@timestamp".to_owned(), json!({"type": "date_nanos"}));
        for column in COLUMNS {
            let field = match column.holds {
                Type::Text if column.name == "json" => {
                    json!({"type": "keyword", "index": false, "doc_values": false})
                }
                Type::Text if ["reason", "cause"].contains(&column.name) => json!({"type": "text"}),
                Type::Text | Type::Word => json!({"type": "keyword", "ignore_above": 1024}),
                Type::Number | Type::MaybeNumber | Type::Nanos => json!({"type": "long"}),
                Type::Time => continue,
                // The text is exact; the number beside it is for sorting and charts.
                Type::Decimal => {
                    json!({"type": "keyword", "fields": {"number": {"type": "double"}}})
                }
                Type::Flag => json!({"type": "boolean"}),
            };
            fields.insert(column.name.to_owned(), field);
        }
        let mappings = json!({"dynamic": false, "properties": fields});
        let mut template = json!({
            "index_patterns": [self.stream],
            "priority": 200,
            "template": {"mappings": mappings},
        });
        if self.is_data_stream {
            template["data_stream"] = json!({});
        }
        template
    }

    /// One that is there already stays as it is: people add to it how long records are kept.
    fn make_template(&self) -> Result<(), TargetError> {
        let path = format!("/_index_template/{}", self.stream);
        let there = self.http.ask(Method::GET, &path, JSON, Vec::new())?;
        if there.is_fine() {
            return Ok(());
        }
        if there.status != 404 {
            return Err(self.http.refused("look for the index template", &there));
        }
        let made = self.json(Method::PUT, &path, &self.template())?;
        if made.is_fine() {
            Ok(())
        } else {
            Err(self.http.refused("make the index template", &made))
        }
    }

    fn json(&self, method: Method, path: &str, body: &Json) -> Result<Answer, TargetError> {
        self.http.ask(method, path, JSON, body.to_string().into_bytes())
    }

    /// Numbers of this journal's records that a search finds; `None` when there is nothing to search in.
    fn search(&self, what: &str, body: &Json) -> Result<Option<Vec<u64>>, TargetError> {
        let answer = self.json(Method::POST, &format!("/{}/_search", self.stream), body)?;
        if answer.status == 404 {
            return Ok(None);
        }
        let found: Option<Json> = serde_json::from_str(&answer.body).ok();
        let hits = found.as_ref().and_then(|found| found.pointer("/hits/hits")?.as_array());
        let Some(hits) = hits.filter(|_| answer.is_fine()) else {
            return Err(self.http.refused(what, &answer));
        };
        let seqs = hits.iter().map(|hit| hit.pointer("/_source/seq").and_then(Json::as_u64));
        seqs.collect::<Option<_>>().map(Some).ok_or_else(|| {
            TargetError(format!("{}: holds documents that are not ours", self.place()))
        })
    }

    /// Which of these are there already.
    fn present(&self, rows: &[Row]) -> Result<BTreeSet<u64>, TargetError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(BTreeSet::new());
        };
        let body = json!({
            "size": ROWS_MAX + 1,
            "_source": ["seq"],
            "query": {"bool": {"filter": [
                {"term": {"journal": self.tag}},
                {"range": {"seq": {"gte": first.seq, "lte": last.seq}}},
            ]}},
        });
        let found = self.search("look which records are there", &body)?;
        Ok(found.unwrap_or_default().into_iter().collect())
    }

    /// Sends rows; halves of them where they are too much for the server.
    fn send(&mut self, rows: &[&Row]) -> Result<(), TargetError> {
        let mut body = Vec::new();
        for row in rows {
            add(row, &mut body);
        }
        let path = format!("/{}/_bulk", self.stream);
        let answer = self.http.ask(Method::POST, &path, LINES, body)?;
        if answer.status == 413 {
            let (first, second) = rows.split_at(rows.len() / 2);
            if let ([], [row]) = (first, second) {
                return self.dead.keep(
                    row,
                    413,
                    &json!("the server takes no document of this size"),
                );
            }
            self.send(first)?;
            return self.send(second);
        }
        let bulk: Option<Bulk> = serde_json::from_str(&answer.body).ok();
        match bulk
            .filter(|bulk| answer.is_fine() && (!bulk.errors || bulk.items.len() == rows.len()))
        {
            Some(bulk) => self.judge(rows, &bulk),
            None => Err(self.http.refused("write records", &answer)),
        }
    }

    /// What became of each row.
    fn judge(&mut self, rows: &[&Row], bulk: &Bulk) -> Result<(), TargetError> {
        if !bulk.errors {
            return Ok(());
        }
        let mut held = None;
        for (row, Item { create }) in rows.iter().zip(&bulk.items) {
            let Created { status, error } = create;
            let kind = error["type"].as_str().unwrap_or_default();
            match status {
                // There already: sent before, with an answer that was lost.
                200..300 | 409 => {}
                400 if OF_THE_DOCUMENT.contains(&kind) => {
                    tracing::warn!(
                        id = row.id,
                        "a record is not taken and goes to the dead letters: {error}"
                    );
                    self.dead.keep(row, *status, error)?;
                }
                _ => held = held.or(Some((row.id.clone(), *status, error.to_string()))),
            }
        }
        match held {
            None => Ok(()),
            Some((id, status, error)) => {
                let error: String = error.chars().take(300).collect();
                Err(TargetError(format!("{}: record {id}: status {status}: {error}", self.place())))
            }
        }
    }
}

impl Target for Elastic {
    fn place(&self) -> String {
        format!("{}/{}", self.http.base(), self.stream)
    }

    fn bounds(&self) -> Bounds {
        Bounds { rows: ROWS_MAX, bytes: BYTES_MAX }
    }

    fn span(&self, _at: Timestamp) -> i64 {
        0
    }

    fn open(&mut self, tag: StoreTag, had: u64) -> Result<u64, TargetError> {
        self.tag = tag.to_string();
        self.make_template()?;
        // What was written a moment ago is to be found.
        let refreshed =
            self.json(Method::POST, &format!("/{}/_refresh", self.stream), &json!({}))?;
        if !refreshed.is_fine() && refreshed.status != 404 {
            return Err(self.http.refused("refresh", &refreshed));
        }
        let newest = json!({
            "size": 1,
            "_source": ["seq"],
            "query": {"term": {"journal": self.tag}},
            "sort": [{"seq": "desc"}],
        });
        let found = self.search("look how far it is", &newest)?;
        self.doubt_until = found.iter().flatten().max().copied().unwrap_or(0);
        // Old indices go by the server's own rules, so that fewer are there than were acknowledged says nothing;
        // but where nothing is at all, nothing was kept.
        Ok(if found.is_some() { had } else { 0 })
    }

    fn write(&mut self, rows: &[Row]) -> Result<(), TargetError> {
        let is_doubtful = rows.first().is_some_and(|first| first.seq <= self.doubt_until);
        let present = if is_doubtful { self.present(rows)? } else { BTreeSet::new() };
        let new: Vec<&Row> = rows.iter().filter(|row| !present.contains(&row.seq)).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.send(&new)
    }

    fn dead_letters(&self) -> u64 {
        self.dead.count()
    }
}

/// Two lines: what is to be done, and the document.
fn add(row: &Row, into: &mut Vec<u8>) {
    let mut document = Map::new();
    schema::values(row, |index, value| {
        let name = COLUMNS[index].name;
        let value = match value {
            Value::Text("") | Value::Number(None) | Value::Decimal(None) | Value::Flag(None) => {
                return;
            }
            Value::Text(text) => json!(text),
            Value::Number(Some(number)) => json!(number),
            Value::Decimal(Some(number)) => json!(number.to_string()),
            Value::Flag(Some(flag)) => json!(flag),
            Value::Nanos(nanos) if COLUMNS[index].holds == Type::Time => {
                document.insert("@timestamp".to_owned(), json!(time(nanos)));
                return;
            }
            Value::Nanos(nanos) => json!(nanos),
        };
        document.insert(name.to_owned(), value);
    });
    into.extend_from_slice(json!({"create": {"_id": row.id}}).to_string().as_bytes());
    into.push(b'\n');
    into.extend_from_slice(Json::Object(document).to_string().as_bytes());
    into.push(b'\n');
}

/// As RFC 3339 with nanoseconds.
fn time(nanos: i64) -> String {
    let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    let (year, month, day) = crate::date::civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:09}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_nanoseconds() {
        assert_eq!(time(1_764_547_200_000_000_001), "2025-12-01T00:00:00.000000001Z");
        assert_eq!(time(-1), "1969-12-31T23:59:59.999999999Z");
    }

    fn elastic() -> (tempfile::TempDir, Elastic) {
        // Whoever makes a client needs a provider; that another test was first is no matter.
        drop(rustls::crypto::ring::default_provider().install_default());
        let directory = tempfile::tempdir().unwrap();
        let dead = directory.path().join("dead.jsonl");
        let elastic = Elastic::new("http://127.0.0.1:1", ("plimsoll", true), None, dead).unwrap();
        (directory, elastic)
    }

    fn rows() -> Vec<Row> {
        (1..=3)
            .map(|seq| {
                let text = format!(r#"{{"at":{seq},"kind":"stopped"}}"#);
                let entry = serde_json::from_str(&text).unwrap();
                Row::of(StoreTag::new(7), seq, &text, entry, &crate::fold::Fold::default())
            })
            .collect()
    }

    /// One document that cannot be taken goes to the file, one that is there is fine, and what is nobody's
    /// fault but the server's holds all.
    #[test]
    fn each_item_is_judged_by_itself() {
        let (directory, mut elastic) = elastic();
        let rows = rows();
        let rows: Vec<&Row> = rows.iter().collect();
        let bulk = |second: &str, third: &str| -> Bulk {
            let text = format!(
                r#"{{"errors":true,"items":[{{"create":{{"status":201}}}},{{"create":{second}}},{{"create":{third}}}]}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let there = r#"{"status":409,"error":{"type":"version_conflict_engine_exception"}}"#;
        let bad =
            r#"{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no number"}}"#;
        elastic.judge(&rows, &bulk(there, bad)).unwrap();
        let letters = std::fs::read_to_string(directory.path().join("dead.jsonl")).unwrap();
        assert_eq!(letters.lines().count(), 1);
        let letter: Json = serde_json::from_str(letters.trim()).unwrap();
        assert_eq!((letter["id"].as_str(), &letter["status"]), (Some("00007-3"), &json!(400)));
        assert!(letter["record"].as_str().unwrap().contains("stopped"));
        for held in [
            r#"{"status":429,"error":{"type":"es_rejected_execution_exception"}}"#,
            r#"{"status":503,"error":{"type":"unavailable_shards_exception"}}"#,
            r#"{"status":403,"error":{"type":"cluster_block_exception"}}"#,
            r#"{"status":400,"error":{"type":"unsupported_operation_exception"}}"#,
        ] {
            let error = elastic.judge(&rows, &bulk(there, held)).unwrap_err().to_string();
            assert!(error.contains("record 00007-3: status"), "{error}");
        }
        assert_eq!(elastic.dead_letters(), 1, "they are no dead letters");
    }

    #[test]
    fn a_data_stream_has_a_template_for_one() {
        let (_directory, mut elastic) = elastic();
        assert_eq!(elastic.template()["data_stream"], json!({}));
        elastic.is_data_stream = false;
        assert_eq!(elastic.template().get("data_stream"), None);
    }
}
