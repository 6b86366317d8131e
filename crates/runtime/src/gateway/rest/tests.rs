//! What a stop of the venue does, however it was said.

use std::time::Instant;

use ::budget::{Answer as May, Cause, Keys, Priority, Shares};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::feeds::{Distrusts, Pace, StreamAddresses};
use super::super::rules::{self, LIMITS_AGAIN};
use super::*;
use crate::budget::Of;
use crate::config::VenueKind;

/// As Binance bans: rest-api.md, "IP limits", read 2026-07-21.
const BANNED: &str = r#"{"code":-1003,"msg":"Way too much request weight used; IP banned."}"#;
const LIMITS: &str = r#"{"timezone":"UTC","serverTime":1700000000000,"rateLimits":[{"rateLimitType":
    "REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":1200}],"exchangeFilters":[],"symbols":[]}"#;

fn budget(directory: &tempfile::TempDir, notices: Option<mpsc::Sender<Input>>) -> HostBudget {
    let (venue, address) = (VenueKind::of(&venues::binance::VENUE), "http://127.0.0.1:1");
    let of = Of { venue, address, account: "key", shares: Shares::default() };
    HostBudget::open(directory.path(), &of, notices).unwrap()
}

fn rest(directory: &tempfile::TempDir, base: &str) -> (Rest, mpsc::Receiver<Input>) {
    // Chosen once, by whichever test comes first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (inputs, queue) = mpsc::channel(64);
    let adapter = Adapter::new(VenueKind::of(&venues::binance::VENUE), "key", "secret").unwrap();
    let budget = budget(directory, Some(inputs.clone()));
    (Rest::new(base, adapter, budget, inputs).unwrap(), queue)
}

/// May even a cancel go?
async fn is_stopped(budget: &HostBudget) -> bool {
    let charge = ::budget::binance::charge(1, false, budget.keys());
    match budget.ask(Priority::Kill, &charge).await {
        May::Granted(_) => false,
        May::Wait { cause, .. } => {
            assert!(matches!(cause, Cause::Stop(_)), "{cause:?}");
            true
        }
    }
}

fn answer(status: u16, wait_s: Option<&str>) -> http::Response<Option<Vec<u8>>> {
    let mut answer = http::Response::builder().status(status);
    if let Some(wait_s) = wait_s {
        answer = answer.header("retry-after", wait_s);
    }
    answer.body(Some(BANNED.as_bytes().to_vec())).unwrap()
}

/// A WebSocket upgrade that is answered with a ban stops every request of the host, and further
/// connections, for the time told.
#[tokio::test]
async fn a_ban_that_a_connection_is_answered_with_stops_everything() {
    let directory = tempfile::tempdir().unwrap();
    let (rest, mut inputs) = rest(&directory, "http://127.0.0.1:1");
    let other = budget(&directory, None);
    rest.refused_connection(&answer(502, None)).await;
    assert!(!is_stopped(rest.budget()).await, "a broken front says nothing of limits");
    rest.refused_connection(&answer(418, Some("120"))).await;
    assert!(is_stopped(rest.budget()).await);
    assert!(is_stopped(&other).await, "and the other processes of this host");
    let soon = Duration::from_millis(300);
    let connection = tokio::time::timeout(soon, rest.may_connect(Link::Market)).await;
    assert!(!matches!(connection, Ok(Ok(()))), "no further attempt before the ban is over");
    let Some(Input::Feed(model::FeedNotice::RateLimited { wait, detail })) = inputs.recv().await
    else {
        panic!("not told");
    };
    assert!(wait >= Duration::from_secs(119), "{wait:?}");
    assert!(detail.contains("418") && detail.contains("connection"), "{detail}");
}

/// Throttles the first request for a second, then tells its limits; passes on what was asked, and when.
async fn throttles_once(listener: TcpListener, asked: mpsc::UnboundedSender<(String, Instant)>) {
    let mut first = true;
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut head, mut part) = (Vec::new(), [0; 1_024]);
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut part).await.unwrap();
            head.extend(&part[..read]);
        }
        let line = String::from_utf8(head).unwrap().lines().next().unwrap().to_owned();
        asked.send((line, Instant::now())).unwrap();
        let (status, body) = if first { ("429 Slow", BANNED) } else { ("200 OK", LIMITS) };
        first = false;
        let answer = format!(
            "HTTP/1.1 {status}\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// The venue says stop where there should have been room: its limits are read as soon as the stop is
/// over, not a minute later; after a stop of a connection, too.
#[tokio::test]
async fn after_a_stop_the_limits_are_read_at_once() {
    for by_connection in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (asked, mut told) = mpsc::unbounded_channel();
        let venue = tokio::spawn(throttles_once(listener, asked));
        let (rest, _inputs) = rest(&directory, &base);
        let watching = tokio::spawn(rules::keep(rest.clone(), nowhere()));
        let ping = Request::Market(MarketRequest::Ping);
        let outcome = rest.ask(&ping).await;
        assert!(matches!(outcome, Outcome::Refused(_) | Outcome::InDoubt(_)), "{outcome:?}");
        let (line, stopped) = told.recv().await.unwrap();
        assert!(line.starts_with("GET /api/v3/ping"), "{line}");
        let next = async {
            let (line, at) = told.recv().await.unwrap();
            assert!(line.starts_with("GET /api/v3/exchangeInfo"), "{line}");
            at.duration_since(stopped)
        };
        let took = tokio::time::timeout(LIMITS_AGAIN / 2, next).await.unwrap();
        assert!(took >= Duration::from_millis(900), "asked during the stop, after {took:?}");
        if by_connection {
            let stopped = Instant::now();
            rest.refused_connection(&answer(429, Some("1"))).await;
            let (line, at) =
                tokio::time::timeout(LIMITS_AGAIN / 2, told.recv()).await.unwrap().unwrap();
            assert!(line.starts_with("GET /api/v3/exchangeInfo"), "{line}");
            assert!(at.duration_since(stopped) >= Duration::from_millis(900));
        }
        watching.abort();
        venue.abort();
    }
}

/// Sessions whose attempts to connect come much later.
fn nowhere() -> rules::Streams {
    let way = || mpsc::channel(1).1;
    let distrusts = Distrusts::new(way(), way());
    let address = || "ws://127.0.0.1:1".to_owned();
    let addresses = StreamAddresses { market: address(), account: address() };
    rules::Streams { addresses, distrusts, pace: Pace::default() }
}

/// Behind its wait for the budget, at the moment at which it could leave, it is asked whether it still may.
#[tokio::test]
async fn what_may_not_leave_any_more_stays() {
    let directory = tempfile::tempdir().unwrap();
    let (rest, _inputs) = rest(&directory, "http://127.0.0.1:1");
    let request = Request::Account(AccountRequest::Account);
    let asked = std::sync::atomic::AtomicU32::new(0);
    let held_back = || {
        asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Some("trading stopped".to_owned())
    };
    let outcome = rest.ask_unless(&request, None, &held_back).await;
    assert_eq!(outcome, Outcome::NotSent("trading stopped".to_owned()));
    assert_eq!(asked.into_inner(), 1);
    let outcome = rest.ask_unless(&request, None, &|| None).await;
    let Outcome::NotSent(cause) = outcome else { panic!("{outcome:?}") };
    assert!(!cause.contains("trading"), "it was tried: {cause}");
}

/// A paper run has such a client: there are no words in it for anything that an account is asked.
#[test]
fn without_a_key_no_request_of_an_account_can_be_made() {
    use model::venue::{OrderKey, TradesFrom};
    use model::{ClientOrderId, NewOrder, OrderKind, OrderQty, Side, TimeInForce};
    let asset = |name| model::Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.001".parse().unwrap());
    let instrument = Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap();
    let (id, name) = (instrument.id, ClientOrderId::new("a").unwrap());
    let order = NewOrder {
        client_order_id: name,
        instrument: id,
        side: Side::Buy,
        kind: OrderKind::Limit { price: "100".parse().unwrap() },
        qty: OrderQty::Base("1".parse().unwrap()),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    };
    let named = OrderKey::Client(name);
    let requests = [
        AccountRequest::Place(order.clone()),
        AccountRequest::Test(order),
        AccountRequest::Cancel { instrument: id, order: named, cancel_id: None, only: None },
        AccountRequest::CancelAll(id),
        AccountRequest::Order { instrument: id, order: named, since: None },
        AccountRequest::OpenOrders(None),
        AccountRequest::Orders { instrument: id, from: None, start: None, end: None, limit: 10 },
        AccountRequest::Fills {
            instrument: id,
            order: None,
            from: TradesFrom::Newest,
            limit: 10,
            page: None,
        },
        AccountRequest::Account,
        AccountRequest::Rights,
        AccountRequest::Scopes,
        AccountRequest::Fees(id),
    ];
    for venue in venues::VENUES {
        let client = (venue.public)().following(vec![instrument.clone()]);
        for request in &requests {
            let request = Request::Account(request.clone());
            let stamp = Stamp { venue_now: clock::now(), nonce: 1, ticket: None };
            let call = client.call(&request, stamp, Keys::default());
            assert!(call.is_err(), "{venue:?}: {request:?}");
        }
    }
}
