//! Properties: nothing that comes in makes the server panic.

use proptest::prelude::*;

use super::calls::ROUTES;
use super::testing::{BASE, HOST, KEY, PEER, Talk, accepted, account, order};
use super::*;
use crate::coinbase::sign::Target;

/// Values of many kinds, some of which make sense.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("BTC-USD".to_owned()),
        Just("OPEN".to_owned()),
        Just("FIVE_MINUTE".to_owned()),
        Just("2026-01-01T00:00:00Z".to_owned()),
        "-?[0-9]{1,22}",
        "[0-9]{1,9}\\.[0-9]{1,9}",
        "[A-Z_%+]{0,12}",
    ]
}

fn body() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("limit_limit_gtc"),
        Just("limit_limit_gtd"),
        Just("market_market_ioc"),
        Just("stop_limit_stop_limit_gtc"),
    ];
    let name = prop_oneof![
        Just("base_size"),
        Just("quote_size"),
        Just("limit_price"),
        Just("stop_price"),
        Just("stop_direction"),
        Just("end_time"),
    ];
    let numbers = proptest::collection::vec((name, value()), 0..5);
    (key, numbers, value(), value()).prop_map(|(key, numbers, id, side)| {
        let side = if side.len() % 2 == 0 { "BUY".to_owned() } else { side };
        let numbers: serde_json::Map<String, serde_json::Value> =
            numbers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        serde_json::json!({
            "client_order_id": id, "product_id": "BTC-USD", "side": side, "order_ids": [id],
            "order_id": id, "price": "1", "size": "1", "order_configuration": {key: numbers},
        })
        .to_string()
    })
}

proptest! {
    #[test]
    fn no_request_makes_it_panic(
        method in "GET|POST|DELETE|PUT",
        path in "/(api/v3/brokerage|v2)/[a-z_/A-Z0-9-]{0,24}",
        query in ".{0,80}",
        body in proptest::collection::vec(any::<u8>(), 0..80),
        token in "[A-Za-z0-9_.-]{0,80}",
    ) {
        let mut talk = Talk::new();
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let request = crate::server::HttpRequest {
            method: &method, path: &path, query: &query, body: &body, headers: &headers, peer: PEER,
        };
        let _ = talk.server.http(talk.now, &request, &talk.market);
        let _ = talk.server.connect(talk.now, ConnId(1), &request);
        talk.wait(1_000);
    }

    /// Signed, with names that are read and values that make little sense.
    #[test]
    fn no_parameters_make_it_panic(
        at in 0usize..ROUTES.len(),
        name in value(),
        pairs in proptest::collection::vec((0usize..16, value()), 0..6),
        body in body(),
    ) {
        const NAMES: [&str; 16] = [
            "product_id", "product_ids", "limit", "offset", "cursor", "start", "end", "granularity",
            "order_status", "order_ids", "start_date", "end_date", "sort_by", "product_type",
            "aggregation_price_increment", "asset_filters",
        ];
        let mut talk = Talk::new();
        talk.happen(&[accepted(1), accepted(2)]);
        let (method, pattern, _, _) = ROUTES[at];
        let path = pattern.replace('*', &name);
        let query: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{}={value}", NAMES[*name])).collect();
        let token = talk.token(KEY, Some(&Target { method, host: HOST, path: &path }));
        match talk.raw(method, &path, &query.join("&"), &body, &token) {
            Step::Done(response) => prop_assert!(response.status < 500, "{}", response.status),
            Step::Ask { account: of, pending, .. } => {
                prop_assert_eq!(of, account());
                let _ = talk.answer(pending, Err(VenueError::Unsupported));
            }
        }
    }

    #[test]
    fn no_message_makes_it_panic(
        text in ".{0,80}",
        kind in "subscribe|unsubscribe|x",
        channel in "level2|user|ticker|candles|status|heartbeats|market_trades|ticker_batch|x",
        product in "BTC-USD|X",
    ) {
        let mut talk = Talk::new();
        prop_assert!(talk.open(1).is_ok());
        talk.say(1, &text);
        let token = talk.token(KEY, None);
        let request = serde_json::json!({
            "type": kind, "channel": channel, "product_ids": [product], "jwt": token,
        });
        let heard = talk.say(1, &request.to_string());
        prop_assert!(!heard.is_empty(), "every request is answered");
        talk.happen(&[accepted(1)]);
        talk.wait(60_000);
    }

    /// Whatever is asked for, the pages of a list hold every row once.
    #[test]
    fn pages_hold_every_row_once(count in 0u64..40, limit in 1usize..12) {
        let mut talk = Talk::new();
        let events: Vec<VenueEvent> = (1..=count).map(accepted).collect();
        talk.happen(&events);
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let query = format!("limit={limit}&cursor={cursor}");
            talk.now = talk.now.after(std::time::Duration::from_secs(1));
            let (status, page) = talk.get("/orders/historical/batch", &query);
            prop_assert_eq!(status, 200);
            let orders = page["orders"].as_array().unwrap();
            prop_assert!(orders.len() <= limit);
            seen.extend(orders.iter().map(|order| order["client_order_id"].clone()));
            cursor = page["cursor"].as_str().unwrap().to_owned();
            if cursor.is_empty() {
                break;
            }
        }
        let all = (1..=count).rev().map(|number| {
            order(number, model::venue::VenueOrderStatus::New).client_order_id.to_string()
        });
        prop_assert_eq!(seen, all.map(serde_json::Value::from).collect::<Vec<_>>());
        prop_assert!(BASE.starts_with('/'));
    }
}
