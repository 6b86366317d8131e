//! The last good test of a sink, kept in the state directory: what later asks whether alerts are known to
//! arrive reads it here. It counts for the place that was tested: another address or token has none.

use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::settings::SinkSettings;

#[derive(Serialize, Deserialize)]
struct Mark {
    v: u32,
    kind: String,
    to: String,
    /// When it was tested last and the message was taken, RFC 3339.
    tested: String,
}

/// Remembers that this sink took a test message.
pub fn keep_good(directory: &Path, sink: &SinkSettings, now: Timestamp) -> std::io::Result<()> {
    let mark = Mark { v: 1, kind: sink.word().to_owned(), to: sink.to(), tested: now.to_string() };
    // As everything in it, for its owner alone.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let path = path(directory, sink);
    let beside = path.with_extension("new");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(&serde_json::to_vec(&mark)?)?;
    file.sync_all()?;
    std::fs::rename(&beside, &path)?;
    std::fs::File::open(directory)?.sync_all()
}

/// When this sink last took a test message; `None` when it never did, or not at this address.
pub fn last_good(directory: &Path, sink: &SinkSettings) -> Option<Timestamp> {
    let mark = std::fs::read(path(directory, sink)).ok()?;
    let mark: Mark = serde_json::from_slice(&mark).ok()?;
    Timestamp::parse_rfc3339(mark.tested.as_bytes())
}

fn path(directory: &Path, sink: &SinkSettings) -> PathBuf {
    directory.join(format!("alert-{:016x}.json", sink.fingerprint()))
}

#[cfg(test)]
mod tests {
    use model::AlertLevel;

    use super::*;
    use crate::{Hidden, Kind};

    #[test]
    fn a_good_test_counts_for_the_place_that_was_tested() {
        let above = tempfile::tempdir().unwrap();
        let directory = above.path().join("state");
        let directory = directory.as_path();
        let sink = |url: &str| SinkSettings {
            name: "a".to_owned(),
            min_level: AlertLevel::Info,
            kind: Kind::Slack { url: Hidden::new(url) },
        };
        let now = Timestamp::parse_rfc3339(b"2026-11-30T10:00:00.5Z").unwrap();
        let tested = sink("https://x.example/canary-one");
        assert_eq!(last_good(directory, &tested), None);
        keep_good(directory, &tested, now).unwrap();
        assert_eq!(last_good(directory, &tested), Some(now));
        assert_eq!(last_good(directory, &sink("https://x.example/canary-two")), None);
        for file in std::fs::read_dir(directory).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(!text.contains("canary"), "{text}");
        }
    }
}
