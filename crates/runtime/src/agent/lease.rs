//! The lease of an agent's process: it lives by progress. A process that answers pings and does not
//! trade is as dead as one that hangs, so nothing but dealing with lines renews it.

use std::time::{Duration, Instant};

/// Which lines were sent, which are dealt with, and since when nothing has moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    max: Duration,
    sent: u64,
    handled: u64,
    /// When the first unhandled line was sent, or progress was last made, whichever came later.
    since: Instant,
    checked: Instant,
}

/// The agent claims to have dealt with a line that was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("said that line {claimed} was handled, and the last one sent is {sent}")]
pub(super) struct NeverSent {
    claimed: u64,
    sent: u64,
}

impl Lease {
    pub(super) fn new(max: Duration, now: Instant) -> Lease {
        Lease { max, sent: 0, handled: 0, since: now, checked: now }
    }

    /// Lines up to `seq` are on their way.
    pub(super) fn sent(&mut self, seq: u64, now: Instant) {
        if self.sent == self.handled {
            self.since = now;
        }
        self.sent = self.sent.max(seq);
    }

    /// Lines up to `seq` are dealt with. Saying so again is no progress.
    pub(super) fn handled(&mut self, seq: u64, now: Instant) -> Result<(), NeverSent> {
        if seq > self.sent {
            return Err(NeverSent { claimed: seq, sent: self.sent });
        }
        if seq > self.handled {
            self.handled = seq;
            self.since = now;
        }
        Ok(())
    }

    /// Starts to count anew: the delay up to here was not the agent's.
    pub(super) fn forgive(&mut self, now: Instant) {
        self.since = now;
    }

    /// How long nothing has moved, if that is too long. To be asked often: a long pause between two
    /// questions means that we slept ourselves, and then the agent's answers wait unread.
    pub(super) fn overdue(&mut self, now: Instant) -> Option<Duration> {
        let pause = now.saturating_duration_since(self.checked);
        self.checked = now;
        if pause > self.max / 2 {
            self.forgive(now);
        }
        let still = now.saturating_duration_since(self.since);
        (self.sent > self.handled && still > self.max).then_some(still)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_millis(1_000);

    /// A lease and a clock in milliseconds after its start.
    fn lease() -> (Lease, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        (Lease::new(MAX, start), move |ms| start + Duration::from_millis(ms))
    }

    /// Asks every 100 ms and returns when it was overdue first.
    fn overdue_at(
        lease: &mut Lease,
        at: &impl Fn(u64) -> Instant,
        from: u64,
        to: u64,
    ) -> Option<u64> {
        (from..=to).step_by(100).find(|ms| lease.overdue(at(*ms)).is_some())
    }

    #[test]
    fn nothing_sent_nothing_due() {
        let (mut lease, at) = lease();
        assert_eq!(overdue_at(&mut lease, &at, 0, 10_000), None);
    }

    #[test]
    fn it_ends_after_its_time_and_not_before() {
        let (mut lease, at) = lease();
        assert_eq!(overdue_at(&mut lease, &at, 0, 5_000), None);
        lease.sent(1, at(5_000));
        assert_eq!(overdue_at(&mut lease, &at, 5_000, 9_000), Some(6_100));
    }

    #[test]
    fn later_lines_do_not_put_it_off_and_progress_does() {
        let (mut lease, at) = lease();
        lease.sent(1, at(0));
        assert_eq!(overdue_at(&mut lease, &at, 0, 800), None);
        lease.sent(9, at(800));
        lease.handled(3, at(900)).unwrap();
        assert_eq!(overdue_at(&mut lease, &at, 900, 1_800), None);
        lease.handled(3, at(1_850)).unwrap();
        assert_eq!(overdue_at(&mut lease, &at, 1_900, 3_000), Some(2_000), "no progress");
        lease.handled(9, at(2_000)).unwrap();
        assert_eq!(overdue_at(&mut lease, &at, 2_000, 9_000), None);
    }

    #[test]
    fn our_own_sleep_is_not_the_agents() {
        let (mut lease, at) = lease();
        lease.sent(1, at(0));
        assert_eq!(lease.overdue(at(60_000)), None);
        assert_eq!(overdue_at(&mut lease, &at, 60_100, 70_000), Some(61_100));
    }

    #[test]
    fn a_line_never_sent_cannot_be_handled() {
        let (mut lease, at) = lease();
        lease.sent(2, at(0));
        assert!(lease.handled(2, at(1)).is_ok());
        assert_eq!(lease.handled(3, at(1)), Err(NeverSent { claimed: 3, sent: 2 }));
    }
}
