//! Opens one file, its rows as they stand in it.

use std::path::Path;

use crate::error::DataError;
use crate::input::{self, Form};
use crate::options::Options;
use crate::record;
use crate::source::Source;
use crate::table::{self, Foreign, Table};
use crate::text::Text;

/// `Meta::layout` of our own files.
pub(crate) const OURS: &str = table::NAME;

/// With `exact` the grid has no digit more than the first rows need, and the caller opens the file again when
/// a later row needs more ([`DataError::Digits`]).
pub(crate) fn open(
    path: &Path,
    options: &Options,
    exact: bool,
) -> Result<Box<dyn Source>, DataError> {
    match input::form(path)? {
        Form::Parquet => {}
        Form::Draft => return Ok(Box::new(record::open(path, options)?)),
        Form::Plain | Form::Gzip | Form::Zip => {
            return Ok(Box::new(Text::open(path, options, exact)?));
        }
    }
    let (file, ours) = table::open_file(path)?;
    Ok(if ours {
        Box::new(Table::new(path, file, options)?)
    } else {
        Box::new(Foreign::new(path, file, options, exact)?)
    })
}
