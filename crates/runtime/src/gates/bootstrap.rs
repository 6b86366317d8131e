//! What the mean of some figures is at least, by the figures themselves: the percentile bootstrap.
//!
//! As many figures as there are, drawn from them with replacement, have a mean; the means of many such draws spread as
//! the mean of the sample itself would over other samples of the same kind (Efron, "Bootstrap methods", 1979). It
//! assumes that one figure says nothing of the next: where losses come in rows it is too hopeful. The draws are the
//! same each time, so that the same record is judged the same way.

/// Draws. More of them move the bound by less than a hundredth of the figures' own spread.
const DRAWS: usize = 2_000;
/// Where the numbers begin.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// A mean, and what it is at least.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    /// Of the figures.
    pub mean: f64,
    /// One-sided, with the confidence that was asked for.
    pub lower: f64,
}

/// `None` for fewer than two figures.
pub(super) fn lower_bound(figures: &[f64], confidence_percent: u32) -> Option<Bound> {
    if figures.len() < 2 {
        return None;
    }
    let count = figures.len() as f64;
    let mut numbers = Numbers(SEED);
    let draw = |_| {
        let drawn = (0..figures.len()).map(|_| figures[numbers.below(figures.len())]);
        drawn.sum::<f64>() / count
    };
    let mut means: Vec<f64> = (0..DRAWS).map(draw).collect();
    means.sort_by(f64::total_cmp);
    let tail = 100_usize.saturating_sub(confidence_percent as usize);
    let lower = *means.get(DRAWS * tail / 100)?;
    Some(Bound { mean: figures.iter().sum::<f64>() / count, lower })
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let scaled = u128::from(mixed) * bound as u128;
        // Below the bound, which is a length.
        usize::try_from(scaled >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of many figures the bound is what the normal distribution says: the mean less 1.645 standard errors.
    #[test]
    fn of_many_figures_it_is_the_textbooks() {
        let mut numbers = Numbers(7);
        let uniform = |_| numbers.below(1_000_000) as f64 / 1_000_000.0;
        let figures: Vec<f64> = (0..2_000).map(uniform).collect();
        let count = figures.len() as f64;
        let mean = figures.iter().sum::<f64>() / count;
        let variance = figures.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        let error = (variance / count).sqrt();
        for (confidence, errors) in [(95, 1.645), (80, 0.842), (99, 2.326)] {
            let bound = lower_bound(&figures, confidence).unwrap();
            assert!((bound.mean - mean).abs() < 1e-12);
            let off = (bound.lower - (mean - errors * error)).abs();
            assert!(off < error * 0.2, "{confidence}: {bound:?}, {off} of {error}");
        }
    }

    #[test]
    fn luck_is_not_taken_for_skill() {
        let alike = [2.0; 5];
        assert_eq!(lower_bound(&alike, 95), Some(Bound { mean: 2.0, lower: 2.0 }));
        // One large gain among small losses.
        let mut lucky = vec![-1.0; 29];
        lucky.push(60.0);
        let bound = lower_bound(&lucky, 95).unwrap();
        assert!(bound.mean > 1.0 && bound.lower < 0.0, "{bound:?}");
        assert_eq!(lower_bound(&lucky, 95), Some(bound), "the same each time");
        assert_eq!((lower_bound(&[], 95), lower_bound(&[1.0], 95)), (None, None));
    }
}
