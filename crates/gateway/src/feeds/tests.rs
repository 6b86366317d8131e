//! Health of market data, as an agent sees it.

use std::time::Duration;

use model::market::{BookUpdate, GridPrice, GridQty, LevelUpdate, MarketEvent, MarketKind};
use model::{AgentEvent, FeedHealth, Input, Link, Notice, Record, Side};

use crate::testing::{World, id, spec};

fn told(world: &World) -> Vec<FeedHealth> {
    let health = |notice: &Notice| match notice {
        Notice::AllAgents(AgentEvent::Feed { health, .. }) => Some(*health),
        _ => None,
    };
    world.notices.iter().filter_map(health).collect()
}

#[test]
fn each_change_is_told_once_and_written_down() {
    use FeedHealth::{Down, Live, Resyncing, Stale};
    let mut world = World::new();
    world.link(Link::Market, false);
    world.link(Link::Market, true);
    let lost = MarketKind::BookLost;
    let lost = MarketEvent { instrument: id(), venue_time: world.now, kind: lost };
    world.apply(&Input::Market(lost));
    world.book();
    world.book();
    world.now = world.now.after(Duration::from_millis(4_999));
    world.apply(&Input::Wake);
    world.now = world.now.after(Duration::from_millis(2));
    world.apply(&Input::Wake);
    assert_eq!(world.gateway.feed_health(id()), (Stale, world.now));
    world.book();
    let expected = [Resyncing, Live, Down, Live, Resyncing, Live, Stale, Live];
    assert_eq!(told(&world), expected);
    let written = world.count(|record| matches!(record, Record::Feed { .. }));
    assert_eq!(written, expected.len());
}

/// The alarm for a feed that falls silent is set by itself.
#[test]
fn silence_alone_makes_it_stale() {
    let mut world = World::new();
    let begin = world.now;
    for _ in 0..60 {
        world.pass_alarms(Duration::from_millis(100));
        if world.gateway.feed_health(id()).0 == FeedHealth::Stale {
            let after = world.now.since(begin);
            assert!((5_000..5_300).contains(&after.as_millis()), "{after:?}");
            return;
        }
    }
    panic!("never stale");
}

#[test]
fn a_crossed_book_is_no_book() {
    let mut world = World::new();
    let level = |side, price| LevelUpdate { side, price: GridPrice(price), qty: GridQty(1) };
    let change = |levels| {
        let kind = MarketKind::Book(BookUpdate { snapshot: false, levels });
        Input::Market(MarketEvent { instrument: id(), venue_time: Default::default(), kind })
    };
    // Touching prices within one message are fine as long as it ends well.
    world.apply(&change(vec![level(Side::Buy, 10_000)]));
    assert!(world.distrusted.is_empty());
    world.apply(&change(vec![level(Side::Buy, 10_001)]));
    assert_eq!(world.distrusted, [Link::Market]);
    assert_eq!(world.gateway.feed_health(id()).0, FeedHealth::Resyncing);
    assert_eq!(world.place(spec(Side::Buy, "1", "99")), None, "no order on a broken book");
    world.apply(&change(vec![level(Side::Buy, 9_000)]));
    assert_eq!(world.distrusted.len(), 1, "said once");
    world.book();
    assert_eq!(world.gateway.feed_health(id()).0, FeedHealth::Live);
}
