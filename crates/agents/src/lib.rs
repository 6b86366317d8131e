//! Built-in strategies: three that trade, to start from, and three that misbehave, to prove that
//! the cage holds.
//!
//! [`build`] makes one by name, [`list`] describes them. All are deterministic functions of what
//! they are shown ([`engine::Strategy`]); indicators are binary floating point, money never is.

mod drills;
mod params;

use std::collections::BTreeMap;

use engine::Strategy;
use model::Instrument;

pub use params::{BuildError, ParamInfo, ParamKind};

use params::Params;

/// A built-in strategy, for people.
#[derive(Clone, Copy, Debug)]
pub struct StrategyInfo {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Its parameters.
    pub params: &'static [ParamInfo],
    make: Make,
}

type Make = fn(&Params<'_>) -> Result<Box<dyn Strategy>, BuildError>;

/// All built-in strategies.
pub fn list() -> &'static [StrategyInfo] {
    STRATEGIES
}

/// Makes a strategy by name. Without an `instrument` parameter it trades the first instrument.
pub fn build(
    name: &str,
    params: &BTreeMap<String, String>,
    instruments: &[Instrument],
) -> Result<Box<dyn Strategy>, BuildError> {
    let Some(info) = STRATEGIES.iter().find(|info| info.name == name) else {
        let known = STRATEGIES.iter().map(|info| info.name).collect();
        return Err(BuildError::UnknownStrategy { name: name.to_owned(), known });
    };
    (info.make)(&Params::new(info.name, info.params, params, instruments)?)
}

const STRATEGIES: &[StrategyInfo] = &[drills::PANIC, drills::LOOP, drills::LEAK];
