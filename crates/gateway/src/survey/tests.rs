//! Hundreds of orders in doubt at once: what it costs to settle them, how long it takes, and that the
//! proofs are the same as for one.

use std::time::Duration;

use model::venue::{AccountRequest, Profile, VenueOrderStatus};
use model::{ClientOrderId, Ending, OrderState, Side, TradingState};

use crate::testing::{TELLS_ALL, TELLS_SUMS, World, id, number, spec};

/// With pages as the two real ones have them.
const BOTH: [Profile; 2] = [TELLS_ALL, Profile { fills_page: 100, ..TELLS_SUMS }];
/// The longest that a doubt may outlive its quiet time.
const SLACK: Duration = Duration::from_secs(60);

fn quiet(profile: Profile) -> Duration {
    profile.order_validity.unwrap() + Duration::from_secs(15)
}

/// What the request costs at Binance (`venues/src/binance/weights.rs`).
fn weight(request: &AccountRequest) -> u64 {
    match request {
        AccountRequest::Order { .. } => 4,
        AccountRequest::OpenOrders(Some(_)) => 6,
        AccountRequest::OpenOrders(None) => 80,
        AccountRequest::Fills { order: Some(_), .. } => 5,
        AccountRequest::Orders { .. } | AccountRequest::Fills { .. } | AccountRequest::Account => {
            20
        }
        _ => 1,
    }
}

fn spent(world: &World) -> u64 {
    world.asked.iter().map(weight).sum()
}

/// A power cut with so many orders under way: of three in a row the first is lost, the second rests, the
/// third has executed.
fn cut_off(profile: Profile, count: usize) -> (World, Vec<ClientOrderId>) {
    let mut world = World::with_room(profile);
    let mut ids = Vec::new();
    for at in 0..count {
        if at % 50 == 0 {
            world.book();
        }
        world.now = world.now.after(Duration::from_millis(20));
        ids.push(world.place(spec(Side::Buy, "0.06", "99")).unwrap());
    }
    let places: Vec<_> = world
        .requests
        .iter()
        .filter(|(_, request)| matches!(request, AccountRequest::Place(_)))
        .map(|(_, request)| request.clone())
        .collect();
    assert_eq!(places.len(), count);
    for (at, request) in places.iter().enumerate().filter(|(at, _)| at % 3 > 0) {
        world.venue.execute(world.now, request).unwrap();
        if at % 3 == 2 {
            world.venue.fill(world.now, &ids[at], "0.06").unwrap();
        }
    }
    world.restart();
    world.asked.clear();
    world.connect();
    (world, ids)
}

fn in_doubt(world: &World) -> usize {
    world.gateway.books().in_doubt().count()
}

/// Passes time until nothing is in doubt, and says how long it took.
fn settle(world: &mut World, at_most: Duration) -> Duration {
    let mut passed = Duration::ZERO;
    while in_doubt(world) > 0 {
        assert!(passed <= at_most, "{} in doubt after {passed:?}", in_doubt(world));
        world.pass_answering(1);
        passed += Duration::from_secs(1);
    }
    passed
}

fn assert_settled(world: &World, ids: &[ClientOrderId]) {
    for (at, id) in ids.iter().enumerate() {
        let expected = match at % 3 {
            0 => OrderState::Done(Ending::NotPlaced),
            1 => OrderState::Working,
            _ => OrderState::Done(Ending::Filled),
        };
        assert_eq!(world.state_of(id), expected, "order {at}");
    }
}

/// Three hundred: as long as one takes and a minute, for as much as lists cost.
#[test]
fn hundreds_of_doubts_cost_lists_and_no_more_time_than_one() {
    for profile in BOTH {
        let (mut world, ids) = cut_off(profile, 300);
        assert!(in_doubt(&world) >= 100);
        let passed = settle(&mut world, quiet(profile) + SLACK);
        assert!(passed >= quiet(profile) - Duration::from_secs(1), "{passed:?} is no quiet time");
        assert_settled(&world, &ids);
        assert_eq!(world.gateway.books().position(id()).unwrap().net(), number("6"));
        // One by one it would be four for each of them every three seconds, which is more in any minute
        // than the venue gives in all.
        let minutes = passed.as_secs().div_ceil(60);
        assert!(spent(&world) < 4_000 * minutes, "{} in {minutes} minutes", spent(&world));
        let singly = |request: &&AccountRequest| matches!(request, AccountRequest::Order { .. });
        // Whose an execution is that nobody has told of is asked for once each.
        assert!(world.asked.iter().filter(singly).count() <= 110);
        world.pass_answering(5);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    }
}

/// Not to be in a list proves nothing before the quiet time: an order may arrive until then.
#[test]
fn an_order_that_arrives_late_is_found() {
    for profile in BOTH {
        let (mut world, ids) = cut_off(profile, 30);
        let before = quiet(profile).as_secs() - 2;
        world.pass_answering(before);
        let lost: Vec<_> = ids.iter().copied().step_by(3).collect();
        assert!(lost.iter().all(|id| world.state_of(id) == OrderState::InDoubt));
        let late = world.gateway.books().order(&lost[0]).unwrap().order.clone();
        world.venue.execute(world.now, &AccountRequest::Place(late)).unwrap();
        settle(&mut world, SLACK);
        assert_eq!(world.state_of(&lost[0]), OrderState::Working);
        let is_gone =
            |id: &ClientOrderId| world.state_of(id) == OrderState::Done(Ending::NotPlaced);
        assert!(lost[1..].iter().all(is_gone));
    }
}

/// Lists that cannot be read prove nothing: a few at a time are asked about one by one.
#[test]
fn without_lists_they_are_asked_about_a_few_at_a_time() {
    for profile in BOTH {
        let (mut world, ids) = cut_off(profile, 30);
        world.venue.no_lists = true;
        settle(&mut world, quiet(profile) + 3 * SLACK);
        assert_settled(&world, &ids);
    }
}

/// An execution whose order is not known may be of any of them.
#[test]
fn an_execution_that_may_be_theirs_keeps_them_in_doubt() {
    for profile in BOTH {
        let (mut world, ids) = cut_off(profile, 30);
        let strange = model::venue::Unread {
            instrument: Some(id()),
            order: Some(number("77")),
            client_order_id: None,
            trade: Some(number("e-9")),
            because: "unknown kind of execution \"REVERSAL\"".to_owned(),
        };
        world.venue.strange.push(strange);
        world.pass_answering((quiet(profile) + SLACK).as_secs());
        let lost: Vec<_> = ids.iter().copied().step_by(3).collect();
        assert!(lost.iter().all(|id| world.state_of(id) == OrderState::InDoubt));
        world.venue.strange.clear();
        settle(&mut world, SLACK);
        assert_settled(&world, &ids);
    }
}

/// An end is believed when its executions are counted, by lists as by look-ups.
#[test]
fn what_ended_meanwhile_ends_with_its_executions() {
    for profile in BOTH {
        let (mut world, ids) = cut_off(profile, 30);
        let resting: Vec<_> = ids.iter().copied().skip(1).step_by(3).collect();
        for id in &resting {
            world.venue.fill(world.now, id, "0.02").unwrap();
            let at = world.venue.orders.iter().position(|o| o.client_order_id == *id).unwrap();
            world.venue.orders[at].status = VenueOrderStatus::Canceled;
        }
        settle(&mut world, quiet(profile) + SLACK);
        for id in &resting {
            let order = world.gateway.books().order(id).unwrap();
            assert_eq!(
                (order.state, order.filled),
                (OrderState::Done(Ending::Canceled), number("0.02"))
            );
        }
    }
}

/// Balances that are days old are all that says when an order was made at the earliest: its list is read
/// from there to now, day by day.
#[test]
fn a_list_is_read_from_the_time_before_which_none_was_made() {
    let mut world = World::with_room(TELLS_ALL);
    world.pass_alarms(Duration::from_secs(72 * 3_600));
    world.book();
    let ids: Vec<_> =
        (0..12).map(|_| world.place(spec(Side::Buy, "0.06", "99")).unwrap()).collect();
    for (_, request) in world.requests.clone() {
        if matches!(request, AccountRequest::Place(_)) {
            world.venue.execute(world.now, &request).unwrap();
        }
    }
    world.restart();
    world.asked.clear();
    world.connect();
    world.pass_answering(5);
    assert!(ids.iter().all(|id| world.state_of(id) == OrderState::Working));
    let windows = world.asked.iter().filter_map(|request| match request {
        AccountRequest::Orders { start: Some(start), end, .. } => Some((*start, *end)),
        _ => None,
    });
    let day = Duration::from_secs(24 * 3_600);
    for (start, end) in windows {
        assert!(end.unwrap_or(world.now).since(start) <= day, "{start} to {end:?}");
    }
}
