//! A venue that refuses one order after the other: how often it is tried, and what ends that.

use std::time::Duration;

use model::venue::{Filter, Response, VenueError};
use model::{
    AlertKey, ClientOrderId, Input, Notice, Outcome, Record, Refusal, Reply, Side, Timestamp,
    VenueOrderId,
};

use crate::risk::PAUSE;
use crate::testing::{World, spec};

const AT_ALL: VenueError = VenueError::NotAllowed;
const RULE: VenueError = VenueError::Filter { filter: Filter::Lot };

/// Wants an order; `None` when it is held back for what the venue has refused.
fn tries(world: &mut World) -> Option<ClientOrderId> {
    let id = world.place(spec(Side::Buy, "0.1", "99"));
    if id.is_none() {
        let refused = world.entries.iter().rev().find_map(|entry| match &entry.record {
            Record::Refused { because, .. } => Some(because.clone()),
            _ => None,
        });
        assert!(matches!(refused, Some(Refusal::VenueRefuses { .. })), "{refused:?}");
    }
    id
}

/// The venue refuses the oldest request.
fn refuses(world: &mut World, because: &VenueError) {
    let (request, _) = world.requests.pop_front().unwrap();
    let outcome = Outcome::Refused(because.clone());
    world.apply(&Input::Reply(Reply { request, outcome, sent: model::Sent::default() }));
}

fn alerts(world: &World) -> usize {
    let is = |notice: &&Notice| matches!(notice, Notice::Alert(alert) if alert.key == AlertKey::VenueRefuses);
    world.notices.iter().filter(is).count()
}

/// Time passes in which the market moves and questions are answered.
fn later(world: &mut World, seconds: u64) {
    for _ in 0..seconds {
        world.now = world.now.after(Duration::from_secs(1));
        world.book();
        world.answer_all();
    }
}

/// Everything is refused for twenty minutes, and an agent asks again each second.
#[test]
fn what_is_refused_again_and_again_is_tried_every_five_seconds() {
    let mut world = World::new();
    let mut tried: Vec<Timestamp> = Vec::new();
    for _ in 0..1_200 {
        later(&mut world, 1);
        if tries(&mut world).is_some() {
            tried.push(world.now);
            refuses(&mut world, &AT_ALL);
        }
    }
    let gaps = tried.windows(2).skip(2).map(|pair| pair[1].since(pair[0]));
    let (least, most) = (gaps.clone().min().unwrap(), gaps.max().unwrap());
    assert!(least >= PAUSE && most < PAUSE + Duration::from_secs(1), "{least:?} {most:?}");
    assert!((235..=245).contains(&tried.len()), "{}", tried.len());
    assert_eq!(alerts(&world), 4, "one in five minutes");
    // It takes one: nothing is held back any more, not a second one either.
    later(&mut world, 5);
    for _ in 0..2 {
        let id = tries(&mut world).unwrap();
        world.answer_all();
        assert!(world.venue.order(&id).is_some());
    }
}

#[test]
fn one_attempt_at_a_time_and_cancels_at_any_time() {
    let mut world = World::new();
    let stands = tries(&mut world).unwrap();
    world.answer_all();
    for _ in 0..3 {
        tries(&mut world).unwrap();
        refuses(&mut world, &AT_ALL);
    }
    assert_eq!(tries(&mut world), None);
    later(&mut world, 5);
    // The next one is on its way, and nobody knows yet what becomes of it.
    assert!(tries(&mut world).is_some());
    assert_eq!(tries(&mut world), None);
    let before = world.requests.len();
    let intent = world.gateway.books().order(&stands).unwrap().intent;
    world.intend(model::Action::Cancel(intent));
    assert_eq!(world.requests.len(), before + 1, "a cancel passes");
}

#[test]
fn what_the_next_moment_changes_is_not_counted() {
    let mut world = World::new();
    for because in [VenueError::WouldTake, VenueError::WouldTrigger].iter().cycle().take(20) {
        tries(&mut world).unwrap();
        refuses(&mut world, because);
    }
    assert!(tries(&mut world).is_some());
}

/// Of the rules one refusal is enough, until they have been read. Were they as known, it was the order's
/// own fault, and counts as any other.
#[test]
fn a_refusal_of_the_rules_waits_for_them() {
    let mut world = World::new();
    let read = |world: &World| {
        let found = world.gateway.markets().iter().map(|market| market.instrument().clone());
        Input::Instruments { found: found.collect(), gone: Vec::new() }
    };
    for _ in 0..2 {
        tries(&mut world).unwrap();
        refuses(&mut world, &RULE);
        assert_eq!(tries(&mut world), None);
        let known = read(&world);
        world.apply(&known);
    }
    tries(&mut world).unwrap();
    refuses(&mut world, &RULE);
    let known = read(&world);
    world.apply(&known);
    assert_eq!(tries(&mut world), None, "the third in a row");
    later(&mut world, 4);
    assert_eq!(tries(&mut world), None);
    later(&mut world, 1);
    assert!(tries(&mut world).is_some(), "also when nobody reads them");
}

/// An answer to a request that does not name it: the venue's word for it is of no use here.
#[test]
fn in_doubt_is_neither_taken_nor_refused() {
    let mut world = World::new();
    for _ in 0..3 {
        tries(&mut world).unwrap();
        refuses(&mut world, &AT_ALL);
    }
    later(&mut world, 5);
    tries(&mut world).unwrap();
    let (request, _) = world.requests.pop_front().unwrap();
    let outcome = Outcome::Done(Response::CancelTaken(VenueOrderId::from_number(1)));
    world.apply(&Input::Reply(Reply { request, outcome, sent: model::Sent::default() }));
    assert_eq!(tries(&mut world), None);
}
