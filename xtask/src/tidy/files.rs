//! Rule: no file holds what is true on one machine only.
//!
//! Paths of a work folder and addresses of a package mirror get into files by copying and make a
//! clone fail elsewhere, so they are looked for in every text file. `Cargo.lock` is part of the
//! repository, because everyone should build what was tested.

use super::finding::Finding;

/// Spelled in halves so that this file does not hold them.
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// Pairs of path and text.
pub(crate) fn check(files: &[(String, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in files {
        findings.extend(machine_paths(path, text));
        if path == "package-lock.json" || path.ends_with("/package-lock.json") {
            findings.extend(download_addresses(path, text));
        }
    }
    findings
}

/// Takes the paths that git tracks.
pub(crate) fn lock(tracked: &[String]) -> Option<Finding> {
    let missing = !tracked.iter().any(|path| path == "Cargo.lock");
    missing.then(|| Finding::error("Cargo.lock", None, "is not tracked by git".to_owned()))
}

fn machine_paths(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for machine_path in MACHINE_PATHS {
            let absolute = line.match_indices(machine_path).any(|(at, _)| {
                // `net` + the rest is a word, `../` + the rest is relative.
                let before = line[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || "._-/~".contains(c))
            });
            if absolute {
                let message = format!("`{machine_path}` is a path of one machine");
                findings.push(Finding::error(path, index + 1, message));
            }
        }
    }
    findings
}

/// npm writes where it got each package from; the name and the checksum are enough to find it.
fn download_addresses(path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().enumerate();
    let found = lines
        .filter(|(_, line)| line.trim_start().starts_with("\"resolved\"") && line.contains("://"));
    found
        .map(|(index, _)| {
            let message = "a download address; write it with `omit-lockfile-registry-resolved`";
            Finding::error(path, index + 1, message.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<Option<usize>> {
        let found = check(&[(path.to_owned(), text.to_owned())]);
        found.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn machine_paths_are_found_in_any_text() {
        for machine_path in MACHINE_PATHS {
            let text = format!("a\nsee `{machine_path}main/a.rs`");
            assert_eq!(found("README.md", &text), [Some(2)]);
            assert_eq!(found("a.sh", &format!("{machine_path}x")), [Some(1)]);
            for before in ["net", "..", "~", "a/"] {
                assert_eq!(found("README.md", &format!("{before}{machine_path}x")), []);
            }
        }
    }

    #[test]
    fn npm_locks_hold_no_addresses() {
        let text = "{\n  \"resolved\": \"https://example.org/ws.tgz\",\n  \"link\": true\n}";
        assert_eq!(found("clients/package-lock.json", text), [Some(2)]);
        assert_eq!(found("clients/other.json", text), []);
        assert_eq!(found("package-lock.json", "{ \"integrity\": \"sha512-x\" }"), []);
    }

    #[test]
    fn the_lock_file_is_tracked() {
        assert!(lock(&["Cargo.toml".to_owned()]).is_some());
        assert!(lock(&["Cargo.lock".to_owned()]).is_none());
    }
}
