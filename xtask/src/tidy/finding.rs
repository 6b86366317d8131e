//! What a rule says: where, how bad, what to do instead.

use std::fmt;

/// Errors sort last, next to the sum, where they are seen first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Warning,
    Error,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    pub(crate) file: String,
    /// Counted from one; `None` when the whole file is meant.
    pub(crate) line: Option<usize>,
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn error(file: &str, line: impl Into<Option<usize>>, message: String) -> Finding {
        Finding { level: Level::Error, file: file.to_owned(), line: line.into(), message }
    }

    pub(crate) fn warning(file: &str, line: impl Into<Option<usize>>, message: String) -> Finding {
        Finding { level: Level::Warning, ..Finding::error(file, line, message) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        match self.line {
            Some(line) => write!(f, "{level}: {}:{line}: {}", self.file, self.message),
            None => write!(f, "{level}: {}: {}", self.file, self.message),
        }
    }
}
