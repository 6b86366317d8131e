//! Where a journal is.

use std::path::{Path, PathBuf};

use crate::storage::StoreError;

/// The file's one absolute path, so that two links to it meet at one lock, and so that no path
/// reads as one of SQLite's own words (`:memory:` would keep nothing).
pub(super) fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    let no_file = || StoreError::unusable(path, "this names no file; change `store`");
    if let Ok(found) = path.canonicalize() {
        // Before anything is written beside it.
        return if found.is_dir() { Err(no_file()) } else { Ok(found) };
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let Ok(directory) = directory.unwrap_or(Path::new(".")).canonicalize() else {
        return Err(StoreError::NoDirectory { place: path.into() });
    };
    match path.file_name() {
        Some(name) if directory.is_dir() => Ok(directory.join(name)),
        Some(_) => Err(StoreError::NoDirectory { place: path.into() }),
        None => Err(no_file()),
    }
}
