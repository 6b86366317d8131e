//! The halt file: the one way to halt that needs no process to listen.
//!
//! It lies in the state directory under the journal's name (`control::halt_file`). Whoever makes it, with
//! `plimsoll halt` or with `touch`, halts the gateway that runs on that journal, or the next one that starts:
//! it is looked at before a start sends anything, and again and again while one runs. Its text is the cause.
//! What is there and cannot be looked at halts as well. To remove it lifts nothing; the second step of a
//! resume removes it.

use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use model::HaltedBy;
use tokio::sync::{mpsc, oneshot};

use crate::control::{Ask, Asked};

/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What of its text is read, bytes.
const TEXT_MAX: u64 = 500;

/// Which file it is: one that was touched again is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    File { number: u64, changed: (i64, i64) },
    Unreadable(ErrorKind),
}

/// The file that is there now; `None` where there is none.
pub(super) fn look(path: &Path) -> Option<Seen> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => {
            Some(Seen::File { number: found.ino(), changed: (found.ctime(), found.ctime_nsec()) })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(Seen::Unreadable(error.kind())),
    }
}

/// Why, in the words of whoever made it.
pub(super) fn cause(path: &Path) -> String {
    let mut text = String::new();
    // What cannot be read as text says nothing, and halts all the same.
    let read = std::fs::File::open(path).map(|file| file.take(TEXT_MAX).read_to_string(&mut text));
    match (read, text.trim()) {
        (Ok(Ok(_)), "") | (Ok(Err(_)), _) => format!("the halt file {} is there", path.display()),
        (Ok(Ok(_)), words) => words.to_owned(),
        (Err(error), _) => {
            format!("the halt file {} is there and unreadable: {error}", path.display())
        }
    }
}

/// Looks for it for ever, and halts whenever there is one that was not there before.
pub(super) async fn watch(
    path: std::path::PathBuf,
    mut seen: Option<Seen>,
    asks: mpsc::Sender<Asked>,
) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = look(&path);
        if now == seen {
            continue;
        }
        seen = now;
        if seen.is_some() {
            let (reply, _) = oneshot::channel();
            let ask = Ask::Halt { reason: cause(&path), dark: false, by: HaltedBy::Person };
            // It waits its turn behind a few questions; where nobody listens the gateway is ending.
            drop(asks.send(Asked { ask, limits: None, reply }).await);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_seen_each_time_it_is_touched() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.halt");
        assert_eq!(look(&path), None);
        std::fs::write(&path, "").unwrap();
        let first = look(&path).unwrap();
        assert_eq!(cause(&path), format!("the halt file {} is there", path.display()));
        assert_eq!(look(&path).as_ref(), Some(&first));
        std::thread::sleep(Duration::from_millis(20));
        std::fs::write(&path, "  the market is mad\n").unwrap();
        assert_ne!(look(&path), Some(first));
        assert_eq!(cause(&path), "the market is mad");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(look(&path), None);
    }

    #[test]
    fn what_cannot_be_read_halts_and_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.halt");
        std::fs::create_dir(&path).unwrap();
        assert!(look(&path).is_some());
        assert!(cause(&path).contains("is there"), "{}", cause(&path));
        std::fs::write(directory.path().join("y.halt"), [0xff, 0xfe]).unwrap();
        assert!(cause(&directory.path().join("y.halt")).contains("is there"));
        let below = directory.path().join("y.halt").join("z.halt");
        assert!(matches!(look(&below), Some(Seen::Unreadable(_))), "{:?}", look(&below));
    }
}
