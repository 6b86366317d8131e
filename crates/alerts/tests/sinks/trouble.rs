//! Sinks that are dead, hang, fail and refuse; floods; the end.

use plimsoll_alerts::QUEUE_MAX;
use tokio::net::TcpListener;

use super::http::{Mode, Server};
use super::*;

/// An address where nobody listens.
async fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_sink_and_one_that_hangs_hold_up_no_other() {
    let (good, hangs, fails) = (
        Server::start(Mode::Take).await,
        Server::start(Mode::Hang).await,
        Server::start(Mode::Answer(500, None, "no".to_owned())).await,
    );
    let alerts = start(vec![
        webhook("dead", closed().await),
        webhook("hangs", hangs.url("/")),
        webhook("fails", fails.url("/")),
        webhook("good", good.url("/")),
    ]);
    for number in 0..5_u8 {
        let word = char::from(b'a' + number).to_string();
        alerts.raise(halted(&word), standing());
        wait("it has it", HARD_BOUND, || good.came().len() > usize::from(number)).await;
    }
    wait("the dead one is known", HARD_BOUND, || alerts.state()[0].last_failure.is_some()).await;
    wait("the failing one, too", HARD_BOUND, || alerts.state()[2].last_failure.is_some()).await;
    let state = alerts.state();
    assert!(state[0].last_failure.as_ref().unwrap().1.contains("no connection"), "{state:?}");
    assert!(state[2].last_failure.as_ref().unwrap().1.contains("500"), "{state:?}");
    assert_eq!(state.iter().map(|s| s.delivered).collect::<Vec<_>>(), [0, 0, 0, 5]);
    assert_eq!(state.iter().map(|s| s.queued).collect::<Vec<_>>(), [5, 5, 5, 0]);
}

/// Ten thousand alerts, each of another cause, and a critical one among them: what is held is bounded, the
/// living sink has the critical one within the bound, and the one that hung gets it first when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_bounded_and_critical_ones_come_through() {
    let (good, bad) = (
        Server::start(Mode::Take).await,
        Server::start(Mode::Answer(503, None, String::new())).await,
    );
    let alerts = start(vec![webhook("good", good.url("/")), webhook("bad", bad.url("/"))]);
    let name = |n: u32| n.to_string().bytes().map(|b| char::from(b + 49)).collect::<String>();
    for number in 0..10_000 {
        if number == 5_000 {
            alerts.raise(halted("enough"), standing());
        }
        alerts.raise(Alert::warning(AlertKey::Notice, name(number), "flood"), standing());
    }
    let has_it = |server: &Server| server.came().iter().any(|post| post.json["key"] == "halted");
    wait("the critical one", HARD_BOUND, || has_it(&good)).await;
    wait("everything", Duration::from_secs(30), || alerts.state()[0].queued == 0).await;
    assert!(good.came().len() < QUEUE_MAX, "causes that are too many are told as one");
    let state = alerts.state();
    assert!(state[1].queued <= QUEUE_MAX as u64, "{state:?}");
    assert_eq!(state[0].dropped, 0);
    let before = bad.came().len();
    bad.becomes(Mode::Take);
    wait("it goes on", Duration::from_secs(70), || alerts.state()[1].queued == 0).await;
    let after = &bad.came()[before..];
    assert_eq!(after[0].json["key"], "halted");
}

/// The same message at every attempt, known by its id; and one delivery when it succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn what_failed_comes_again_under_the_same_id() {
    let server = Server::start(Mode::Answer(500, None, String::new())).await;
    let alerts = start(vec![webhook("a", server.url("/"))]);
    alerts.raise(halted("enough"), standing());
    wait("two attempts", Duration::from_secs(20), || server.came().len() >= 2).await;
    server.becomes(Mode::Take);
    wait("delivered", Duration::from_secs(30), || alerts.state()[0].delivered == 1).await;
    let came = server.came();
    assert!(came.len() >= 3);
    assert!(came.iter().all(|post| post.json == came[0].json), "{came:?}");
    assert_eq!(alerts.state()[0].failures_in_a_row, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_is_left_alone_as_long_as_it_asks() {
    let says = r#"{"ok":false,"description":"Too Many Requests","parameters":{"retry_after":4}}"#;
    let server = Server::start(Mode::Answer(429, None, says.to_owned())).await;
    let alerts = start(vec![webhook("a", server.url("/"))]);
    alerts.raise(halted("one"), standing());
    wait("an attempt", HARD_BOUND, || alerts.state()[0].last_failure.is_some()).await;
    // Something critical does not change it.
    alerts.raise(halted("two"), standing());
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(server.came().len(), 1);
    assert!(alerts.state()[0].last_failure.as_ref().unwrap().1.ends_with("Too Many Requests"));
    server.becomes(Mode::Take);
    wait("both", Duration::from_secs(20), || alerts.state()[0].delivered == 2).await;
}

/// A message that the sink does not want stands in nobody's way for ever.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_again_and_again_is_given_up() {
    let server = Server::start(Mode::RefuseWith(400, "unloved".to_owned())).await;
    let alerts = start(vec![webhook("a", server.url("/"))]);
    alerts.raise(halted("unloved"), standing());
    alerts.raise(halted("loved"), standing());
    wait("the other", Duration::from_secs(30), || alerts.state()[0].delivered == 1).await;
    let state = &alerts.state()[0];
    assert_eq!((state.dropped, state.queued), (1, 0));
    assert_eq!(server.came().len(), 4);
}

/// A critical alert does not wait for the end of a long pause.
#[tokio::test(flavor = "multi_thread")]
async fn something_critical_is_tried_at_once() {
    let server = Server::start(Mode::Answer(500, None, String::new())).await;
    let alerts = start(vec![webhook("a", server.url("/"))]);
    alerts.raise(Alert::warning(AlertKey::Notice, "a", "a"), standing());
    // The pause after the fourth is four seconds at least.
    wait("four attempts", Duration::from_secs(30), || server.came().len() == 4).await;
    server.becomes(Mode::Take);
    alerts.raise(halted("enough"), standing());
    wait("it", Duration::from_millis(3_500), || server.came().len() > 4).await;
    assert_eq!(server.came()[4].json["key"], "halted");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_waits_for_what_is_queued_and_not_for_ever() {
    let (good, hangs) = (Server::start(Mode::Take).await, Server::start(Mode::Hang).await);
    let alerts = start(vec![webhook("hangs", hangs.url("/")), webhook("good", good.url("/"))]);
    for text in ["first", "again", "again"] {
        alerts.raise(Alert::warning(AlertKey::Notice, "a", text), standing());
    }
    let begun = Instant::now();
    alerts.close().await;
    assert!(begun.elapsed() < HARD_BOUND, "{:?}", begun.elapsed());
    let texts: Vec<_> = good.came().iter().map(|post| post.json["text"].clone()).collect();
    assert_eq!(texts, ["first", "again"], "what was held back is told at the end");
    assert_eq!(good.came()[1].json["suppressed"], 1);
    assert_eq!(alerts.state()[0].queued, 2);
}

/// Tokens are in no error, whoever says them.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_tells_no_secret() {
    let says = Mode::Answer(401, None, "bad token 123:canary at /x/canary-path".to_owned());
    let server = Server::start(says).await;
    let telegram = |base: String| Kind::Telegram {
        base,
        token: Hidden::new("123:canary"),
        chat_id: "1".to_owned(),
    };
    let slack = |url: String| Kind::Slack { url: Hidden::new(url) };
    let dead = closed().await;
    let alerts = start(vec![
        sink("t-refuses", telegram(server.url(""))),
        sink("t-dead", telegram(dead.trim_end_matches('/').to_owned())),
        sink("s-dead", slack(format!("{dead}x/canary-path"))),
        sink("s-wrong", slack("canary-path without a scheme".to_owned())),
    ]);
    alerts.raise(halted("enough"), standing());
    let failed = || alerts.state().iter().all(|state| state.last_failure.is_some());
    wait("all have failed", HARD_BOUND, failed).await;
    let state = alerts.state();
    assert!(state[0].last_failure.as_ref().unwrap().1.contains("bad token …"), "{state:?}");
    for state in &state[1..] {
        assert!(!format!("{state:?}").contains("canary"), "{state:?}");
    }
    assert!(!format!("{:?}", state[0]).contains("123:canary"));
}
