//! Built-in strategies: three that trade, to start from, and three that misbehave, to prove that
//! the cage holds.
//!
//! [`build`] makes one by name, [`list`] describes them. All are deterministic functions of what
//! they are shown ([`engine::Strategy`]); indicators are binary floating point, money never is.

mod desk;
mod drills;
mod ema_cross;
mod indicators;
mod info;
mod market_maker;
mod mean_reversion;
mod params;
#[cfg(test)]
mod testing;

use std::collections::BTreeMap;

use engine::Strategy;
use model::Instrument;

pub use info::StrategyInfo;
pub use params::{BuildError, ParamInfo, ParamKind};

use params::Params;

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
        // Nobody who misspelt a name is looking for a drill.
        let known = STRATEGIES.iter().map(|info| info.name);
        let known = known.filter(|name| !name.starts_with(drills::PREFIX)).collect();
        return Err(BuildError::UnknownStrategy { name: name.to_owned(), known });
    };
    (info.make)(&Params::new(info.name, info.params, params, instruments)?)
}

const STRATEGIES: &[StrategyInfo] = &[
    ema_cross::INFO,
    mean_reversion::INFO,
    market_maker::INFO,
    drills::PANIC,
    drills::LOOP,
    drills::LEAK,
];
