//! What becomes of the one order of a trial. Who makes trials, and why, is in `trial.rs`.

/// What becomes of the order on its way, and of what is said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// How its acknowledgement is lost.
    pub fate: Fate,
    /// It is filled as soon as it is there.
    pub filled: bool,
    /// The account's stream tells.
    pub told: bool,
    /// The gateway is killed as soon as it has left.
    pub killed: bool,
}

/// How an acknowledgement is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The request does not arrive.
    LosesRequest,
    /// The answer does not come.
    LosesAnswer,
    /// A server error, and it was taken.
    Error,
    /// It comes so late that the venue refuses it, and nobody hears of that.
    TooLate,
}
