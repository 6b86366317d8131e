//! The names of all that is kept in Redis.

use redis::Cmd;

/// The keys of one journal.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) counters: String,
    pub(super) lease: String,
    pub(super) journal: String,
    pub(super) snapshots: String,
}

impl Keys {
    /// Of a prefix.
    pub(super) fn of(prefix: &str) -> Keys {
        let key = |name: &str| format!("{prefix}:{name}");
        Keys {
            counters: key("counters"),
            lease: key("lease"),
            journal: key("journal"),
            snapshots: key("snapshots"),
        }
    }

    /// A script on these.
    pub(super) fn script(&self, script: &str) -> Cmd {
        let mut cmd = Cmd::new();
        cmd.arg("EVAL").arg(script).arg(4);
        cmd.arg(&self.counters).arg(&self.lease).arg(&self.journal).arg(&self.snapshots);
        cmd
    }
}
