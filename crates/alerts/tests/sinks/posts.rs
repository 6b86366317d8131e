//! The forms of a post: the generic one with its signature, Slack's and Telegram's.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::http::{Mode, Server};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_post_has_position_and_open_orders() {
    let server = Server::start(Mode::Take).await;
    let alerts = start(vec![
        sink(
            "hook",
            Kind::Webhook {
                url: Hidden::new(server.url("/hook")),
                secret: Some(Hidden::new("signing-secret")),
            },
        ),
        sink("slack", Kind::Slack { url: Hidden::new(server.url("/services/T0/B0/canary")) }),
        sink(
            "telegram",
            Kind::Telegram {
                base: server.url("/"),
                token: Hidden::new("123:canary"),
                chat_id: "-100".to_owned(),
            },
        ),
    ]);
    alerts.raise(halted("halted: 5 < 6 & enough"), standing());
    wait("all three", HARD_BOUND, || server.came().len() == 3).await;
    let came = server.came();
    let at = |path: &str| came.iter().find(|post| post.path == path).unwrap();

    let hook = at("/hook");
    let json = &hook.json;
    assert_eq!(
        (&json["v"], &json["source"], &json["level"]),
        (&1.into(), &"sim".into(), &"critical".into())
    );
    assert_eq!((&json["key"], &json["text"]), (&"halted".into(), &"halted: 5 < 6 & enough".into()));
    assert_eq!(
        (&json["trading"], &json["positions"]["BTC-USDT"]),
        (&"halted".into(), &"0.25".into())
    );
    assert_eq!((&json["orders_open"], &json["orders_in_doubt"]), (&3.into(), &1.into()));
    let mut mac = Hmac::<Sha256>::new_from_slice(b"signing-secret").unwrap();
    mac.update(hook.text.as_bytes());
    let hex: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hook.signature, Some(format!("sha256={hex}")));

    let slack = at("/services/T0/B0/canary");
    let text = slack.json["text"].as_str().unwrap();
    assert!(text.starts_with("CRITICAL sim: halted\nhalted: 5 &lt; 6 &amp; enough\n"), "{text}");
    assert!(text.contains("position 0.25 BTC-USDT; open orders: 3, in doubt: 1"), "{text}");
    assert_eq!(slack.json.as_object().unwrap().len(), 1);

    let telegram = at("/bot123:canary/sendMessage");
    assert_eq!(telegram.json["chat_id"], "-100");
    let text = telegram.json["text"].as_str().unwrap();
    assert!(text.contains("5 < 6 & enough") && text.contains("position 0.25 BTC-USDT"), "{text}");
    wait("all counted", HARD_BOUND, || alerts.state().iter().all(|s| s.delivered == 1)).await;
    assert!(!format!("{:?}", alerts.state()).contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_less_than_a_sink_wants_does_not_go_there() {
    let server = Server::start(Mode::Take).await;
    let quiet =
        SinkSettings { min_level: AlertLevel::Critical, ..webhook("quiet", server.url("/quiet")) };
    let alerts = start(vec![quiet, webhook("all", server.url("/all"))]);
    alerts.raise(Alert::warning(AlertKey::Notice, "a", "a warning"), standing());
    alerts.raise(halted("enough"), standing());
    wait("three", HARD_BOUND, || server.came().len() == 3).await;
    alerts.close().await;
    let quiet: Vec<_> = server.came().into_iter().filter(|post| post.path == "/quiet").collect();
    assert_eq!((quiet.len(), &quiet[0].json["level"]), (1, &"critical".into()));
}

/// The desktop and a file, where the one has no program and the other a directory in its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_one_line_each() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    let alerts = start(vec![
        sink("log", Kind::Log { path: path.clone() }),
        sink("no-file", Kind::Log { path: directory.path().to_owned() }),
    ]);
    alerts.raise(halted("one"), standing());
    alerts.raise(halted("two"), standing());
    let lines = || std::fs::read_to_string(&path).unwrap_or_default().lines().count();
    wait("both", HARD_BOUND, || lines() == 2).await;
    let failed = || alerts.state()[1].last_failure.clone();
    wait("the other has failed", HARD_BOUND, || failed().is_some()).await;
    assert!(failed().unwrap().1.contains("cannot be written"), "{:?}", failed());
    let text = std::fs::read_to_string(&path).unwrap();
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&first["text"], &first["orders_open"]), (&"one".into(), &3.into()));
}
