//! What the configuration says, and so is known before a record is read.

/// What there is to know before anything was read: whose series begin at zero.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The configured agents.
    pub agents: Vec<String>,
    /// The configured instruments.
    pub instruments: Vec<String>,
}
