//! Properties: nothing that comes in makes the server panic, and what the client side encodes the
//! server side decodes to the same words.

use model::market::Interval;
use model::venue::{
    AccountRequest, CancelReplace, CancelRestriction, Filter, KeyRights, OrderKey, Replaced,
    Request, Response, TradesFrom, VenueOrderStatus,
};
use model::{
    ClientOrderId, Decimal, NewOrder, OrderKind, OrderQty, Outcome, SelfTradePrevention, Side,
    TimeInForce, VenueOrderId,
};
use proptest::prelude::*;

use super::testing::{
    API_KEY, Canned, PEER, SECRET, Talk, at, done, fill, instrument, limit, order, symbols,
};
use super::*;
use crate::binance::client::{
    AccountMessage, Credentials, decode_account, decode_reply, encode, encode_socket,
};
use crate::binance::sign::SigningKey;

fn credentials() -> Credentials {
    Credentials { api_key: API_KEY.to_owned(), key: SigningKey::new(SECRET).unwrap() }
}

fn price() -> impl Strategy<Value = model::Price> {
    (1i64..1_000_000_000).prop_map(|n| Decimal::new(n, 2).try_into().unwrap())
}

fn kind() -> impl Strategy<Value = OrderKind> {
    (0..6, price(), price()).prop_map(|(n, price, trigger)| match n {
        0 => OrderKind::Market,
        1 => OrderKind::Limit { price },
        2 => OrderKind::StopLoss { trigger },
        3 => OrderKind::StopLimit { trigger, price },
        4 => OrderKind::TakeProfit { trigger },
        _ => OrderKind::TakeProfitLimit { trigger, price },
    })
}

fn client_id() -> impl Strategy<Value = ClientOrderId> {
    "[a-zA-Z0-9_-]{1,36}".prop_map(|id| ClientOrderId::new(&id).unwrap())
}

/// Orders that Binance has words for.
fn new_order() -> impl Strategy<Value = NewOrder> {
    let tif = prop_oneof![Just(TimeInForce::Gtc), Just(TimeInForce::Ioc), Just(TimeInForce::Fok)];
    let stp = proptest::option::of(prop_oneof![
        Just(SelfTradePrevention::None),
        Just(SelfTradePrevention::ExpireTaker),
        Just(SelfTradePrevention::Decrement),
    ]);
    let flags = any::<(bool, bool, bool)>();
    (client_id(), kind(), 1i64..1_000_000_000, tif, stp, flags).prop_map(
        |(client_order_id, kind, n, tif, self_trade_prevention, (buys, by_quote, maker))| {
            let number = Decimal::new(n, 5);
            let post_only = maker && matches!(kind, OrderKind::Limit { .. });
            let qty = if by_quote && kind == OrderKind::Market {
                OrderQty::Quote(number.try_into().unwrap())
            } else {
                OrderQty::Base(number.try_into().unwrap())
            };
            // Kinds without a limit price, and post-only, have no time in force to say.
            let tif = if kind.price().is_none() || post_only { TimeInForce::Gtc } else { tif };
            let side = if buys { Side::Buy } else { Side::Sell };
            let instrument = instrument().id;
            NewOrder {
                client_order_id,
                instrument,
                side,
                kind,
                qty,
                time_in_force: tif,
                post_only,
                reduce_only: false,
                self_trade_prevention,
            }
        },
    )
}

fn key() -> impl Strategy<Value = OrderKey> {
    let id = (1u64..1_000_000).prop_map(VenueOrderId::from_number);
    prop_oneof![
        id.clone().prop_map(OrderKey::Venue),
        client_id().prop_map(OrderKey::Client),
        (id, client_id()).prop_map(|(id, own)| OrderKey::Both(id, own)),
    ]
}

fn only() -> impl Strategy<Value = Option<CancelRestriction>> {
    proptest::option::of(prop_oneof![
        Just(CancelRestriction::OnlyNew),
        Just(CancelRestriction::OnlyPartlyFilled)
    ])
}

fn account_request() -> impl Strategy<Value = AccountRequest> {
    let instrument = instrument().id;
    let cancel_id = || proptest::option::of(client_id());
    prop_oneof![
        new_order().prop_map(AccountRequest::Place),
        new_order().prop_map(AccountRequest::Test),
        (key(), cancel_id(), only()).prop_map(move |(order, cancel_id, only)| {
            AccountRequest::Cancel { instrument, order, cancel_id, only }
        }),
        Just(AccountRequest::CancelAll(instrument)),
        (key(), cancel_id(), only(), any::<bool>(), new_order()).prop_map(
            |(cancel, cancel_id, only, stop_on_failure, order)| {
                AccountRequest::CancelReplace(CancelReplace {
                    cancel,
                    cancel_id,
                    only,
                    stop_on_failure,
                    order,
                })
            }
        ),
        key().prop_map(move |order| AccountRequest::Order { instrument, order, since: None }),
        Just(AccountRequest::OpenOrders(None)),
        Just(AccountRequest::OpenOrders(Some(instrument))),
        (1u32..1_000).prop_map(move |limit| AccountRequest::Orders {
            instrument,
            from: None,
            start: Some(at(-1_000)),
            end: Some(at(0)),
            limit,
        }),
        (1u64..1_000).prop_map(move |id| AccountRequest::Fills {
            instrument,
            order: Some(VenueOrderId::from_number(id)),
            from: TradesFrom::Id(id),
            limit: 10,
            page: None,
        }),
        Just(AccountRequest::Account),
        Just(AccountRequest::Fees(instrument)),
    ]
}

proptest! {
    #[test]
    fn what_the_client_says_the_server_hears(request in account_request()) {
        let mut talk = Talk::new(ServerConfig::default());
        let said = Request::Account(request.clone());
        let call = encode(&said, &symbols(), Some(&credentials()), talk.now).unwrap();
        match talk.raw(call.method, call.path, &call.query, "") {
            Step::Ask { request: heard, .. } => prop_assert_eq!(heard, request),
            Step::Done(response) => {
                let text = String::from_utf8_lossy(&response.body).into_owned();
                prop_assert!(false, "{} {} was refused: {text}", call.method, call.query);
            }
        }
    }

    /// The same over the WebSocket API.
    #[test]
    fn what_the_client_says_on_a_socket_the_server_hears(request in account_request()) {
        let mut talk = Talk::new(ServerConfig::default());
        talk.open(2, "/ws-api/v3", "").unwrap();
        let said = Request::Account(request.clone());
        let text = encode_socket(&said, &symbols(), Some(&credentials()), talk.now, 5).unwrap();
        let (mut out, now) = (Vec::new(), talk.now);
        match talk.server.text(now, ConnId(2), &text, &Canned, &mut out) {
            Step::Ask { request: heard, .. } => prop_assert_eq!(heard, request),
            Step::Done(()) => prop_assert!(false, "{text} was refused: {out:?}"),
        }
    }

    #[test]
    fn no_request_makes_it_panic(
        method in "GET|POST|DELETE|PUT",
        path in "/(api/v3|sapi/v1|ws)/[a-zA-Z0-9/]{0,24}",
        query in ".{0,80}",
        body in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut talk = Talk::new(ServerConfig::default());
        let headers = [("x-mbx-apikey", API_KEY)];
        let request =
            HttpRequest { method: &method, path: &path, query: &query, body: &body, headers: &headers, peer: PEER };
        let _ = talk.server.http(talk.now, &request, &Canned);
        let _ = talk.server.connect(talk.now, ConnId(1), &request);
        talk.wait(1_000);
    }

    /// Signed, with names that are read and values that make little sense.
    #[test]
    fn no_parameters_make_it_panic(
        route in 0usize..64,
        pairs in proptest::collection::vec((0usize..24, "[A-Z0-9.%+\"\\[\\],-]{0,12}"), 0..8),
    ) {
        const NAMES: [&str; 24] = [
            "symbol", "symbols", "side", "type", "timeInForce", "quantity", "quoteOrderQty",
            "price", "stopPrice", "newClientOrderId", "orderId", "origClientOrderId", "startTime",
            "endTime", "fromId", "limit", "interval", "windowSize", "cancelReplaceMode",
            "cancelOrderId", "recvWindow", "omitZeroBalances", "strategyType", "newOrderRespType",
        ];
        let mut talk = Talk::new(ServerConfig::default());
        let (method, path) = calls::any_route(route);
        let query: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{}={value}", NAMES[*name])).collect();
        let query = talk.sign(&query.join("&"));
        let _ = talk.raw(method, path, &query, "");
    }

    #[test]
    fn no_message_makes_it_panic(text in ".{0,120}", method in "[a-zA-Z.]{0,24}", params in "[\\[{\"a:1,\\]}]{0,16}") {
        let mut talk = Talk::new(ServerConfig::default());
        talk.open(1, "/ws-api/v3", "").unwrap();
        talk.open(2, "/ws/btcusdt@depth", "").unwrap();
        let made = format!("{{\"id\":1,\"method\":\"{method}\",\"params\":{params}}}");
        for text in [text.as_str(), made.as_str()] {
            for conn in [1, 2] {
                let step = talk.server.text(talk.now, ConnId(conn), text, &Canned, &mut talk.heard);
                prop_assert!(matches!(step, Step::Done(())));
                talk.hear(conn);
            }
        }
    }

    #[test]
    fn a_damaged_signature_is_refused(at in 0usize..64, flip in 1u8..16) {
        let mut talk = Talk::new(ServerConfig::default());
        let query = talk.sign("");
        let mut bytes = query.clone().into_bytes();
        let index = bytes.len() - 64 + at;
        let digit = char::from(bytes[index]).to_digit(16).unwrap() as u8 ^ flip;
        bytes[index] = char::from_digit(u32::from(digit), 16).unwrap() as u8;
        let damaged = String::from_utf8(bytes).unwrap();
        let (status, body) = talk.answered("GET", "/api/v3/account", &damaged);
        prop_assert_eq!((status, body["code"].as_i64()), (400, Some(-1022)));
    }
}

/// What the exchange answers, the client hears, for every kind of answer.
#[test]
fn what_the_server_says_the_client_hears() {
    let instrument_id = instrument().id;
    let key = OrderKey::Client(limit().client_order_id);
    let cancel_id = ClientOrderId::new("cancel-1").unwrap();
    let mut new = order(VenueOrderStatus::New);
    (new.filled, new.filled_notional) = ("0".parse().unwrap(), "0".parse().unwrap());
    let snapshot = model::venue::AccountSnapshot {
        rights: Some(KeyRights { can_trade: true, can_withdraw: false }),
        updated: at(-1),
        balances: [(instrument().base, model::Balance::ZERO)].into(),
    };
    let fees = ServerConfig::default().fees;
    let cancel = AccountRequest::Cancel {
        instrument: instrument_id,
        order: key,
        cancel_id: Some(cancel_id),
        only: None,
    };
    let replace = AccountRequest::CancelReplace(CancelReplace {
        cancel: key,
        cancel_id: Some(cancel_id),
        only: None,
        stop_on_failure: false,
        order: limit(),
    });
    let replaced = |new| {
        let cancel = Ok((order(VenueOrderStatus::Canceled), cancel_id));
        Response::Replaced(Box::new(Replaced { cancel, new }))
    };
    let query = AccountRequest::Order { instrument: instrument_id, order: key, since: None };
    let fills = AccountRequest::Fills {
        instrument: instrument_id,
        order: None,
        from: TradesFrom::Newest,
        limit: 10,
        page: None,
    };
    for (request, answer) in [
        (AccountRequest::Place(limit()), Response::Placed { order: new.clone(), fills: vec![] }),
        (AccountRequest::Test(limit()), Response::Tested),
        (cancel, Response::Canceled { order: order(VenueOrderStatus::Canceled), cancel_id }),
        (replace.clone(), replaced(Some(Ok((new.clone(), vec![]))))),
        (replace.clone(), replaced(Some(Err(VenueError::WouldTake)))),
        (query, Response::Order(order(VenueOrderStatus::PartiallyFilled))),
        (AccountRequest::OpenOrders(None), Response::Orders(vec![new])),
        (fills, Response::Fills(vec![fill()])),
        (AccountRequest::Account, Response::Account(snapshot)),
        (AccountRequest::Fees(instrument_id), Response::Fees(fees)),
    ] {
        let mut talk = Talk::new(ServerConfig::default());
        let said = Request::Account(request);
        let call = encode(&said, &symbols(), Some(&credentials()), talk.now).unwrap();
        let Step::Ask { pending, .. } = talk.raw(call.method, call.path, &call.query, "") else {
            panic!("{} was refused", call.query)
        };
        let response = done(talk.server.http_reply(talk.now, pending, Ok(answer.clone())));
        let heard = decode_reply(&said, response.status, &response.body, &symbols());
        assert_eq!(essence(heard), essence(Outcome::Done(answer)), "{said:?}");
    }
}

/// Leaves out what Binance's answers do not carry: when an order was created, in some of them, and
/// whose order a fill belongs to.
fn essence(outcome: Outcome) -> String {
    let plain = |mut order: model::venue::VenueOrder| {
        (order.created, order.updated, order.working_since) = (at(0), at(0), None);
        order
    };
    let Outcome::Done(response) = outcome else { return format!("{outcome:?}") };
    let response = match response {
        Response::Placed { order, fills } => Response::Placed { order: plain(order), fills },
        Response::Canceled { order, cancel_id } => {
            Response::Canceled { order: plain(order), cancel_id }
        }
        Response::Replaced(both) => Response::Replaced(Box::new(Replaced {
            cancel: both.cancel.map(|(order, id)| (plain(order), id)),
            new: both.new.map(|new| new.map(|(order, fills)| (plain(order), fills))),
        })),
        Response::Fills(mut fills) => {
            fills.iter_mut().for_each(|fill| fill.client_order_id = None);
            Response::Fills(fills)
        }
        other => other,
    };
    format!("{response:?}")
}

/// The client believes each refusal, because its words are exact.
#[test]
fn the_client_believes_every_refusal() {
    let filter = |filter| VenueError::Filter { filter };
    let place = AccountRequest::Place(limit());
    let key = OrderKey::Venue(VenueOrderId::from_number(1));
    let cancel = AccountRequest::Cancel {
        instrument: instrument().id,
        order: key,
        cancel_id: None,
        only: None,
    };
    let query = AccountRequest::Order { instrument: instrument().id, order: key, since: None };
    for (request, refusal) in [
        (&place, VenueError::InsufficientBalance),
        (&place, VenueError::DuplicateClientOrderId),
        (&place, VenueError::WouldTake),
        (&place, VenueError::WouldTrigger),
        (&place, VenueError::MarketClosed),
        (&place, VenueError::NoLiquidity),
        (&place, VenueError::Unsupported),
        (&place, VenueError::NotAllowed),
        (&place, VenueError::UnknownInstrument),
        (&place, filter(Filter::Price)),
        (&place, filter(Filter::PriceBand)),
        (&place, filter(Filter::Lot)),
        (&place, filter(Filter::MarketLot)),
        (&place, filter(Filter::Notional)),
        (&place, filter(Filter::OpenOrders)),
        (&place, filter(Filter::StopOrders)),
        (&cancel, VenueError::UnknownOrder),
        (&cancel, VenueError::CancelRestricted),
        (&query, VenueError::UnknownOrder),
        (&query, VenueError::OrderNamesDiffer),
    ] {
        let mut talk = Talk::new(ServerConfig::default());
        let said = Request::Account(request.clone());
        let call = encode(&said, &symbols(), Some(&credentials()), talk.now).unwrap();
        let Step::Ask { pending, .. } = talk.raw(call.method, call.path, &call.query, "") else {
            panic!("{} was refused", call.query)
        };
        let response = done(talk.server.http_reply(talk.now, pending, Err(refusal.clone())));
        let heard = decode_reply(&said, response.status, &response.body, &symbols());
        assert_eq!(heard, Outcome::Refused(refusal));
    }
}

#[test]
fn the_client_reads_the_accounts_events() {
    let mut talk = Talk::new(ServerConfig::default());
    talk.open(1, "/ws-api/v3", "").unwrap();
    let text = crate::binance::client::subscribe_account(&credentials(), talk.now, 1);
    talk.say(1, &text);
    let cancel_id = ClientOrderId::new("cancel-1").unwrap();
    let of = |status, execution| AccountEvent::Order {
        order: order(status),
        execution,
        execution_id: 9,
        time: at(-400),
    };
    let mut expired = of(VenueOrderStatus::Expired, Execution::Expired);
    if let AccountEvent::Order { order, .. } = &mut expired {
        order.expiry = Some(model::venue::ExpiryReason::IocRemainder);
    }
    for event in [
        of(VenueOrderStatus::PartiallyFilled, Execution::Trade(fill())),
        of(VenueOrderStatus::Canceled, Execution::Canceled(cancel_id)),
        expired,
        AccountEvent::Balances {
            balances: vec![(instrument().base, model::Balance::ZERO)],
            time: at(-400),
        },
        AccountEvent::Transfer {
            asset: instrument().base,
            amount: "0.5".parse().unwrap(),
            time: at(-400),
        },
    ] {
        talk.happen(&[VenueEvent::Account { account: testing::account(), event: event.clone() }]);
        let heard = talk.hear(1).remove(0).to_string();
        match decode_account(&heard, &symbols()).unwrap() {
            AccountMessage::Event(found) => assert_eq!(found, event),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn intervals_have_words_both_ways() {
    for interval in [Interval::Seconds(1), Interval::Week, Interval::Month] {
        let word = crate::binance::vocabulary::interval(interval).unwrap();
        assert_eq!(crate::binance::vocabulary::parse_interval(word), Some(interval));
    }
}
