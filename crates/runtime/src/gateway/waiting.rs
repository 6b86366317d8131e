//! People who wait for a comparison of the books.
//!
//! A comparison answers those who asked before it began. Who wants what is left to be accepted hears the
//! comparison after that.

use gateway::Gateway;
use journal::Comparisons;
use model::{Entry, Timestamp};
use tokio::sync::oneshot;

use crate::control::{Answer, Ask, Asked, Compared, Trading};

/// Who waits, at most.
const WAITING_MAX: usize = 64;

/// Those who wait, and what they wait for.
#[derive(Default)]
pub(super) struct Waiting {
    comparisons: Comparisons,
    ones: Vec<One>,
}

struct One {
    /// Since when: the comparison has to begin after that.
    since: Timestamp,
    accept: bool,
    reply: oneshot::Sender<Answer>,
}

impl Waiting {
    /// A record was written.
    pub(super) fn recorded(&mut self, entry: &Entry) {
        self.comparisons.add(entry);
    }

    /// Somebody asks; a comparison is to be asked for right after this.
    pub(super) fn ask(&mut self, asked: Asked, now: Timestamp) {
        let Asked { ask: Ask::Reconcile { accept, .. }, reply } = asked;
        // Who has hung up or lost patience waits no more.
        self.ones.retain(|one| !one.reply.is_closed());
        if self.ones.len() < WAITING_MAX {
            self.ones.push(One { since: now, accept, reply });
        } else {
            let _ = reply.send(Answer::Error("too many wait already".to_owned()));
        }
    }

    /// Answers everybody whose comparison is complete. True when what it left is to be accepted now.
    #[must_use]
    pub(super) fn answer(&mut self, gateway: &Gateway, now: Timestamp) -> bool {
        let Some(last) = self.comparisons.last().filter(|_| !self.ones.is_empty()) else {
            return false;
        };
        let begun = gateway.compared_from();
        let mut accepts = false;
        for mut one in std::mem::take(&mut self.ones) {
            if one.since > begun {
                self.ones.push(one);
            } else if one.accept && !last.left.is_empty() {
                accepts = true;
                (one.accept, one.since) = (false, now);
                self.ones.push(one);
            } else {
                let (state, cause) = gateway.state();
                let compared = Compared {
                    running: true,
                    comparison: last.clone(),
                    trading: Trading { state, cause: cause.to_owned() },
                    would: Vec::new(),
                };
                // Who asked may be gone.
                let _ = one.reply.send(Answer::Compared(compared));
            }
        }
        accepts
    }
}
