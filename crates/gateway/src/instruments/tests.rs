//! New steps and modes: what is refused then, what stands, what is told; and the grid of the book.

use model::venue::{AccountRequest, Filter, VenueError};
use model::{
    AgentEvent, Command, FeedHealth, Input, Instrument, Notice, OrderState, Outcome, Record,
    Refusal, Reply, Side, TradingMode, TradingState,
};

use crate::foreign_orders::ForeignOrders;
use crate::testing::{TELLS_ALL, World, ether, id, instrument, number, spec};

/// Tick and lot ten times as large, the smallest notional twice.
fn coarse() -> Instrument {
    let mut new = Instrument { tick: number("0.1"), lot: number("0.01"), ..instrument() };
    new.limits.notional_min = number("10");
    new.limits.qty_min = number("0.01");
    new
}

fn read(world: &mut World, found: Instrument) {
    world.apply(&Input::Instruments { found: vec![found], gone: Vec::new() });
}

fn rules(world: &World) -> usize {
    world.count(|record| matches!(record, Record::Rules { .. }))
}

fn refusal(world: &mut World, qty: &str, price: &str) -> Option<Refusal> {
    let before = world.entries.len();
    world.place(spec(Side::Buy, qty, price));
    world.entries[before..].iter().find_map(|entry| match &entry.record {
        Record::Refused { because, .. } => Some(because.clone()),
        _ => None,
    })
}

/// What is as it was is no news.
#[test]
fn rules_that_are_the_same_change_nothing() {
    let mut world = World::new();
    let before = world.entries.len();
    read(&mut world, instrument());
    assert_eq!(world.entries.len(), before);
}

/// PRC-01: one order is refused for a rule, the rules are read, and from then on the gateway refuses by
/// itself. What stood before stays, and is taken back.
#[test]
fn new_steps_are_learned_from_one_refusal() {
    let mut world = World::new();
    let old = world.place(spec(Side::Buy, "0.123", "99.99")).unwrap();
    world.answer_all();
    let refused = world.place(spec(Side::Buy, "0.123", "99.99")).unwrap();
    let (request, _) = world.requests.pop_front().unwrap();
    let outcome = Outcome::Refused(VenueError::Filter { filter: Filter::Price });
    world.apply(&Input::Reply(Reply { request, outcome, sent: model::Sent::default() }));
    assert!(world.state_of(&refused).is_done());
    assert!(matches!(refusal(&mut world, "0.2", "99"), Some(Refusal::VenueRefuses { .. })));
    read(&mut world, coarse());
    assert_eq!(rules(&world), 1);
    assert!(matches!(refusal(&mut world, "0.12", "99.99"), Some(Refusal::OffTick { .. })));
    assert!(matches!(refusal(&mut world, "0.123", "99.9"), Some(Refusal::OffLot { .. })));
    assert!(matches!(refusal(&mut world, "0.1", "99"), Some(Refusal::NotionalTooSmall { .. })));
    assert_eq!(refusal(&mut world, "0.12", "99.9"), None);
    world.answer_all();
    // A market order is priced on the new tick, inwards.
    let market = model::OrderSpec { kind: model::OrderKind::Market, ..spec(Side::Buy, "0.2", "1") };
    let sent = world.place(market).unwrap();
    let price = world.gateway.books().order(&sent).unwrap().order.kind.price();
    assert_eq!(price, Some(number("110")));
    world.answer_all();
    assert_eq!(world.state_of(&old), OrderState::Working);
    let intent = world.gateway.books().order(&old).unwrap().intent;
    world.intend(model::Action::Cancel(intent));
    world.answer_all();
    assert!(world.state_of(&old).is_done());
    assert!(told(&world).any(|new| new.tick == coarse().tick));
    let alert = "1 open orders stand off the new steps";
    assert!(world.notices.iter().any(|n| matches!(n, Notice::Alert(a) if a.text.contains(alert))));
}

fn told(world: &World) -> impl Iterator<Item = &Instrument> {
    world.notices.iter().filter_map(|notice| match notice {
        Notice::AllAgents(AgentEvent::Instrument(new)) => Some(&**new),
        _ => None,
    })
}

/// The book goes on: it is counted in the digits that it always was, and prices of before are in it.
#[test]
fn a_coarser_tick_keeps_the_book_and_a_finer_one_begins_it_anew() {
    let mut world = World::new();
    let health = |world: &World| world.gateway.feed_health(id()).0;
    read(&mut world, coarse());
    let market = |world: &World| world.gateway.markets().get(id()).unwrap().clone();
    assert_eq!(market(&world).instrument().grid(), instrument().grid());
    assert_eq!((health(&world), market(&world).is_live()), (FeedHealth::Live, true));
    read(&mut world, instrument());
    assert_eq!(rules(&world), 2, "and back");
    let fine = Instrument { tick: number("0.001"), ..instrument() };
    let fine = Instrument { grid: model::market::Grid::of(fine.tick, fine.lot), ..fine };
    read(&mut world, fine.clone());
    assert_eq!(market(&world).instrument(), &fine);
    assert_eq!((health(&world), market(&world).is_live()), (FeedHealth::Resyncing, false));
}

/// What the next start is told by the venue is on the grid that the journal remembers.
#[test]
fn a_restart_remembers_the_finer_grid() {
    let mut world = World::new();
    read(&mut world, coarse());
    world.restart();
    // The test's venue tells the first rules again: that is news, and written down.
    assert_eq!(rules(&world), 2);
    assert_eq!(world.gateway.books().instrument(id()), Some(&instrument()));
    let books = world.gateway.books();
    let read_at_start =
        Instrument { grid: model::market::Grid::of(coarse().tick, coarse().lot), ..coarse() };
    let known = read_at_start.on_grid_of(books.instrument(id()));
    assert_eq!(known, coarse());
}

/// EXS-11: nothing is sent while the venue does not trade, and by itself it goes on when it does.
#[test]
fn nothing_is_sent_while_the_venue_does_not_trade() {
    let mut world = World::new();
    for mode in [TradingMode::CancelOnly, TradingMode::Halted] {
        let stands = world.place(spec(Side::Buy, "0.1", "99")).unwrap();
        world.answer_all();
        read(&mut world, Instrument { mode, ..instrument() });
        assert!(matches!(refusal(&mut world, "0.1", "99"), Some(Refusal::Unsupported { .. })));
        let alert = "the position is 0, 1 orders are open";
        let is = |n: &Notice| matches!(n, Notice::Alert(a) if a.text.contains(alert));
        assert!(world.notices.iter().any(is), "{:?}", world.notices);
        world.notices.clear();
        let intent = world.gateway.books().order(&stands).unwrap().intent;
        world.intend(model::Action::Cancel(intent));
        world.answer_all();
        assert!(world.state_of(&stands).is_done(), "cancels go");
        read(&mut world, instrument());
        assert_eq!(refusal(&mut world, "0.1", "99"), None);
        world.answer_all();
        world.intend(model::Action::CancelAll(id()));
        world.answer_all();
    }
}

#[test]
fn what_is_not_listed_any_more_is_said_once_with_what_is_stuck() {
    let mut world = World::new();
    let gone = Input::Instruments { found: Vec::new(), gone: vec![id()] };
    world.apply(&gone);
    world.apply(&gone);
    let is = |n: &&Notice| matches!(n, Notice::Alert(a) if a.text.contains("not listed"));
    assert_eq!(world.notices.iter().filter(is).count(), 1);
    assert!(matches!(refusal(&mut world, "0.1", "99"), Some(Refusal::Unsupported { .. })));
    assert_eq!(rules(&world), 1);
}

/// The venue refuses to speak of it: nothing is asked about it, and all else goes on.
#[test]
fn what_is_not_listed_any_more_stops_nothing_else() {
    let mut world = World::of_two(TELLS_ALL, ForeignOrders::Adopt);
    world.pass_answering(2);
    let gone = Input::Instruments { found: vec![instrument()], gone: vec![ether().id] };
    world.apply(&gone);
    let before = world.asked.len();
    world.apply(&Input::Operator(Command::Reconcile));
    world.pass_answering(4);
    let asks =
        |of| move |request: &&AccountRequest| **request == AccountRequest::OpenOrders(Some(of));
    assert!(world.asked[before..].iter().any(|request| asks(id())(&request)));
    assert!(!world.asked[before..].iter().any(|request| asks(ether().id)(&request)));
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    // It is listed again.
    world.apply(&Input::Instruments { found: vec![instrument(), ether()], gone: Vec::new() });
    let before = world.asked.len();
    world.apply(&Input::Operator(Command::Reconcile));
    world.pass_answering(4);
    assert!(world.asked[before..].iter().any(|request| asks(ether().id)(&request)));
}
