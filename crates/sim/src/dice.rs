//! Chance, drawn from a seed: the only source of it in a simulated world.
//!
//! Each concern has dice of its own, so that a fault that is switched off does not change what the
//! market does. Only integers, so that a seed tells the same story on every machine.

use std::time::Duration;

use sim_venue::synthetic::SplitMix;

/// One stream of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Dice(SplitMix);

impl Dice {
    /// The stream of a concern in a world.
    pub(crate) fn new(seed: u64, concern: u64) -> Dice {
        let mut mixed = SplitMix(seed ^ concern.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let start = mixed.next_number();
        Dice(SplitMix(start))
    }

    /// A number below `bound`; zero for a bound of zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// True in so many of a million cases.
    pub(crate) fn chance(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.below(1_000_000) < u64::from(ppm)
    }

    /// Evenly between two times.
    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = most.saturating_sub(least);
        least + Duration::from_nanos(self.below(nanos(span).saturating_add(1)))
    }

    /// Mostly short, sometimes as long as `most`: the cube of an even number.
    pub(crate) fn heavy(&mut self, most: Duration) -> Duration {
        let thousandths = self.below(1_001);
        let cube = thousandths * thousandths * thousandths / 1_000_000;
        Duration::from_nanos((nanos(most) / 1_000).saturating_mul(cube))
    }

    /// The pause until the next of events that come at random, so often on average: an exponential
    /// distribution, with straight lines between its powers of two.
    pub(crate) fn pause(&mut self, mean: Duration) -> Duration {
        let number = self.0.next_number() | 1;
        let zeros = u64::from(number.leading_zeros());
        // What follows the first one, as a fraction of 65 536.
        let rest = if zeros >= 63 { 0 } else { (number << (zeros + 1)) >> 48 };
        let halvings = (zeros << 16) + 65_536 - rest;
        // The mean time between halvings is that of the pause times the logarithm of two.
        let pause = u128::from(nanos(mean)) * u128::from(halvings) * 693 / 1_000 / 65_536;
        Duration::from_nanos(u64::try_from(pause).unwrap_or(u64::MAX))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_have_their_mean_and_many_are_short() {
        let mut dice = Dice::new(1, 1);
        let mean = Duration::from_secs(1);
        let pauses: Vec<Duration> = (0..20_000).map(|_| dice.pause(mean)).collect();
        let sum: Duration = pauses.iter().sum();
        let measured = sum.as_secs_f64() / 20_000.0;
        assert!((0.95..1.1).contains(&measured), "{measured}");
        let short = pauses.iter().filter(|pause| **pause < mean / 2).count();
        assert!((7_000..9_500).contains(&short), "{short}");
    }

    #[test]
    fn concerns_are_apart_and_the_same_each_time() {
        let draw = |seed, concern| {
            let mut dice = Dice::new(seed, concern);
            (0..5).map(|_| dice.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert_ne!(draw(7, 1), draw(8, 1));
        let mut dice = Dice::new(3, 3);
        assert!((0..1_000).all(|_| !dice.chance(0) && dice.chance(1_000_000)));
        let most = Duration::from_secs(30);
        assert!((0..1_000).all(|_| dice.heavy(most) <= most));
    }
}
