//! Files that are there when they are whole.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use crate::failure::Failure;

/// A file in the folder of another one, which it is to replace. As readable as any that a user makes: there are no
/// secrets in it.
pub(super) fn beside(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Writes a file that is there when it is whole.
pub(super) fn whole(path: &Path, text: &str) -> Result<(), Failure> {
    let problem = || format!("{} was not written", path.display());
    let mut file = beside(path).with_context(problem)?;
    file.write_all(text.as_bytes()).with_context(problem)?;
    file.persist(path).map_err(|error| error.error).with_context(problem)?;
    Ok(())
}
