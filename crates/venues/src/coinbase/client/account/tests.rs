//! Messages of the `user` channel (shape of websocket-channels.md; numbers made up).

use model::{OrderKind, Side, TimeInForce};
use proptest::prelude::*;

use super::*;
use crate::coinbase::client::testing::symbols;

const ORDER: &str = r#"{"channel":"user","client_id":"","timestamp":"2026-01-01T00:00:05.3Z","sequence_num":11,"events":[{"type":"update","orders":[{"order_id":"3c1f0e52-0000-4000-8000-000000000001","client_order_id":"agent7-000123","product_id":"BTC-USD","order_side":"BUY","order_type":"Limit","status":"OPEN","cumulative_quantity":"0.001","leaves_quantity":"0.001","avg_price":"61234.5","filled_value":"61.2345","number_of_fills":"1","completion_percentage":"50.00","limit_price":"61234.5","stop_price":"","time_in_force":"GOOD_UNTIL_CANCELLED","post_only":"true","total_fees":"0.367","total_value_after_fees":"122.8","outstanding_hold_amount":"61.6","trigger_status":"INVALID_ORDER_TYPE","cancel_reason":"","reject_reason":"","creation_time":"2026-01-01T00:00:00.1Z","end_time":"0001-01-01T00:00:00Z","start_time":"0001-01-01T00:00:00Z","product_type":"SPOT","contract_expiry_type":"UNKNOWN_CONTRACT_EXPIRY_TYPE","risk_managed_by":"UNKNOWN_RISK_MANAGEMENT_TYPE","retail_portfolio_id":"5a0c"}],"positions":{"perpetual_futures_positions":[],"expiring_futures_positions":[]}}]}"#;

fn content(text: &str) -> AccountContent {
    decode_account(text, &symbols()).unwrap().content
}

fn order_of(text: &str) -> (VenueOrder, Execution) {
    match content(text) {
        AccountContent::Orders(mut told) => match told.remove(0) {
            AccountEvent::Order { order, execution, execution_id: 11, .. } => (order, execution),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_stands_as_it_stands() {
    let (order, execution) = order_of(ORDER);
    assert_eq!(execution, Execution::Standing);
    assert_eq!(order.client_order_id.as_str(), "agent7-000123");
    assert_eq!((order.side, order.status), (Side::Buy, VenueOrderStatus::PartiallyFilled));
    assert_eq!((order.qty, order.filled), ("0.002".parse().unwrap(), "0.001".parse().unwrap()));
    assert_eq!(order.kind, OrderKind::Limit { price: "61234.5".parse().unwrap() });
    assert_eq!((order.post_only, order.time_in_force), (true, TimeInForce::Gtc));
    assert!(order.created < order.updated);
}

#[test]
fn how_orders_end() {
    let at = |status: &str, filled: &str| {
        let text = ORDER
            .replace("\"OPEN\"", &format!("\"{status}\""))
            .replace("\"leaves_quantity\":\"0.001\"", "\"leaves_quantity\":\"0\"")
            .replace("\"0.001\"", &format!("\"{filled}\""))
            .replace("\"reject_reason\":\"\"", "\"reject_reason\":\"POST_ONLY\"");
        let (order, execution) = order_of(&text);
        (order.status, execution)
    };
    let standing = Execution::Standing;
    for (status, filled, is) in [
        ("FILLED", "0.002", VenueOrderStatus::Filled),
        ("CANCELLED", "0", VenueOrderStatus::Canceled),
        ("EXPIRED", "0.001", VenueOrderStatus::Expired),
        ("CANCEL_QUEUED", "0", VenueOrderStatus::New),
        ("PENDING", "0", VenueOrderStatus::New),
        ("FAILED", "0.001", VenueOrderStatus::Expired),
    ] {
        assert_eq!(at(status, filled), (is, standing.clone()), "{status}");
    }
    let reason = VenueError::Other { code: 0, message: "POST_ONLY".to_owned() };
    assert_eq!(at("FAILED", "0"), (VenueOrderStatus::Rejected, Execution::Rejected(reason)));
}

#[test]
fn a_snapshot_ends_with_a_part_that_is_not_full() {
    let from = ORDER.find("{\"order_id\"").unwrap();
    let to = ORDER.find("],\"positions\"").unwrap();
    let one = &ORDER[from..to];
    for (kind, count, last) in [("snapshot", 50, false), ("patch", 49, true), ("snapshot", 0, true)]
    {
        let orders = vec![one; count].join(",");
        let text = ORDER.replace(one, &orders).replace("\"update\"", &format!("\"{kind}\""));
        let AccountContent::Snapshot { orders, last: is } = content(&text) else { panic!() };
        assert_eq!((orders.len(), is), (count, last), "{kind}");
    }
}

#[test]
fn the_rest_and_what_cannot_be_read() {
    let foreign = ORDER.replace("BTC-USD", "DOGE-USD");
    assert_eq!(content(&foreign), AccountContent::Orders(Vec::new()), "not traded here");
    let ack = r#"{"channel":"subscriptions","timestamp":"2026-01-01T00:00:00Z","sequence_num":0,"events":[{"subscriptions":{"user":["3e62"]}}]}"#;
    let AccountContent::Subscriptions(all) = content(ack) else { panic!() };
    assert!(all.contains_key("user"));
    let refused = r#"{"type":"error","message":"authentication failure"}"#;
    assert_eq!(content(refused), AccountContent::Error("authentication failure".to_owned()));
    let gift = decode_account(&ORDER.replace("\"update\"", "\"gift\""), &symbols());
    assert!(matches!(gift, Err(DecodeError::Word { .. })), "{gift:?}");
    // One order that cannot be read is told as such, beside the others.
    let from = ORDER.find("{\"order_id\"").unwrap();
    let to = ORDER.find("],\"positions\"").unwrap();
    let one = &ORDER[from..to];
    let strange = one.replace("\"BUY\"", "\"buy\"");
    let message =
        decode_account(&ORDER.replace(one, &format!("{strange},{one}")), &symbols()).unwrap();
    assert!(matches!(message.content, AccountContent::Orders(told) if told.len() == 1));
    let [row] = message.unread.as_slice() else { panic!("{:?}", message.unread) };
    assert_eq!(row.client_order_id.unwrap().as_str(), "agent7-000123");
    assert_eq!((row.because.as_str(), row.trade), ("unknown side \"buy\"", None));
}

/// Whatever is not known of an order of somebody else, it is there and so large.
#[test]
fn orders_of_any_kind_are_read_as_far_as_they_concern_us() {
    let (plain, _) = order_of(ORDER);
    for (known, never) in [
        ("\"Limit\"", "\"ICEBERG\""),
        ("\"Limit\"", "\"SCALED\""),
        ("\"GOOD_UNTIL_CANCELLED\"", "\"GOOD_UNTIL_DATE_TIME\""),
        ("\"GOOD_UNTIL_CANCELLED\"", "\"FOR_A_WHILE\""),
    ] {
        assert_eq!(order_of(&ORDER.replace(known, never)).0, plain, "{never}");
    }
    let (half, execution) = order_of(&ORDER.replace("\"OPEN\"", "\"HALF\""));
    assert_eq!((half.status, execution), (VenueOrderStatus::Unknown, Execution::Standing));
}

proptest! {
    #[test]
    fn damage_never_panics(at in 0usize..1_300, byte in any::<u8>(), cut in 0usize..1_300) {
        let mut bytes = ORDER.as_bytes().to_vec();
        let last = bytes.len() - 1;
        bytes[at.min(last)] = byte;
        let _ = decode_account(&String::from_utf8_lossy(&bytes), &symbols());
        let _ = decode_account(&ORDER[..cut.min(ORDER.len())], &symbols());
    }
}
