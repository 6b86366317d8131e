//! SEC-04 and SEC-06: somebody else has the key, and an exchange that answers with what no exchange should.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use model::{IntentId, OrderState, Record, TradingState};
use serde_json::json;

use crate::common::{Gateway, Venue};
use crate::hands::{ByHand, OWN};
use crate::people::DETECTED_MAX;
use crate::stage::{CREATE, Stage, Want, count, orders};

/// Largest resident memory of a gateway that is answered with a gibibyte, KiB: the largest answer that it
/// reads, as it grows, and what the gateway itself takes.
const MEMORY_MAX_KIB: u64 = 400 << 10;

/// SEC-04: the trade key is stolen, and somebody trades with it from elsewhere. The gateway halts, its own
/// entry orders are gone, its agents are told, and the person hears what to do.
#[test]
fn sec_04_a_stolen_trade_key() {
    let mut stage = {
        let other = "other:secret:100000 USDT,10 BTC";
        let venue = Venue::start(&["--market", "synthetic:81", "--account", other]);
        let gateway = Gateway::prepare(&venue.addr, "");
        let path = gateway.path("plimsoll.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let halt = text.replace("[venue.sim]\n", "[venue.sim]\nforeign_orders = \"halt\"\n");
        std::fs::write(path, halt).unwrap();
        Stage::between(venue, gateway, |_, _| {})
    };
    let own = stage.send(Want::BuyLow);
    stage.working(own);
    let (bid, _) = stage.touch();
    let begun = Instant::now();
    let stolen =
        ByHand { key: OWN, name: "x1", side: "buy", qty: "0.1", price: bid * 0.97, rests: true };
    stage.by_hand(&stolen);
    let halted = |r: &Record| matches!(r, Record::Trading { state: TradingState::Halted, .. });
    stage.until(DETECTED_MAX, "it halts", |entries| count(entries, halted) == 1);
    stage.done(DETECTED_MAX, own);
    println!("halted and taken back {} ms after the foreign order", begun.elapsed().as_millis());
    assert!(begun.elapsed() < Duration::from_secs(DETECTED_MAX));
    let log = stage.gateway.log();
    for word in ["was not placed by this gateway", "take the key back at the exchange"] {
        assert!(log.contains(word), "{word}: {log}");
    }
    // What somebody else does with it is counted, whatever it is.
    let sum = |entries: &[model::Entry]| {
        crate::stage::books(entries).exposure("BTC-USDT".parse().unwrap()).working_buys
    };
    stage.until(5, "it counts", |entries| sum(entries).to_string() == "0.1");
    let refused = stage.place(Want::BuyLow);
    stage
        .until(5, "no order of ours follows", |entries| crate::stage::is_refused(entries, refused));
    // No order was sent against it: the person's is as it was.
    let state = stage.venue.state();
    assert_eq!(orders(&state).count(), 2, "{state}");
}

/// What a hostile exchange says to one request.
#[derive(Clone, Copy, Debug)]
enum Hostile {
    /// So many bytes of this letter.
    Flood(u64, u8),
    /// This text, after the exchange has done what was asked.
    Says(fn(&str) -> String),
}

/// An HTTP front that passes everything on, and answers new orders with something else.
struct Front {
    addr: String,
    answer: Arc<Mutex<Option<Hostile>>>,
}

impl Front {
    fn start(venue: &str) -> Front {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let answer = Arc::new(Mutex::new(None));
        let (venue, told) = (venue.to_owned(), answer.clone());
        // Ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (venue, told) = (venue.clone(), told.clone());
                // A client that goes away has seen enough.
                std::thread::spawn(move || drop(serve(client, &venue, &told)));
            }
        });
        Front { addr, answer }
    }
}

/// One request of a connection, which is closed behind it.
fn serve(
    mut client: TcpStream,
    venue: &str,
    hostile: &Mutex<Option<Hostile>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let head = head.trim_end().to_owned() + "\r\nconnection: close\r\n\r\n";
    let mut upstream = TcpStream::connect(venue)?;
    upstream.write_all(head.as_bytes())?;
    upstream.write_all(&body)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    let told = *hostile.lock().unwrap();
    let places = head.starts_with("POST /api/v3/order?");
    match told.filter(|_| places) {
        None => {
            let text = String::from_utf8_lossy(&answer).into_owned();
            let (top, rest) = text.split_once("\r\n\r\n").unwrap();
            let kept = top.lines().filter(|l| !l.to_lowercase().starts_with("connection:"));
            let top: Vec<&str> = kept.collect();
            write!(client, "{}\r\nconnection: close\r\n\r\n{rest}", top.join("\r\n"))
        }
        Some(Hostile::Says(made)) => {
            let text = String::from_utf8_lossy(&answer).into_owned();
            let said = made(text.split_once("\r\n\r\n").unwrap().1);
            let length = said.len();
            write!(
                client,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{said}"
            )
        }
        Some(Hostile::Flood(bytes, letter)) => {
            write!(
                client,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {bytes}\r\n\r\n"
            )?;
            let chunk = vec![letter; 1 << 20];
            for _ in 0..bytes >> 20 {
                client.write_all(&chunk)?;
            }
            Ok(())
        }
    }
}

/// The largest resident memory that the gateway has had, KiB.
fn memory(stage: &Stage) -> u64 {
    let id = stage.gateway.process.as_ref().unwrap().0.id();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn with(body: &str, key: &str, value: &str) -> String {
    let mut told: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(!told[key].is_null(), "{key} is not in {body}");
    told[key] = serde_json::Value::Null;
    told.to_string().replace(&format!("\"{key}\":null"), &format!("\"{key}\":{value}"))
}

/// SEC-06: the order is there, and its answer is hostile. It is in doubt, asked for and found, once; memory
/// stays bounded, and nothing breaks.
#[test]
fn sec_06_hostile_replies() {
    let cases: [(&str, Hostile); 9] = [
        ("a gibibyte", Hostile::Flood(1 << 30, b'[')),
        ("a gibibyte of space", Hostile::Flood(1 << 30, b' ')),
        ("a million levels", Hostile::Says(|_| "[".repeat(1_000_000))),
        ("a million objects", Hostile::Says(|_| "{\"a\":".repeat(1_000_000))),
        ("a negative size", Hostile::Says(|body| with(body, "executedQty", "\"-0.001\""))),
        ("no number", Hostile::Says(|body| with(body, "origQty", "\"NaN\""))),
        ("no JSON number", Hostile::Says(|body| with(body, "price", "NaN"))),
        ("a huge number", Hostile::Says(|body| with(body, "origQty", "\"1e999999999\""))),
        ("a huge count", Hostile::Says(|body| with(body, "orderId", "99999999999999999999999"))),
    ];
    let venue = Venue::start(&["--market", "synthetic:82"]);
    let front = Front::start(&venue.addr);
    let gateway = Gateway::prepare(&venue.addr, "");
    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let rest = format!("rest = \"http://{}\"", venue.addr);
    let sockets = format!(
        "rest = \"http://{}\"\nstreams = \"ws://{}\"\nws_api = \"ws://{}/ws-api/v3\"",
        front.addr, venue.addr, venue.addr
    );
    assert!(text.contains(&rest));
    std::fs::write(&path, text.replace(&rest, &sockets)).unwrap();
    let mut stage = Stage::between(venue, gateway, |_, _| {});
    // The stream would tell of the order at once: what is looked at is the answer.
    let silent = json!({"kind": "silent", "stream": "user", "contains": "executionReport"});
    stage.fault(silent.clone());
    *front.answer.lock().unwrap() = Some(Hostile::Says(str::to_owned));
    let honest = stage.send(Want::BuyLow);
    stage.working(honest);
    assert!(!in_doubt(&stage.gateway.entries(), honest), "an honest answer is believed");
    for (what, hostile) in cases {
        stage.heal();
        stage.fault(silent.clone());
        *front.answer.lock().unwrap() = Some(hostile);
        let order = stage.send(Want::BuyLow);
        stage.until(20, what, |entries| in_doubt(entries, order));
        *front.answer.lock().unwrap() = None;
        let found = stage.order(10, order, what, |order| order.state == OrderState::Working);
        assert_eq!(found.filled.to_string(), "0", "{what}");
        stage.heal();
        stage.cancel(order);
        stage.done(10, order);
        assert!(!stage.gateway.log().contains("panicked"), "{what}: {}", stage.gateway.log());
        println!("{what}: {} MiB at the most", memory(&stage) >> 10);
        assert!(memory(&stage) < MEMORY_MAX_KIB, "{what}: {} KiB", memory(&stage));
    }
    assert!(stage.requests(CREATE) >= 9);
    stage.recovers(Instant::now());
}

fn in_doubt(entries: &[model::Entry], intent: IntentId) -> bool {
    let books = crate::stage::books(entries);
    let Some(order) = crate::stage::order_of(&books, intent) else { return false };
    let id = order.order.client_order_id;
    count(
        entries,
        |record| matches!(record, Record::InDoubt { client_order_id, .. } if *client_order_id == id),
    ) > 0
}
