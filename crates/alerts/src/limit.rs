//! How often a cause is told: at most once a minute.
//!
//! What comes of a cause within its minute is held: the last of it is told when the minute is over, with the
//! number of those before it. Where it turns critical it does not wait. A cause is the alert's key and what it
//! is about, without figures: "3 orders" and "4 orders" are one cause.
//!
//! Pure: time is the argument, since some moment that stays the same.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{Alert, AlertKey, AlertLevel, Timestamp};

use crate::message::Standing;

/// How long a cause is quiet after it was told.
pub(crate) const QUIET: Duration = Duration::from_secs(60);
/// Causes that are told apart at a time. One more is counted with all others that are too many.
const CAUSES_MAX: usize = 256;
/// The same for critical ones, which others cannot crowd out.
const CRITICAL_MAX: usize = 64;
/// Longest name of a cause, characters.
const NAME_MAX: usize = 120;

/// What is to be told, and how many of its cause were not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) at: Timestamp,
    pub(crate) alert: Alert,
    pub(crate) standing: Standing,
    pub(crate) suppressed: u64,
}

impl Told {
    pub(crate) fn new(at: Timestamp, alert: Alert, standing: Standing) -> Told {
        Told { at, alert, standing, suppressed: 0 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Of(AlertKey, String),
    /// All that are too many.
    Others {
        critical: bool,
    },
}

#[derive(Debug)]
struct Seen {
    /// When it was last told.
    told_at: Duration,
    level: AlertLevel,
    /// The last that came since.
    held: Option<Told>,
}

/// All causes of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    causes: BTreeMap<Cause, Seen>,
}

impl Limit {
    /// One more alert. It is given back where it is to be told now.
    pub(crate) fn offer(&mut self, now: Duration, new: Told) -> Option<Told> {
        let cause = self.cause(&new.alert);
        let level = new.alert.level;
        let Some(seen) = self.causes.get_mut(&cause) else {
            self.causes.insert(cause, Seen { told_at: now, level, held: None });
            return Some(new);
        };
        let held = seen.held.take();
        let suppressed = held.map_or(0, |held| held.suppressed + 1);
        let new = Told { suppressed, ..new };
        let is_worse = level == AlertLevel::Critical && seen.level < AlertLevel::Critical;
        if is_worse || now.saturating_sub(seen.told_at) >= QUIET {
            (seen.told_at, seen.level) = (now, level);
            return Some(new);
        }
        seen.held = Some(new);
        None
    }

    /// What was held and is to be told now. Forgets what is over.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<Told> {
        let mut due = Vec::new();
        self.causes.retain(|_, seen| {
            if now.saturating_sub(seen.told_at) < QUIET {
                return true;
            }
            let Some(held) = seen.held.take() else { return false };
            (seen.told_at, seen.level) = (now, held.alert.level);
            due.push(held);
            true
        });
        due
    }

    /// All that is held: what nobody would hear of otherwise, because everything ends.
    pub(crate) fn rest(&mut self) -> Vec<Told> {
        self.causes.values_mut().filter_map(|seen| seen.held.take()).collect()
    }

    fn cause(&self, alert: &Alert) -> Cause {
        let name = alert.about.chars().filter(|c| !c.is_ascii_digit()).take(NAME_MAX).collect();
        let cause = Cause::Of(alert.key, name);
        let critical = alert.level == AlertLevel::Critical;
        let (others, max) = if critical { (true, CRITICAL_MAX) } else { (false, CAUSES_MAX) };
        let alike = |seen: &&Seen| (seen.level == AlertLevel::Critical) == critical;
        if self.causes.contains_key(&cause) || self.causes.values().filter(alike).count() < max {
            cause
        } else {
            Cause::Others { critical: others }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(level: AlertLevel, about: &str, text: &str) -> Told {
        let alert = Alert::new(level, AlertKey::Trading, about, text);
        Told::new(Timestamp::EPOCH, alert, Standing::default())
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A condition that comes and goes each second is told once, and again when the minute is over.
    #[test]
    fn a_cause_is_told_once_a_minute_and_the_last_of_it_afterwards() {
        let mut limit = Limit::default();
        let mut said = Vec::new();
        for second in 0..=121 {
            said.extend(limit.due(at(second)).into_iter().map(|told| (second, told)));
            let (level, text) = match second % 2 {
                0 => (AlertLevel::Warning, format!("reducing {second}")),
                _ => (AlertLevel::Info, format!("active {second}")),
            };
            said.extend(limit.offer(at(second), told(level, "stale", &text)).map(|t| (second, t)));
        }
        let said: Vec<(u64, &str, u64)> =
            said.iter().map(|(s, t)| (*s, t.alert.text.as_str(), t.suppressed)).collect();
        assert_eq!(said, [(0, "reducing 0", 0), (60, "active 59", 58), (120, "active 119", 59)]);
    }

    #[test]
    fn nothing_is_left_of_a_cause_that_is_over() {
        let mut limit = Limit::default();
        assert!(limit.offer(at(0), told(AlertLevel::Info, "a", "1")).is_some());
        assert_eq!(limit.due(at(59)), []);
        assert_eq!(limit.due(at(60)), []);
        assert!(limit.causes.is_empty());
        let again = limit.offer(at(61), told(AlertLevel::Info, "a", "2")).unwrap();
        assert_eq!(again.suppressed, 0);
    }

    #[test]
    fn what_turns_critical_does_not_wait() {
        let mut limit = Limit::default();
        assert!(limit.offer(at(0), told(AlertLevel::Info, "a", "1")).is_some());
        assert!(limit.offer(at(1), told(AlertLevel::Warning, "a", "2")).is_none());
        let worse = limit.offer(at(2), told(AlertLevel::Critical, "a", "3")).unwrap();
        assert_eq!(worse.suppressed, 1);
        assert!(limit.offer(at(3), told(AlertLevel::Critical, "a", "4")).is_none());
    }

    #[test]
    fn figures_make_no_other_cause_and_other_words_do() {
        let mut limit = Limit::default();
        assert!(limit.offer(at(0), told(AlertLevel::Info, "3 orders", "1")).is_some());
        assert!(limit.offer(at(0), told(AlertLevel::Info, "40 orders", "2")).is_none());
        assert!(limit.offer(at(0), told(AlertLevel::Info, "3 fills", "3")).is_some());
    }

    /// Without end other causes: memory is bounded, nearly all are counted, and critical ones pass.
    #[test]
    fn a_flood_of_causes_is_counted_together() {
        let mut limit = Limit::default();
        let name =
            |n: u32| -> String { n.to_string().chars().map(|c| (c as u8 + 49) as char).collect() };
        let mut passed = 0;
        for n in 0..10_000 {
            passed +=
                usize::from(limit.offer(at(0), told(AlertLevel::Warning, &name(n), "")).is_some());
        }
        assert_eq!((passed, limit.causes.len()), (CAUSES_MAX + 1, CAUSES_MAX + 1));
        assert!(limit.offer(at(1), told(AlertLevel::Critical, "x", "")).is_some());
        let told: u64 = limit.due(at(60)).iter().map(|told| told.suppressed + 1).sum();
        assert_eq!(passed as u64 + told, 10_000, "each was told or counted");
        for n in 0..10_000 {
            let critical = told_critical(&name(n));
            limit.offer(at(61), critical);
        }
        assert!(limit.causes.len() <= CAUSES_MAX + CRITICAL_MAX + 2);
        assert_eq!(limit.rest().len(), 1);
    }

    fn told_critical(about: &str) -> Told {
        told(AlertLevel::Critical, about, "")
    }
}
