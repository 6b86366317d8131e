//! Which crate a file belongs to, and which crates are pure: facts that several rules share.

/// No clock, socket, thread, file, randomness or hash order in these (`ARCHITECTURE.md`).
pub(crate) const PURE: &[&str] =
    &["model", "gateway", "engine", "agents", "sim-venue", "sim", "venues", "budget", "sealed"];

/// The folder of the package that holds this file: `crates/model`, `xtask`, `fuzz`.
pub(crate) fn package(path: &str) -> Option<&str> {
    let end = path.find("/src/")?;
    Some(&path[..end])
}

/// The part of an impure crate that is pure all the same: what the kill switch decides with.
const PURE_FOLDERS: &[&str] = &["crates/watchdog/src/core/"];

pub(crate) fn is_pure(path: &str) -> bool {
    let folder = PURE_FOLDERS.iter().any(|folder| path.starts_with(folder));
    folder
        || package(path)
            .and_then(|folder| folder.strip_prefix("crates/"))
            .is_some_and(|name| PURE.contains(&name))
}
