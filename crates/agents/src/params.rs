//! Parameters of a strategy: text in, checked values out. Every mistake is named together with what
//! would have been right.

use std::collections::BTreeMap;

use model::{Instrument, InstrumentId, Qty};

/// One parameter, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamInfo {
    /// Its name.
    pub name: &'static str,
    /// What kind of text it takes.
    pub kind: ParamKind,
    /// Its value when none is given; `None` means that one must be given.
    pub default: Option<&'static str>,
    /// What it does, with its unit.
    pub about: &'static str,
}

/// What is traded.
pub(crate) const INSTRUMENT: ParamInfo = ParamInfo {
    name: "instrument",
    kind: ParamKind::Instrument,
    default: None,
    about: "what it trades; the first instrument when not given",
};

/// How much is held or quoted.
pub(crate) const QTY: ParamInfo = ParamInfo {
    name: "qty",
    kind: ParamKind::Qty,
    default: Some("0.001"),
    about: "position while long, or size of each quote, base units",
};

/// How often the market is looked at.
pub(crate) const SAMPLE_MS: ParamInfo = ParamInfo {
    name: "sample_ms",
    kind: ParamKind::Whole { min: 1, max: 86_400_000 },
    default: Some("1000"),
    about: "time between samples, milliseconds",
};

/// What a parameter takes, with both ends of its range included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// A whole number.
    Whole {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A number that decides but is no money.
    Number {
        /// Smallest, in thousandths.
        min_milli: u64,
        /// Largest, in thousandths.
        max_milli: u64,
    },
    /// Base units above zero, a multiple of the instrument's lot size.
    Qty,
    /// The name of an instrument that the agent follows; the first one by default.
    Instrument,
}

/// Why a strategy cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// There is no such strategy.
    #[error("there is no strategy {name:?}; there are: {}", known.join(", "))]
    UnknownStrategy {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// The strategy has no such parameter.
    #[error("{strategy} has no parameter {name:?}; it has: {}", known.join(", "))]
    UnknownParam {
        /// Which strategy.
        strategy: &'static str,
        /// What was given.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// A parameter without a default was not given.
    #[error("{strategy} needs the parameter {name}: {about}")]
    MissingParam {
        /// Which strategy.
        strategy: &'static str,
        /// Which parameter.
        name: &'static str,
        /// What it is.
        about: &'static str,
    },
    /// A value that the parameter does not take.
    #[error("{strategy}: {name} = {value:?} is wrong: {problem}")]
    Value {
        /// Which strategy.
        strategy: &'static str,
        /// Which parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is nothing to trade.
    #[error("{strategy} needs an instrument to trade and none is configured")]
    NoInstrument {
        /// Which strategy.
        strategy: &'static str,
    },
}

/// The parameters of one strategy, checked against their description as they are read.
pub(crate) struct Params<'a> {
    strategy: &'static str,
    infos: &'static [ParamInfo],
    given: &'a BTreeMap<String, String>,
    instruments: &'a [Instrument],
}

impl<'a> Params<'a> {
    /// Refuses names that are not described.
    pub(crate) fn new(
        strategy: &'static str,
        infos: &'static [ParamInfo],
        given: &'a BTreeMap<String, String>,
        instruments: &'a [Instrument],
    ) -> Result<Params<'a>, BuildError> {
        let is_known = |name: &&String| infos.iter().any(|info| info.name == name.as_str());
        if let Some(name) = given.keys().find(|name| !is_known(name)) {
            let known = infos.iter().map(|info| info.name).collect();
            return Err(BuildError::UnknownParam { strategy, name: name.clone(), known });
        }
        Ok(Params { strategy, infos, given, instruments })
    }

    /// A whole number within its range.
    pub(crate) fn whole(&self, name: &'static str) -> Result<u64, BuildError> {
        let (text, kind) = self.text(name)?;
        let (min, max) = match kind {
            ParamKind::Whole { min, max } => (min, max),
            ParamKind::Number { .. } | ParamKind::Qty | ParamKind::Instrument => (0, u64::MAX),
        };
        match text.parse::<u64>() {
            Ok(value) if (min..=max).contains(&value) => Ok(value),
            _ => {
                Err(self.wrong(name, text, format!("a whole number from {min} to {max} is wanted")))
            }
        }
    }

    /// A number within its range. Never money.
    pub(crate) fn number(&self, name: &'static str) -> Result<f64, BuildError> {
        let (text, kind) = self.text(name)?;
        let (min, max) = match kind {
            ParamKind::Number { min_milli, max_milli } => (min_milli as f64, max_milli as f64),
            ParamKind::Whole { .. } | ParamKind::Qty | ParamKind::Instrument => (0.0, f64::MAX),
        };
        let (min, max) = (min / 1_000.0, max / 1_000.0);
        match text.parse::<f64>() {
            Ok(value) if (min..=max).contains(&value) => Ok(value),
            _ => Err(self.wrong(name, text, format!("a number from {min} to {max} is wanted"))),
        }
    }

    /// A quantity that an order for `instrument` may have.
    pub(crate) fn qty(
        &self,
        name: &'static str,
        instrument: &Instrument,
    ) -> Result<Qty, BuildError> {
        let (text, _) = self.text(name)?;
        let qty: Qty = text.parse().map_err(|error: model::NumberError| {
            self.wrong(name, text, format!("base units are wanted, such as 0.001 ({error})"))
        })?;
        let lot = instrument.lot;
        if qty.is_zero() || !lot.divides(qty.get()) {
            let lot = lot.get();
            let problem = format!("a multiple of the lot size {lot} above zero is wanted");
            return Err(self.wrong(name, text, problem));
        }
        Ok(qty)
    }

    /// The instrument that is traded: the one named by `instrument`, else the first.
    pub(crate) fn instrument(&self) -> Result<&'a Instrument, BuildError> {
        let first =
            self.instruments.first().ok_or(BuildError::NoInstrument { strategy: self.strategy })?;
        let Some(text) = self.given.get("instrument") else { return Ok(first) };
        let wanted = InstrumentId::new(text).ok();
        let found = self.instruments.iter().find(|instrument| Some(instrument.id) == wanted);
        found.ok_or_else(|| {
            let known: Vec<&str> = self.instruments.iter().map(|i| i.id.as_str()).collect();
            self.wrong("instrument", text, format!("there are: {}", known.join(", ")))
        })
    }

    /// An error about a value that is in range and still makes no sense.
    pub(crate) fn wrong(&self, name: &'static str, value: &str, problem: String) -> BuildError {
        BuildError::Value { strategy: self.strategy, name, value: value.to_owned(), problem }
    }

    /// What was given, or the default.
    fn text(&self, name: &'static str) -> Result<(&'a str, ParamKind), BuildError> {
        let strategy = self.strategy;
        let Some(info) = self.infos.iter().find(|info| info.name == name) else {
            // A strategy that reads what it does not describe: seen by its first test.
            let about = "not described";
            return Err(BuildError::MissingParam { strategy, name, about });
        };
        let text = self.given.get(name).map(String::as_str).or(info.default);
        let about = info.about;
        Ok((text.ok_or(BuildError::MissingParam { strategy, name, about })?, info.kind))
    }
}
