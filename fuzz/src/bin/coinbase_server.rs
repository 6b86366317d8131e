//! Any requests to the simulated exchange's Coinbase server, over REST and WebSocket: an answer, no
//! panic. The exchange behind it is the real one, and what was accepted is found again.

#![no_main]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use model::venue::{AccountEvent, VenueEvent};
use model::{Asset, Timestamp};
use plimsoll_fuzz::{account, coinbase_symbols};
use sim_venue::{FeesIn, SimConfig, SimVenue};
use venues::coinbase::server::{CoinbaseServer, ServerConfig};
use venues::coinbase::sign::{Nonce, SigningKey, Target};
use venues::server::{ConnId, Dialect, HttpRequest, Step};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const HOST: &str = "127.0.0.1:9000";
const ROUTES: [(&str, &str); 10] = [
    ("POST", "/api/v3/brokerage/orders"),
    ("POST", "/api/v3/brokerage/orders/preview"),
    ("POST", "/api/v3/brokerage/orders/batch_cancel"),
    ("POST", "/api/v3/brokerage/orders/edit"),
    ("GET", "/api/v3/brokerage/orders/historical/batch"),
    ("GET", "/api/v3/brokerage/orders/historical/fills"),
    ("GET", "/api/v3/brokerage/accounts"),
    ("GET", "/api/v3/brokerage/product_book"),
    ("GET", "/api/v3/brokerage/products/BTC-USD/candles"),
    ("GET", "/api/v3/brokerage/products"),
];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let now = Timestamp::from_millis(1_767_225_600_000).expect("a time");
    let instruments: Vec<_> = coinbase_symbols().iter().map(|row| row.instrument.clone()).collect();
    let config = ServerConfig { messages_per_s: u32::MAX, ..ServerConfig::default() };
    let (fees, fees_in) = (config.fees, FeesIn::Quote);
    let mut exchange = SimVenue::new(SimConfig { instruments: instruments.clone(), fees, fees_in });
    let asset = |name| Asset::new(name).expect("a short name");
    let amount = |text: &str| text.parse().expect("an amount");
    let held = BTreeMap::from([(asset("USD"), amount("100000")), (asset("BTC"), amount("10"))]);
    exchange.add_account(account(), &held);
    let mut server = CoinbaseServer::new(config, instruments);
    let key = SigningKey::new("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=").expect("a key");
    server.add_key("k", key.verifying_key(), account());
    let (conn, mut out) = (ConnId(1), Vec::new());
    let request =
        HttpRequest { method: "GET", path: "/", query: "", body: b"", headers: &[], peer: PEER };
    assert!(server.connect(now, conn, &request).is_ok());
    for line in text.lines().take(16) {
        // The token is made right, so that the fuzzer gets behind it.
        let (method, path) = ROUTES[line.len() % ROUTES.len()];
        let target = Target { method, host: HOST, path };
        let bearer = format!("Bearer {}", key.token("k", Some(&target), now, Nonce([0; 32])));
        let request = HttpRequest {
            method,
            path,
            query: if method == "GET" { line } else { "" },
            body: line.as_bytes(),
            headers: &[("host", HOST), ("authorization", bearer.as_str())],
            peer: PEER,
        };
        let mut step = server.http(now, &request, &exchange);
        let response = loop {
            match step {
                Step::Done(response) => break response,
                Step::Ask { account, request, pending } => {
                    let mut events = Vec::new();
                    let answer = exchange.execute(now, account, &request, &mut events);
                    server.events(now, &events, &exchange, &mut out);
                    named_again(&mut server, &key, now, &exchange, &events);
                    step = server.http_reply(now, pending, answer);
                }
            }
        };
        assert!(response.status < 500, "{}", response.status);
        assert!(matches!(response.body.first(), Some(b'{')));
        let _ = server.text(now, conn, line, &exchange, &mut out);
        server.tick(now, &exchange, &mut out);
        out.clear();
    }
});

/// What the exchange accepted is in the list of orders.
fn named_again(
    server: &mut CoinbaseServer,
    key: &SigningKey,
    now: Timestamp,
    exchange: &SimVenue,
    events: &[VenueEvent],
) {
    for event in events {
        let VenueEvent::Account { event: AccountEvent::Order { order, .. }, .. } = event else {
            continue;
        };
        let (method, path) = ("GET", "/api/v3/brokerage/orders/historical/batch");
        let target = Target { method, host: HOST, path };
        let bearer = format!("Bearer {}", key.token("k", Some(&target), now, Nonce([0; 32])));
        let headers = [("host", HOST), ("authorization", bearer.as_str())];
        let request =
            HttpRequest { method, path, query: "", body: b"", headers: &headers, peer: PEER };
        let Step::Done(response) = server.http(now, &request, exchange) else {
            panic!("lists are answered without asking");
        };
        if response.status == 429 {
            return;
        }
        let list = String::from_utf8_lossy(&response.body).into_owned();
        let name = format!("\"client_order_id\":{}", serde_name(order.client_order_id.as_str()));
        assert!(list.contains(&name), "{name} is not in {list}");
    }
}

/// A name as JSON prints it.
fn serde_name(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}
