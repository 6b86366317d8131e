//! Figures about a curve, with what they mean.

use serde::Serialize;

/// A day, nanoseconds.
const DAY: i64 = 86_400_000_000_000;
/// Days in a year: these markets never close.
const YEAR_DAYS: f64 = 365.0;
/// Periods of each length that are kept, at most.
const KEPT_MAX: usize = 100_000;

/// Equity at the end of equal periods, of three lengths: which one serves depends on how long the data is, and
/// that is known at its end.
#[derive(Debug)]
pub(crate) struct Returns {
    periods: [Period; 3],
    /// When the first of those at hand ends.
    until: i64,
    first: Option<f64>,
    last: f64,
}

#[derive(Debug)]
struct Period {
    length: i64,
    number: i64,
    /// When the one at hand ends. Before that nothing has to be divided.
    until: i64,
    /// Of each period that has ended.
    ends: Vec<f64>,
}

impl Default for Returns {
    fn default() -> Returns {
        let period =
            |length| Period { length, number: i64::MIN, until: i64::MIN, ends: Vec::new() };
        Returns {
            periods: [DAY, DAY / 24, DAY / 1_440].map(period),
            until: i64::MIN,
            first: None,
            last: 0.0,
        }
    }
}

impl Returns {
    pub(crate) fn look(&mut self, at: i64, equity: f64) {
        if at >= self.until {
            self.periods_end(at, equity);
        }
        self.last = equity;
    }

    fn periods_end(&mut self, at: i64, equity: f64) {
        if self.first.is_none() {
            self.first = Some(equity);
            self.last = equity;
        }
        for period in self.periods.iter_mut().filter(|period| at >= period.until) {
            let number = at.div_euclid(period.length);
            period.until = number.saturating_add(1).saturating_mul(period.length);
            if period.number == i64::MIN {
                period.number = number;
            }
            // A period in which nobody looked ended as it had begun.
            while period.number < number && period.ends.len() < KEPT_MAX {
                period.ends.push(self.last);
                period.number += 1;
            }
            period.number = number;
        }
        self.until = self.periods.iter().fold(i64::MAX, |first, period| first.min(period.until));
    }

    /// When the next period begins. Before that a look at the same equity changes nothing.
    pub(crate) const fn next(&self) -> i64 {
        self.until
    }

    pub(crate) fn ends(&mut self, equity: f64) {
        self.periods.iter_mut().for_each(|period| period.ends.push(equity));
    }

    /// The longest period of which there are at least thirty, else the shortest.
    fn chosen(&self) -> &Period {
        let enough = self.periods.iter().find(|period| period.ends.len() >= 30);
        enough.unwrap_or(&self.periods[2])
    }

    /// Name of the period that the ratios are reckoned by.
    pub(crate) fn period(&self) -> &'static str {
        match self.chosen().length {
            DAY => "day",
            length if length == DAY / 24 => "hour",
            _ => "minute",
        }
    }

    fn of_periods(&self) -> Vec<f64> {
        let mut before = self.first.unwrap_or(0.0);
        let mut returns = Vec::new();
        for end in &self.chosen().ends {
            if before > 0.0 {
                returns.push(end / before - 1.0);
            }
            before = *end;
        }
        returns
    }

    fn periods_a_year(&self) -> f64 {
        YEAR_DAYS * DAY as f64 / self.chosen().length as f64
    }

    /// Mean over deviation of the returns of equal periods, for a year of 365 days; zero where nothing moved.
    pub(crate) fn sharpe(&self) -> f64 {
        let returns = self.of_periods();
        let deviation = deviation(&returns, mean(&returns));
        if deviation > 0.0 {
            mean(&returns) / deviation * self.periods_a_year().sqrt()
        } else {
            0.0
        }
    }

    /// The same with the deviation of losses alone.
    pub(crate) fn sortino(&self) -> f64 {
        let returns = self.of_periods();
        let losses: f64 = returns.iter().map(|r| r.min(0.0).powi(2)).sum();
        let deviation = (losses / returns.len().max(1) as f64).sqrt();
        if deviation > 0.0 {
            mean(&returns) / deviation * self.periods_a_year().sqrt()
        } else {
            0.0
        }
    }

    /// Deviation of the returns, for a year.
    pub(crate) fn volatility(&self) -> f64 {
        let returns = self.of_periods();
        deviation(&returns, mean(&returns)) * self.periods_a_year().sqrt()
    }

    /// What the returns of the chosen periods are like.
    pub(crate) fn moments(&self) -> Moments {
        let returns = self.of_periods();
        let (mean, deviation) = (mean(&returns), deviation(&returns, mean(&returns)));
        let count = returns.len();
        let central = |power: i32| {
            let sum: f64 = returns.iter().map(|r| (r - mean).powi(power)).sum();
            sum / count.max(1) as f64
        };
        let variance = central(2);
        let over = |moment: f64, by: f64| if by > 0.0 { moment / by } else { 0.0 };
        Moments {
            count,
            mean,
            deviation,
            skewness: over(central(3), variance.powf(1.5)),
            kurtosis: over(central(4), variance * variance),
        }
    }

    /// Equity at the end of each day.
    pub(crate) fn days(&self) -> (i64, &[f64]) {
        let days = &self.periods[0];
        let count = i64::try_from(days.ends.len()).unwrap_or(0);
        (days.number + 1 - count, &days.ends)
    }

    /// Equity before the first of them.
    pub(crate) fn first(&self) -> f64 {
        self.first.unwrap_or(0.0)
    }
}

/// What the returns of equal periods are like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Moments {
    /// Periods.
    pub count: usize,
    /// Mean return of one.
    pub mean: f64,
    /// Deviation of the sample.
    pub deviation: f64,
    /// Third standardised moment.
    pub skewness: f64,
    /// Fourth one; three for a normal distribution.
    pub kurtosis: f64,
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len().max(1) as f64
}

/// Of a sample: divided by one less than there are.
fn deviation(numbers: &[f64], mean: f64) -> f64 {
    if numbers.len() < 2 {
        return 0.0;
    }
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    (squares / (numbers.len() - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_taken_when_there_are_enough() {
        let mut returns = Returns::default();
        for day in 0..40 {
            returns.look(day * DAY, 100.0 + day as f64);
        }
        returns.ends(139.0);
        assert_eq!(returns.period(), "day");
        let (first, days) = returns.days();
        assert_eq!((first, days.len(), days[39]), (0, 40, 139.0));
        assert!(returns.sharpe() > 10.0);
        assert_eq!(returns.sortino(), 0.0, "nothing was lost");
    }

    /// Up and down by a tenth, in turns, an hour each.
    #[test]
    fn the_ratio_is_mean_over_deviation_for_a_year() {
        let mut returns = Returns::default();
        let mut equity = 100.0;
        for hour in 0..=40 {
            returns.look(hour * DAY / 24, equity);
            equity *= if hour % 2 == 0 { 1.1 } else { 0.95 };
        }
        returns.ends(equity);
        assert_eq!(returns.period(), "hour");
        // The mean of 0.1 and -0.05 over their deviation 0.075, but for the ends of the sample.
        let expected = 0.025 / 0.075 * (365.0f64 * 24.0).sqrt();
        assert!((returns.sharpe() / expected - 1.0).abs() < 0.1, "{}", returns.sharpe());
    }

    #[test]
    fn moments_of_a_lopsided_sample() {
        let mut returns = Returns::default();
        let mut equity = 100.0;
        for minute in 0..20 {
            returns.look(minute * DAY / 1_440, equity);
            equity *= if minute % 10 == 9 { 1.05 } else { 0.999 };
        }
        returns.ends(equity);
        let moments = returns.moments();
        assert_eq!(moments.count, 20);
        assert!(moments.skewness > 1.0 && moments.kurtosis > 3.0, "{moments:?}");
    }

    #[test]
    fn nothing_that_moves_is_zero() {
        let mut returns = Returns::default();
        returns.look(0, 5.0);
        returns.ends(5.0);
        assert_eq!((returns.sharpe(), returns.volatility()), (0.0, 0.0));
    }
}
