//! How the text of an entry is read, whichever version of the program wrote it.
//!
//! The rule that keeps old journals readable:
//! - a kind of record, a field and a value keep their names and their meaning for ever;
//! - a field that is added has a default, which is what entries without it meant;
//! - where that does not do, the texts of all entries get a new version: a number in front
//!   (`{"v":2,…`), and the step from the version before is taken here and nowhere else.
//!
//! The hash of an entry is over its text as it was written, so reading it anew never changes a chain.
//! `fixtures/records.jsonl` has one line of each shape that was ever written; none is ever removed.

use model::Entry;

/// Version of the texts that this program writes; one without a number is of version 1.
const VERSION: u64 = 1;
/// What the number stands behind.
const NUMBERED: &str = "{\"v\":";

/// Why a text is no entry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("its text is of version {0}, and this program reads up to {VERSION}")]
    Later(String),
    #[error("{0}")]
    Unknown(#[from] serde_json::Error),
}

/// The entry that a text says.
pub(crate) fn read(text: &str) -> Result<Entry, Unreadable> {
    if let Some(numbered) = text.strip_prefix(NUMBERED) {
        let digits = numbered.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        if digits.parse() != Ok(VERSION) {
            return Err(Unreadable::Later(digits.to_owned()));
        }
    }
    Ok(serde_json::from_str(text)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::path::PathBuf;

    use super::*;
    use crate::samples::sample;

    fn fixture() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/records.jsonl")
    }

    /// Every shape of a record that was ever written is read, and means what is written today.
    #[test]
    fn what_older_versions_wrote_is_read() {
        let lines = std::fs::read_to_string(fixture()).unwrap();
        assert!(lines.lines().count() >= 26);
        for line in lines.lines() {
            let entry = read(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let again = serde_json::to_string(&entry).unwrap();
            assert_eq!(read(&again).unwrap(), entry, "{line}");
        }
    }

    /// A record whose text changes gets a new line beside the old one, which stays readable.
    /// `UPDATE=1` adds it.
    #[test]
    fn each_shape_that_is_written_has_its_line() {
        let mut lines = std::fs::read_to_string(fixture()).unwrap_or_default();
        let known: BTreeSet<String> = lines.lines().map(str::to_owned).collect();
        let mut missing = Vec::new();
        for entry in sample() {
            let text = serde_json::to_string(&entry).unwrap();
            if !known.contains(&text) {
                let _ = writeln!(lines, "{text}");
                missing.push(text);
            }
        }
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(fixture(), lines).unwrap();
        } else {
            assert!(
                missing.is_empty(),
                "what is written has changed; if a journal of before is still read rightly, add the new \
                 lines with UPDATE=1 and leave the old ones: {missing:#?}"
            );
        }
    }

    #[test]
    fn a_text_of_a_later_version_is_not_guessed_at() {
        let text = serde_json::to_string(&sample()[0]).unwrap();
        let numbered = |version: &str| text.replacen('{', &format!("{{\"v\":{version},"), 1);
        assert_eq!(read(&numbered("1")).unwrap(), sample()[0]);
        let error = read(&numbered("2")).unwrap_err().to_string();
        assert!(error.contains("version 2") && error.contains("up to 1"), "{error}");
        assert!(read(&numbered("x")).is_err() && read("{\"v\":").is_err());
    }
}
