//! How a command ends when it does not end well.

use std::process::ExitCode;

/// Why, and so with which exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line or the configuration is wrong: 2.
    Usage(anyhow::Error),
    /// A guard or a gate said no: 3.
    Refused(anyhow::Error),
    /// Anything else: 1.
    Failed(anyhow::Error),
}

impl Failure {
    /// Wrong usage.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Failure {
        Failure::Usage(error.into())
    }

    /// What happened, with its causes.
    pub(crate) fn text(&self) -> String {
        match self {
            Failure::Usage(error) | Failure::Refused(error) | Failure::Failed(error) => {
                whole(error)
            }
        }
    }

    /// Says what happened on standard error.
    pub(crate) fn report(self) -> ExitCode {
        let (error, code) = match self {
            Failure::Usage(error) => (error, 2),
            Failure::Refused(error) => (error, 3),
            Failure::Failed(error) => (error, 1),
        };
        eprintln!("error: {}", whole(&error));
        ExitCode::from(code)
    }
}

/// The error with its causes, each said once: many of our errors quote their cause themselves.
fn whole(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Failed(error.into())
    }
}
