//! A line of a file, and what every kind of row takes from it.

use std::ops::Range;

/// A line, its fields, and its number.
pub(crate) struct Line<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) fields: &'a [Range<usize>],
    pub(crate) number: u64,
}

impl<'a> Line<'a> {
    pub(crate) fn field(&self, at: usize) -> &'a [u8] {
        &self.text[self.fields[at].clone()]
    }
}

/// When it was known, and received, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) time: i64,
    pub(crate) received: Option<i64>,
}
