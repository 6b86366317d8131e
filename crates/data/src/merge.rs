//! Several sources as one stream in order of time.
//!
//! Ties go to the source that was named first, so the order of the command line is the order of
//! what happened at one moment, the same in every run. What comes out are runs, not rows: as long as
//! one source is ahead of all others its rows are handed out as one piece, so that a single file
//! costs nothing and two busy ones cost a comparison a row.

use std::ops::Range;

use crate::batch::Batch;
use crate::error::DataError;
use crate::source::{Meta, Source};

/// Sources, merged.
pub struct Merge {
    inputs: Vec<Input>,
}

struct Input {
    source: Box<dyn Source>,
    batch: Batch,
    /// The next row to hand out.
    at: usize,
    /// Its time; [`END`] when there is none.
    head: i64,
    begun: bool,
}

/// Later than any row.
const END: i64 = i64::MAX;

/// Consecutive rows of one source.
#[derive(Debug)]
pub struct Run<'a> {
    /// Which source, as they were given.
    pub source: usize,
    /// Its batch …
    pub batch: &'a Batch,
    /// … and which rows of it. Never empty.
    pub rows: Range<usize>,
}

impl Merge {
    /// Nothing is read before the first run is asked for.
    pub fn new(sources: Vec<Box<dyn Source>>) -> Merge {
        let input = |source: Box<dyn Source>| {
            let batch = Batch::new(source.meta().kind);
            Input { source, batch, at: 0, head: END, begun: false }
        };
        Merge { inputs: sources.into_iter().map(input).collect() }
    }

    /// What is known of the sources, in their order.
    pub fn metas(&self) -> impl ExactSizeIterator<Item = &Meta> {
        self.inputs.iter().map(|input| input.source.meta())
    }

    /// Bytes taken from the disk so far, all sources together.
    pub fn bytes_read(&self) -> u64 {
        self.inputs.iter().map(|input| input.source.bytes_read()).sum()
    }

    /// The next rows, or `None` at the end of all sources.
    pub fn next_run(&mut self) -> Result<Option<Run<'_>>, DataError> {
        for input in &mut self.inputs {
            input.refill()?;
        }
        let mut first = 0;
        for at in 1..self.inputs.len() {
            // Strictly earlier: a tie stays with the source named before.
            if self.inputs[at].head < self.inputs[first].head {
                first = at;
            }
        }
        if self.inputs.get(first).is_none_or(|input| input.head == END) {
            return Ok(None);
        }
        // It stays ahead up to the earliest head before it, exclusive, and of those behind it, inclusive.
        let mut limit = END;
        for (at, other) in self.inputs.iter().enumerate() {
            let theirs = if at < first { other.head.saturating_sub(1) } else { other.head };
            if at != first {
                limit = limit.min(theirs);
            }
        }
        let input = &mut self.inputs[first];
        let from = input.at;
        let ahead = input.batch.time[from..].iter().take_while(|time| **time <= limit).count();
        input.at = from + ahead;
        input.head = input.batch.time.get(input.at).copied().unwrap_or(END);
        Ok(Some(Run { source: first, batch: &input.batch, rows: from..from + ahead }))
    }
}

impl Input {
    fn refill(&mut self) -> Result<(), DataError> {
        if self.at < self.batch.len() || (self.begun && self.batch.is_empty()) {
            return Ok(());
        }
        self.begun = true;
        self.source.next_batch(&mut self.batch)?;
        self.at = 0;
        self.head = self.batch.time.first().copied().unwrap_or(END);
        Ok(())
    }
}
