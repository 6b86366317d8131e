//! Why: golden stories, and what an id means. `UPDATE=1` writes the stories anew; the difference is reviewed.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::PathBuf;

use common::{asked, story};

fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}: UPDATE=1 writes it anew");
}

#[test]
fn an_order_through_an_outage() {
    let (_journal, views) = asked(&story());
    let why = views.why("trend-1-1").unwrap();
    golden("outage.txt", &why.text());
    let json = why.json();
    golden("outage.json", &format!("{json:#}\n"));
    assert_eq!(json["order"]["doubts"], 1);
    assert_eq!(json["checks"][3]["headroom"], "20000");
    assert_eq!(json["timings"]["sent_to_reply_ms"], 2000.0);
    let page = why.html();
    assert!(page.starts_with("<!doctype html>") && page.contains("TAKEN BACK"), "{page}");
    assert!(!page.contains("http"), "it needs no network");
}

#[test]
fn a_refusal_and_a_loss() {
    let (_journal, views) = asked(&story());
    golden("refusal.txt", &views.why("trend/2").unwrap().text());
    golden("loss.txt", &views.why("trend-1-2").unwrap().text());
}

#[test]
fn every_name_of_an_order_leads_to_it() {
    let (_journal, views) = asked(&story());
    let expected = views.why("trend-1-1").unwrap().text();
    // Its name, the venue's, one of its executions, its decision, entries of it.
    for id in ["order:trend-1-1", "7", "venue:7", "5", "trade:6", "trend/1", "#8", "#9", "#22"] {
        assert_eq!(views.why(id).unwrap().text(), expected, "{id}");
    }
}

#[test]
fn what_is_unknown_or_ambiguous_is_told_with_what_is_near() {
    let mut entries = story();
    // A trade that has the number of the first order.
    for entry in &mut entries {
        if let model::Record::Filled { fill, .. } = &mut entry.record
            && fill.trade_id.as_str() == "9"
        {
            fill.trade_id = model::TradeId::from_number(7);
        }
    }
    let (_journal, views) = asked(&entries);
    let said = |id: &str| views.why(id).unwrap_err().to_string();
    let both = said("7");
    assert!(both.contains("order:trend-1-1 (by its venue order id)"), "{both}");
    assert!(both.contains("order:trend-1-2 (by its trade id)"), "{both}");
    assert_eq!(views.why("venue:7").unwrap().of, "order trend-1-1");
    assert_eq!(views.why("trade:7").unwrap().of, "order trend-1-2");
    let near = said("trend-1-9");
    assert!(near.contains("near it are trend-1-2, trend-1-1"), "{near}");
    let far = said("zzz");
    assert!(far.contains("the newest orders are trend-1-2, trend-1-1"), "{far}");
    assert!(said("#3").contains("is no client order id"), "an entry about no order");
}

/// Reasons are an agent's words.
#[test]
fn a_page_shows_what_an_agent_says_and_does_not_run_it() {
    let mut entries = story();
    for entry in &mut entries {
        if let model::Record::Decided { intent, .. } = &mut entry.record {
            intent.reason = "<script>alert(1)</script>".to_owned();
        }
    }
    let (_journal, views) = asked(&entries);
    let page = views.why("trend-1-1").unwrap().html();
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"));
}
