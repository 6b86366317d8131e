//! The kill switch's own limits: a second file, wider than the gateway's, without a single default.
//!
//! A gateway with a wrong limit is the case that a kill switch is for, so it never reads the gateway's
//! limits. Unknown keys are refused: a misspelt limit is a limit that does not hold.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::amount::Amount;
use crate::core::words::Instrument;

/// All limits of one account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The asset that everything is valued in.
    pub quote: String,
    /// How far the account may fall from its high-water mark, ten-thousandths: 1 to 10 000.
    pub drawdown_max_bps: u32,
    /// How far it may fall within a day, UTC, ten-thousandths: 1 to 10 000.
    pub day_loss_max_bps: u32,
    /// What may leave the account within a day, UTC, without an execution or a known transfer that explains it,
    /// ten-thousandths of the high-water mark: 0 to 10 000. The one limit that need not be written: without it
    /// a tenth of a percent is allowed.
    #[serde(default = "unexplained_unless_told")]
    pub unexplained_max_bps: u32,
    /// What all open entry orders may be worth together, in quote.
    pub open_notional_max: Amount,
    /// How long the exchange may be unreadable while orders may be open, seconds: 5 to 3600.
    pub unreadable_max_s: u64,
    /// What is traded or held, by asset. Each base of an instrument needs one.
    pub asset: BTreeMap<String, AssetLimit>,
    /// How holdings are sold, where `flatten = true` in the configuration.
    pub flatten: Option<FlattenLimit>,
}

const fn unexplained_unless_told() -> u32 {
    10
}

/// One asset.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetLimit {
    /// What is held of it may be worth so much, in quote.
    pub value_max: Amount,
}

/// How holdings are sold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlattenLimit {
    /// Never sold below the middle of bid and ask by more than this, ten-thousandths: 1 to 5 000. A spread
    /// that is wider holds.
    pub collar_bps: u32,
    /// One slice is worth so much at most, in quote.
    pub slice_max: Amount,
    /// One slice takes this part of what is wanted at the best bid at most, percent: 1 to 100.
    pub depth_max_percent: u32,
}

impl Limits {
    /// From the text of the file; the instruments have to be valued and limited by it.
    pub fn parse(text: &str, instruments: &[Instrument], flatten: bool) -> Result<Limits, String> {
        let limits: Limits = toml::from_str(text).map_err(|error| error.to_string())?;
        limits.check(instruments, flatten)?;
        Ok(limits)
    }

    fn check(&self, instruments: &[Instrument], flatten: bool) -> Result<(), String> {
        let bps = [
            ("drawdown_max_bps", self.drawdown_max_bps, 10_000),
            ("day_loss_max_bps", self.day_loss_max_bps, 10_000),
            ("flatten.collar_bps", self.flatten.as_ref().map_or(1, |f| f.collar_bps), 5_000),
            (
                "flatten.depth_max_percent",
                self.flatten.as_ref().map_or(1, |f| f.depth_max_percent),
                100,
            ),
        ];
        for (key, value, max) in bps {
            if value == 0 || value > max {
                return Err(format!("{key}: {value} is not within 1 and {max}"));
            }
        }
        if self.unexplained_max_bps > 10_000 {
            let problem = "is not within 0 and 10000";
            return Err(format!("unexplained_max_bps: {} {problem}", self.unexplained_max_bps));
        }
        if !(5..=3_600).contains(&self.unreadable_max_s) {
            let problem = "is not within 5 and 3600 seconds";
            return Err(format!("unreadable_max_s: {} {problem}", self.unreadable_max_s));
        }
        let slice = self.flatten.iter().map(|flatten| ("flatten.slice_max", flatten.slice_max));
        for (key, sum) in [("open_notional_max", self.open_notional_max)].into_iter().chain(slice) {
            if !sum.is_positive() {
                return Err(format!("{key}: {sum} is not above zero; write the limit you mean"));
            }
        }
        if flatten && self.flatten.is_none() {
            return Err(
                "flatten is on and [flatten] is missing: write how holdings are sold".into()
            );
        }
        for Instrument { symbol, base, quote } in instruments {
            if !self.asset.contains_key(base) && *base != self.quote {
                return Err(format!("{symbol}: {base} has no limit; add [asset.{base}]"));
            }
            let by_way = |i: &Instrument| i.base == *quote && i.quote == self.quote;
            if *quote != self.quote && *base != self.quote && !instruments.iter().any(by_way) {
                let other = &self.quote;
                let problem = format!("{quote} cannot be valued; follow {quote}-{other}, too");
                return Err(format!("{symbol}: {problem}, or set quote = \"{quote}\""));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::{LIMITS, instruments};

    #[test]
    fn mistakes_are_named() {
        let good = format!(
            "{LIMITS}\n[flatten]\ncollar_bps = 100\nslice_max = \"500\"\ndepth_max_percent = 50\n"
        );
        assert!(Limits::parse(&good, &instruments(), true).is_ok());
        assert!(Limits::parse(LIMITS, &instruments(), false).is_ok());
        for (from, to, said) in [
            ("drawdown_max_bps", "drawdown_max", "unknown field `drawdown_max`"),
            ("day_loss_max_bps = 300\n", "", "missing field `day_loss_max_bps`"),
            ("= 1000", "= 0", "drawdown_max_bps: 0 is not within 1 and 10000"),
            (
                "unreadable_max_s",
                "unexplained_max_bps = 10001\nunreadable_max_s",
                "unexplained_max_bps: 10001 is not within",
            ),
            ("unreadable_max_s = 10", "unreadable_max_s = 4", "unreadable_max_s: 4 is not within"),
            ("\"50000\"", "\"0\"", "open_notional_max: 0 is not above zero"),
            ("\"50000\"", "50000", "invalid type"),
            ("[asset.BTC]", "[asset.XRP]", "BTCUSDT: BTC has no limit; add [asset.BTC]"),
            ("quote = \"USDT\"", "quote = \"EUR\"", "USDT cannot be valued; follow USDT-EUR, too"),
            ("collar_bps = 100", "collar_bps = 9999", "flatten.collar_bps: 9999 is not within"),
        ] {
            assert!(good.contains(from), "{from}");
            let error = Limits::parse(&good.replacen(from, to, 1), &instruments(), true);
            let error = error.unwrap_err();
            assert!(error.contains(said), "{said}: {error}");
        }
        let error = Limits::parse(LIMITS, &instruments(), true).unwrap_err();
        assert!(error.contains("[flatten] is missing"), "{error}");
    }
}
