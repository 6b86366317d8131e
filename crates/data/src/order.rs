//! Rows in order of time, where a file has them nearly so.
//!
//! Recorders write what they receive as they receive it, so the venue's times step back a little now and
//! then. A row that is late by no more than [`ORDER_WINDOW`] rows is put into its place; one that is later
//! is an error that says where, because the rows it belongs between are gone.

use std::path::Path;

use model::Timestamp;

use crate::batch::{BATCH_ROWS, Batch};
use crate::error::{DataError, Place};
use crate::source::{Meta, Remarks, Source};

/// How many rows a late row may be late by, at least.
pub const ORDER_WINDOW: usize = 65_536;

/// A source in order.
pub(crate) struct Ordered<S> {
    source: S,
    /// Rows that wait, the first `at` of which have been handed out; the rest is in order.
    waiting: Batch,
    at: usize,
    incoming: Batch,
    /// The latest time that came in, and the last that was handed out.
    latest: i64,
    handed: i64,
    remarks: Remarks,
    reordered: u64,
    at_end: bool,
}

impl<S: Source> Ordered<S> {
    pub(crate) fn new(source: S) -> Ordered<S> {
        let kind = source.meta().kind;
        Ordered {
            source,
            waiting: Batch::new(kind),
            at: 0,
            incoming: Batch::new(kind),
            latest: i64::MIN,
            handed: i64::MIN,
            remarks: Remarks::default(),
            reordered: 0,
            at_end: false,
        }
    }

    /// Reads until twice the window waits, and puts it in order.
    fn refill(&mut self) -> Result<(), DataError> {
        self.waiting.drop_front(self.at);
        self.at = 0;
        let mut late = 0;
        while !self.at_end && self.waiting.len() < 2 * ORDER_WINDOW {
            if !self.source.next_batch(&mut self.incoming)? {
                self.at_end = true;
                break;
            }
            for time in &self.incoming.time {
                late += u64::from(*time < self.latest);
                self.latest = self.latest.max(*time);
            }
            let rows = 0..self.incoming.len();
            self.waiting.append(&self.incoming, rows);
        }
        if late > 0 {
            self.reordered += late;
            self.waiting.sort_from(0);
        }
        match self.waiting.time.first() {
            Some(first) if *first < self.handed => Err(self.too_late()),
            _ => Ok(()),
        }
    }

    fn too_late(&self) -> DataError {
        let row = self.waiting.place.first().copied().unwrap_or(0);
        DataError::OutOfOrder {
            place: Place { file: self.source.path().to_owned(), line: row },
            time: Timestamp::from_nanos(self.waiting.time.first().copied().unwrap_or(0)),
            after: Timestamp::from_nanos(self.handed),
            window: ORDER_WINDOW,
        }
    }
}

impl<S: Source> Source for Ordered<S> {
    fn meta(&self) -> &Meta {
        self.source.meta()
    }

    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DataError> {
        batch.clear();
        // What is handed out now leaves a whole window behind it.
        if !self.at_end && self.waiting.len() - self.at <= ORDER_WINDOW + BATCH_ROWS {
            self.refill()?;
        }
        self.remarks = self.source.remarks().clone();
        self.remarks.reordered = self.reordered;
        let rows = (self.waiting.len() - self.at).min(BATCH_ROWS);
        batch.append(&self.waiting, self.at..self.at + rows);
        self.at += rows;
        self.handed = batch.time.last().copied().unwrap_or(self.handed);
        Ok(rows > 0)
    }

    fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    fn path(&self) -> &Path {
        self.source.path()
    }

    fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }
}
