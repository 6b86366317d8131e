//! `plimsoll agent`: the process that a built-in strategy runs in.

use crate::failure::Failure;

pub(crate) fn run() -> Result<(), Failure> {
    Ok(runtime::agent::run_child()?)
}
