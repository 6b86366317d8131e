//! Any requests to the simulated exchange's Binance server, over REST, streams and the WebSocket API:
//! an answer, no panic. The exchange behind it is the real one.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use model::Timestamp;
use plimsoll_fuzz::{account, exchange, instrument};
use venues::binance::server::{BinanceServer, ServerConfig};
use venues::binance::sign::{SigningKey, VerifyingKey};
use venues::server::{ConnId, Dialect, HttpRequest, Step};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATHS: [&str; 10] = [
    "/api/v3/order",
    "/api/v3/order/cancelReplace",
    "/api/v3/order/test",
    "/api/v3/openOrders",
    "/api/v3/allOrders",
    "/api/v3/myTrades",
    "/api/v3/depth",
    "/api/v3/klines",
    "/api/v3/ticker/24hr",
    "/api/v3/exchangeInfo",
];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let now = Timestamp::from_millis(1_767_225_600_000).expect("a time");
    let mut server = BinanceServer::new(ServerConfig::default(), vec![instrument()]);
    let mut exchange = exchange();
    server.add_key("k", VerifyingKey::new("s").expect("a key"), account());
    let signing = SigningKey::new("s").expect("a key");
    let (stream, api) = (ConnId(1), ConnId(2));
    let mut out = Vec::new();
    for (conn, path) in [(stream, "/ws/btcusdt@depth@100ms"), (api, "/ws-api/v3")] {
        let request =
            HttpRequest { method: "GET", path, query: "", body: b"", headers: &[], peer: PEER };
        assert!(server.connect(now, conn, &request).is_ok());
    }
    for (number, line) in text.lines().enumerate().take(16) {
        // The signature is made right, so that the fuzzer gets behind it.
        let query = format!("{line}&timestamp=1767225600000");
        let query = format!("{query}&signature={}", signing.sign(query.as_bytes()));
        let request = HttpRequest {
            method: ["GET", "POST", "DELETE"][number % 3],
            path: PATHS[line.len() % PATHS.len()],
            query: &query,
            body: b"",
            headers: &[("x-mbx-apikey", "k")],
            peer: PEER,
        };
        if let Step::Ask { account, request, pending } = server.http(now, &request, &exchange) {
            let mut events = Vec::new();
            let answer = exchange.execute(now, account, &request, &mut events);
            server.events(now, &events, &exchange, &mut out);
            let Step::Done(response) = server.http_reply(now, pending, answer) else {
                panic!("Binance's calls ask once");
            };
            assert!(is_json(&response.body));
        }
        for conn in [stream, api] {
            if let Step::Ask { account, request, pending } =
                server.text(now, conn, line, &exchange, &mut out)
            {
                let mut events = Vec::new();
                let answer = exchange.execute(now, account, &request, &mut events);
                server.socket_reply(now, conn, pending, answer, &mut out);
            }
        }
        server.tick(now, &exchange, &mut out);
        out.clear();
    }
});

fn is_json(body: &[u8]) -> bool {
    matches!(body.first(), Some(b'{' | b'['))
}
