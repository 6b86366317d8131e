//! What an agent believes of itself, event by event.

use model::{
    AgentId, Ending, Fill, Liquidity, OrderKind, Refusal, TimeInForce, Timestamp, TradeId,
    VenueOrderId,
};

use super::*;

fn btc() -> InstrumentId {
    InstrumentId::new("BTC-USDT").unwrap()
}

fn intent(id: u64, action: Action) -> Intent {
    let agent = AgentId::new("a").unwrap();
    Intent { id: IntentId(id), agent, action, reason: String::new(), expires: Timestamp::MAX }
}

fn buy(id: u64, qty: &str) -> Intent {
    let spec = OrderSpec {
        instrument: btc(),
        side: Side::Buy,
        kind: OrderKind::Market,
        qty: qty.parse().unwrap(),
        time_in_force: TimeInForce::Ioc,
        post_only: false,
        reduce_only: false,
        effect: None,
    };
    intent(id, Action::Place(spec))
}

fn order(id: u64, state: OrderState, filled: &str) -> AgentEvent {
    let client_order_id = ClientOrderId::new("c1").unwrap();
    AgentEvent::Order {
        intent: IntentId(id),
        client_order_id,
        state,
        filled: filled.parse().unwrap(),
    }
}

fn refused(id: u64) -> AgentEvent {
    AgentEvent::Refused { intent: IntentId(id), because: Refusal::NothingToCancel }
}

fn fill(id: u64, side: Side, qty: &str) -> AgentEvent {
    let fill = Fill {
        trade_id: TradeId::from_number(id),
        venue_order_id: VenueOrderId::from_number(id),
        client_order_id: None,
        instrument: btc(),
        side,
        price: "100".parse().unwrap(),
        qty: qty.parse().unwrap(),
        fee: None,
        liquidity: Liquidity::Taker,
        venue_time: Timestamp::EPOCH,
    };
    AgentEvent::Fill { intent: IntentId(id), fill }
}

#[test]
fn an_order_is_open_from_the_intent_to_its_end() {
    let mut books = AgentBooks::default();
    books.placed(&buy(1, "2"));
    assert_eq!(books.open_order(IntentId(1)).unwrap().state, OrderState::PendingNew);
    assert_eq!(books.working(btc(), Side::Buy), Some("2".parse().unwrap()));
    books.apply(&order(1, OrderState::Working, "0.5"));
    books.apply(&fill(1, Side::Buy, "0.5"));
    assert_eq!(books.working(btc(), Side::Buy), Some("1.5".parse().unwrap()));
    assert_eq!(books.working(btc(), Side::Sell), Some(Qty::ZERO));
    assert_eq!(books.position(btc()).to_string(), "0.5");
    books.apply(&order(1, OrderState::Done(Ending::Expired), "0.5"));
    assert_eq!(books.open_orders().count(), 0);
    assert_eq!(books.ended(IntentId(1)).unwrap().state, OrderState::Done(Ending::Expired));
    books.apply(&fill(2, Side::Sell, "0.75"));
    assert_eq!(books.position(btc()).to_string(), "-0.25");
}

#[test]
fn a_refused_order_is_gone_and_a_refused_cancel_is_forgotten() {
    let mut books = AgentBooks::default();
    books.placed(&buy(1, "2"));
    books.placed(&buy(2, "2"));
    books.apply(&refused(2));
    assert!(books.open_order(IntentId(2)).is_none());
    books.placed(&intent(3, Action::Cancel(IntentId(1))));
    assert_eq!(books.open_order(IntentId(1)).unwrap().cancel, Some(IntentId(3)));
    books.apply(&refused(4));
    assert_eq!(books.open_order(IntentId(1)).unwrap().cancel, Some(IntentId(3)));
    books.apply(&refused(3));
    assert_eq!(books.open_order(IntentId(1)).unwrap().cancel, None);
    books.placed(&intent(5, Action::CancelAll(btc())));
    assert_eq!(books.open_order(IntentId(1)).unwrap().cancel, Some(IntentId(5)));
}

#[test]
fn a_ghost_comes_back() {
    let mut books = AgentBooks::default();
    books.placed(&buy(1, "2"));
    books.apply(&order(1, OrderState::Done(Ending::NotPlaced), "0"));
    assert_eq!(books.open_orders().count(), 0);
    books.apply(&order(1, OrderState::Working, "0"));
    assert_eq!(books.working(btc(), Side::Buy), Some("2".parse().unwrap()));
    assert!(books.ended(IntentId(1)).is_none());
}

#[test]
fn only_the_last_ends_are_remembered() {
    let mut books = AgentBooks::default();
    for id in 0..=DONE_KEPT as u64 {
        books.placed(&buy(id, "1"));
        books.apply(&order(id, OrderState::Done(Ending::Filled), "1"));
    }
    assert!(books.ended(IntentId(0)).is_none());
    assert!(books.ended(IntentId(1)).is_some());
}

#[test]
fn news_of_the_unknown_changes_nothing() {
    let mut books = AgentBooks::default();
    books.apply(&order(9, OrderState::Working, "1"));
    books.apply(&refused(9));
    assert_eq!(books, AgentBooks { changes: 2, ..AgentBooks::default() });
}
