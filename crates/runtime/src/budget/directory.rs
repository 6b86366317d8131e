//! Where what must outlive a process and a boot is kept: `PLIMSOLL_STATE_DIR`, else what the
//! configuration says, else `$XDG_STATE_HOME/plimsoll`, else `~/.local/state/plimsoll`.
//!
//! Not `$XDG_RUNTIME_DIR`, which is emptied at every boot: a ban lasts longer than that. All
//! processes that trade from this host must use the same one.
//!
//! Source: XDG Base Directory Specification 0.8, read 2026-08-21.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment variable that overrides everything.
pub const STATE_DIR: &str = "PLIMSOLL_STATE_DIR";

/// No directory for what must be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no place to remember how much was asked of the venue: neither {STATE_DIR}, state_dir in the \
     configuration, XDG_STATE_HOME nor HOME is set; set one of them"
)]
pub struct DirectoryError;

/// The directory. An empty variable is as good as none; so is a relative one where the
/// specification says so.
pub fn directory(configured: Option<&Path>) -> Result<PathBuf, DirectoryError> {
    find(configured, |name| std::env::var_os(name))
}

fn find(
    configured: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, DirectoryError> {
    let path = |name: &str| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let absolute = |name: &str| path(name).filter(|path| path.is_absolute());
    path(STATE_DIR)
        .or_else(|| configured.map(Path::to_owned))
        .or_else(|| absolute("XDG_STATE_HOME").map(|state| state.join("plimsoll")))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state/plimsoll")))
        .ok_or(DirectoryError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_set_counts() {
        let all = [(STATE_DIR, "/a"), ("XDG_STATE_HOME", "/b"), ("HOME", "/c")];
        let found = |configured: Option<&str>, set: &[(&str, &str)]| {
            let variable = |name: &str| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            };
            find(configured.map(Path::new), variable)
        };
        let ok = |path: &str| Ok(PathBuf::from(path));
        assert_eq!(found(Some("/d"), &all), ok("/a"));
        assert_eq!(found(Some("/d"), &all[1..]), ok("/d"));
        assert_eq!(found(None, &all[1..]), ok("/b/plimsoll"));
        assert_eq!(found(None, &all[2..]), ok("/c/.local/state/plimsoll"));
        assert_eq!(found(None, &[("XDG_STATE_HOME", "b"), ("HOME", "")]), Err(DirectoryError));
    }
}
