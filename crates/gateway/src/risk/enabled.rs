//! Guardrail: the agent is not disabled.
//!
//! One whose orders executed again and again within seconds runs in a circle, and what it would lose it loses
//! before a person has looked. So it is disabled by a record, and only a person enables it (`executions.rs`).

use model::Refusal;

/// `disabled` is why it is, if it is.
pub(super) fn check(disabled: Option<&str>) -> Result<(), Refusal> {
    match disabled {
        None => Ok(()),
        Some(cause) => Err(Refusal::AgentDisabled { cause: cause.to_owned() }),
    }
}
