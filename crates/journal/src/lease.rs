//! How long a store on a server is lent to one gateway, and what is written down about it.
//!
//! A lease, because a server cannot see whether a process on another host is alive. It is counted by
//! the server's clock alone. It is longer than an order that adds risk may be on its way
//! (`not_after`, two seconds): each write renews it, an order leaves within two seconds after its
//! record was written or not at all, one that only shrinks a position within eight, and a successor starts at the lease's
//! end at the earliest. So
//! what a predecessor may still send, it has sent before its successor begins.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::place::Place;
use crate::storage::StoreError;

/// How long a store is lent at a time.
pub(crate) const LEASE: Duration = Duration::from_secs(10);
/// An idle holder renews it when this much has passed.
pub(crate) const RENEWED_AFTER: Duration = Duration::from_millis(2_500);
/// How long a start waits for a predecessor's lease to end. More than a lease: a holder that is
/// dead is always outwaited, and only one that renews is still there.
pub(crate) const TAKE_OVER_MAX: Duration = Duration::from_secs(15);
/// How often a start says that it waits.
pub(crate) const SAID_EVERY: Duration = Duration::from_secs(5);
/// How often a start looks whether it has ended.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// For people: process and host.
    pub(crate) name: String,
    /// Another one for each time a store is opened.
    pub(crate) token: String,
}

impl Holder {
    /// This process, opening a store now.
    pub(crate) fn this() -> Holder {
        let process = std::process::id();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
        let host = host.or_else(|_| std::env::var("HOSTNAME"));
        let host = host.as_deref().map_or("an unnamed host", str::trim);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanos = since.as_nanos();
        Holder { name: format!("{process} on {host}"), token: format!("{process}-{nanos}") }
    }
}

/// Why a store is not the one that was lent to session `mine`: its lease has this epoch and this holder.
///
/// Epochs only grow, so one that is lower is an older copy's, whose holder is a predecessor. One that is the
/// same and somebody else's was given out a second time by such a copy: then there is a successor.
pub(crate) fn lost(place: &Place, epoch: u64, holder: &str, mine: u64) -> StoreError {
    let place = place.clone();
    if epoch < mine {
        let problem = format!("it knows of no session after {epoch}, and this is session {mine}");
        return StoreError::Forgot { place, problem };
    }
    let problem = format!(
        "it is lent to process {holder} by now, as session {epoch}; this was session {mine}"
    );
    StoreError::Outrun { place, problem }
}

/// That a store which is still lent to session `mine` ends with entry `last` and not where that left it.
pub(crate) fn forgot(place: &Place, last: u64, mine: u64, left_at: u64) -> StoreError {
    let problem =
        format!("it ends with entry {last}, not with entry {left_at} as session {mine} left it");
    StoreError::Forgot { place: place.clone(), problem }
}
