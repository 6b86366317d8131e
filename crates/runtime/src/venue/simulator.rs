//! The simulator's own door, `/_sim/`: the oracle, and faults. No fault strikes here.

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use model::{AccountId, Amount, Asset, TradeId};

use super::body::Body;
use super::render::{json, plain};
use super::state;
use super::world::Shared;
use crate::clock;

/// Largest body of a request.
const BODY_MAX: usize = 64 * 1024;

/// Answers a request to the simulator itself.
pub(super) async fn answer(
    request: Request<Incoming>,
    path: &str,
    shared: &Shared,
) -> Response<Body> {
    let method = request.method().clone();
    let body = Limited::new(request.into_body(), BODY_MAX).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    match (method.as_str(), path) {
        ("GET", "/_sim/state") => json(&state::state(shared)),
        ("POST", "/_sim/transfer") => transfer(&body, shared),
        ("POST", "/_sim/bust") => bust(&body, shared),
        ("POST", "/_sim/overfill") => overfill(&body, shared),
        ("POST", "/_sim/faults") => add_fault(&body, shared),
        ("POST", "/_sim/heal") => {
            shared.world().faults.heal();
            shared.turn();
            json(&serde_json::json!({"ok": true}))
        }
        _ => plain(
            StatusCode::NOT_FOUND,
            "GET /_sim/state, POST /_sim/faults, POST /_sim/heal, POST /_sim/transfer, \
             POST /_sim/bust and POST /_sim/overfill are here",
        ),
    }
}

/// A deposit or a withdrawal.
fn transfer(body: &[u8], shared: &Shared) -> Response<Body> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Transfer {
        account: AccountId,
        asset: Asset,
        amount: Amount,
    }
    let example = r#"{"account": "account-1", "asset": "USDT", "amount": "-100"}"#;
    let transfer: Transfer = match serde_json::from_slice(body) {
        Ok(transfer) => transfer,
        Err(error) => {
            let text = format!("not a transfer: {error}; it is written {example}");
            return plain(StatusCode::BAD_REQUEST, &text);
        }
    };
    let mut world = shared.world();
    if !world.exchange().oracle().balances.contains_key(&transfer.account) {
        let text = format!("there is no account {}", transfer.account);
        return plain(StatusCode::NOT_FOUND, &text);
    }
    world.transfer(transfer.account, transfer.asset, transfer.amount);
    json(&serde_json::json!({"ok": true}))
}

/// An execution is taken back.
fn bust(body: &[u8], shared: &Shared) -> Response<Body> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Bust {
        account: AccountId,
        trade: Option<TradeId>,
    }
    let bust: Bust = match serde_json::from_slice(body) {
        Ok(bust) => bust,
        Err(error) => {
            let text = format!(r#"not a bust: {error}; it is written {{"account": "account-1"}}"#);
            return plain(StatusCode::BAD_REQUEST, &text);
        }
    };
    match shared.world().bust(bust.account, bust.trade) {
        Some(fill) => json(&serde_json::json!({"ok": true, "trade": fill.trade_id})),
        None => plain(StatusCode::NOT_FOUND, "there is no such execution"),
    }
}

/// More of an order executes than was ordered.
fn overfill(body: &[u8], shared: &Shared) -> Response<Body> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Overfill {
        account: AccountId,
    }
    let overfill: Overfill = match serde_json::from_slice(body) {
        Ok(overfill) => overfill,
        Err(error) => {
            let example = r#"{"account": "account-1"}"#;
            let text = format!("not an overfill: {error}; it is written {example}");
            return plain(StatusCode::BAD_REQUEST, &text);
        }
    };
    match shared.world().overfill(overfill.account) {
        Some(fill) => json(&serde_json::json!({"ok": true, "trade": fill.trade_id})),
        None => plain(StatusCode::NOT_FOUND, "its last execution is of no order that is filled"),
    }
}

fn add_fault(body: &[u8], shared: &Shared) -> Response<Body> {
    let added = shared.world().faults.add(clock::now(), body);
    if let Err(error) = added {
        return plain(StatusCode::BAD_REQUEST, &error.to_string());
    }
    // What is due is due now, not with the next tick.
    shared.turn();
    json(&serde_json::json!({"ok": true}))
}
