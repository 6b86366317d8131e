//! What may be lost yet, until a limit on losses is reached.

use model::Notional;

/// What is left to lose, of the limits on the day's loss and on the fall from the highest equity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Headroom {
    /// No limit on losses holds.
    #[default]
    NotLimited,
    /// One does, and how much was lost is not known: nothing may be sent that adds risk.
    Unknown,
    /// So much, in quote units.
    Left(Notional),
}
