//! Deliberate bugs, so that it can be shown that the checkers of `crates/sim` see them.
//!
//! Without the feature `defects` nothing can be planted: [`Planted`] is empty and says no to everything, so
//! no release holds one. `cargo xtask tidy` refuses a default feature that turns it on, and `cargo xtask
//! defects` is the one build that does.

/// A deliberate bug. Each breaks an invariant of `docs/chaos.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// An execution that is told again is counted again.
    FillCountedTwice,
    /// An order in doubt keeps no size reserved.
    ReservationForgotten,
    /// An order is sent before it is written down.
    SendBeforePersist,
    /// An order that a list does not show is over.
    ReconcileOverwrites,
    /// A cancel of an order without an answer is forgotten.
    CancelLost,
    /// An order in doubt is called refused.
    DoubtIsRefused,
    /// An order in doubt is sent again by the same name.
    SendsAgain,
    /// Absence counts at once.
    AbsentTooEarly,
    /// A restart forgets the halt.
    LatchLost,
    /// Every session makes the same names.
    IdsReused,
    /// An old book is as good as a new one.
    StaleBook,
    /// A halt takes nothing back.
    HaltKeepsOrders,
    /// An execution of an order that is over is dropped.
    LateFillDropped,
    /// It trades before the books are compared.
    TradesUncompared,
    /// It trades while the account's stream is down.
    TradesDeaf,
    /// The price collar is not looked at.
    CollarIgnored,
    /// The size of an order is not looked at.
    SizeIgnored,
    /// The size of the position is not looked at.
    CapIgnored,
    /// Orders of others are passed over.
    ForeignIgnored,
    /// What the venue's history tells is not counted.
    HistoryIgnored,
    /// An order is a lot larger than was decided.
    OneLotMore,
    /// A halt is announced and not kept to.
    HaltIgnored,
    /// A cancel that is refused means that the order is gone.
    CancelRefusedIsGone,
    /// A cancel without an answer has worked.
    CancelInDoubtIsDone,
    /// Balances are never taken over.
    BalancesIgnored,
    /// Questions are never forgotten.
    QuestionsLeak,
    /// A fact changes the books and not the journal.
    Unrecorded,
    /// A restart asks about nothing.
    DoubtsForgotten,
    /// One intent makes two orders.
    IntentTwice,
    /// A difference is repaired by an order.
    RepairsByTrading,
    /// Once the account's stream was down it never trades again.
    NeverAgain,
    /// What is too late to be taken back stays.
    CancelsExpire,
    /// An order that says it only reduces is let through whatever it does.
    ReduceOnlyIgnored,
    /// An order in doubt that is found is somebody else's.
    OwnCalledForeign,
    /// An execution that crosses a cancel is nobody's.
    CrossedFillOfNobody,
    /// A halt is kept to, and orders are let through.
    HaltLetsThrough,
    /// The journal's chain of hashes is not looked at.
    ChainUnchecked,
    /// A gateway that another one has followed goes on.
    FenceIgnored,
    /// A halt is lifted by two steps at once.
    ResumesAtOnce,
    /// What is paid in is taken for a profit, and what is paid out for a loss.
    DepositIsProfit,
    /// What is lost since the most there was is not looked at.
    DrawdownIgnored,
    /// An execution that the venue takes back stays counted.
    BustsIgnored,
    /// An order is looked for from when it was made by our own clock.
    ClockBelieved,
}

impl Defect {
    /// All of them.
    pub const ALL: [Defect; 43] = [
        Defect::FillCountedTwice,
        Defect::ReservationForgotten,
        Defect::SendBeforePersist,
        Defect::ReconcileOverwrites,
        Defect::CancelLost,
        Defect::DoubtIsRefused,
        Defect::SendsAgain,
        Defect::AbsentTooEarly,
        Defect::LatchLost,
        Defect::IdsReused,
        Defect::StaleBook,
        Defect::HaltKeepsOrders,
        Defect::LateFillDropped,
        Defect::TradesUncompared,
        Defect::TradesDeaf,
        Defect::CollarIgnored,
        Defect::SizeIgnored,
        Defect::CapIgnored,
        Defect::ForeignIgnored,
        Defect::HistoryIgnored,
        Defect::OneLotMore,
        Defect::HaltIgnored,
        Defect::CancelRefusedIsGone,
        Defect::CancelInDoubtIsDone,
        Defect::BalancesIgnored,
        Defect::QuestionsLeak,
        Defect::Unrecorded,
        Defect::DoubtsForgotten,
        Defect::IntentTwice,
        Defect::RepairsByTrading,
        Defect::NeverAgain,
        Defect::CancelsExpire,
        Defect::ReduceOnlyIgnored,
        Defect::OwnCalledForeign,
        Defect::CrossedFillOfNobody,
        Defect::HaltLetsThrough,
        Defect::ChainUnchecked,
        Defect::FenceIgnored,
        Defect::ResumesAtOnce,
        Defect::DepositIsProfit,
        Defect::DrawdownIgnored,
        Defect::BustsIgnored,
        Defect::ClockBelieved,
    ];
}

/// Which deliberate bug there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Planted(#[cfg(feature = "defects")] pub(crate) Option<Defect>);

impl Planted {
    /// Is it this one?
    #[cfg(feature = "defects")]
    pub(crate) fn is(self, defect: Defect) -> bool {
        self.0 == Some(defect)
    }

    /// Is it this one? Never.
    #[cfg(not(feature = "defects"))]
    pub(crate) const fn is(self, _defect: Defect) -> bool {
        false
    }
}

#[cfg(all(test, not(feature = "defects")))]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_planted_without_the_feature() {
        let planted = Planted::default();
        assert!(Defect::ALL.into_iter().all(|defect| !planted.is(defect)));
        assert_eq!(size_of::<Planted>(), 0);
    }
}
