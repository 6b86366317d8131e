//! Why a fault cannot be: each with what to write instead.

/// Faults kept, ended ones among them.
pub(super) const FAULTS_MAX: usize = 1_000;

/// A fault that cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FaultError {
    /// Not a fault at all.
    #[error("not a fault: {0}; a fault is like {{\"kind\": \"outage\", \"for\": \"5s\"}}")]
    Syntax(String),
    /// Not a scenario at all.
    #[error("not a scenario: {0}")]
    Scenario(String),
    /// A row of a scenario.
    #[error("fault {number}: {error}")]
    Row {
        /// Counted from one, as they stand in the file.
        number: usize,
        /// What is wrong with it.
        error: Box<FaultError>,
    },
    /// No such kind.
    #[error("there is no fault of kind {kind:?}; there is {known}")]
    Kind {
        /// What was written.
        kind: String,
        /// All there are.
        known: String,
    },
    /// A parameter that this kind does not have.
    #[error("{kind} has no parameter {name:?}; it has {known}")]
    Unknown {
        /// Which fault.
        kind: String,
        /// What was written.
        name: String,
        /// All it has.
        known: String,
    },
    /// A parameter that this kind cannot do without.
    #[error("{kind} needs {name}, {what}")]
    Missing {
        /// Which fault.
        kind: String,
        /// Which parameter.
        name: &'static str,
        /// What it is.
        what: &'static str,
    },
    /// A value of the wrong shape or out of its range.
    #[error("{name} of {kind} is {value}; it must be {wanted}")]
    Value {
        /// Which fault.
        kind: String,
        /// Which parameter.
        name: &'static str,
        /// What was written.
        value: String,
        /// What may be.
        wanted: String,
    },
    /// Too many.
    #[error("there are {FAULTS_MAX} faults under way already; heal first")]
    TooMany,
}
