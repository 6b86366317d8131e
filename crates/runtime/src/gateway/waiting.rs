//! People who wait for a comparison of the books.
//!
//! A comparison answers those who asked before it began. Who wants what is left to be accepted hears the
//! comparison after that.

use gateway::Gateway;
use journal::{Comparisons, Corrected};
use model::{Entry, Timestamp};
use tokio::sync::oneshot;

use crate::control::{Answer, Compared, Trading};

/// Who waits, at most.
const WAITING_MAX: usize = 64;

/// Those who wait, and what they wait for.
#[derive(Default)]
pub(super) struct Waiting {
    comparisons: Comparisons,
    ones: Vec<One>,
}

/// What is to be done now.
#[derive(Default)]
pub(super) struct Due {
    /// What the last comparison left is to be accepted.
    pub(super) accept: bool,
    /// To be given when what they tell of is durable.
    pub(super) answers: Vec<(oneshot::Sender<Answer>, Answer)>,
}

struct One {
    /// Since when: the comparison has to begin after that.
    since: Timestamp,
    accept: bool,
    /// What was left and is accepted on its behalf.
    accepted: Vec<Corrected>,
    reply: oneshot::Sender<Answer>,
}

impl Waiting {
    /// A record was written.
    pub(super) fn recorded(&mut self, entry: &Entry) {
        self.comparisons.add(entry);
    }

    /// What the last comparison left.
    pub(super) fn left(&self) -> Vec<Corrected> {
        self.comparisons.last().map(|last| last.left.clone()).unwrap_or_default()
    }

    /// Somebody asks; a comparison is to be asked for right after this.
    pub(super) fn ask(&mut self, accept: bool, reply: oneshot::Sender<Answer>, now: Timestamp) {
        // Who has hung up or lost patience waits no more.
        self.ones.retain(|one| !one.reply.is_closed());
        if self.ones.len() < WAITING_MAX {
            self.ones.push(One { since: now, accept, accepted: Vec::new(), reply });
        } else {
            let _ = reply.send(Answer::Error("too many wait already".to_owned()));
        }
    }

    /// Answers everybody whose comparison is complete.
    pub(super) fn answer(&mut self, gateway: &Gateway, now: Timestamp) -> Due {
        let mut due = Due::default();
        // Who was told that it took too long is not to find it done after all.
        self.ones.retain(|one| !one.reply.is_closed());
        let Some(last) = self.comparisons.last().filter(|_| !self.ones.is_empty()) else {
            return due;
        };
        let begun = gateway.compared_from();
        for mut one in std::mem::take(&mut self.ones) {
            if one.since > begun {
                self.ones.push(one);
            } else if one.accept && !last.left.is_empty() {
                due.accept = true;
                (one.accept, one.since) = (false, now);
                one.accepted.clone_from(&last.left);
                self.ones.push(one);
            } else {
                let (state, cause) = gateway.state();
                let compared = Compared {
                    running: true,
                    comparison: last.clone(),
                    accepted: one.accepted,
                    trading: Trading { state, cause: cause.to_owned() },
                    would: Vec::new(),
                };
                due.answers.push((one.reply, Answer::Compared(compared)));
            }
        }
        due
    }
}
