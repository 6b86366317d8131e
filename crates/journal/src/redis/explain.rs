//! What Redis says, in our words, with what to do about it.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::patience::Failure;
use crate::place::Place;
use crate::storage::StoreError;

/// The failure of an attempt. After a passing one it is not known what the question did.
pub(super) fn failure(place: &Place, error: &RedisError) -> Failure {
    let problem = words(error);
    let unusable =
        |advice: &str| Failure::Final(StoreError::unusable(place, format!("{problem}; {advice}")));
    let away = || {
        let problem = format!("{problem}; check that the server is up and reachable");
        Failure::Passing(StoreError::unusable(place, problem))
    };
    match error.kind() {
        ErrorKind::Io => away(),
        ErrorKind::Server(
            ServerErrorKind::BusyLoading | ServerErrorKind::TryAgain | ServerErrorKind::MasterDown,
        ) => away(),
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::NoPerm) => {
            let (place, problem) = (place.clone(), problem);
            Failure::Final(StoreError::NotWritable { place, problem })
        }
        ErrorKind::Server(
            ServerErrorKind::Moved
            | ServerErrorKind::Ask
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::CrossSlot,
        ) => unusable("a cluster cannot keep a journal; use one server"),
        ErrorKind::AuthenticationFailed => {
            unusable("check the user and the password (`store_password`)")
        }
        _ => match error.code().unwrap_or_default() {
            "OOM" => unusable(
                "its memory is full (maxmemory): give it more, a journal does not get smaller by \
                 itself",
            ),
            "MISCONF" => unusable("check the server's disk and log"),
            "WRONGPASS" | "NOAUTH" => {
                unusable("check the user and the password (`store_password`)")
            }
            "WRONGTYPE" => {
                let (place, problem) = (place.clone(), problem);
                Failure::Final(StoreError::Foreign { place, problem })
            }
            // A script that runs elsewhere, or the server is ending.
            "BUSY" => away(),
            _ => Failure::Final(StoreError::Unusable { place: place.clone(), problem }),
        },
    }
}

/// One line, without what the server says of our script's insides.
fn words(error: &RedisError) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.split(" script: ").next().unwrap_or(line).to_owned()
}
