//! How a command ends when it does not end well.

use std::process::ExitCode;

/// Why, and so with which exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line or the configuration is wrong: 2.
    Usage(anyhow::Error),
    /// Anything else: 1.
    Failed(anyhow::Error),
}

impl Failure {
    /// Wrong usage.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Failure {
        Failure::Usage(error.into())
    }

    /// Says what happened on standard error.
    pub(crate) fn report(self) -> ExitCode {
        let (error, code) = match self {
            Failure::Usage(error) => (error, 2),
            Failure::Failed(error) => (error, 1),
        };
        eprintln!("error: {error:#}");
        ExitCode::from(code)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Failed(error.into())
    }
}
