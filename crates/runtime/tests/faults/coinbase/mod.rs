//! What differs where the exchange speaks Coinbase's protocol: tokens, channels of one connection
//! with one counter, and answers from books of the dialect's own.

mod front;
mod limits;
mod streams;

use std::ops::Deref;
use std::sync::atomic::{AtomicU8, Ordering};

use futures_util::SinkExt as _;
use model::{Asset, Instrument, Timestamp};
use plimsoll_runtime::venue::MarketSource;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use venues::coinbase::PREFIX;
use venues::coinbase::server::{CoinbaseServer, ServerConfig};
use venues::coinbase::sign::{Nonce, SigningKey, Target};

use crate::bench::{Bench, Reply, SOON, Socket, accounts, now_ms, text};

/// An Ed25519 seed as Coinbase prints it: the bytes 1 to 32.
const SECRET: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
/// The route of new orders.
const ORDERS: &str = "POST /api/v3/brokerage/orders";

/// An exchange that speaks Coinbase's protocol, and its client.
struct Coin(Bench);

impl Deref for Coin {
    type Target = Bench;

    fn deref(&self) -> &Bench {
        &self.0
    }
}

fn instrument() -> Instrument {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.00000001".parse().unwrap());
    let plain = Instrument::spot(asset("BTC"), asset("USD"), tick, lot).unwrap();
    Instrument { symbol: "BTC-USD".to_owned(), ..plain }
}

/// A token is never the same twice.
fn token(key: &str, target: Option<&Target<'_>>) -> String {
    static COUNT: AtomicU8 = AtomicU8::new(0);
    let nonce = Nonce([COUNT.fetch_add(1, Ordering::Relaxed); 32]);
    let now = Timestamp::from_millis(i64::try_from(now_ms()).unwrap()).unwrap();
    SigningKey::new(SECRET).unwrap().token(key, target, now, nonce)
}

impl Coin {
    async fn start(market: MarketSource) -> Coin {
        let mut dialect = CoinbaseServer::new(ServerConfig::default(), vec![instrument()]);
        let key = SigningKey::new(SECRET).unwrap().verifying_key();
        for (name, account) in ["key", "other"].into_iter().zip(accounts()) {
            dialect.add_key(name, key.clone(), account);
        }
        Coin(Bench::serve(dialect, instrument(), market, "", 1).await)
    }

    /// One where nobody trades but the accounts `key` and `other`.
    async fn quiet() -> Coin {
        Coin::start(MarketSource::Empty).await
    }

    /// One with a moving market.
    async fn busy() -> Coin {
        let start = vec!["60000".parse().unwrap()];
        Coin::start(MarketSource::Synthetic { seed: 1, start }).await
    }

    /// A request of a key; `path` is what follows the prefix, with the query.
    async fn ask(&self, key: &str, method: &str, path: &str, body: &str) -> Reply {
        let target = format!("{PREFIX}{path}");
        let of = Target { method, host: "x", path: target.split('?').next().unwrap() };
        let header = format!("authorization: Bearer {}", token(key, Some(&of)));
        self.ask_with(SOON, method, &target, &header, body).await
    }

    async fn read(&self, path: &str) -> Value {
        self.ask("key", "GET", path, "").await.json()
    }

    /// Names of orders that this question lists.
    async fn listed(&self, query: &str) -> Vec<String> {
        let list = self.read(&format!("/orders/historical/batch{query}")).await;
        let names = list["orders"].as_array().unwrap_or_else(|| panic!("{list}")).iter();
        names.map(|order| order["client_order_id"].as_str().unwrap().to_owned()).collect()
    }

    /// A limit order over 0.01 at 100.
    async fn limit(&self, key: &str, side: &str, client: &str) -> Reply {
        let limit = json!({"base_size": "0.01", "limit_price": "100"});
        self.place(key, side, client, json!({"limit_limit_gtc": limit})).await
    }

    async fn place(&self, key: &str, side: &str, client: &str, kind: Value) -> Reply {
        let order = json!({"client_order_id": client, "product_id": "BTC-USD", "side": side,
            "order_configuration": kind});
        self.ask(key, "POST", "/orders", &order.to_string()).await
    }

    /// A buy of `key` that rests; its id.
    async fn buy(&self, client: &str) -> String {
        let reply = self.limit("key", "BUY", client).await.json();
        let id = reply["success_response"]["order_id"].as_str();
        id.unwrap_or_else(|| panic!("{reply}")).to_owned()
    }

    /// `key` buys what `other` sells; the buy's id.
    async fn deal(&self, client: &str) -> String {
        let id = self.buy(client).await;
        let sold = self.limit("other", "SELL", &format!("sell-{client}")).await.json();
        assert_eq!(sold["success"], true, "{sold}");
        id
    }

    /// A connection that has subscribed to these channels, and heard what belongs to that.
    async fn listens(&self, channels: &[&str]) -> Socket {
        let mut socket = self.dial("/").await.unwrap();
        for channel in channels {
            subscribe(&mut socket, channel).await;
            while text(&mut socket).await["channel"] != "subscriptions" {}
            if *channel != "heartbeats" {
                // The snapshot.
                text(&mut socket).await;
            }
        }
        socket
    }
}

async fn subscribe(socket: &mut Socket, channel: &str) {
    let products = if channel == "heartbeats" { json!([]) } else { json!(["BTC-USD"]) };
    let request = json!({"type": "subscribe", "channel": channel, "product_ids": products,
        "jwt": token("key", None)});
    socket.send(Message::text(request.to_string())).await.unwrap();
}
