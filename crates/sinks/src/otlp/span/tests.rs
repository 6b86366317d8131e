//! Records as they stand in a journal, and the traces that they make.

use std::collections::{BTreeMap, BTreeSet};

use model::StoreTag;

use super::*;
use crate::fold::Fold;

const DECIDED: &str = r#"{"at":100,"kind":"decided","intent":{"agent":"trend","id":7,"expires":9,"reason":"up","action":
    {"place":{"instrument":"BTC-USDT","side":"buy","kind":{"type":"market"},"qty":"2","time_in_force":"ioc",
    "post_only":false,"reduce_only":false}}},"position":"0","reference":"100"}"#;
const PREPARED: &str = r#"{"at":101,"kind":"prepared","agent":"trend","intent":7,"order":{"client_order_id":"trend-a-1",
    "instrument":"BTC-USDT","side":"buy","kind":{"type":"market"},"qty":{"base":"2"},"time_in_force":"ioc",
    "post_only":false,"reduce_only":false},"worst_price":"100","checks":[["collar","1.25","50"]]}"#;
const ANSWERED: &str = r#"{"at":111,"kind":"answered","client_order_id":"trend-a-1","asked":"place","durable":102,
    "left":103,"came":110,"outcome":"accepted"}"#;
const ACCEPTED: &str = r#"{"at":111,"kind":"accepted","client_order_id":"trend-a-1","venue_order_id":"9","venue_time":5}"#;
const IN_DOUBT: &str =
    r#"{"at":106,"kind":"in_doubt","client_order_id":"trend-a-1","because":"timeout"}"#;

fn filled(at: i64, qty: &str) -> String {
    format!(
        r#"{{"at":{at},"kind":"filled","client_order_id":"trend-a-1","fill":{{"trade_id":"{at}","venue_order_id":"9",
        "client_order_id":"trend-a-1","instrument":"BTC-USDT","side":"buy","price":"100","qty":"{qty}",
        "fee":{{"asset":"USDT","amount":"0.1"}},"liquidity":"taker","venue_time":5}},"late":false}}"#
    )
}

/// What a sink makes of these, with its fold written down and read again behind so many.
fn traced(lines: &[&str], killed_behind: usize) -> Vec<Json> {
    let mut fold = Fold::default();
    fold.follow(true);
    let mut all = Vec::new();
    for (seq, line) in (1..).zip(lines) {
        let entry: Entry = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let row = Row::of(StoreTag::new(7), seq, line, entry.clone(), &fold);
        all.extend(spans(&row));
        fold.pass(&entry);
        if seq as usize == killed_behind {
            fold = serde_json::from_str(&serde_json::to_string(&fold).unwrap()).unwrap();
            fold.follow(true);
        }
    }
    all
}

#[test]
fn an_order_is_one_trace_from_its_decision_to_its_last_fill() {
    let (first, second) = (filled(112, "0.5"), filled(115, "1.5"));
    let lines = [DECIDED, PREPARED, ANSWERED, ACCEPTED, &first, &second];
    let all = traced(&lines, 0);
    let times: Vec<(&str, &str, &str)> = all
        .iter()
        .map(|span| {
            let text = |key: &str| span[key].as_str().unwrap();
            (text("name"), text("startTimeUnixNano"), text("endTimeUnixNano"))
        })
        .collect();
    assert_eq!(
        times,
        [
            ("decision", "100", "100"),
            ("guardrails", "100", "101"),
            ("journal", "101", "102"),
            ("budget", "102", "103"),
            ("request", "103", "110"),
            ("answer", "111", "111"),
            ("fill", "112", "112"),
            ("fill", "115", "115"),
            ("order", "100", "115"),
        ]
    );
    let traces: BTreeSet<&str> = all.iter().map(|span| span["traceId"].as_str().unwrap()).collect();
    // As docs/sinks.md says that it is found: printf %s trend-a-1 | sha256sum | cut -c1-32
    assert_eq!(traces.into_iter().collect::<Vec<_>>(), ["b929af2cd74fa62e5ae510bb1f0490fe"]);
    let ids: BTreeSet<&str> = all.iter().map(|span| span["spanId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), all.len(), "each span has an id of its own");
    let root = all.last().unwrap();
    assert!(root.get("parentSpanId").is_none());
    assert!(all[..8].iter().all(|span| span["parentSpanId"] == root["spanId"]));
    assert!(ids.iter().all(|id| id.len() == 16 && *id != "0000000000000000"));
    let about: BTreeMap<&str, &Json> = root["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair["key"].as_str().unwrap(), &pair["value"]))
        .collect();
    assert_eq!(about["plimsoll.outcome"]["stringValue"], "filled");
    assert_eq!(about["plimsoll.filled"]["stringValue"], "2");
    assert_eq!(about["plimsoll.fills"]["intValue"], "2");
    assert_eq!(about["plimsoll.reason"]["stringValue"], "up");
    assert_eq!(all[1]["events"][0]["name"], "collar");

    // A sink that was killed anywhere makes the same spans.
    for behind in 1..=lines.len() {
        assert_eq!(traced(&lines, behind), all, "killed behind {behind}");
    }
}

#[test]
fn the_stream_may_be_faster_than_the_answer() {
    let whole = filled(108, "2");
    let all = traced(&[DECIDED, PREPARED, ACCEPTED, &whole, ANSWERED], 0);
    let names: Vec<&str> = all.iter().map(|span| span["name"].as_str().unwrap()).collect();
    let expected =
        ["decision", "guardrails", "answer", "fill", "order", "journal", "budget", "request"];
    assert_eq!(names, expected);
}

#[test]
fn a_doubt_and_a_rejection_are_seen() {
    let rejected = r#"{"at":120,"kind":"rejected","client_order_id":"trend-a-1","because":{"refusal":"insufficient_balance"}}"#;
    let again = r#"{"at":121,"kind":"ended","client_order_id":"trend-a-1","ending":"rejected"}"#;
    let all = traced(&[DECIDED, PREPARED, IN_DOUBT, rejected, again], 3);
    let doubt = all.iter().find(|span| span["name"] == "in doubt").unwrap();
    assert_eq!(
        (&doubt["startTimeUnixNano"], &doubt["endTimeUnixNano"]),
        (&"106".into(), &"120".into())
    );
    let roots: Vec<&Json> = all.iter().filter(|span| span["name"] == "order").collect();
    let [root] = roots.as_slice() else { panic!("it ends once: {roots:?}") };
    assert_eq!(root["status"], json!({"code": 2, "message": "insufficient balance"}));
}

#[test]
fn what_is_of_no_order_makes_no_span() {
    let link = r#"{"at":1,"kind":"link","link":"market","up":true,"cause":""}"#;
    assert_eq!(traced(&[link, ANSWERED, DECIDED], 0), Vec::<Json>::new());
}

#[test]
fn orders_that_never_end_fill_no_cursor() {
    let lines: Vec<String> = (0..5_000)
        .map(|number| {
            let id = format!("trend-a-{number}");
            PREPARED
                .replace("trend-a-1", &id)
                .replace("\"at\":101", &format!("\"at\":{}", 101 + number))
        })
        .collect();
    let mut fold = Fold::default();
    fold.follow(true);
    for line in &lines {
        fold.pass(&serde_json::from_str(line).unwrap());
    }
    let open = |id: &str| {
        let line = ACCEPTED.replace("trend-a-1", id);
        fold.journey(&serde_json::from_str(&line).unwrap()).is_some()
    };
    assert!(open("trend-a-4999") && open("trend-a-904") && !open("trend-a-903"));
    assert!(serde_json::to_vec(&fold).unwrap().len() < 3 << 20, "the cursor's file has its bound");
}
