//! Texts: CSV and its relatives, plain or packed, with a header or in a layout that is known.

mod columns;
mod fields;
mod levels;
mod line;
mod percent;
mod rows;
mod single;
mod sniff;
mod step;
mod values;

use std::ops::Range;
use std::path::Path;

use crate::batch::{BATCH_ROWS, Batch};
use crate::error::{DataError, Place, RowProblem};
use crate::input;
use crate::lines::Lines;
use crate::options::{BadRowsAre, Options};
use crate::source::{Meta, Remarks, Source};

pub(crate) use columns::{Columns, Role, by_name};
pub(crate) use line::Line;
pub(crate) use rows::Rows;
pub(crate) use sniff::{Seen, describe};
pub(crate) use values::Bad;

/// A text.
pub(crate) struct Text {
    lines: Lines,
    meta: Meta,
    rows: Rows,
    delimiter: u8,
    /// Fields of a row.
    columns: usize,
    skip: u64,
    fields: Vec<Range<usize>>,
    remarks: Remarks,
    bad_rows_are: BadRowsAre,
    done: bool,
}

impl Text {
    /// Opens it and finds out what it is. With `exact` the grid has no digit more than the first MiB needs,
    /// and the caller opens it again when one is missing ([`DataError::Digits`]).
    pub(crate) fn open(path: &Path, options: &Options, exact: bool) -> Result<Text, DataError> {
        let lines = Lines::new(input::open(path)?, path)?;
        let found = sniff::sniff(&lines, options, exact)?;
        let interval = i64::try_from(found.meta.interval.as_nanos()).unwrap_or(i64::MAX);
        let rows = Rows::new(
            &found.columns,
            (found.meta.grid, options.round),
            interval,
            found.symbol,
            options.symbol.clone(),
        );
        Ok(Text {
            lines,
            rows,
            delimiter: found.delimiter,
            columns: found.columns.roles.len(),
            skip: found.skip,
            meta: found.meta,
            fields: Vec::new(),
            remarks: Remarks::default(),
            bad_rows_are: options.bad_rows,
            done: false,
        })
    }

    fn take(&mut self, line: &Range<usize>, batch: &mut Batch) -> Result<(), DataError> {
        let text = self.lines.text(line);
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        fields::split(text, self.delimiter, &mut self.fields);
        let line = Line { text, fields: &self.fields, number: self.lines.number() };
        let taken = if self.fields.len() == self.columns {
            self.rows.add(&line, batch)
        } else {
            Err(RowProblem::Fields { has: self.fields.len(), want: self.columns }.into())
        };
        match taken {
            Ok(()) => Ok(()),
            Err(bad) => self.refuse(bad),
        }
    }

    #[cold]
    fn refuse(&mut self, bad: Bad) -> Result<(), DataError> {
        let place = Place { file: self.lines.file().to_owned(), line: self.lines.number() };
        match bad.error(place, self.meta.grid) {
            Some(error) => self.remarks.take(error, self.bad_rows_are),
            None => {
                self.remarks.other_symbols += 1;
                Ok(())
            }
        }
    }
}

impl Source for Text {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DataError> {
        batch.clear();
        let room = self.rows.most();
        while !self.done && batch.len() + room <= BATCH_ROWS {
            match self.lines.take()? {
                Some(_) if self.skip > 0 => self.skip -= 1,
                Some(line) => self.take(&line, batch)?,
                None => {
                    self.rows.finish(batch);
                    self.done = true;
                }
            }
        }
        self.remarks.rounded = self.rows.rounded();
        Ok(!batch.is_empty())
    }

    fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    fn path(&self) -> &Path {
        self.lines.file()
    }

    fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }
}
