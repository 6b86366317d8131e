//! Sessions, and the random words that they are known by. They live in memory: a dashboard that starts anew asks for the
//! token again.

use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

/// How long a session is good for.
pub(super) const AGE_MAX: Duration = Duration::from_secs(12 * 3_600);
/// Sessions at a time; one more ends the oldest.
const SESSIONS_MAX: usize = 64;

/// Those that are open, oldest first.
#[derive(Debug, Default)]
pub(super) struct Sessions(Vec<Open>);

#[derive(Debug)]
struct Open {
    /// Of its id, which is only in the browser.
    digest: [u8; 32],
    word: String,
    since: Instant,
}

impl Sessions {
    pub(super) fn add(&mut self, id: &str, word: String, now: Instant) {
        self.tidy(now);
        if self.0.len() >= SESSIONS_MAX {
            self.0.remove(0);
        }
        self.0.push(Open { digest: digest(id), word, since: now });
    }

    /// The word of a session.
    pub(super) fn find(&mut self, id: &str, now: Instant) -> Option<String> {
        self.tidy(now);
        let digest = digest(id);
        self.0.iter().find(|open| same(&open.digest, &digest)).map(|open| open.word.clone())
    }

    pub(super) fn remove(&mut self, id: &str) {
        let digest = digest(id);
        self.0.retain(|open| !same(&open.digest, &digest));
    }

    fn tidy(&mut self, now: Instant) {
        self.0.retain(|open| now.saturating_duration_since(open.since) < AGE_MAX);
    }
}

/// 256 random bits as text.
pub(super) fn word() -> Result<String, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What secrets are compared by: always of the same length.
pub(super) fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Takes as long whether they differ early, late or nowhere.
pub(super) fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differs = one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b));
    std::hint::black_box(differs) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_end_and_are_bounded() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        sessions.add("a", "word of a".to_owned(), now);
        assert_eq!(sessions.find("a", now).as_deref(), Some("word of a"));
        assert_eq!(sessions.find("b", now), None);
        assert_eq!(sessions.find("a", now + AGE_MAX), None, "too old");
        for n in 0..=SESSIONS_MAX {
            sessions.add(&n.to_string(), String::new(), now);
        }
        assert!(sessions.find("0", now).is_none() && sessions.find("1", now).is_some());
        sessions.remove("1");
        assert!(sessions.find("1", now).is_none());
    }

    #[test]
    fn words_are_long_and_never_the_same() {
        let (one, other) = (word().unwrap(), word().unwrap());
        assert!(one.len() == 64 && one != other);
        assert!(same(&digest("x"), &digest("x")) && !same(&digest("x"), &digest("y")));
    }
}
