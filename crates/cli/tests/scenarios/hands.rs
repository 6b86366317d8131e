//! What others do at the exchange, around the gateway and in either protocol: people with a key of their
//! own, and a person on the gateway's account.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use serde_json::{Value, json};
use venues::coinbase::REST_HOST;
use venues::coinbase::sign::{Nonce, SigningKey, Target};

use crate::common::COINBASE_SECRET;
use crate::stage::Stage;

/// The key of the gateway's own account, in the hands of a person.
pub(crate) const OWN: &str = "key";
/// The key of somebody else.
pub(crate) const OTHER: &str = "other";
/// And of one more, for two orders of one account do not trade with each other.
pub(crate) const THIRD: &str = "third";

const ORDERS: &str = "/api/v3/brokerage/orders";

/// A limit order of somebody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByHand<'a> {
    pub(crate) key: &'a str,
    pub(crate) name: &'a str,
    pub(crate) side: &'a str,
    pub(crate) qty: &'a str,
    pub(crate) price: f64,
    /// Else it takes what there is, and is over.
    pub(crate) rests: bool,
}

impl Stage {
    /// Somebody takes at once, at this price or better.
    pub(crate) fn takes(&self, key: &str, side: &str, qty: &str, price: f64) {
        let name = format!("t{}", runtime::clock::now().nanos());
        self.by_hand(&ByHand { key, name: &name, side, qty, price, rests: false });
    }

    /// Places an order; returns the venue's name for it.
    pub(crate) fn by_hand(&self, order: &ByHand<'_>) -> String {
        let ByHand { key, name, side, qty, price, rests } = *order;
        let side = side.to_uppercase();
        if !self.is_coinbase() {
            let params = format!(
                "symbol=BTCUSDT&side={side}&type=LIMIT&timeInForce={}&quantity={qty}\
                 &price={price:.2}&newClientOrderId={name}",
                if rests { "GTC" } else { "IOC" }
            );
            let answer = self.signed("POST", "/api/v3/order", key, &params);
            let body = answer.split_once("\r\n\r\n").unwrap().1;
            let told: Value = serde_json::from_str(body).unwrap();
            assert!(told["orderId"].is_u64(), "{answer}");
            return told["orderId"].to_string();
        }
        let numbers = json!({"base_size": qty, "limit_price": format!("{price:.2}")});
        let kind = if rests { "limit_limit_gtc" } else { "sor_limit_ioc" };
        let told = self.posted(
            key,
            ORDERS,
            &json!({"client_order_id": name, "product_id": "BTC-USD", "side": side,
                "order_configuration": {kind: numbers}}),
        );
        assert_eq!(told["success"], true, "{told}");
        told["success_response"]["order_id"].as_str().unwrap().to_owned()
    }

    /// The person on the gateway's account takes back an order, by the venue's name for it.
    pub(crate) fn taken_back_by_hand(&self, id: &str) {
        if self.is_coinbase() {
            let path = format!("{ORDERS}/batch_cancel");
            let told = self.posted(OWN, &path, &json!({"order_ids": [id]}));
            assert_eq!(told["results"][0]["success"], true, "{told}");
        } else {
            let cancel = format!("symbol=BTCUSDT&orderId={id}");
            let answer = self.signed("DELETE", "/api/v3/order", OWN, &cancel);
            assert!(answer.contains("CANCELED"), "{answer}");
        }
    }

    /// Money comes to the gateway's account, or goes.
    pub(crate) fn transfer(&self, asset: &str, amount: &str) {
        let body = json!({"account": "account-1", "asset": asset, "amount": amount});
        let answer = self.venue.raw("POST", "/_sim/transfer", &body.to_string());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    pub(crate) fn is_coinbase(&self) -> bool {
        self.gateway.instrument() == "BTC-USD"
    }

    /// What pays.
    pub(crate) fn quote(&self) -> &'static str {
        if self.is_coinbase() { "USD" } else { "USDT" }
    }

    fn posted(&self, key: &str, path: &str, body: &Value) -> Value {
        let target = Target { method: "POST", host: REST_HOST, path };
        let now = runtime::clock::now();
        let nonce = Nonce::numbered(now.nanos().unsigned_abs().into(), 0);
        let signing = SigningKey::new(COINBASE_SECRET).unwrap();
        let token = signing.token(key, Some(&target), now, nonce);
        let headers =
            format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        let answer = self.venue.exchange("POST", path, &headers, &body.to_string());
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
    }
}
