//! Orders that are there after all, never placed or lost, by whichever way they are found; and what stays
//! reserved of those that are not.

use std::time::Duration;

use model::venue::{AccountRequest, Execution, Profile, VenueOrder, VenueOrderStatus};
use model::{
    ClientOrderId, Command, Ending, Input, Link, OrderKind, OrderSpec, OrderState, Outcome, Qty,
    Record, Refusal, Reply, Side, TradingState,
};

use crate::books::SHADOW;
use crate::testing::{TELLS_ALL, TELLS_SUMS, World, agent, id, number, spec};

const BOTH: [Profile; 2] = [TELLS_ALL, TELLS_SUMS];

/// What was proven of an order that could buy 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proven {
    /// Its request is still on its way.
    NotPlaced,
    /// The venue had it, and has a copy of it somewhere.
    Lost,
}

/// How it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Told,
    Listed,
    /// Where the account's stream is quiet and something else is open, the venue is looked at.
    Seen,
}

fn cases() -> impl Iterator<Item = (Profile, Proven)> {
    let both = |profile| [(profile, Proven::NotPlaced), (profile, Proven::Lost)];
    BOTH.into_iter().flat_map(both)
}

/// An absent order, and what the venue will have of it.
struct Absent {
    order: ClientOrderId,
    request: Option<AccountRequest>,
    copy: Vec<VenueOrder>,
}

impl Absent {
    /// Its absence is proven.
    fn prove(world: &mut World, profile: Profile, proven: Proven, spec: OrderSpec) -> Absent {
        let order = world.place(spec).unwrap();
        let mut absent = Absent { order, request: None, copy: Vec::new() };
        match proven {
            Proven::NotPlaced => absent.request = Some(answer_last(world, in_doubt())),
            Proven::Lost => {
                world.answer_all();
                let is_it = |theirs: &mut VenueOrder| theirs.client_order_id == order;
                absent.copy = world.venue.orders.extract_if(.., is_it).collect();
                compare(world);
            }
        }
        world.pass_answering(profile.order_validity.unwrap().as_secs() + 30);
        let (ending, state) = match proven {
            Proven::NotPlaced => (Ending::NotPlaced, TradingState::Active),
            Proven::Lost => (Ending::Canceled, TradingState::Halted),
        };
        assert_eq!(world.state_of(&order), OrderState::Done(ending));
        assert_eq!((world.gateway.state().0, open(world)), (state, (0, number("0"))));
        assert_eq!(shadow(world, Side::Buy), number("1"));
        absent
    }

    /// It is there.
    fn returns(&mut self, world: &mut World) {
        if let Some(request) = self.request.take() {
            world.venue.execute(world.now, &request).unwrap();
        }
        world.venue.orders.append(&mut self.copy);
    }
}

fn in_doubt() -> Outcome {
    Outcome::InDoubt("timed out".to_owned())
}

/// Answers the order that was sent last, which never reaches the venue, and returns its request.
fn answer_last(world: &mut World, outcome: Outcome) -> AccountRequest {
    let (request, asked) = world.requests.pop_back().unwrap();
    assert!(matches!(asked, AccountRequest::Place(_)), "{asked:?}");
    world.apply(&Input::Reply(Reply { request, outcome, sent: model::Sent::default() }));
    asked
}

fn compare(world: &mut World) {
    world.apply(&Input::Operator(Command::Reconcile));
    world.pass_answering(3);
}

fn buy() -> OrderSpec {
    spec(Side::Buy, "1", "99")
}

/// Open orders, and what of them can still be bought.
fn open(world: &World) -> (u32, Qty) {
    let books = world.gateway.books();
    (books.open_count(), books.exposure(id()).working_buys)
}

fn shadow(world: &World, side: Side) -> Qty {
    world.gateway.books().shadow(world.now, id(), side)
}

fn said(world: &World) -> usize {
    world.count(|r| matches!(r, Record::Discrepancy { found } if found.kind() == "ghost"))
}

fn cancels(world: &World) -> usize {
    world.count(|r| matches!(r, Record::CancelPrepared { .. }))
}

/// It halts, counts as any open order does, and is taken back again and again until it is gone, whatever
/// ends in between.
#[test]
fn a_ghost_counts_and_is_taken_back_until_it_is_gone() {
    for (profile, proven) in cases() {
        for (found, restarts) in [Found::Told, Found::Listed, Found::Seen]
            .into_iter()
            .flat_map(|found| [(found, false), (found, true)])
        {
            let case = format!("{proven:?} {found:?}, restarts {restarts}, {profile:?}");
            let mut world = World::at(profile);
            let mut absent = Absent::prove(&mut world, profile, proven, buy());
            let order = absent.order;
            if restarts {
                world.restart();
                world.connect();
            }
            world.venue.frozen = true;
            let others = u32::from(found == Found::Seen && proven == Proven::NotPlaced);
            if others > 0 {
                world.place(spec(Side::Buy, "0.5", "98")).unwrap();
                world.answer_all();
                let event = world.venue.orders.last().unwrap().client_order_id;
                world.report(world.venue.told(&event, Execution::Standing));
            }
            absent.returns(&mut world);
            match found {
                Found::Told => world.report(world.venue.told(&order, Execution::Standing)),
                Found::Listed => compare(&mut world),
                // Without another order nothing is looked at, and the next comparison finds it.
                Found::Seen => world.pass_answering(if others > 0 { 4 } else { 31 }),
            }
            let counted = |world: &World| {
                assert!(world.state_of(&order).is_open(), "{case}");
                let qty = number(if others > 0 { "1.5" } else { "1" });
                assert_eq!(open(world), (1 + others, qty), "{case}");
                assert_eq!(shadow(world, Side::Buy), number("0"), "it does not count twice");
                assert_eq!((world.gateway.state().0, said(world)), (TradingState::Halted, 1));
            };
            counted(&world);
            world.pass_answering(4);
            let sent = cancels(&world);
            assert!(sent >= 2, "{sent} cancels, {case}");

            world.restart();
            counted(&world);
            world.connect();
            world.pass_answering(6);
            counted(&world);
            assert!(cancels(&world) > sent, "{case}");
            world.venue.frozen = false;
            world.pass_answering(12);
            assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled), "{case}");
            assert_eq!(world.venue.order(&order).unwrap().status, VenueOrderStatus::Canceled);
            assert_eq!((open(&world), said(&world)), ((0, number("0")), 1), "{case}");
        }
    }
}

/// What it executes is its own, and its agent's: while nobody listens, or told with it.
#[test]
fn executions_of_a_ghost_are_counted_with_it() {
    for (profile, proven) in cases() {
        for (told, qty) in [(true, "0.4"), (true, "1"), (false, "0.4"), (false, "1")] {
            let case = format!("{proven:?}, {qty}, told {told}, {profile:?}");
            let mut world = World::at(profile);
            let mut absent = Absent::prove(&mut world, profile, proven, buy());
            let order = absent.order;
            if !told {
                world.link(Link::Account, false);
            }
            absent.returns(&mut world);
            world.now = world.now.after(Duration::from_millis(10));
            let event = world.venue.fill(world.now, &order, qty).unwrap();
            match (told, world.venue.sums) {
                (true, false) => world.report(event),
                (true, true) => world.report(world.venue.told(&order, Execution::Standing)),
                (false, _) => world.connect(),
            }
            world.pass_answering(8);
            let ending = if qty == "1" { Ending::Filled } else { Ending::Canceled };
            assert_eq!(world.state_of(&order), OrderState::Done(ending), "{case}");
            let books = world.gateway.books();
            assert_eq!(books.order(&order).unwrap().filled, number(qty), "{case}");
            assert_eq!(books.agent_position(agent(), id()).unwrap().net(), number(qty));
            assert_eq!(books.exposure(id()).position, number(qty));
            assert_eq!((world.gateway.state().0, said(&world)), (TradingState::Halted, 1));
            assert_eq!((open(&world), shadow(&world, Side::Buy)), ((0, number("0")), number("0")));
        }
    }
}

/// An execution of a lost order that comes without a word on the order itself.
#[test]
fn an_execution_alone_is_a_ghost() {
    let mut world = World::new();
    let mut absent = Absent::prove(&mut world, TELLS_ALL, Proven::Lost, buy());
    absent.returns(&mut world);
    world.venue.fill(world.now, &absent.order, "0.4").unwrap();
    world.venue.orders[0].status = VenueOrderStatus::Canceled;
    compare(&mut world);
    world.pass_answering(3);
    assert_eq!(world.state_of(&absent.order), OrderState::Done(Ending::Canceled));
    assert_eq!(said(&world), 1);
    assert_eq!(world.gateway.books().exposure(id()).position, number("0.4"));
}

/// A journal that ends in the midst of it: what is left to do is done by the next life.
#[test]
fn a_crash_in_the_midst_of_it_forgets_no_ghost() {
    for cut in ["halted", "said", "open"] {
        let mut world = World::new();
        let mut absent = Absent::prove(&mut world, TELLS_ALL, Proven::NotPlaced, buy());
        absent.returns(&mut world);
        world.report(world.venue.told(&absent.order, Execution::New));
        let at = world.entries.iter().rposition(|entry| match &entry.record {
            Record::Trading { state, .. } => cut == "halted" && *state == TradingState::Halted,
            Record::Discrepancy { .. } => cut == "said",
            Record::Accepted { .. } => cut == "open",
            _ => false,
        });
        world.restart_on_a_copy(at.unwrap() + 1, 2);
        assert_eq!(world.gateway.state().0, TradingState::Halted, "{cut}");
        world.connect();
        world.pass_answering(3);
        assert_eq!(world.state_of(&absent.order), OrderState::Done(Ending::Canceled), "{cut}");
        let theirs = world.venue.order(&absent.order).unwrap();
        assert_eq!(theirs.status, VenueOrderStatus::Canceled, "{cut}");
    }
}

/// A halt leaves a stop that protects; nobody counts on one that was not there.
#[test]
fn a_protective_stop_that_is_a_ghost_is_taken_back() {
    let mut world = World::new();
    let held = world.place(buy()).unwrap();
    world.answer_all();
    let event = world.venue.fill(world.now, &held, "1").unwrap();
    world.report(event);
    let kind = OrderKind::StopLimit { trigger: number("95"), price: number("94") };
    let stop = OrderSpec { kind, reduce_only: true, ..spec(Side::Sell, "1", "94") };
    let order = world.place(stop).unwrap();
    let asked = answer_last(&mut world, in_doubt());
    world.pass_answering(32);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::NotPlaced));
    world.venue.execute(world.now, &asked).unwrap();
    compare(&mut world);
    assert_eq!(world.gateway.state().0, TradingState::Halted);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
}

/// Lost, and then the venue says how it ended: that is no life.
#[test]
fn a_lost_order_that_is_said_to_be_over_is_no_ghost() {
    let mut world = World::new();
    let mut absent = Absent::prove(&mut world, TELLS_ALL, Proven::Lost, buy());
    absent.returns(&mut world);
    world.venue.orders[0].status = VenueOrderStatus::Canceled;
    world.report(world.venue.told(&absent.order, Execution::Standing));
    assert_eq!((said(&world), open(&world)), (0, (0, number("0"))));
}

fn refusal(world: &World, spec: &OrderSpec) -> Option<Refusal> {
    world.gateway.approve(world.now, agent(), spec).err()
}

/// Ten minutes more the size of what was not placed counts in what the position could become, and nowhere
/// else.
#[test]
fn a_shadow_counts_in_the_position_limit_alone() {
    let mut world = World::new();
    let funds = world.gateway.books().available(number("USDT"));
    for _ in 0..2 {
        world.place(spec(Side::Buy, "2", "99")).unwrap();
        answer_last(&mut world, in_doubt());
    }
    world.pass_answering(30);
    assert_eq!((open(&world), shadow(&world, Side::Buy)), ((0, number("0")), number("4")));
    let books = world.gateway.books();
    assert_eq!(books.available(number("USDT")), funds, "its funds are free");
    assert_eq!(books.exposure(id()).closable(Side::Buy), number("0"));
    let check = |world: &World| {
        assert_eq!(refusal(world, &buy()), None, "4 and 1: at the limit");
        let refused = refusal(world, &spec(Side::Buy, "1.001", "99"));
        assert!(matches!(refused, Some(Refusal::PositionLimit { .. })), "{refused:?}");
        assert_eq!(refusal(world, &spec(Side::Sell, "2", "101")), None, "the other side is free");
    };
    check(&world);
    world.restart();
    world.connect();
    check(&world);

    let is_end = |r: &Record| matches!(r, Record::Ended { .. });
    let ended = world.entries.iter().rfind(|entry| is_end(&entry.record)).unwrap().at;
    let over = ended.after(SHADOW);
    let of = |at| world.gateway.books().shadow(at, id(), Side::Buy);
    assert_eq!((of(over.before(Duration::from_nanos(1))), of(over)), (number("2"), number("0")));
    world.now = over;
    world.pass_answering(1);
    assert_eq!(refusal(&world, &spec(Side::Buy, "2", "99")), None);
    world.restart();
    assert_eq!(shadow(&world, Side::Buy), number("0"));
}

/// What never left this process cannot be on its way.
#[test]
fn what_was_not_sent_casts_no_shadow() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    answer_last(&mut world, Outcome::NotSent("no connection".to_owned()));
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::NotPlaced));
    assert_eq!(shadow(&world, Side::Buy), number("0"));
}
