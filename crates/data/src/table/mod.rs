//! Tables: Parquet in our own layout (`docs/data.md`), and in anybody's with the usual column names.

mod foreign;
mod guard;
mod layout;
mod read;
mod write;

pub(crate) use foreign::Foreign;
pub(crate) use layout::NAME;
pub(crate) use read::Table;
pub use write::Writer;

use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader as _, SerializedFileReader};

use crate::error::DataError;

/// Opens a file of either layout, and says whether it is ours.
pub(crate) fn open_file(path: &Path) -> Result<(SerializedFileReader<File>, bool), DataError> {
    let file = File::open(path).map_err(|error| DataError::Io { file: path.to_owned(), error })?;
    let reader = guard::guarded(path, || SerializedFileReader::new(file))?;
    let ours = layout::is_ours(reader.metadata().file_metadata());
    Ok((reader, ours))
}
