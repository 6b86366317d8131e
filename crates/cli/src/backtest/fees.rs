//! What trading costs in a backtest, as it is said on the command line.

use ::backtest::FeeTier;
use model::venue::FeeRates;
use model::{Decimal, Notional};

pub(crate) fn bps(text: &str) -> Result<Decimal, String> {
    let number: Decimal = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    let most = Decimal::new(10_000, 0);
    let least = most.checked_neg().unwrap_or_default();
    if number < least || number > most {
        return Err("a fee is within -10000 and 10000 hundredths of a percent".to_owned());
    }
    Ok(number)
}

/// Hundredths of a percent as a fraction.
pub(crate) fn rate(bps: Decimal) -> Decimal {
    bps.checked_mul(Decimal::new(1, 4), model::Rounding::Up).unwrap_or_default()
}

pub(super) fn volume(text: &str) -> Result<Notional, String> {
    let number = text.parse::<Decimal>().ok().and_then(|number| Notional::try_from(number).ok());
    number.ok_or_else(|| format!("{text:?} is no sum of quote units"))
}

pub(super) fn fee_tier(text: &str) -> Result<FeeTier, String> {
    let parts = text.split_once(':').and_then(|(from, rates)| Some((from, rates.split_once('/')?)));
    let (from, (maker, taker)) =
        parts.ok_or("write VOLUME:MAKER/TAKER, as in 1000000:9/10 for 9 and 10 bps")?;
    let rates = FeeRates { maker: rate(bps(maker)?), taker: rate(bps(taker)?) };
    Ok(FeeTier { from: volume(from)?, rates })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_a_volume_and_two_rates() {
        let tier = fee_tier("1000000:-0.5/10").unwrap();
        assert_eq!(tier.from.to_string(), "1000000");
        assert_eq!(
            (tier.rates.maker.to_string(), tier.rates.taker.to_string()),
            ("-0.00005".into(), "0.001".into())
        );
        for wrong in ["", "5", "5:1", "x:1/2", "5:1/x", "-5:1/2", "5:1/10001"] {
            assert!(fee_tier(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fees_are_fractions_of_hundredths_of_a_percent() {
        assert_eq!(bps("7.5").unwrap(), "7.5".parse().unwrap());
        assert_eq!(bps("-1").unwrap(), "-1".parse().unwrap());
        for wrong in ["x", "10001", "-10001"] {
            assert!(bps(wrong).is_err(), "{wrong}");
        }
    }
}
