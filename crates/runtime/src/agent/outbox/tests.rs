//! What waits for an agent: news in full, market data condensed.

use std::collections::BTreeMap;

use model::market::{BookUpdate, GridPrice, GridQty, LevelUpdate};
use model::{Asset, Side, TradingMode};

use super::*;

fn asset(name: &str) -> Asset {
    Asset::new(name).unwrap()
}

fn instrument() -> Instrument {
    let step = |text: &str| text.parse().unwrap();
    Instrument::spot(asset("BTC"), asset("USDT"), step("0.01"), step("0.001")).unwrap()
}

fn hello() -> Hello {
    Hello {
        version: engine::protocol::VERSION,
        now: Timestamp::EPOCH,
        agent: model::AgentId::new("trend").unwrap(),
        strategy: None,
        params: BTreeMap::new(),
        session: 1,
        instruments: vec![instrument()],
        positions: BTreeMap::new(),
        open_orders: Vec::new(),
        trading: model::TradingState::Active,
        next_intent: IntentId(1),
    }
}

/// An agent that is slow has missed so much that it gets the book whole: what the book is counted by comes
/// before it, or the agent would read prices of another grid.
#[test]
fn rules_come_before_the_book_that_is_counted_by_them() {
    let outbox = Outbox::new(hello());
    outbox.connect(Timestamp::EPOCH);
    let level = LevelUpdate { side: Side::Buy, price: GridPrice(9_900), qty: GridQty(5) };
    let book = |snapshot| MarketEvent {
        instrument: instrument().id,
        venue_time: Timestamp::EPOCH,
        kind: MarketKind::Book(BookUpdate { snapshot, levels: vec![level] }),
    };
    let new = Instrument { mode: TradingMode::CancelOnly, ..instrument() };
    outbox.news(Timestamp::EPOCH, &AgentEvent::Instrument(Box::new(new)));
    (0..=MARKET_WAITING_MAX).for_each(|n| outbox.market(Timestamp::EPOCH, &book(n == 0)));
    let mut lines = Vec::new();
    outbox.lock().take(16, &mut lines);
    let is_rules =
        |line: &ToAgent| matches!(line, ToAgent::Agent { event: AgentEvent::Instrument(_), .. });
    let is_book = |line: &ToAgent| match line {
        ToAgent::Market { event, .. } => matches!(event.kind, MarketKind::Book(_)),
        _ => false,
    };
    assert_eq!(lines.iter().filter(|line| is_rules(line)).count(), 1);
    assert_eq!(lines.iter().position(is_rules), Some(0), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| is_book(line)).count(), 1, "and the book is one");
}
