//! Counts messages that were seen before, and says so at most once a second: a venue that repeats
//! everything must not fill the journal.

use std::time::Duration;

use model::{FeedNotice, Input, Timestamp};

use super::Heard;

/// Shortest time between two notices.
const NOTICE_EVERY: Duration = Duration::from_secs(1);

/// Messages that were seen before and are not reported yet.
#[derive(Debug, Default)]
pub struct Repeats {
    count: u64,
    told_at: Option<Timestamp>,
}

impl Repeats {
    /// One more; tells when it is time.
    pub fn add(&mut self, now: Timestamp, heard: &mut Vec<Heard>) {
        self.count += 1;
        if self.told_at.is_none_or(|at| now.since(at) >= NOTICE_EVERY) {
            self.tell(now, heard);
        }
    }

    /// Tells what was not told yet.
    pub fn tell(&mut self, now: Timestamp, heard: &mut Vec<Heard>) {
        if self.count > 0 {
            self.told_at = Some(now);
            let count = std::mem::take(&mut self.count);
            heard.push(Heard::News(Input::Feed(FeedNotice::Duplicates(count))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_notice_a_second_and_nothing_is_forgotten() {
        let mut repeats = Repeats::default();
        let mut heard = Vec::new();
        let start = Timestamp::EPOCH;
        for ms in 0..2_500 {
            repeats.add(start.after(Duration::from_millis(ms)), &mut heard);
        }
        assert_eq!(heard.len(), 3);
        repeats.tell(start.after(Duration::from_secs(3)), &mut heard);
        let told: u64 = heard
            .iter()
            .map(|heard| match heard {
                Heard::News(Input::Feed(FeedNotice::Duplicates(count))) => *count,
                other => panic!("{other:?}"),
            })
            .sum();
        assert_eq!(told, 2_500);
    }
}
