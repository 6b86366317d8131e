//! All breakers together: what changes, what is told of it, and what a restart keeps. Each has its own table of
//! cases beside it.

use super::*;
use crate::testing::number;

fn at(ms: u64) -> Timestamp {
    Timestamp::EPOCH.after(Duration::from_millis(ms))
}

fn breakers(tripped: &[BreakerName]) -> Breakers {
    let mut books = Books::default();
    for name in tripped {
        let (value, limit) = (number("1"), number("1"));
        let event = model::BreakerEvent::Tripped;
        let record = model::Record::Breaker { name: *name, about: None, event, value, limit };
        books.apply(&model::Entry { at: at(0), record });
    }
    Breakers::of(&BreakerLimits::default(), Some(Duration::from_secs(2)), &books, at(0))
}

fn before(of: &str) -> Before {
    let of = number(of);
    Before { high: of, day_start: of, peak: of }
}

#[test]
fn a_change_is_told_once() {
    let mut breakers = breakers(&[]);
    assert_eq!(breakers.changes(at(0), None), vec![]);
    breakers.valued(at(1), number("970"), &before("1000"));
    let names = |changes: Vec<Change>| changes.iter().map(|c| c.name).collect::<Vec<_>>();
    let changed = names(breakers.changes(at(1), None));
    assert_eq!(changed, [BreakerName::DayLoss, BreakerName::LossVelocity], "3 % and 1 %, not 10 %");
    assert_eq!(breakers.changes(at(2), None), vec![]);
    assert_eq!(breakers.holding(at(2)).count(), 2);
    assert_eq!(breakers.lowers(), None, "what halts does not lower");
}

#[test]
fn the_room_is_the_smallest() {
    let mut breakers = breakers(&[]);
    assert_eq!(breakers.room(), None);
    breakers.valued(at(1), number("995"), &before("1000"));
    assert_eq!(
        breakers.room(),
        Some(number("25")),
        "of 3 % in a day; how fast is another question"
    );
    let before = Before { peak: number("995"), ..before("1000") };
    breakers.valued(at(1), number("969"), &before);
    assert_eq!(breakers.room(), Some(Amount::ZERO));
}

#[test]
fn what_had_tripped_acts_after_a_restart() {
    let mut breakers = breakers(&[BreakerName::Reconnects, BreakerName::Drawdown]);
    assert_eq!(breakers.lowers().map(|(state, _)| state), Some(TradingState::Reducing));
    assert_eq!(breakers.changes(at(1), None), vec![], "it is no news");
    breakers.tick(at(1));
    breakers.tick(at(60_001));
    let changed = breakers.changes(at(60_001), None);
    assert_eq!(changed.len(), 1);
    assert_eq!((changed[0].name, &changed[0].verdict), (BreakerName::Reconnects, &Verdict::Clear));
    assert_eq!(breakers.holding(at(60_001)).next(), Some(BreakerName::Drawdown), "not known yet");
}

#[test]
fn it_says_when_time_alone_changes_something() {
    let mut breakers = breakers(&[]);
    breakers.changes(at(0), Some(at(0)));
    assert_eq!(breakers.next_due(), Some(at(1_000)), "no market is fresh for a second");
    breakers.stale_data.observe(at(1_000), Some(Duration::from_secs(1)));
    breakers.changes(at(1_000), Some(at(0)));
    assert_eq!(breakers.next_due(), None, "it has tripped, and is not calm");
    breakers.stale_data.observe(at(2_000), None);
    breakers.changes(at(2_000), None);
    let due = breakers.next_due().unwrap();
    assert!(due > at(61_000) && due < at(61_001), "{due}");
}

#[test]
fn every_breaker_is_shown_with_its_limit() {
    let shown = breakers(&[]).shown(at(0));
    let all = BreakerName::ALL.iter().filter(|name| **name != BreakerName::Position);
    assert!(shown.iter().map(|it| it.name).eq(all.copied()));
    assert_eq!(shown[0].value, None, "nothing was valued");
    assert_eq!(shown[0].limit.to_string(), "10");
    assert_eq!(shown[10].limit.to_string(), "22", "seconds: the quiet time and the grace");
}
