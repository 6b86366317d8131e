//! Conversations on a WebSocket.

use model::market::{GridPrice, GridQty, Level, LevelUpdate};
use model::venue::{Execution, VenueEvent, VenueOrderStatus};
use model::{Side, TradeId};
use serde_json::{Value, json};

use super::testing::{KEY, Talk, accepted, at, fill, instrument, order, told, trade};
use super::*;
use crate::coinbase::wire;

fn opened() -> Talk {
    let mut talk = Talk::new();
    talk.open(1).unwrap();
    talk
}

fn level(side: Side, price: i64, qty: i64, ms: i64) -> VenueEvent {
    let level = LevelUpdate { side, price: GridPrice(price), qty: GridQty(qty) };
    VenueEvent::Level { instrument: instrument().id, update_id: 1, level, time: at(ms) }
}

fn traded(id: u64) -> VenueEvent {
    VenueEvent::Trade { instrument: instrument().id, trade: trade(id, 6_123_450) }
}

fn channels(heard: &[Value]) -> Vec<&str> {
    heard.iter().map(|message| message["channel"].as_str().unwrap_or("none")).collect()
}

#[test]
fn one_counter_runs_over_all_channels() {
    let mut talk = opened();
    let mut heard = talk.subscribe(1, "heartbeats");
    heard.extend(talk.subscribe(1, "level2"));
    heard.extend(talk.subscribe(1, "user"));
    talk.wait(1_000);
    heard.extend(talk.hear(1));
    assert_eq!(
        channels(&heard),
        ["subscriptions", "subscriptions", "l2_data", "subscriptions", "user", "heartbeats"]
    );
    for (number, message) in heard.iter().enumerate() {
        assert_eq!(message["sequence_num"], number);
        assert_eq!((&message["client_id"], message["timestamp"].is_string()), (&json!(""), true));
    }
    let user = super::ids::user_id(super::testing::account());
    assert_eq!(
        heard[3]["events"][0]["subscriptions"],
        json!({"heartbeats": ["heartbeats"], "level2": ["BTC-USD"], "user": [user]})
    );
    // Another connection has a counter of its own.
    talk.open(2).unwrap();
    assert_eq!(talk.subscribe(2, "level2")[0]["sequence_num"], 0);
}

/// Every channel's first message is in the shape that the client's structs read.
#[test]
fn first_messages_have_the_documented_shapes() {
    fn check<E: serde::de::DeserializeOwned + serde::Serialize>(channel: &str) -> E {
        let mut talk = opened();
        let mut heard = talk.subscribe(1, channel);
        talk.wait(1_000);
        heard.extend(talk.hear(1));
        let message = heard.get(1).unwrap_or_else(|| panic!("{channel} says nothing"));
        let parsed: wire::Envelope<E> = serde_json::from_value(message.clone())
            .unwrap_or_else(|error| panic!("{channel}: {error}: {message}"));
        parsed.events.into_iter().next().unwrap()
    }
    let book: wire::Level2Event = check("level2");
    assert_eq!((book.kind.as_str(), book.updates.len()), ("snapshot", 2));
    let trades: wire::TradesEvent = check("market_trades");
    assert_eq!(trades.trades[0].side, "SELL", "the maker's");
    let ticker: wire::TickerEvent = check("ticker");
    assert_eq!(ticker.tickers[0].best_bid, wire::Num(Some("61234".parse().unwrap())));
    let batch: wire::TickerEvent = check("ticker_batch");
    assert!(batch.tickers[0].best_bid.is_unset() && !batch.tickers[0].price.is_unset());
    let candles: wire::CandlesEvent = check("candles");
    assert_eq!(candles.candles[0].start, "1767225600");
    let status: wire::StatusEvent = check("status");
    assert_eq!(status.products[0].display_name, "BTC/USD");
    let user: wire::UserEvent = check("user");
    assert_eq!((user.kind.as_str(), user.orders.len()), ("snapshot", 0));
    let beat: wire::HeartbeatEvent = check("heartbeats");
    assert_eq!(beat.current_time, "2026-01-01 00:00:01 +0000 UTC m=+1.000000000");
}

#[test]
fn a_level_is_told_once_as_it_is_when_its_turn_comes() {
    let mut talk = opened();
    talk.subscribe(1, "level2");
    talk.happen(&[
        level(Side::Buy, 6_123_400, 5, 10),
        level(Side::Buy, 6_123_400, 7, 20),
        level(Side::Sell, 6_123_500, 0, 20),
    ]);
    assert!(talk.hear(1).is_empty(), "gathered first");
    talk.wait(50);
    let heard = talk.hear(1);
    assert_eq!(heard.len(), 1);
    assert_eq!(
        heard[0]["events"],
        json!([{"type": "update", "product_id": "BTC-USD", "updates": [
            {"side": "bid", "event_time": "2026-01-01T00:00:00.020Z", "price_level": "61234",
             "new_quantity": "0.00000007"},
            {"side": "offer", "event_time": "2026-01-01T00:00:00.020Z", "price_level": "61235",
             "new_quantity": "0"},
        ]}])
    );
    talk.wait(50);
    assert!(talk.hear(1).is_empty(), "nothing has changed");
}

/// Whoever follows the messages has the book, whenever it came; a book of very many levels too.
#[test]
fn snapshot_and_updates_make_the_book_however_many_levels_it_has() {
    const LEVELS: i64 = 30_000;
    let mut talk = opened();
    let side = |first: i64, step: i64| -> Vec<Level> {
        let price = |at: i64| GridPrice(first + step * at);
        (0..LEVELS).map(|at| Level { price: price(at), qty: GridQty(at + 1) }).collect()
    };
    (talk.market.bids, talk.market.asks) = (side(6_000_000, -1), side(6_000_001, 1));
    let mut book = std::collections::BTreeMap::new();
    let mut apply = |heard: &[Value]| {
        for message in heard.iter().filter(|message| message["channel"] == "l2_data") {
            for update in message["events"][0]["updates"].as_array().unwrap() {
                let key = (update["side"].to_string(), update["price_level"].to_string());
                match update["new_quantity"].as_str().unwrap() {
                    "0" => book.remove(&key),
                    qty => book.insert(key, qty.to_owned()),
                };
            }
        }
        book.len()
    };
    // A change that is gathered already is in the snapshot, too; telling it again does no harm.
    talk.open(2).unwrap();
    talk.subscribe(2, "level2");
    talk.happen(&[level(Side::Buy, 6_000_000, 1, 1)]);
    let heard = talk.subscribe(1, "level2");
    assert_eq!(apply(&heard), 2 * LEVELS as usize);
    let gone: Vec<VenueEvent> =
        (0..LEVELS).map(|at| level(Side::Sell, 6_000_001 + at, 0, 2)).collect();
    talk.happen(&gone);
    talk.wait(50);
    let heard = talk.hear(1);
    assert_eq!((heard.len(), apply(&heard)), (1, LEVELS as usize));
}

#[test]
fn trades_come_four_times_a_second_newest_first_and_none_twice() {
    let mut talk = opened();
    talk.wait(0);
    talk.market.trades = vec![trade(1, 1), trade(2, 1)];
    talk.open(2).unwrap();
    talk.subscribe(2, "market_trades");
    // Three has traded and waits to be told when somebody comes.
    talk.market.trades.push(trade(3, 1));
    talk.happen(&[traded(3)]);
    let ids = |message: &Value| -> Vec<String> {
        let trades = message["events"][0]["trades"].as_array().unwrap();
        trades.iter().map(|trade| trade["trade_id"].as_str().unwrap().to_owned()).collect()
    };
    let heard = talk.subscribe(1, "market_trades");
    assert_eq!(
        (ids(&heard[1]), &heard[1]["events"][0]["type"]),
        (vec!["2".to_owned(), "1".to_owned()], &json!("snapshot"))
    );
    talk.happen(&[traded(4)]);
    talk.wait(249);
    assert!(talk.hear(1).is_empty());
    talk.wait(1);
    let heard = talk.hear(1);
    assert_eq!(
        (ids(&heard[0]), &heard[0]["events"][0]["type"]),
        (vec!["4".to_owned(), "3".to_owned()], &json!("update"))
    );
}

#[test]
fn tickers_follow_trades_and_the_batch_every_five_seconds() {
    let mut talk = opened();
    talk.subscribe(1, "heartbeats");
    for channel in ["ticker", "ticker_batch"] {
        assert_eq!(talk.subscribe(1, channel).len(), 2, "{channel}: what is, first");
    }
    let tickers = |talk: &mut Talk, ms| {
        talk.wait(ms);
        let heard = talk.hear(1);
        let count = |wanted| channels(&heard).iter().filter(|channel| **channel == wanted).count();
        (count("ticker"), count("ticker_batch"))
    };
    assert_eq!(tickers(&mut talk, 5_000), (0, 0), "nothing has traded");
    talk.happen(&[traded(5), traded(6)]);
    assert_eq!(tickers(&mut talk, 50), (1, 0));
    assert_eq!(tickers(&mut talk, 4_949), (0, 0));
    assert_eq!(tickers(&mut talk, 1), (0, 1));
    assert_eq!(tickers(&mut talk, 5_000), (0, 0));
}

#[test]
fn open_orders_come_in_pages_and_a_full_last_one_is_followed_by_an_empty_one() {
    for (count, expected) in [
        (0, vec![("snapshot", 0)]),
        (49, vec![("snapshot", 49)]),
        (50, vec![("snapshot", 50), ("patch", 0)]),
        (101, vec![("snapshot", 50), ("patch", 50), ("patch", 1)]),
    ] {
        let mut talk = opened();
        let events: Vec<VenueEvent> = (1..=count).map(accepted).collect();
        talk.happen(&events);
        let heard = talk.subscribe(1, "user");
        let pages: Vec<(&str, usize)> = heard[1..]
            .iter()
            .map(|message| {
                let event = &message["events"][0];
                (event["type"].as_str().unwrap(), event["orders"].as_array().unwrap().len())
            })
            .collect();
        assert_eq!(pages, expected, "{count} orders");
    }
}

#[test]
fn an_account_hears_of_its_orders_and_of_no_others() {
    let mut talk = opened();
    talk.subscribe(1, "user");
    talk.open(2).unwrap();
    talk.subscribe(2, "level2");
    let stranger = model::AccountId::new("stranger").unwrap();
    let VenueEvent::Account { event, .. } = accepted(5) else { panic!("an order") };
    talk.happen(&[VenueEvent::Account { account: stranger, event }]);
    assert!(talk.hear(1).is_empty() && talk.hear(2).is_empty());
    let half = order(7, VenueOrderStatus::PartiallyFilled);
    let mut whole = order(7, VenueOrderStatus::Filled);
    (whole.filled, whole.filled_notional) = ("0.002".parse().unwrap(), "122.469".parse().unwrap());
    let second = model::Fill { trade_id: TradeId::from_number(2), ..fill(7) };
    talk.happen(&[
        accepted(7),
        told(half, Execution::Trade(fill(7))),
        told(whole, Execution::Trade(second)),
    ]);
    let heard = talk.hear(1);
    let orders: Vec<wire::UserOrder> = heard
        .iter()
        .map(|message| serde_json::from_value(message["events"][0]["orders"][0].clone()).unwrap())
        .collect();
    let seen: Vec<_> = orders
        .iter()
        .map(|order| {
            let sums = (order.cumulative_quantity, order.leaves_quantity, order.total_fees);
            (order.status.as_str(), sums.0.to_string(), sums.1.to_string(), sums.2.to_string())
        })
        .collect();
    let text = |s: &str| s.to_owned();
    assert_eq!(
        seen,
        [
            ("OPEN", text("0"), text("0.002"), text("0")),
            ("OPEN", text("0.001"), text("0.001"), text("0.367407")),
            ("FILLED", text("0.002"), text("0"), text("0.734814")),
        ]
    );
    assert_eq!(heard[2]["events"][0]["orders"][0]["number_of_fills"], "2");
    assert_eq!(heard[0]["events"][0]["orders"][0]["post_only"], "true", "a text");
    assert!(talk.hear(2).is_empty());
}

#[test]
fn requests_that_are_not_carried_out() {
    let good = Talk::new().token(KEY, None);
    let sub = |channel: &str, rest: &str| {
        format!(
            "{{\"type\":\"subscribe\",\"channel\":\"{channel}\",\"product_ids\":[\"BTC-USD\"]{rest}}}"
        )
    };
    for (text, message) in [
        (sub("user", ""), "authentication failure"),
        (sub("user", ",\"jwt\":\"x.y.z\""), "authentication failure"),
        (sub("level2", ",\"jwt\":\"x.y.z\""), "authentication failure"),
        (sub("gossip", ""), "unknown channel: gossip"),
        (sub("level2", "").replace("BTC", "NO"), "invalid product id: NO-USD"),
        (sub("level2", "").replace("[\"BTC-USD\"]", "[]"), "no product ids for channel level2"),
        (sub("level2", "").replace("subscribe", "whisper"), "unknown message type: whisper"),
    ] {
        let heard = opened().say(1, &text);
        assert_eq!(heard, [json!({"type": "error", "message": message})], "{text}");
    }
    let heard = opened().say(1, "{");
    assert!(heard[0]["message"].as_str().unwrap().starts_with("malformed message"));
    let heard = opened().say(1, &sub("user", &format!(",\"jwt\":\"{good}\"")));
    assert_eq!(channels(&heard), ["subscriptions", "user"]);
    // A token of too long ago lets nobody in; a subscription outlives its token.
    let mut talk = opened();
    talk.subscribe(1, "heartbeats");
    talk.subscribe(1, "user");
    talk.wait(121_000);
    talk.hear(1);
    let late = talk.say(1, &sub("user", &format!(",\"jwt\":\"{good}\"")));
    assert_eq!(late[0]["message"], "authentication failure");
    talk.happen(&[accepted(7)]);
    assert_eq!(channels(&talk.hear(1)), ["user"]);
}

#[test]
fn leaving_a_channel_or_some_of_it() {
    let mut talk = opened();
    talk.subscribe(1, "level2");
    talk.subscribe(1, "ticker");
    let leave = |channel: &str, products: &str| {
        format!("{{\"type\":\"unsubscribe\",\"channel\":\"{channel}\"{products}}}")
    };
    let heard = talk.say(1, &leave("level2", ",\"product_ids\":[\"BTC-USD\"]"));
    assert_eq!(heard[0]["events"][0]["subscriptions"], json!({"ticker": ["BTC-USD"]}));
    let heard = talk.say(1, &leave("ticker", ""));
    assert_eq!(heard[0]["events"][0]["subscriptions"], json!({}));
    let heard = talk.say(1, &leave("candles", ""));
    assert_eq!(channels(&heard), ["subscriptions"], "leaving what one is not in");
    talk.happen(&[level(Side::Buy, 1, 1, 1), traded(9)]);
    talk.wait(1_000);
    assert!(talk.hear(1).is_empty());
    talk.server.disconnect(crate::server::ConnId(1));
    talk.happen(&[accepted(7)]);
    assert!(talk.hear(1).is_empty());
}

#[test]
fn who_does_nothing_has_to_go() {
    let mut talk = opened();
    talk.wait(4_999);
    assert!(talk.hear(1).is_empty());
    talk.wait(1);
    assert_eq!(talk.hear(1), [json!(1_008)], "nothing was subscribed to");
    // A channel that has nothing to say ends its connection, unless there are heartbeats.
    for (beats, expected) in [(false, true), (true, false)] {
        let mut talk = opened();
        talk.subscribe(1, "user");
        if beats {
            talk.subscribe(1, "heartbeats");
        }
        talk.wait(59_999);
        assert!(!talk.hear(1).contains(&json!(1_008)));
        talk.wait(1);
        assert_eq!(talk.hear(1).contains(&json!(1_008)), expected);
    }
}

#[test]
fn connections_and_messages_without_a_token_are_counted() {
    let mut talk = Talk::new();
    for conn in 1..=8 {
        assert!(talk.open(conn).is_ok());
    }
    assert_eq!(talk.open(9).unwrap_err().status, 429);
    let text = "{\"type\":\"subscribe\",\"channel\":\"heartbeats\"}";
    for conn in 1..=8 {
        assert_eq!(channels(&talk.say(conn, text)), ["subscriptions"]);
    }
    // By address, not by connection; who shows a token is not counted.
    assert_eq!(talk.say(1, text)[0]["message"], "rate limit exceeded");
    assert_eq!(channels(&talk.subscribe(1, "heartbeats")), ["subscriptions"]);
    talk.wait(1_000);
    talk.hear(1);
    assert!(talk.open(9).is_ok());
    assert_eq!(channels(&talk.say(1, text)), ["subscriptions"]);
}
