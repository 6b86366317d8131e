//! What a simulation assumes where a recording does not say: who of a queue a print filled, what taking
//! costs beyond the price that was seen, and how much of what traded could have been ours.

/// When the recorded market fills an order that rests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestingFills {
    /// A print at its price takes from the front of the queue, and what stood there before the order goes
    /// first. Where no book was recorded nothing is known of a queue: as [`RestingFills::Through`].
    #[default]
    Queue,
    /// Only a print beyond its price, or a level on the other side that crosses it, fills it.
    Through,
    /// A print at its price fills all of it, whatever stood before it and however little was traded.
    Touch,
}

/// What is assumed of every instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// Of orders that rest.
    pub resting: RestingFills,
    /// How much worse than what stands in the book takers of the recorded market trade, hundredths of a
    /// percent, though never beyond the limit of an order.
    pub slippage_bps: u32,
    /// The most that accounts may have of one print, and of one bar, percent. `None` for all of it; where no
    /// book was recorded takers then find as much as they want.
    pub share_percent: Option<u32>,
}

/// The market of an instrument of which prints were recorded and no book: its last price is there for takers
/// of both sides.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PrintsOnly {
    /// What is left of the last print's or bar's share; `None` without a bound.
    pub(crate) left: Option<i64>,
}
