//! Orders of others under each policy, on both kinds of venue.

use model::venue::{AccountEvent, Execution, Profile, VenueOrderStatus};
use model::{
    Command, Input, InstrumentId, Link, NetQty, OrderSpec, Qty, Record, Side, TradingState,
    VenueOrderId,
};

use crate::foreign_orders::ForeignOrders;
use crate::testing::{TELLS_ALL, TELLS_SUMS, World, ether, id, number, spec};

const BOTH: [Profile; 2] = [TELLS_ALL, TELLS_SUMS];

/// Somebody else buys 2 of at most 5; told by the stream, or found by reading.
fn with_foreign(profile: Profile, policy: ForeignOrders, told: bool) -> (World, VenueOrderId) {
    let mut world = World::with_policy(profile, policy);
    let theirs = world.venue.foreign(world.now, "by-hand", &spec(Side::Buy, "2", "99"));
    if told {
        tell(&mut world);
    } else {
        compare(&mut world);
    }
    (world, theirs)
}

fn tell(world: &mut World) {
    let execution = if world.venue.sums { Execution::Standing } else { Execution::New };
    let event = world.venue.told(&number("by-hand"), execution);
    world.report(event);
    world.answer_all();
}

fn compare(world: &mut World) {
    world.apply(&Input::Operator(Command::Reconcile));
    world.pass_answering(3);
}

fn working(world: &World) -> Qty {
    world.gateway.books().exposure(id()).working_buys
}

fn net(world: &World) -> NetQty {
    world.gateway.books().exposure(id()).position
}

fn said(world: &World) -> usize {
    world.count(|r| matches!(r, Record::Discrepancy { found } if found.kind() == "foreign"))
}

fn passes(world: &mut World, qty: &str) -> bool {
    world.book();
    let order = spec(Side::Buy, qty, "100");
    let approved = world.gateway.approve(world.now, crate::testing::agent(), &order);
    let is_over = matches!(approved, Err(model::Refusal::PositionLimit { .. }));
    assert!(approved.is_ok() || is_over, "{approved:?}");
    approved.is_ok()
}

#[test]
fn an_adopted_order_counts_in_every_worst_case_until_it_is_over() {
    for (profile, told) in BOTH.into_iter().flat_map(|p| [(p, true), (p, false)]) {
        let (mut world, theirs) = with_foreign(profile, ForeignOrders::Adopt, told);
        assert_eq!((working(&world), said(&world)), (number("2"), 1));
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        // 2 of theirs, 2 of ours and 1 make the limit of 5.
        let ours = world.place(spec(Side::Buy, "2", "100")).unwrap();
        world.answer_all();
        let event = world.venue.told(&ours, Execution::Standing);
        world.report(event);
        assert!(passes(&mut world, "1"));
        assert!(!passes(&mut world, "1.001"));

        // Without a word only what happens while the stream is down stays untold.
        world.link(Link::Account, told);
        world.now = world.now.after(std::time::Duration::from_millis(1));
        let event = world.venue.fill(world.now, &number("by-hand"), "0.5").unwrap();
        match (told, world.venue.sums) {
            (true, true) => tell(&mut world),
            (true, false) => world.report(event),
            (false, _) => world.connect(),
        }
        compare(&mut world);
        assert_eq!((working(&world), net(&world)), (number("3.5"), number("0.5")));
        assert!(passes(&mut world, "1"));
        assert!(!passes(&mut world, "1.001"), "what it has bought counts as well");
        world.restart();
        world.connect();
        assert_eq!(working(&world), number("3.5"), "and after a restart");

        // Taken back by whoever placed it, while nobody listens.
        let at = world.venue.orders.iter().position(|order| order.id == theirs).unwrap();
        world.venue.orders[at].status = VenueOrderStatus::Canceled;
        world.venue.orders[at].updated = world.now;
        compare(&mut world);
        assert_eq!(working(&world), number("2"));
        compare(&mut world);
        assert_eq!(said(&world), 1);
        let cancels =
            |r: &Record| matches!(r, Record::ForeignCancel { .. } | Record::CancelPrepared { .. });
        assert_eq!(world.count(cancels), 0, "nobody is fought");
    }
}

/// Reports of an order that come late do not bring back what is over, nor take back what has filled.
#[test]
fn late_reports_change_nothing() {
    let (mut world, _) = with_foreign(TELLS_ALL, ForeignOrders::Adopt, true);
    let first = world.venue.told(&number("by-hand"), Execution::New);
    world.now = world.now.after(std::time::Duration::from_millis(1));
    let event = world.venue.fill(world.now, &number("by-hand"), "0.5").unwrap();
    world.report(event);
    world.report(first.clone());
    assert_eq!((working(&world), net(&world)), (number("1.5"), number("0.5")));
    let event = world.venue.fill(world.now, &number("by-hand"), "1.5").unwrap();
    world.report(event);
    world.report(first);
    assert_eq!((working(&world), net(&world)), (number("0"), number("2")));
}

#[test]
fn an_order_that_the_venue_has_forgotten_counts_no_more() {
    for profile in BOTH {
        let (mut world, _) = with_foreign(profile, ForeignOrders::Adopt, false);
        let shown = std::mem::take(&mut world.venue.orders);
        compare(&mut world);
        assert_eq!(working(&world), number("0"));
        assert_eq!(world.count(|r| matches!(r, Record::ForeignGone { .. })), 1);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        // One that is shown again had only been overlooked: it is reported and counts again.
        world.venue.orders = shown;
        compare(&mut world);
        assert_eq!((working(&world), said(&world)), (number("2"), 2));
    }
}

/// An order of somebody else executed, and then the venue forgot it. What it executed is counted, so it says
/// nothing of an order of ours that never arrived: that is settled in its time.
#[test]
fn executions_of_a_forgotten_order_keep_no_doubt_open() {
    for profile in BOTH {
        let (mut world, _) = with_foreign(profile, ForeignOrders::Adopt, true);
        let ours = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.answer(crate::testing::Wire::LosesRequest);
        world.now = world.now.after(std::time::Duration::from_millis(1));
        let event = world.venue.fill(world.now, &number("by-hand"), "0.5").unwrap();
        let told = world.venue.told(&number("by-hand"), Execution::Standing);
        world.report(if world.venue.sums { told } else { event });
        compare(&mut world);
        assert_eq!(net(&world), number("0.5"));
        world.venue.orders.retain(|order| order.client_order_id != number("by-hand"));
        compare(&mut world);
        assert_eq!(world.count(|r| matches!(r, Record::ForeignGone { .. })), 1);
        let validity = profile.order_validity.unwrap().as_secs();
        world.pass_answering(validity + 30);
        let not_placed = model::OrderState::Done(model::Ending::NotPlaced);
        assert_eq!(world.state_of(&ours), not_placed);
    }
}

/// The venue's lists are dated by another clock than its stream, or not at all: an end that is found by
/// asking is one all the same.
#[test]
fn an_end_that_was_not_told_is_found_whatever_it_is_dated() {
    for profile in BOTH {
        let (mut world, theirs) = with_foreign(profile, ForeignOrders::Adopt, true);
        let order = world.venue.orders.iter_mut().find(|order| order.id == theirs).unwrap();
        order.status = VenueOrderStatus::Canceled;
        order.updated = order.created.before(std::time::Duration::from_secs(1));
        compare(&mut world);
        assert_eq!(working(&world), number("0"));
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    }
}

#[test]
fn where_the_configuration_wants_it_the_order_is_taken_back() {
    for (profile, told) in BOTH.into_iter().flat_map(|p| [(p, true), (p, false)]) {
        let (mut world, theirs) = with_foreign(profile, ForeignOrders::Cancel, told);
        world.pass_answering(3);
        let order = world.venue.orders.iter().find(|order| order.id == theirs).unwrap();
        assert_eq!(order.status, VenueOrderStatus::Canceled);
        assert_eq!((working(&world), said(&world)), (number("0"), 1));
        assert_eq!(world.count(|r| matches!(r, Record::ForeignCancel { .. })), 1);
        assert_eq!(world.count(|r| matches!(r, Record::Prepared { .. })), 0, "no counter-order");
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    }
}

/// The venue does not let go of it: cancels slow down, go on after a restart, and end with the order.
#[test]
fn a_cancel_is_repeated_slowly_until_the_order_is_over() {
    for profile in BOTH {
        let mut world = World::with_policy(profile, ForeignOrders::Cancel);
        world.venue.foreign(world.now, "by-hand", &spec(Side::Buy, "2", "99"));
        world.venue.frozen = true;
        compare(&mut world);
        world.pass_answering(7);
        let cancels = |w: &World| w.count(|r| matches!(r, Record::ForeignCancel { .. }));
        assert!((4..=7).contains(&cancels(&world)), "{}", cancels(&world));
        assert_eq!(working(&world), number("2"), "it counts all the while");
        world.restart();
        world.venue.frozen = false;
        world.connect();
        world.pass_answering(6);
        assert_eq!(working(&world), number("0"));
        let sent = cancels(&world);
        world.pass_answering(60);
        assert_eq!(cancels(&world), sent);
    }
}

#[test]
fn where_the_configuration_wants_it_everything_halts() {
    for (profile, told) in BOTH.into_iter().flat_map(|p| [(p, true), (p, false)]) {
        let (world, theirs) = with_foreign(profile, ForeignOrders::Halt, told);
        let (state, cause) = world.gateway.state();
        assert_eq!(state, TradingState::Halted);
        assert!(cause.contains(&format!("order {theirs} ")), "{cause}");
        assert_eq!(world.count(|r| matches!(r, Record::ForeignCancel { .. })), 0);
    }
}

/// What was adopted before is dealt with as the configuration says at the next start.
#[test]
fn a_new_policy_holds_for_orders_that_are_known() {
    for policy in [ForeignOrders::Cancel, ForeignOrders::Halt] {
        let (mut world, theirs) = with_foreign(TELLS_ALL, ForeignOrders::Adopt, false);
        world.foreign_orders = policy;
        world.restart();
        world.connect();
        world.pass_answering(3);
        let is_halted = world.gateway.state().0 == TradingState::Halted;
        assert_eq!(is_halted, policy == ForeignOrders::Halt);
        let order = world.venue.orders.iter().find(|order| order.id == theirs).unwrap();
        assert_eq!(order.status.is_open(), policy == ForeignOrders::Halt);
    }
}

/// An order of somebody else that executed while nobody listened is named before it is counted.
#[test]
fn one_that_came_and_went_while_away_is_counted() {
    for profile in BOTH {
        let mut world = World::at(profile);
        world.link(Link::Account, false);
        world.venue.foreign(world.now, "by-hand", &spec(Side::Buy, "2", "99"));
        world.now = world.now.after(std::time::Duration::from_millis(1));
        world.venue.fill(world.now, &number("by-hand"), "2").unwrap();
        world.connect();
        world.pass_answering(3);
        assert_eq!((net(&world), working(&world), said(&world)), (number("2"), number("0"), 1));
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    }
}

#[test]
fn our_own_orders_are_nobody_elses() {
    for profile in BOTH {
        let mut world = World::with_policy(profile, ForeignOrders::Halt);
        let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.answer_all();
        compare(&mut world);
        let event = world.venue.told(&order, Execution::Standing);
        assert!(matches!(event, AccountEvent::Order { .. }));
        world.report(event);
        assert_eq!((said(&world), working(&world)), (0, number("1")));
    }
}

/// The venue numbers orders by instrument, and two orders of somebody else have the same number; told by the
/// stream, or found by reading.
fn of_one_number(profile: Profile, policy: ForeignOrders, told: bool) -> World {
    let mut world = World::of_two(profile, policy);
    let ids = [("bitcoin", id()), ("ether", ether().id)].map(|(name, instrument)| {
        let order = OrderSpec { instrument, ..spec(Side::Buy, "2", "99") };
        let theirs = world.venue.foreign(world.now, name, &order);
        if told {
            let execution = if world.venue.sums { Execution::Standing } else { Execution::New };
            let event = world.venue.told(&number(name), execution);
            world.report(event);
        }
        theirs
    });
    assert_eq!(ids[0], ids[1]);
    if !told {
        compare(&mut world);
    }
    world
}

fn work(world: &World) -> [Qty; 2] {
    [id(), ether().id].map(|instrument| world.gateway.books().exposure(instrument).working_buys)
}

fn status(world: &World, name: &str) -> VenueOrderStatus {
    world.venue.order(&number(name)).unwrap().status
}

#[test]
fn orders_of_one_number_on_two_instruments_are_two() {
    for (profile, told) in BOTH.into_iter().flat_map(|p| [(p, true), (p, false)]) {
        let mut world = of_one_number(profile, ForeignOrders::Adopt, told);
        assert_eq!((work(&world), said(&world)), ([number("2"), number("2")], 2));
        // An execution is its own order's.
        let event = world.venue.fill(world.now, &number("ether"), "0.5").unwrap();
        if !world.venue.sums {
            world.report(event);
        }
        compare(&mut world);
        assert_eq!((work(&world), net(&world)), ([number("2"), number("1.5")], NetQty::ZERO));
        let held = world.gateway.books().exposure(ether().id).position;
        assert_eq!(held, number("0.5"));

        // One ends, and the other still counts, after a restart as well.
        let order = world.venue.orders.iter_mut().find(|order| order.instrument == id()).unwrap();
        (order.status, order.updated) = (VenueOrderStatus::Canceled, world.now);
        compare(&mut world);
        assert_eq!(work(&world), [number("0"), number("1.5")]);
        world.restart();
        assert_eq!(work(&world), [number("0"), number("1.5")]);
        world.connect();
        compare(&mut world);
        assert_eq!((work(&world), said(&world)), ([number("0"), number("1.5")], 2));

        // The policy of a later start takes back what is left, where it is.
        world.foreign_orders = ForeignOrders::Cancel;
        world.restart();
        world.connect();
        world.pass_answering(5);
        assert_eq!(status(&world, "ether"), VenueOrderStatus::Canceled);
        assert_eq!(work(&world), [number("0"), number("0")]);
        let on = |of: InstrumentId| move |r: &Record| matches!(r, Record::ForeignCancel { instrument: Some(i), .. } if *i == of);
        assert_eq!((world.count(on(id())), world.count(on(ether().id))), (0, 1));
    }
}

/// The same two where the venue has forgotten one of them.
#[test]
fn of_two_orders_of_one_number_one_is_forgotten() {
    for profile in BOTH {
        let mut world = of_one_number(profile, ForeignOrders::Adopt, false);
        world.venue.orders.retain(|order| order.instrument != ether().id);
        compare(&mut world);
        assert_eq!(work(&world), [number("2"), number("0")]);
        assert_eq!(world.count(|r| matches!(r, Record::ForeignGone { .. })), 1);
        world.restart();
        world.connect();
        assert_eq!(work(&world), [number("2"), number("0")]);
    }
}

/// Both are taken back, each on its own instrument.
#[test]
fn orders_of_one_number_are_both_taken_back() {
    for profile in BOTH {
        let mut world = of_one_number(profile, ForeignOrders::Cancel, false);
        world.pass_answering(5);
        for name in ["bitcoin", "ether"] {
            assert_eq!(status(&world, name), VenueOrderStatus::Canceled, "{name}");
        }
        assert_eq!(work(&world), [number("0"), number("0")]);
        assert_eq!(world.count(|r| matches!(r, Record::ForeignCancel { .. })), 2);
    }
}
