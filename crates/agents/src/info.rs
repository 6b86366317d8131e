//! What is known of a strategy before it runs: its name, its parameters, and how to make it.

use engine::Strategy;

use crate::params::{BuildError, ParamInfo, Params};

/// The files that every strategy stands on, and its own.
macro_rules! source {
    ($own:literal) => {
        &[
            include_str!($own),
            include_str!("desk.rs"),
            include_str!("indicators.rs"),
            include_str!("params.rs"),
        ]
    };
}

pub(crate) use source;

/// A built-in strategy, for people.
#[derive(Clone, Copy, Debug)]
pub struct StrategyInfo {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Its parameters.
    pub params: &'static [ParamInfo],
    /// The source that it is made of: its own file, and those of this crate that it stands on. Who wants to know
    /// whether it is still the same compares these.
    pub source: &'static [&'static str],
    pub(crate) make: Make,
}

/// Makes the strategy from checked parameters.
pub(crate) type Make = fn(&Params<'_>) -> Result<Box<dyn Strategy>, BuildError>;
