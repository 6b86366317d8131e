//! What is known of a strategy before it runs: its name, its parameters, and how to make it.

use engine::Strategy;

use crate::params::{BuildError, ParamInfo, Params};

/// A built-in strategy, for people.
#[derive(Clone, Copy, Debug)]
pub struct StrategyInfo {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Its parameters.
    pub params: &'static [ParamInfo],
    pub(crate) make: Make,
}

/// Makes the strategy from checked parameters.
pub(crate) type Make = fn(&Params<'_>) -> Result<Box<dyn Strategy>, BuildError>;
