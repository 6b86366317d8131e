//! Indicators, in binary floating point: they decide, they are no money.

use std::collections::VecDeque;

/// An exponential moving average with the usual weight, 2 / (length + 1). Starts at the first value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ema {
    weight: f64,
    value: Option<f64>,
}

impl Ema {
    /// Over about this many samples, at least one.
    pub(crate) fn new(length: u64) -> Ema {
        Ema { weight: 2.0 / (length.max(1) as f64 + 1.0), value: None }
    }

    /// Takes a sample and returns the average.
    pub(crate) fn add(&mut self, sample: f64) -> f64 {
        let value = self.value.map_or(sample, |value| value + self.weight * (sample - value));
        self.value = Some(value);
        value
    }
}

/// The last samples, with mean and standard deviation.
#[derive(Clone, Debug)]
pub(crate) struct Rolling {
    length: usize,
    samples: VecDeque<f64>,
}

impl Rolling {
    /// Over this many samples.
    pub(crate) fn new(length: usize) -> Rolling {
        Rolling { length, samples: VecDeque::with_capacity(length) }
    }

    /// Takes a sample and forgets the oldest.
    pub(crate) fn add(&mut self, sample: f64) {
        if self.samples.len() == self.length {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// How many standard deviations `value` is above the mean; `None` until the window is full, or
    /// when nothing moved in it.
    pub(crate) fn z(&self, value: f64) -> Option<f64> {
        if self.samples.len() < self.length {
            return None;
        }
        let count = self.samples.len() as f64;
        let mean = self.samples.iter().sum::<f64>() / count;
        let variance = self.samples.iter().map(|s| (s - mean) * (s - mean)).sum::<f64>() / count;
        let deviation = variance.sqrt();
        (deviation > 0.0).then(|| (value - mean) / deviation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_of_three_weighs_half() {
        let mut ema = Ema::new(3);
        let values: Vec<f64> = [10.0, 20.0, 20.0, 0.0].map(|sample| ema.add(sample)).into();
        assert_eq!(values, [10.0, 15.0, 17.5, 8.75]);
    }

    #[test]
    fn a_window_is_full_before_it_speaks_and_forgets_the_oldest() {
        let mut window = Rolling::new(4);
        for sample in [100.0, 2.0, 4.0, 4.0] {
            assert_eq!(window.z(0.0), None);
            window.add(sample);
        }
        window.add(6.0);
        // 2, 4, 4, 6: mean 4, deviation the root of 2.
        let z = window.z(4.0 + 2.0_f64.sqrt()).unwrap();
        assert!((z - 1.0).abs() < 1e-12, "{z}");
        let flat = (0..4).fold(window, |mut window, _| {
            window.add(1.0);
            window
        });
        assert_eq!(flat.z(9.0), None, "nothing moved");
    }
}
