//! Elasticsearch's protocol: a server that speaks it, in memory. It knows no data streams, so an index is written
//! to, which is the same but for the template's one line.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use model::Decimal;
use serde_json::{Value, json};
use servers::Osmem;

use crate::common::stderr;
use crate::story::{self, Answers, answers, entries, file, is_same, lines};
use crate::{Bench, killed_twice, wait};

const RECORDS: u64 = 9_000;

fn bench(url: &str) -> Bench {
    Bench::with(&format!(
        "[[sink]]\nkind = \"elasticsearch\"\nname = \"search\"\nurl = \"{url}\"\nstream = \"records\"\ndata_stream = false\n"
    ))
}

fn ask(server: &Osmem, method: &str, path: &str, body: &Value) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_default()
}

fn search(server: &Osmem, body: &Value) -> Value {
    ask(server, "POST", "/records/_search", body)
}

fn count(server: &Osmem) -> u64 {
    let all = json!({"size": 0, "track_total_hits": true});
    search(server, &all).pointer("/hits/total/value").and_then(Value::as_u64).unwrap_or(0)
}

/// All documents, in order; there are fewer than one answer may have.
fn rows(server: &Osmem) -> Vec<String> {
    ask(server, "POST", "/records/_refresh", &json!({}));
    let all = json!({"size": 10_000, "sort": [{"seq": "asc"}], "_source": ["json"]});
    let found = search(server, &all);
    let hits = found.pointer("/hits/hits").unwrap().as_array().unwrap();
    let line = |hit: &Value| {
        let (id, json) = (hit["_id"].as_str().unwrap(), hit["_source"]["json"].as_str().unwrap());
        format!("{id}\t{json}")
    };
    hits.iter().map(line).collect()
}

/// The three questions, as docs/sinks.md asks them.
fn asked(server: &Osmem) -> Answers {
    let order = format!("trend-00007-1-{}", story::ASKED);
    let found = search(
        server,
        &json!({"size": 1, "_source": ["position"], "query": {"bool": {"filter": [
            {"term": {"kind": "prepared"}}, {"term": {"client_order_id": order}}]}}}),
    );
    let position = found.pointer("/hits/hits/0/_source/position").unwrap().as_str().unwrap();
    let newest = search(server, &json!({"size": 0, "aggs": {"last": {"max": {"field": "seq"}}}}));
    let last = newest.pointer("/aggregations/last/value").unwrap().as_f64().unwrap();
    let found = search(server, &json!({"size": 1, "query": {"term": {"seq": last as u64}}}));
    let at = found.pointer("/hits/hits/0/_source/at").unwrap().as_i64().unwrap();
    let found = search(
        server,
        &json!({"size": 0, "track_total_hits": true, "query": {"bool": {"filter": [
            {"term": {"kind": "link"}}, {"term": {"up": false}}, {"range": {"at": {"gt": at - 3_600_000_000_000_i64}}}]}}}),
    );
    let reconnects = found.pointer("/hits/total/value").unwrap().as_u64().unwrap();
    let found = search(
        server,
        &json!({"size": 0, "aggs": {
            "orders": {"filter": {"term": {"kind": "prepared"}}},
            "rejected": {"filter": {"bool": {"filter": [
                {"term": {"kind": "rejected"}}, {"term": {"code": "insufficient_balance"}}]}}}}}),
    );
    let number = |name: &str| {
        found.pointer(&format!("/aggregations/{name}/doc_count")).unwrap().as_u64().unwrap()
    };
    let position: Decimal = position.parse().unwrap();
    Answers { position, reconnects, rejected: (number("rejected"), number("orders")) }
}

#[test]
fn every_record_is_there_once_though_the_sink_is_killed_twice() {
    let Some(server) = servers::osmem("records in Elasticsearch") else { return };
    let bench = bench(&server.url());
    story::write(&file(&bench.store()), &entries(RECORDS));
    killed_twice(&bench, "search", RECORDS, || count(&server));
    is_same(&rows(&server), &lines(&bench.store()));
    assert_eq!(asked(&server), answers(&bench.store()));
    // A cursor that is lost doubles nothing: what is there is looked up, and an id is taken once.
    std::fs::remove_dir_all(bench.path("state")).unwrap();
    assert_eq!(bench.all()["had"], RECORDS);
    assert_eq!(count(&server), RECORDS);
}

#[test]
fn a_server_that_forgot_all_or_hung_gets_it_again() {
    let Some(mut server) = servers::osmem("an Elasticsearch that is away for a while") else {
        return;
    };
    let bench = bench(&server.url());
    let store = file(&bench.store());
    story::write(&store, &entries(500));
    let _sink = bench.start();
    wait("the first records", || bench.had("search") == 500, || bench.log());
    server.kill();
    story::write(&store, &entries(500));
    let trouble = || !bench.state("search")["trouble"].is_null();
    wait("it is said", trouble, || bench.log());
    // It keeps nothing, so that all is gone.
    server.restart().unwrap();
    wait("all of it", || bench.had("search") == 1_000 && !trouble(), || bench.log());
    is_same(&rows(&server), &lines(&bench.store()));
}

/// A field that is mapped to a type which it does not fit: the record goes to a file, the others arrive.
#[test]
fn a_record_that_is_not_taken_lies_in_a_file() {
    let Some(server) = servers::osmem("dead letters") else { return };
    let bench = bench(&server.url());
    // Somebody made the index before, and took the side for a number.
    let made = ask(
        &server,
        "PUT",
        "/records",
        &json!({"mappings": {"dynamic": false, "properties": {
            "seq": {"type": "long"}, "journal": {"type": "keyword"}, "side": {"type": "long"}}}}),
    );
    assert_eq!(made["acknowledged"], true, "{made}");
    story::write(&file(&bench.store()), &entries(10));
    let output = bench.once();
    assert!(output.status.success(), "{}", stderr(&output));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let letters = said["sinks"][0]["dead_letters"].as_u64().unwrap();
    let with_side = lines(&bench.store()).iter().filter(|line| line.contains("\"side\"")).count();
    assert_eq!((letters, said["sinks"][0]["had"].as_u64()), (with_side as u64, Some(10)));
    assert_eq!(rows(&server).len(), 10 - with_side);
    let found = std::fs::read_dir(bench.path("state")).unwrap().flatten();
    let folder =
        found.map(|e| e.path()).find(|p| p.extension().is_some_and(|e| e == "sinks")).unwrap();
    let text = std::fs::read_to_string(folder.join("search.dead.jsonl")).unwrap();
    assert_eq!(text.lines().count(), with_side);
    let letter: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert!(letter["error"]["type"].as_str().unwrap().contains("pars"), "{letter}");
    let line =
        format!("{}\t{}", letter["id"].as_str().unwrap(), letter["record"].as_str().unwrap());
    assert!(lines(&bench.store()).contains(&line), "{line}");
}

/// A server that knows no data streams says so of every record: none of them is a dead letter.
#[test]
fn what_is_the_servers_fault_is_no_dead_letter() {
    let Some(server) = servers::osmem("a data stream that cannot be had") else { return };
    let bench = Bench::with(&format!(
        "[[sink]]\nkind = \"elasticsearch\"\nname = \"search\"\nurl = \"{}\"\n",
        server.url()
    ));
    story::write(&file(&bench.store()), &entries(10));
    let output = bench.once();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("data streams are not supported"), "{}", stderr(&output));
    assert_eq!((bench.had("search"), &bench.state("search")["dead_letters"]), (0, &json!(0)));
}
