//! The length of bars from the times of the first ones.

use std::time::Duration;

/// The step between neighbours that occurs most often; `None` when there is none.
pub(crate) fn most_frequent(times: &[i64]) -> Option<Duration> {
    let pairs = times.windows(2);
    let mut steps: Vec<i64> =
        pairs.map(|pair| pair[1].saturating_sub(pair[0])).filter(|step| *step > 0).collect();
    steps.sort_unstable();
    let mut runs = steps.chunk_by(|a, b| a == b);
    let mut best: &[i64] = runs.next()?;
    for run in runs {
        if run.len() > best.len() {
            best = run;
        }
    }
    u64::try_from(best[0]).ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_and_a_repeated_bar_do_not_mislead() {
        let seconds = |times: &[i64]| {
            let nanos: Vec<i64> = times.iter().map(|time| time * 1_000_000_000).collect();
            most_frequent(&nanos).map(|step| step.as_secs())
        };
        assert_eq!(seconds(&[0, 60, 120, 120, 480, 540]), Some(60));
        assert_eq!(seconds(&[0, 300]), Some(300));
        assert_eq!(seconds(&[0]), None);
        assert_eq!(seconds(&[5, 5, 4]), None);
    }
}
