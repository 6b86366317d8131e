//! Both sides of the protocol: what the client side says the server side hears, and what the server
//! side answers and tells the client side reads to the same.

use model::market::{GridPrice, GridQty, LevelUpdate};
use model::venue::{
    AccountEvent, AccountRequest, Execution, Filter, KeyScopes, MarketRequest, OrderKey, Request,
    Response, TradesFrom, VenueError, VenueEvent, VenueOrder, VenueOrderStatus,
};
use model::{
    ClientOrderId, Decimal, NewOrder, OrderKind, OrderQty, Outcome, Side, TimeInForce, VenueOrderId,
};
use proptest::prelude::*;

use super::ids;
use super::testing::{
    KEY, Talk, accepted, account, at, done, fill, instrument, order, signing_key, told,
};
use super::{ConnId, Dialect};
use crate::coinbase::Symbols;
use crate::coinbase::client::{
    AccountContent, Batch, Content, Credentials, HttpAnswer, decode_account, decode_market,
    decode_reply, encode,
};
use crate::coinbase::sign::Nonce;
use crate::server::{HttpResponse, Payload, Step};

fn symbols() -> Symbols {
    Symbols::new(vec![instrument()])
}

/// A request goes out, and comes in.
fn said(talk: &mut Talk, request: &Request) -> Step<HttpResponse, super::Pending> {
    let credentials = Credentials { name: KEY.to_owned(), key: signing_key() };
    let nonce = Nonce([1; 32]);
    let call = encode(request, &symbols(), Some(&credentials), talk.now, nonce).unwrap();
    talk.raw(call.method, &call.path, &call.query, &call.body, &call.token.unwrap_or_default())
}

fn read(request: &Request, response: &HttpResponse) -> Outcome {
    let answer =
        HttpAnswer { status: response.status, body: &response.body, asked: at(0), answered: at(0) };
    decode_reply(request, &answer, &symbols())
}

/// What a question that the server answers by itself comes to.
fn asked(talk: &mut Talk, request: Request) -> Outcome {
    let response = done(said(talk, &request));
    read(&request, &response)
}

fn price() -> impl Strategy<Value = model::Price> {
    (10_000i64..1_000_000).prop_map(|cents| Decimal::new(cents, 2).try_into().unwrap())
}

/// Orders that Coinbase has words for, within the product's limits.
fn new_order() -> impl Strategy<Value = NewOrder> {
    let tif = prop_oneof![
        Just(TimeInForce::Gtc),
        Just(TimeInForce::Ioc),
        Just(TimeInForce::Fok),
        (1i64..1_000_000).prop_map(|ms| TimeInForce::Gtd(at(ms))),
    ];
    let name = "[a-zA-Z0-9_-]{1,44}";
    (name, 0..4, price(), price(), 1_000_000i64..900_000_000, tif, any::<(bool, bool)>()).prop_map(
        |(name, kind, one, other, lots, tif, (buys, flag))| {
            let side = if buys { Side::Buy } else { Side::Sell };
            // Once triggered, an order must have a chance to trade.
            let (low, high) = (one.min(other), one.max(other));
            let (trigger, price) = if buys { (low, high) } else { (high, low) };
            let kind = match kind {
                0 => OrderKind::Market,
                1 => OrderKind::Limit { price },
                2 => OrderKind::StopLimit { trigger, price },
                _ => OrderKind::TakeProfitLimit { trigger, price },
            };
            let rests = matches!(tif, TimeInForce::Gtc | TimeInForce::Gtd(_));
            let time_in_force = match kind {
                OrderKind::Market => TimeInForce::Ioc,
                OrderKind::Limit { .. } => tif,
                _ if rests => tif,
                _ => TimeInForce::Gtc,
            };
            let by_quote = kind == OrderKind::Market && buys && flag;
            NewOrder {
                client_order_id: ClientOrderId::new(&name).unwrap(),
                instrument: instrument().id,
                side,
                kind,
                qty: if by_quote {
                    OrderQty::Quote(Decimal::new(lots / 1_000, 2).try_into().unwrap())
                } else {
                    OrderQty::Base(Decimal::new(lots, 8).try_into().unwrap())
                },
                time_in_force,
                post_only: flag && rests && matches!(kind, OrderKind::Limit { .. }),
                reduce_only: false,
                self_trade_prevention: None,
            }
        },
    )
}

proptest! {
    #[test]
    fn an_order_that_is_said_is_heard(order in new_order()) {
        let request = Request::Account(AccountRequest::Place(order.clone()));
        match said(&mut Talk::new(), &request) {
            Step::Ask { request: AccountRequest::Place(heard), .. } => {
                prop_assert_eq!(heard, order.clone());
            }
            Step::Ask { request, .. } => prop_assert!(false, "{request:?}"),
            Step::Done(response) => {
                let text = String::from_utf8_lossy(&response.body).into_owned();
                prop_assert!(false, "{order:?} was refused: {text}");
            }
        }
        let request = Request::Account(AccountRequest::Test(order));
        let tested =
            matches!(said(&mut Talk::new(), &request), Step::Ask { request: AccountRequest::Test(_), .. });
        prop_assert!(tested);
    }

    /// A book followed by the client's own reader is the book.
    #[test]
    fn levels_that_are_told_are_read(
        levels in proptest::collection::vec((any::<bool>(), 1i64..1_000_000, 0i64..1_000_000), 1..40),
    ) {
        let mut talk = Talk::new();
        talk.open(1).unwrap();
        talk.subscribe(1, "level2");
        let mut expected = std::collections::BTreeMap::new();
        for (buys, price, qty) in levels {
            let side = if buys { Side::Buy } else { Side::Sell };
            let level = LevelUpdate { side, price: GridPrice(price), qty: GridQty(qty) };
            expected.insert((side, level.price), level.qty);
            let time = at(1);
            let instrument = instrument().id;
            talk.happen(&[VenueEvent::Level { instrument, update_id: 1, level, time }]);
        }
        talk.wait(50);
        let mut batch = Batch::default();
        let Some(Payload::Text(text)) = talk.heard.pop().map(|frame| frame.payload) else {
            panic!("nothing was told");
        };
        let message = decode_market(&text, &symbols(), &mut batch).unwrap();
        prop_assert_eq!(message.content, Content::Books);
        prop_assert_eq!(message.sequence, Some(2));
        let read = batch.levels.iter().map(|level| ((level.side, level.price), level.qty));
        prop_assert_eq!(read.collect::<std::collections::BTreeMap<_, _>>(), expected);
    }
}

/// What both sides must agree on about an order.
fn essence(order: &VenueOrder) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (order.client_order_id, order.instrument, order.side, order.kind, order.ordered),
        (order.qty, order.time_in_force, order.post_only, order.status),
        (order.filled, order.filled_notional, order.created),
    )
}

fn renamed(number: u64) -> VenueOrderId {
    VenueOrderId::new(&ids::order_id(VenueOrderId::from_number(number))).unwrap()
}

#[test]
fn refusals_of_an_order_are_read_as_what_they_are() {
    let order = NewOrder {
        client_order_id: ClientOrderId::new("c-1").unwrap(),
        instrument: instrument().id,
        side: Side::Buy,
        kind: OrderKind::Limit { price: "61000".parse().unwrap() },
        qty: OrderQty::Base("0.01".parse().unwrap()),
        time_in_force: TimeInForce::Gtc,
        post_only: true,
        reduce_only: false,
        self_trade_prevention: None,
    };
    for error in [
        VenueError::InsufficientBalance,
        VenueError::WouldTake,
        VenueError::WouldTrigger,
        VenueError::MarketClosed,
        VenueError::NoLiquidity,
        VenueError::Unsupported,
        VenueError::UnknownInstrument,
        VenueError::Filter { filter: Filter::Price },
        VenueError::Filter { filter: Filter::PriceBand },
        VenueError::Filter { filter: Filter::Lot },
        VenueError::Filter { filter: Filter::Notional },
    ] {
        for request in [AccountRequest::Place(order.clone()), AccountRequest::Test(order.clone())] {
            let request = Request::Account(request);
            let mut talk = Talk::new();
            let Step::Ask { pending, .. } = said(&mut talk, &request) else { panic!("answered") };
            let response = done(talk.answer(pending, Err(error.clone())));
            // In a preview there is no reason besides the preview's.
            let outcome = read(&request, &response);
            let is_preview = matches!(request, Request::Account(AccountRequest::Test(_)));
            let lenient = is_preview && error == VenueError::Unsupported;
            assert!(
                outcome == Outcome::Refused(error.clone())
                    || (lenient && matches!(outcome, Outcome::Refused(_))),
                "{error:?} is read as {outcome:?}"
            );
        }
    }
    let request = Request::Account(AccountRequest::Place(order));
    let mut talk = Talk::new();
    let Step::Ask { pending, .. } = said(&mut talk, &request) else { panic!("answered") };
    let taken = Response::Placed { order: order_of(7), fills: Vec::new() };
    match read(&request, &done(talk.answer(pending, Ok(taken)))) {
        Outcome::Done(Response::Placed { order, .. }) => assert_eq!(order.id, renamed(7)),
        other => panic!("{other:?}"),
    }
}

fn order_of(number: u64) -> VenueOrder {
    order(number, VenueOrderStatus::New)
}

#[test]
fn orders_and_executions_are_read_as_they_were_told() {
    let mut talk = Talk::new();
    let half = order(7, VenueOrderStatus::PartiallyFilled);
    let mut gone = order(9, VenueOrderStatus::Canceled);
    gone.kind = OrderKind::TakeProfitLimit {
        trigger: "60000".parse().unwrap(),
        price: "61000".parse().unwrap(),
    };
    gone.post_only = false;
    let cancel = gone.client_order_id;
    talk.happen(&[
        accepted(7),
        told(half.clone(), Execution::Trade(fill(7))),
        accepted(8),
        told(gone.clone(), Execution::Canceled(cancel)),
    ]);
    let id = instrument().id;
    let expected = [half, order_of(8), gone];
    let by =
        |order, since| Request::Account(AccountRequest::Order { instrument: id, order, since });
    for (number, wanted) in [7, 8, 9].into_iter().zip(&expected) {
        for (key, since) in [
            (OrderKey::Venue(renamed(number)), None),
            (OrderKey::Client(wanted.client_order_id), Some(at(0))),
        ] {
            match asked(&mut talk, by(key, since)) {
                Outcome::Done(Response::Order(read)) => {
                    assert_eq!(read.id, renamed(number));
                    let same = essence(&read) == essence(wanted);
                    assert!(same, "{:?} {:?}", essence(&read), essence(wanted));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let nobody = by(OrderKey::Venue(renamed(99)), None);
    assert_eq!(asked(&mut talk, nobody), Outcome::Refused(VenueError::UnknownOrder));
    let open = Request::Account(AccountRequest::OpenOrders(Some(id)));
    match asked(&mut talk, open) {
        Outcome::Done(Response::Orders(open)) => {
            assert_eq!(
                open.iter().map(|order| order.id).collect::<Vec<_>>(),
                [renamed(7), renamed(8)]
            );
        }
        other => panic!("{other:?}"),
    }
    let fills = Request::Account(AccountRequest::Fills {
        instrument: id,
        order: Some(renamed(7)),
        from: TradesFrom::Time { start: Some(at(57)), end: Some(at(57)) },
        limit: 10,
        page: None,
    });
    match asked(&mut talk, fills) {
        Outcome::Done(Response::Fills(fills)) => {
            let (read, wanted) = (fills[0], fill(7));
            assert_eq!((fills.len(), read.venue_order_id), (1, renamed(7)));
            assert_eq!((read.price, read.qty, read.fee), (wanted.price, wanted.qty, wanted.fee));
            assert_eq!((read.liquidity, read.venue_time), (wanted.liquidity, wanted.venue_time));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn questions_about_the_market_and_the_key_are_read() {
    let id = instrument().id;
    let mut talk = Talk::new();
    let market = |request| Request::Market(request);
    assert_eq!(asked(&mut talk, market(MarketRequest::Time)), Outcome::Done(Response::Time(at(0))));
    match asked(&mut talk, market(MarketRequest::Instruments(Vec::new()))) {
        Outcome::Done(Response::Instruments(read)) => {
            let (read, ours) = (&read[0], instrument());
            assert_eq!((read.id, &read.symbol), (ours.id, &ours.symbol));
            assert_eq!((read.tick, read.lot, read.mode), (ours.tick, ours.lot, ours.mode));
            assert_eq!(read.limits.notional_min, ours.limits.notional_min);
            assert_eq!(
                (read.limits.qty_min, read.limits.qty_max),
                (ours.limits.qty_min, ours.limits.qty_max)
            );
        }
        other => panic!("{other:?}"),
    }
    match asked(&mut talk, market(MarketRequest::Book { instrument: id, depth: 5 })) {
        Outcome::Done(Response::Book(book)) => {
            assert_eq!(
                (book.bids, book.asks),
                (talk.market.bids.clone(), talk.market.asks.clone())
            );
        }
        other => panic!("{other:?}"),
    }
    let trades = MarketRequest::Trades { instrument: id, from: TradesFrom::Newest, limit: 5 };
    let wanted = Outcome::Done(Response::Trades(talk.market.trades.clone()));
    assert_eq!(asked(&mut talk, market(trades)), wanted);
    match asked(&mut talk, Request::Account(AccountRequest::Rights)) {
        Outcome::Done(Response::Rights(rights)) => {
            assert!(rights.can_trade && !rights.can_withdraw);
        }
        other => panic!("{other:?}"),
    }
    for (text, trade, transfer) in
        [("trade", true, false), ("view", false, false), ("trade,withdraw", true, true)]
    {
        talk.server.add_key_with(
            KEY,
            signing_key().verifying_key(),
            account(),
            text.parse().unwrap(),
        );
        let (trade, transfer) = (Some(trade), Some(transfer));
        let scopes = KeyScopes { trade, transfer, ..KeyScopes::default() };
        let told = Outcome::Done(Response::Scopes(Some(scopes)));
        assert_eq!(asked(&mut talk, Request::Account(AccountRequest::Scopes)), told, "{text}");
    }
    talk.server.add_key(KEY, signing_key().verifying_key(), account());
    let fees = Outcome::Done(Response::Fees(talk.server.config.fees));
    assert_eq!(asked(&mut talk, Request::Account(AccountRequest::Fees(id))), fees);
}

#[test]
fn the_users_orders_are_read_as_they_stand() {
    let mut talk = Talk::new();
    talk.open(1).unwrap();
    talk.happen(&[accepted(7)]);
    talk.subscribe(1, "user");
    let half = order(7, VenueOrderStatus::PartiallyFilled);
    talk.happen(&[told(half.clone(), Execution::Trade(fill(7)))]);
    let frame = talk.heard.pop().unwrap();
    assert_eq!(frame.conn, ConnId(1));
    let Payload::Text(text) = frame.payload else { panic!("no text") };
    let message = decode_account(&text, &symbols()).unwrap();
    assert_eq!(message.sequence, Some(2));
    let AccountContent::Orders(orders) = message.content else { panic!("{:?}", message.content) };
    let [AccountEvent::Order { order: read, execution: Execution::Standing, .. }] =
        orders.as_slice()
    else {
        panic!("{orders:?}");
    };
    assert_eq!((read.id, read.status), (renamed(7), half.status));
    assert_eq!((read.filled, read.filled_notional), (half.filled, half.filled_notional));
    assert_eq!((read.client_order_id, read.kind), (half.client_order_id, half.kind));
    talk.server.disconnect(ConnId(1));
}
