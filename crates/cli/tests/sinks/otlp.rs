//! Traces: a real OpenTelemetry collector.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use model::Record;
use servers::{Rotel, Span};
use sha2::{Digest as _, Sha256};

use crate::common::{Gateway, Venue, buyer};
use crate::story::{self, entries, file};
use crate::{Bench, killed_twice, wait};

const RECORDS: u64 = 20_000;
/// How long a collector may take to tell what it has acknowledged.
const TOLD_WITHIN: Duration = Duration::from_secs(60);

fn sink(server: &Rotel) -> String {
    format!("[[sink]]\nkind = \"otlp\"\nurl = \"{}\"\n", server.url())
}

/// The trace of an order, as docs/sinks.md says that it is found.
fn trace(client_order_id: &str) -> String {
    let digest = Sha256::digest(client_order_id.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Spans by id. One that came twice has come as the same.
fn distinct(spans: Vec<Span>) -> BTreeMap<String, Span> {
    let mut all: BTreeMap<String, Span> = BTreeMap::new();
    for span in spans {
        if let Some(before) = all.get(&span.id) {
            // Of the newest one the attributes may still be told.
            let of = |span: &Span| {
                (span.trace.clone(), span.parent.clone(), span.name.clone(), span.start, span.end)
            };
            assert_eq!(of(before), of(&span), "one id is one span");
        }
        all.insert(span.id.clone(), span);
    }
    all
}

/// Trace and name of each span that a journal comes to, by the journal alone.
fn expected(entries: &[model::Entry]) -> Vec<(String, &'static str)> {
    let mut all = Vec::new();
    for entry in entries {
        let (id, names): (_, &[&str]) = match &entry.record {
            Record::Prepared { order, .. } => (order.client_order_id, &["decision", "guardrails"]),
            Record::Accepted { client_order_id, .. } => (*client_order_id, &["answer"]),
            Record::Rejected { client_order_id, .. } => (*client_order_id, &["order"]),
            // Each execution of the story is its whole order.
            Record::Filled { client_order_id: Some(id), .. } => (*id, &["fill", "order"]),
            _ => continue,
        };
        all.extend(names.iter().map(|name| (trace(id.as_str()), *name)));
    }
    all.sort();
    all
}

/// Waits until the collector has told all spans of these records, and makes sure that it tells of no other.
fn all(server: &Rotel, records: &[model::Entry]) -> BTreeMap<String, Span> {
    let expected = expected(records);
    let end = Instant::now() + TOLD_WITHIN;
    let mut there = distinct(server.spans());
    while there.len() < expected.len() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(100));
        there = distinct(server.spans());
    }
    let mut found: Vec<(String, &str)> =
        there.values().map(|span| (span.trace.clone(), span.name.as_str())).collect();
    found.sort();
    let missing = expected.iter().filter(|span| found.binary_search(span).is_err()).count();
    let first = expected.iter().zip(&found).find(|(wanted, found)| wanted != found);
    assert!(
        found == expected,
        "{} of {} spans, {missing} are missing, the first difference is {first:?}",
        found.len(),
        expected.len()
    );
    there
}

#[test]
fn every_span_is_there_once_by_its_id_though_the_sink_is_killed_twice() {
    let Some(server) = servers::rotel("traces of orders") else { return };
    let bench = Bench::with(&sink(&server));
    let records = entries(RECORDS);
    story::write(&file(&bench.store()), &records);
    killed_twice(&bench, "otlp", RECORDS, || bench.had("otlp"));
    let there = all(&server, &records);
    // What has a parent has the order's own span as that.
    let roots: BTreeMap<&str, &str> = there
        .values()
        .filter(|span| span.name == "order")
        .map(|span| (span.trace.as_str(), span.id.as_str()))
        .collect();
    for span in there.values() {
        match roots.get(span.trace.as_str()) {
            Some(root) if span.name != "order" => assert_eq!(span.parent, **root, "{span:?}"),
            _ => assert!(span.name != "order" || span.parent.is_empty(), "{span:?}"),
        }
    }
    let rejected = there.values().find(|span| span.status == "STATUS_CODE_ERROR").unwrap();
    let outcome = "plimsoll.outcome: Str(rejected)".to_owned();
    assert!(rejected.attributes.contains(&outcome), "{rejected:?}");
}

#[test]
fn it_heals_by_itself_when_the_collector_comes_back() {
    let Some(mut server) = servers::rotel("traces of orders behind an outage") else { return };
    let bench = Bench::with(&sink(&server));
    let records = entries(2_000);
    story::write(&file(&bench.store()), &records);
    server.kill();
    let _running = bench.start();
    wait("it says why", || !bench.state("otlp")["trouble"].is_null(), || bench.log());
    assert_eq!(bench.had("otlp"), 0);
    server.restart().unwrap();
    wait("it has caught up", || bench.had("otlp") == 2_000, || bench.log());
    all(&server, &records);
}

#[test]
fn a_gateways_order_is_followed_from_decision_to_fill() {
    let Some(server) = servers::rotel("traces of a gateway's orders") else { return };
    let venue = Venue::start(&["--market", "synthetic:83"]);
    let mut gateway = Gateway::prepare(&venue.addr, "");
    gateway.add(&buyer(&gateway));
    gateway.add(&sink(&server));
    gateway.start();
    gateway.wait(120, "it trades", |entries| {
        entries.iter().filter(|e| matches!(e.record, Record::Filled { .. })).count() >= 2
    });
    let entries = gateway.entries();
    let order = entries.iter().find_map(|entry| match &entry.record {
        Record::Filled { client_order_id: Some(id), .. } => Some(id.to_string()),
        _ => None,
    });
    let trace = trace(&order.unwrap());
    let of_order =
        || -> Vec<Span> { server.spans().into_iter().filter(|span| span.trace == trace).collect() };
    let names = || -> BTreeSet<String> { of_order().into_iter().map(|span| span.name).collect() };
    let all = ["answer", "budget", "decision", "fill", "guardrails", "journal", "order", "request"];
    let all: BTreeSet<String> = all.map(str::to_owned).into();
    wait("its trace is whole", || names() == all, || format!("{:?}\n{}", names(), gateway.log()));
    let spans = of_order();
    let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (whole, request) = (of("order"), of("request"));
    assert!(whole.start <= request.start && request.start < request.end, "{spans:?}");
    assert!(of("journal").end == of("budget").start && of("budget").end == request.start);
    let reason = "plimsoll.reason: Str(a second has passed)".to_owned();
    assert!(of("decision").attributes.contains(&reason), "{spans:?}");
    assert!(gateway.stop().success(), "{}", gateway.log());
}
