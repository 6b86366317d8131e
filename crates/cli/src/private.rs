//! What keeps the memory of a process that holds secrets to itself.

#[cfg(target_os = "linux")]
use rustix::process::DumpableBehavior;
use rustix::process::{Resource, Rlimit, setrlimit};

/// Other processes of the same user, agents among them, may not read this one's memory or the
/// environment it was started with, and no core is dumped when it crashes: a core holds the key.
pub(crate) fn keep() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "a crash may leave a core with the gateway's key in it");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "processes of this user may read the gateway's memory and its key");
    }
}
