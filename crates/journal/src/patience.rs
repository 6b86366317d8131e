//! How long a store on a server is waited for.
//!
//! A server that is restarted, or a network that breaks for a moment, does no harm: nothing that
//! adds risk is sent meanwhile, because its record is not durable. So a write is tried again for
//! half a minute, which is said, and then fails.

use std::fmt;
use std::time::{Duration, Instant};

use crate::storage::StoreError;

/// How long a write is tried again while the server is away.
const AWAY_MAX: Duration = Duration::from_secs(30);
/// How long a start waits for a server that is away.
pub(crate) const OPEN_AWAY_MAX: Duration = Duration::from_secs(5);
/// How often that is said.
const SAID_EVERY: Duration = Duration::from_secs(5);
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// Why a store makes its user wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Another program holds the file.
    Busy,
    /// The server does not do what it is asked.
    Away {
        /// What it says, or the network.
        problem: String,
        /// How long it is waited for in all.
        max: Duration,
    },
    /// Another gateway holds it, or held it a moment ago.
    Held {
        /// Which: process and host.
        holder: String,
        /// When its hold ends, unless it is alive and renews it.
        left: Duration,
    },
}

/// Told why a store makes its user wait and how long that has lasted, every few seconds.
pub type OnWait = Box<dyn FnMut(&Wait, Duration) + Send>;

/// A failed attempt.
#[derive(Debug)]
pub(crate) enum Failure {
    /// May be over soon.
    Passing(StoreError),
    /// To try again would change nothing.
    Final(StoreError),
}

impl Failure {
    pub(crate) fn error(self) -> StoreError {
        match self {
            Failure::Passing(error) | Failure::Final(error) => error,
        }
    }
}

/// How long, and who is told.
pub(crate) struct Patience {
    pub(crate) away_max: Duration,
    pub(crate) tell: OnWait,
}

impl Patience {
    pub(crate) fn new(tell: OnWait) -> Patience {
        Patience { away_max: AWAY_MAX, tell }
    }

    /// Stands in for one that is in use.
    pub(crate) fn silent() -> Patience {
        Patience::new(Box::new(|_, _| {}))
    }

    /// Tries until it works, fails for good, or has failed for too long.
    pub(crate) fn with<T>(
        &mut self,
        mut attempt: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let since = Instant::now();
        let mut said = None;
        loop {
            let error = match attempt() {
                Ok(done) => return Ok(done),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error)) => error,
            };
            let waited = since.elapsed();
            if waited >= self.away_max {
                return Err(error);
            }
            if said.is_none_or(|said| waited.saturating_sub(said) >= SAID_EVERY) {
                said = Some(waited);
                let max = self.away_max;
                (self.tell)(&Wait::Away { problem: error.to_string(), max }, waited);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Patience({:?})", self.away_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing() -> Failure {
        Failure::Passing(StoreError::Lost("away".to_owned()))
    }

    #[test]
    fn what_passes_is_waited_for_and_said() {
        let (tell, told) = std::sync::mpsc::channel();
        let mut patience = Patience::new(Box::new(move |wait, _| tell.send(wait.clone()).unwrap()));
        let mut left = 3;
        let done = patience.with(|| {
            left -= 1;
            if left == 0 { Ok(7) } else { Err(passing()) }
        });
        assert_eq!(done.unwrap(), 7);
        let Wait::Away { problem, max } = told.try_recv().unwrap() else { panic!() };
        assert!(problem.contains("away") && max == AWAY_MAX, "{problem} {max:?}");
        assert!(told.try_recv().is_err(), "once in five seconds");
    }

    #[test]
    fn patience_ends_and_the_end_is_not_waited_for() {
        let mut patience = Patience::new(Box::new(|_, _| {}));
        patience.away_max = Duration::from_millis(250);
        let mut tries = 0;
        let failed = patience.with(|| -> Result<(), Failure> {
            tries += 1;
            Err(passing())
        });
        assert!(failed.is_err() && (2..=4).contains(&tries), "{tries}");
        let mut tries = 0;
        let failed = patience.with(|| -> Result<(), Failure> {
            tries += 1;
            Err(Failure::Final(StoreError::Lost("over".to_owned())))
        });
        assert!(failed.is_err() && tries == 1);
    }
}
