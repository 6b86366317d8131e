//! How much of a best result is luck.
//!
//! Of many strategies without any skill the best one looks skilled, and the more are tried the more it does. The
//! deflated Sharpe ratio is the probability that the best one's true ratio is above what the best of as many
//! without skill would show: Bailey and López de Prado, "The Deflated Sharpe Ratio", 2014.

use ::backtest::Moments;

/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// The ratio, a period's and not a year's, that the best of so many trials without skill is expected to show.
/// `deviation` is that of the ratios of all trials.
pub(super) fn expected_best(trials: usize, deviation: f64) -> f64 {
    if trials < 2 {
        return 0.0;
    }
    let trials = trials as f64;
    let first = normal_quantile(1.0 - 1.0 / trials);
    let second = normal_quantile(1.0 - 1.0 / (trials * std::f64::consts::E));
    deviation * ((1.0 - EULER) * first + EULER * second)
}

/// The probability that the true ratio of the best one is above `expected`. `None` where nothing moved, or there
/// are too few periods to say.
pub(super) fn deflated(best: &Moments, expected: f64) -> Option<f64> {
    if best.count < 3 || best.deviation <= 0.0 {
        return None;
    }
    let ratio = best.mean / best.deviation;
    let spread = 1.0 - best.skewness * ratio + (best.kurtosis - 1.0) / 4.0 * ratio * ratio;
    if spread <= 0.0 {
        return None;
    }
    let periods = (best.count - 1) as f64;
    Some(normal((ratio - expected) * periods.sqrt() / spread.sqrt()))
}

/// The deviation of a sample.
pub(super) fn deviation(numbers: &[f64]) -> f64 {
    if numbers.len() < 2 {
        return 0.0;
    }
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    (squares / (numbers.len() - 1) as f64).sqrt()
}

/// The standard normal distribution, to seven digits: Abramowitz and Stegun, 26.2.17.
fn normal(x: f64) -> f64 {
    if x < 0.0 {
        return 1.0 - normal(-x);
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let sum = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    1.0 - (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * sum
}

/// Where the standard normal distribution has this probability, by halving: it is asked for twice.
fn normal_quantile(probability: f64) -> f64 {
    let (mut low, mut high) = (-10.0, 10.0);
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if normal(middle) < probability { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_is_the_one_in_the_tables() {
        for (x, probability) in
            [(0.0, 0.5), (1.0, 0.841_344_7), (-1.96, 0.024_997_9), (3.0, 0.998_650_1)]
        {
            assert!((normal(x) - probability).abs() < 2e-7, "{x} {}", normal(x));
            assert!((normal_quantile(probability) - x).abs() < 1e-4, "{probability}");
        }
    }

    /// The paper's own example: 100 trials whose yearly ratios vary by 0.5, the best one 2.5 over 1250 days, with
    /// skewness -3 and kurtosis 10, comes to 0.9004.
    #[test]
    fn the_example_of_the_paper() {
        let daily = |yearly: f64| yearly / 250f64.sqrt();
        let expected = expected_best(100, daily(0.5f64.sqrt()));
        assert!((expected - 0.1132).abs() < 5e-4, "{expected}");
        let best = Moments {
            count: 1_250,
            mean: daily(2.5),
            deviation: 1.0,
            skewness: -3.0,
            kurtosis: 10.0,
        };
        let probability = deflated(&best, expected).unwrap();
        assert!((probability - 0.9004).abs() < 2e-3, "{probability}");
    }

    #[test]
    fn what_cannot_be_said_is_not() {
        let still = Moments { count: 100, mean: 0.0, deviation: 0.0, skewness: 0.0, kurtosis: 0.0 };
        assert_eq!(deflated(&still, 0.1), None);
        assert_eq!(expected_best(1, 0.5), 0.0);
    }
}
