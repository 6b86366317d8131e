//! Who is connected to a port. Everybody is let in; those who have not shown that they know the token make
//! room for whoever comes next, the oldest first.
//!
//! With a fixed number of places whoever holds them all shuts out the gateway and the person who wants to
//! halt. Here a connection that says nothing loses its place within a second, or sooner.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

/// Connections to one port at once.
const GUESTS_MAX: usize = 32;
/// A connection shows within this time that it knows the token, or ends.
pub(crate) const KNOWN_WITHIN: Duration = Duration::from_secs(1);

/// The connections of one port.
#[derive(Clone, Default)]
pub(crate) struct Guests(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    count: u64,
    /// The oldest first.
    all: Vec<Entry>,
}

struct Entry {
    number: u64,
    known: bool,
    task: AbortHandle,
}

/// The place of one connection, until it is dropped.
pub(crate) struct Guest {
    number: u64,
    guests: Guests,
}

impl Guests {
    /// Begins a task for a connection that was accepted; needs a runtime.
    pub(crate) fn admit<F>(&self, converse: impl FnOnce(Guest) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut inside = self.inside();
        let evicted = (inside.all.len() >= GUESTS_MAX).then(|| {
            let stranger = inside.all.iter().position(|entry| !entry.known);
            // Where all know the token the one that came first is the likeliest to be forgotten.
            inside.all.remove(stranger.unwrap_or(0))
        });
        inside.count += 1;
        let number = inside.count;
        let guest = Guest { number, guests: self.clone() };
        let task = tokio::spawn(converse(guest)).abort_handle();
        inside.all.push(Entry { number, known: false, task });
        drop(inside);
        if let Some(entry) = evicted {
            entry.task.abort();
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Nothing that holds it can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// It has shown that it knows the token.
    pub(crate) fn is_known(&self) {
        let mut inside = self.guests.inside();
        if let Some(entry) = inside.all.iter_mut().find(|entry| entry.number == self.number) {
            entry.known = true;
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.guests.inside().all.retain(|entry| entry.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of those who are there, after so many came and some were known.
    async fn left(came: u64, known: &[u64]) -> Vec<u64> {
        let guests = Guests::default();
        for number in 1..=came {
            let known = known.contains(&number);
            guests.admit(|guest| async move {
                if known {
                    guest.is_known();
                }
                std::future::pending::<()>().await;
            });
            tokio::task::yield_now().await;
        }
        guests.inside().all.iter().map(|entry| entry.number).collect()
    }

    #[tokio::test]
    async fn the_oldest_stranger_makes_room() {
        let max = GUESTS_MAX as u64;
        assert_eq!(left(max, &[]).await, (1..=max).collect::<Vec<_>>());
        assert_eq!(left(max + 2, &[]).await, (3..=max + 2).collect::<Vec<_>>());
        let expected: Vec<u64> = [1, 3].into_iter().chain(6..=max + 3).collect();
        assert_eq!(left(max + 3, &[1, 3]).await, expected);
        let all: Vec<u64> = (1..=max + 1).collect();
        assert_eq!(left(max + 1, &all).await, all[1..]);
    }

    #[tokio::test]
    async fn whoever_goes_leaves_its_place() {
        let guests = Guests::default();
        for _ in 0..100 {
            guests.admit(|guest| async move { drop(guest) });
            tokio::task::yield_now().await;
        }
        assert!(guests.inside().all.is_empty());
    }
}
