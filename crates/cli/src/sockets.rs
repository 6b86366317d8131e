//! The threads that commands with sockets run on.

use crate::failure::Failure;

/// A runtime for commands that have sockets.
pub(crate) fn threads() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(anyhow::anyhow!("cannot start worker threads: {error}")))
}
