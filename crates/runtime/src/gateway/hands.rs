//! What lifting a halt takes beside the core: a bound on tries, a code that is drawn, and the files outside of
//! the journal that would halt the next start again.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use model::{ResumeCode, Timestamp};

use super::epoch;

/// Tries to resume in [`TRIES_WITHIN`]; each is written down and said, so there is a bound.
pub(super) const TRIES_MAX: usize = 10;
/// See [`TRIES_MAX`].
const TRIES_WITHIN: Duration = Duration::from_secs(60);
/// Letters and digits of a code: none that looks like another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Characters of a code: 60 bits, for one try.
const CODE_LEN: usize = 12;

/// What lifting a halt takes beside the core.
pub(super) struct Hands {
    pub(super) halt_file: Option<PathBuf>,
    /// Where the newest session is kept outside of the journal.
    pub(super) epoch: Option<epoch::Kept>,
    tries: VecDeque<Timestamp>,
}

impl Hands {
    pub(super) fn new(halt_file: Option<PathBuf>, epoch: Option<epoch::Kept>) -> Hands {
        Hands { halt_file, epoch, tries: VecDeque::new() }
    }

    /// May one more try be made?
    pub(super) fn may_try(&mut self, now: Timestamp) -> bool {
        self.tries.retain(|at| now.since(*at) < TRIES_WITHIN);
        let may = self.tries.len() < TRIES_MAX;
        if may {
            self.tries.push_back(now);
        }
        may
    }

    /// The halt is lifted: what would halt the next start again goes.
    pub(super) fn are_done(&self) {
        if let Some(path) = self.halt_file.as_ref()
            && let Err(error) = std::fs::remove_file(path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            let path = path.display();
            tracing::error!(
                "the halt file {path} cannot be removed, and halts the next start: {error}"
            );
        }
        if let Some(Err(error)) = self.epoch.as_ref().map(epoch::Kept::is_accepted) {
            tracing::error!(
                "that the journal went back is halted for again at the next start: {error}"
            );
        }
    }
}

/// A code that nobody can know before it is shown.
pub(super) fn draw() -> Option<ResumeCode> {
    let mut bytes = [0; CODE_LEN];
    rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes).ok()?;
    // 256 is a multiple of 32: each character is as likely as any other.
    let text = bytes.map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
    Some(ResumeCode::new(&text.iter().collect::<String>()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_code_is_drawn_twice() {
        let drawn: BTreeSet<String> =
            (0..1_000).map(|_| draw().unwrap().reveal().to_owned()).collect();
        assert_eq!(drawn.len(), 1_000);
        assert!(drawn.iter().all(|code| code.len() == CODE_LEN));
    }

    #[test]
    fn tries_have_a_bound() {
        let mut hands = Hands::new(None, None);
        let at = |seconds| Timestamp::EPOCH.after(Duration::from_secs(seconds));
        assert!((0..10).all(|second| hands.may_try(at(second))));
        assert!(!hands.may_try(at(59)));
        assert!(hands.may_try(at(60)), "the first is a minute ago");
        assert!(!hands.may_try(at(60)));
    }
}
