//! One budget, case by case. An hour of each venue is in `tests/hour.rs`.

use proptest::prelude::*;

use super::*;
use crate::aligned::ANSWER_SOON;
use crate::presets::binance;

const START: i64 = 1_767_225_600_000_000_000;
const ORDERS: LimiterName = LimiterName { counts: Counted::Order, window_ms: 10_000 };
const WEIGHT: LimiterName = LimiterName { counts: Counted::Weight, window_ms: 60_000 };

fn at(millis: i64) -> Timestamp {
    Timestamp::from_nanos(START + millis * 1_000_000)
}

fn budget() -> Budget {
    Budget::new(&binance::RULES, Shares::default())
}

fn weight(amount: u32) -> Charge {
    binance::charge(amount, false, Keys::default())
}

fn place() -> Charge {
    binance::charge(1, true, Keys::default())
}

fn granted(answer: Answer) -> Grant {
    match answer {
        Answer::Granted(grant) => grant,
        Answer::Wait { wait, cause } => panic!("wait {wait:?} for {cause}"),
    }
}

fn refused(answer: Answer) -> (Duration, Cause) {
    match answer {
        Answer::Wait { wait, cause } => (wait, cause),
        Answer::Granted(grant) => panic!("granted: {grant:?}"),
    }
}

fn used(used: u32) -> [Usage; 1] {
    [Usage { counts: Counted::Weight, window_ms: 60_000, used }]
}

/// The venue has told once, so agents' traffic may use its whole share.
fn heard() -> Budget {
    let mut budget = budget();
    let grant = granted(budget.ask(at(1_000), Priority::Doubt, &weight(1)));
    budget.settle(at(1_010), &grant, &[], &used(1));
    budget
}

/// Asks until the answer is no; how much was granted.
fn drain(budget: &mut Budget, now: i64, priority: Priority, amount: u32) -> u32 {
    let mut total = 0;
    while let Answer::Granted(_) = budget.ask(at(now), priority, &weight(amount)) {
        total += amount;
    }
    total
}

#[test]
fn each_priority_stops_at_its_share() {
    let mut budget = heard();
    let shares = [
        (Priority::Backfill, 3_000),
        (Priority::Market, 4_200),
        (Priority::Order, 4_800),
        (Priority::Doubt, 5_400),
        (Priority::Kill, 6_000),
    ];
    for (priority, total) in shares {
        drain(&mut budget, 2_000, priority, 1);
        assert_eq!(budget.used(WEIGHT, &Keys::default()), total, "{priority:?}");
    }
    let (wait, cause) = refused(budget.ask(at(2_000), Priority::Kill, &weight(1)));
    assert_eq!((wait, cause), (Duration::from_secs(58), Cause::Limit(WEIGHT)));
    assert_eq!(cause.to_string(), "request weight per 1m");
}

#[test]
fn before_the_venue_has_told_agents_get_a_quarter() {
    let mut budget = budget();
    assert_eq!(drain(&mut budget, 1_000, Priority::Order, 1), 1_200);
    assert_eq!(drain(&mut budget, 1_000, Priority::Kill, 1), 4_800, "not so what protects");
}

/// An agent's first orders come all at once, and 40 of Binance's 50 may go: ten before anything was answered, and the
/// others as soon as the first answer has said how many were counted, not at the end of the window.
#[test]
fn a_burst_of_first_orders_waits_for_an_answer_and_not_for_the_window() {
    let mut budget = budget();
    let told = |used| [Usage { counts: Counted::Order, window_ms: 10_000, used }];
    let day = |used| [Usage { counts: Counted::Order, window_ms: 86_400_000, used }];
    let grants: Vec<Grant> =
        (0..10).map(|_| granted(budget.ask(at(2_000), Priority::Order, &place()))).collect();
    let (wait, cause) = refused(budget.ask(at(2_000), Priority::Order, &place()));
    assert_eq!((wait, cause), (ANSWER_SOON, Cause::Limit(ORDERS)));
    let used = [told(1), day(1)].concat();
    budget.settle(at(2_040), &grants[0], &[], &used);
    for number in 10..40 {
        let answer = budget.ask(at(2_050), Priority::Order, &place());
        assert!(matches!(answer, Answer::Granted(_)), "order {number}: {answer:?}");
    }
    let (wait, cause) = refused(budget.ask(at(2_050), Priority::Order, &place()));
    assert_eq!((wait, cause), (Duration::from_millis(7_950), Cause::Limit(ORDERS)));
}

/// The first answer says that somebody else has used nearly all of it: no more than those ten have gone.
#[test]
fn a_burst_ends_where_the_venue_says_that_others_were_first() {
    let mut budget = budget();
    let grants: Vec<Grant> =
        (0..10).map(|_| granted(budget.ask(at(2_000), Priority::Order, &place()))).collect();
    let used = [Usage { counts: Counted::Order, window_ms: 10_000, used: 38 }];
    budget.settle(at(2_040), &grants[0], &[], &used);
    let (wait, cause) = refused(budget.ask(at(2_050), Priority::Order, &place()));
    assert_eq!((wait, cause), (Duration::from_millis(7_950), Cause::Limit(ORDERS)));
}

#[test]
fn the_longest_wait_counts_and_nothing_is_booked() {
    let mut budget = heard();
    let accounts = Keys { account: 7, ..Keys::default() };
    for _ in 0..10 {
        granted(budget.ask(at(2_000), Priority::Order, &binance::charge(1, true, accounts)));
    }
    let before = budget.used(WEIGHT, &accounts);
    let answer = budget.ask(at(2_000), Priority::Order, &binance::charge(1, true, accounts));
    assert_eq!(refused(answer), (ANSWER_SOON, Cause::Limit(ORDERS)));
    assert_eq!(budget.used(WEIGHT, &accounts), before);
    granted(budget.ask(at(2_000), Priority::Order, &place()));
}

#[test]
fn what_is_free_or_never_left_is_given_back() {
    let mut budget = heard();
    let grant = granted(budget.ask(at(2_000), Priority::Order, &place()));
    assert_eq!(budget.used(WEIGHT, &Keys::default()), 2);
    budget.settle(at(2_050), &grant, &[(Counted::Weight, 1)], &[]);
    assert_eq!(budget.used(WEIGHT, &Keys::default()), 1);
    let orders = LimiterName { counts: Counted::Order, window_ms: 86_400_000 };
    assert_eq!(budget.used(orders, &Keys::default()), 1);
    let grant = granted(budget.ask(at(2_060), Priority::Order, &place()));
    budget.give_back(at(2_070), &grant);
    assert_eq!(budget.used(orders, &Keys::default()), 1);
}

#[test]
fn a_stop_holds_everyone_and_is_never_shortened() {
    let mut budget = heard();
    budget.stop(at(2_000), None, Duration::from_secs(30));
    budget.stop(at(3_000), None, Duration::from_secs(1));
    for priority in [Priority::Kill, Priority::Doubt, Priority::Backfill] {
        let held = refused(budget.ask(at(4_000), priority, &weight(1)));
        assert_eq!(held, (Duration::from_secs(28), Cause::Stop(None)));
    }
    assert_eq!(budget.stopped(at(4_000)), Some(Duration::from_secs(28)));
    granted(budget.ask(at(32_000), Priority::Backfill, &weight(1)));
    assert_eq!(budget.stopped(at(32_000)), None);
}

#[test]
fn a_stop_of_orders_lets_cancels_through() {
    let mut budget = heard();
    budget.stop(at(2_000), Some(Counted::Order), Duration::from_secs(30));
    let (_, cause) = refused(budget.ask(at(2_000), Priority::Order, &place()));
    assert_eq!(cause, Cause::Stop(Some(Counted::Order)));
    granted(budget.ask(at(2_000), Priority::Kill, &weight(1)));
}

#[test]
fn more_stops_than_there_is_room_for_stop_everything() {
    use Counted::*;
    let mut budget = heard();
    let stops =
        [Order, Place, Amend, Cancel, ReadOrder, ReadOpen, ReadFills, ReadAccount, ReadFees];
    assert!(stops.len() > STOPS_MAX);
    for (seconds, counts) in (10..).zip(stops) {
        budget.stop(at(2_000), Some(counts), Duration::from_secs(seconds));
    }
    assert_eq!(budget.stopped(at(2_000)), Some(Duration::from_secs(18)));
}

#[test]
fn metadata_replaces_the_preset() {
    let mut budget = heard();
    drain(&mut budget, 2_000, Priority::Order, 100);
    let learned = [
        Limit { counts: Counted::Weight, window_ms: 60_000, limit: 1_200 },
        Limit { counts: Counted::Order, window_ms: 1_000, limit: 10 },
        Limit { counts: Counted::Order, window_ms: 86_400_000, limit: 100_000 },
        Limit { counts: Counted::Request, window_ms: 0, limit: 5 },
        Limit { counts: Counted::Trading, window_ms: 1_000, limit: 5 },
    ];
    budget.learn(&learned);
    let rules: Vec<(Counted, Shape)> =
        budget.rules().map(|rule| (rule.counts, rule.shape)).collect();
    for (counts, window_ms, limit) in [
        (Counted::Weight, 60_000, 1_200),
        (Counted::Order, 1_000, 10),
        (Counted::Order, 86_400_000, 100_000),
        (Counted::Request, 300_000, 300_000),
    ] {
        assert!(rules.contains(&(counts, Shape::Aligned { window_ms, limit })), "{rules:?}");
    }
    assert_eq!(rules.len(), binance::RULES.len(), "ten seconds went, one came: {rules:?}");
    // What was used stays used.
    refused(budget.ask(at(2_000), Priority::Kill, &weight(1)));
    assert_eq!(drain(&mut budget, 61_000, Priority::Kill, 1), 1_200);
}

#[test]
fn a_clock_behind_grants_nothing_and_extends_nothing() {
    let mut budget = heard();
    drain(&mut budget, 30_000, Priority::Kill, 1);
    budget.stop(at(30_000), None, Duration::from_secs(20));
    // Another process read its clock before its turn came.
    let (wait, _) = refused(budget.ask(at(29_000), Priority::Kill, &weight(1)));
    assert_eq!(wait, Duration::from_secs(30));
    // The clock was set back by an hour, and 10 s.
    let back = -3_600_000 + 20_000;
    let (wait, cause) = refused(budget.ask(at(back), Priority::Kill, &weight(1)));
    assert_eq!((wait, cause), (Duration::from_secs(40), Cause::Limit(WEIGHT)));
    assert_eq!(budget.stopped(at(back)), Some(Duration::from_secs(20)));
    granted(budget.ask(at(back + 40_300), Priority::Kill, &weight(1)));
}

#[test]
fn a_better_known_clock_moves_the_windows() {
    let mut budget = heard();
    drain(&mut budget, 2_000, Priority::Kill, 1);
    budget.learn_clock(at(2_000), -30_000);
    let (wait, _) = refused(budget.ask(at(2_000), Priority::Kill, &weight(1)));
    assert_eq!(wait, Duration::from_secs(28), "the venue's minute ends at our 30 s");
    let mut other = heard();
    drain(&mut other, 2_000, Priority::Kill, 1);
    other.learn_clock(at(2_000), 58_500);
    refused(other.ask(at(2_000), Priority::Kill, &weight(1)));
}

#[test]
fn after_damage_only_the_reserve_and_one_question_are_left() {
    let told: Vec<Rule> = binance::RULES.into_iter().filter(|rule| rule.told).collect();
    let mut budget = Budget::new(&told, Shares::default()).careful(at(1_000));
    assert_eq!(drain(&mut budget.clone(), 2_000, Priority::Kill, 1), 1_201);
    let grant = granted(budget.ask(at(2_000), Priority::Order, &place()));
    refused(budget.ask(at(2_001), Priority::Order, &place()));
    let told = [
        Usage { counts: Counted::Weight, window_ms: 60_000, used: 30 },
        Usage { counts: Counted::Order, window_ms: 10_000, used: 1 },
        Usage { counts: Counted::Order, window_ms: 86_400_000, used: 500 },
    ];
    budget.settle(at(2_010), &grant, &[], &told);
    granted(budget.ask(at(2_020), Priority::Order, &place()));
    assert_eq!(budget.used(WEIGHT, &Keys::default()), 31);
    // An account nobody has seen yet is as unknown as the first was.
    let account = Keys { account: 9, ..Keys::default() };
    granted(budget.ask(at(3_000), Priority::Order, &binance::charge(1, true, account)));
    refused(budget.ask(at(3_001), Priority::Order, &binance::charge(1, true, account)));
}

#[test]
fn after_damage_a_limit_that_is_never_told_waits_for_its_window() {
    let mut budget = budget().careful(at(1_000));
    // Requests are held by their weight, which any answer tells.
    let grant = granted(budget.ask(at(1_500), Priority::Doubt, &weight(1)));
    budget.settle(at(1_510), &grant, &[], &used(1));
    granted(budget.ask(at(2_000), Priority::Market, &weight(1)));
    let connection = binance::connection(false, Keys::default());
    let (wait, cause) = refused(budget.ask(at(2_000), Priority::Market, &connection));
    let name = LimiterName { counts: Counted::Connection, window_ms: 300_000 };
    assert_eq!(cause, Cause::Limit(name));
    assert!(wait > Duration::from_secs(300) && wait < Duration::from_secs(331), "{wait:?}");
    granted(budget.ask(at(2_000), Priority::Doubt, &connection));
    granted(budget.ask(at(2_000).after(wait), Priority::Market, &connection));
}

#[test]
fn what_went_unasked_is_booked_all_the_same() {
    let mut budget = heard();
    drain(&mut budget, 2_000, Priority::Kill, 1);
    budget.book(at(2_000), &weight(50));
    assert_eq!(budget.used(WEIGHT, &Keys::default()), 6_050);
    refused(budget.ask(at(2_000), Priority::Kill, &weight(1)));
}

#[test]
fn written_down_and_read_back_it_is_the_same() {
    let mut before = heard();
    drain(&mut before, 2_000, Priority::Order, 7);
    before.learn(&[Limit { counts: Counted::Weight, window_ms: 60_000, limit: 5_000 }]);
    before.stop(at(2_000), Some(Counted::Order), Duration::from_secs(5));
    granted(before.ask(at(2_000), Priority::Kill, &binance::connection(true, Keys::default())));
    let text = serde_json::to_string(&before).unwrap();
    let read: Budget = serde_json::from_str(&text).unwrap();
    assert_eq!(read, before);
    let restored = budget().restored(read);
    assert_eq!(restored, before, "nothing is lost in a start of the same version");
}

#[test]
fn instruments_are_counted_apart_and_their_number_is_bounded() {
    let mut budget = Budget::new(&crate::okx::RULES, Shares::default());
    let of = |instrument| {
        crate::okx::charge(crate::Operation::Place, Keys { instrument, ..Keys::default() })
    };
    for instrument in 0..crate::CELLS_MAX as u64 {
        granted(budget.ask(at(0), Priority::Order, &of(instrument)));
    }
    let (wait, _) = refused(budget.ask(at(1), Priority::Order, &of(1_000)));
    assert_eq!(wait, Duration::from_secs(1));
    granted(budget.ask(at(2_200), Priority::Order, &of(1_000)));
}

proptest! {
    /// Whatever is asked, when, by whom: a window never holds more than the limit.
    #[test]
    fn no_minute_holds_more_than_its_limit(
        asks in prop::collection::vec((0_i64..5_000, 0_u8..5, 1_u32..400), 1..200)
    ) {
        let mut budget = heard();
        let mut now = 2_000;
        let mut minutes = std::collections::BTreeMap::from([(START / 60_000_000_000, 1_u32)]);
        for (pause, priority, amount) in asks {
            now += pause;
            use Priority::*;
            let priority = [Kill, Doubt, Order, Market, Backfill][usize::from(priority)];
            match budget.ask(at(now), priority, &weight(amount)) {
                Answer::Granted(grant) => {
                    *minutes.entry(at(now).nanos() / 60_000_000_000).or_default() += amount;
                    if amount % 2 == 0 {
                        budget.settle(at(now + 20), &grant, &[], &[]);
                    }
                }
                Answer::Wait { wait, .. } => {
                    prop_assert!(!wait.is_zero());
                    prop_assert!(wait <= Duration::from_secs(60));
                }
            }
        }
        prop_assert!(minutes.values().all(|used| *used <= 6_000), "{minutes:?}");
    }
}
