//! The life of an order, as one table.
//!
//! ```text
//! pending new ──accepted──▶ working ──cancel sent──▶ pending cancel
//!      │                       │                          │
//!      └──no answer──▶ in doubt ◀──────no answer──────────┘
//!                          │
//!      any of them ──proof of the end──▶ done(filled | canceled | rejected | expired | not placed)
//!      done, by proof of absence ──returned──▶ working
//! ```
//!
//! Reports arrive twice, late and out of order, so the table is total: every pair of state and
//! event has an entry, and repeating an event changes nothing. How much is filled is not a state;
//! it is a quantity merged by trade id and cumulative quantity beside it.

use serde::{Deserialize, Serialize};

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Written down and sent; no answer yet.
    PendingNew,
    /// Known to be alive at the venue.
    Working,
    /// A cancel is on its way; fills may still come.
    PendingCancel,
    /// Sent, outcome not proven. Keeps its whole size reserved, is asked for, never sent again.
    InDoubt,
    /// Over. A fill may still follow a cancel.
    Done(Ending),
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// All of it executed.
    Filled,
    /// Taken back, by us, by an operator or by the venue.
    Canceled,
    /// The venue proved that it never accepted it.
    Rejected,
    /// Its time in force ended it.
    Expired,
    /// Sent in doubt and then proven never to have arrived.
    NotPlaced,
}

impl Ending {
    /// For people.
    pub const fn word(self) -> &'static str {
        match self {
            Ending::Filled => "filled",
            Ending::Canceled => "canceled",
            Ending::Rejected => "rejected",
            Ending::Expired => "expired",
            Ending::NotPlaced => "not placed",
        }
    }
}

/// What can happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// The venue has it: an answer, a report, or found by asking.
    Accepted,
    /// Some of it executed, but not all.
    PartlyFilled,
    /// All of it executed.
    Filled,
    /// A cancel was sent.
    CancelSent,
    /// The venue proved that the cancel did nothing: not an end, a question.
    CancelRefused,
    /// The request's outcome is unknown: time-out, broken connection, unlisted error.
    NoAnswer,
    /// The venue reports it over.
    Ended(Ending),
    /// The venue has it after its absence was proven.
    Returned,
}

impl OrderEvent {
    /// Does it prove that the venue has the order, or had it?
    pub const fn is_alive(self) -> bool {
        match self {
            OrderEvent::Accepted
            | OrderEvent::PartlyFilled
            | OrderEvent::Filled
            | OrderEvent::Returned => true,
            OrderEvent::CancelSent
            | OrderEvent::CancelRefused
            | OrderEvent::NoAnswer
            | OrderEvent::Ended(_) => false,
        }
    }
}

impl OrderState {
    /// The next state. Total: what makes no sense leaves the state as it is.
    pub const fn next(self, event: OrderEvent) -> OrderState {
        use OrderEvent as E;
        use OrderState as S;
        match (self, event) {
            // An end is kept. Only a fill corrects it: the venue executed what it had reported as
            // over, and a full execution is the one end that nothing can follow.
            (S::Done(_), E::Filled) => S::Done(Ending::Filled),
            (S::Done(Ending::Rejected | Ending::NotPlaced), E::PartlyFilled | E::Accepted) => {
                // A ghost: proven absent and yet there. It is alive until the venue says otherwise.
                S::Working
            }
            // Over by proof that it is not there, whatever that end is called, and it is there.
            (S::Done(_), E::Returned) => S::Working,
            (S::Done(ending), _) => S::Done(ending),

            (_, E::Filled) => S::Done(Ending::Filled),
            (_, E::Ended(ending)) => S::Done(ending),

            (
                S::PendingNew | S::InDoubt | S::Working,
                E::Accepted | E::PartlyFilled | E::Returned,
            ) => S::Working,
            // Alive is no news about the cancel.
            (S::PendingCancel, E::Accepted | E::PartlyFilled | E::Returned) => S::PendingCancel,

            (S::PendingNew, E::CancelSent) => S::PendingNew,
            (S::InDoubt, E::CancelSent) => S::InDoubt,
            (S::Working | S::PendingCancel, E::CancelSent) => S::PendingCancel,

            // "Unknown order" may mean filled, canceled or not yet there: ask.
            (S::PendingCancel | S::InDoubt, E::CancelRefused) => S::InDoubt,
            (S::Working | S::PendingNew, E::CancelRefused) => S::InDoubt,

            (S::PendingNew | S::Working | S::PendingCancel | S::InDoubt, E::NoAnswer) => S::InDoubt,
        }
    }

    /// Is it over?
    pub const fn is_done(self) -> bool {
        matches!(self, OrderState::Done(_))
    }

    /// May it still execute, as far as we know? Then its size counts in every worst case.
    pub const fn is_open(self) -> bool {
        !self.is_done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [OrderState; 9] = [
        OrderState::PendingNew,
        OrderState::Working,
        OrderState::PendingCancel,
        OrderState::InDoubt,
        OrderState::Done(Ending::Filled),
        OrderState::Done(Ending::Canceled),
        OrderState::Done(Ending::Rejected),
        OrderState::Done(Ending::Expired),
        OrderState::Done(Ending::NotPlaced),
    ];
    const EVENTS: [OrderEvent; 12] = [
        OrderEvent::Accepted,
        OrderEvent::PartlyFilled,
        OrderEvent::Filled,
        OrderEvent::CancelSent,
        OrderEvent::CancelRefused,
        OrderEvent::NoAnswer,
        OrderEvent::Ended(Ending::Filled),
        OrderEvent::Ended(Ending::Canceled),
        OrderEvent::Ended(Ending::Rejected),
        OrderEvent::Ended(Ending::Expired),
        OrderEvent::Ended(Ending::NotPlaced),
        OrderEvent::Returned,
    ];

    #[test]
    fn hearing_a_thing_twice_changes_nothing() {
        for state in STATES {
            for event in EVENTS {
                let once = state.next(event);
                assert_eq!(once.next(event), once, "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn only_a_fill_or_a_ghost_changes_an_end() {
        for state in STATES.into_iter().filter(|s| s.is_done()) {
            for event in EVENTS {
                let next = state.next(event);
                let ghost = matches!(
                    (state, event),
                    (
                        OrderState::Done(Ending::Rejected | Ending::NotPlaced),
                        OrderEvent::PartlyFilled | OrderEvent::Accepted
                    )
                );
                let ghost = ghost || event == OrderEvent::Returned;
                assert!(
                    next == state || event == OrderEvent::Filled || ghost,
                    "{state:?} {event:?} -> {next:?}"
                );
            }
        }
    }

    #[test]
    fn a_lost_answer_is_in_doubt_and_never_an_end() {
        for state in STATES.into_iter().filter(|s| s.is_open()) {
            assert_eq!(state.next(OrderEvent::NoAnswer), OrderState::InDoubt);
            assert!(state.next(OrderEvent::CancelRefused).is_open());
        }
    }

    /// PRO-06: the same reports in any order end in the same state.
    #[test]
    fn the_order_of_reports_does_not_matter() {
        let heard = [OrderEvent::Accepted, OrderEvent::PartlyFilled, OrderEvent::Filled];
        let canceled =
            [OrderEvent::Accepted, OrderEvent::Ended(Ending::Canceled), OrderEvent::PartlyFilled];
        for events in [heard, canceled] {
            let mut ends = Vec::new();
            for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
                let end = order.iter().fold(OrderState::PendingNew, |s, i| s.next(events[*i]));
                ends.push(end);
            }
            assert!(ends.iter().all(|e| *e == ends[0]), "{events:?}: {ends:?}");
        }
    }
}
