//! The first questions to a venue, which may not be up yet.

use model::venue::{Request, Response, VenueError};
use model::{Outcome, VenueId};
use venues::session::Backoff;

use super::error::RunError;
use super::pump;
use super::rest::Rest;
use crate::clock;

/// Attempts to reach the venue at the start before giving up.
const START_ATTEMPTS: u32 = 8;

/// Asks until the venue answers; a few times only, so that a wrong address is said soon.
pub(super) async fn ask_at_start(
    venue: VenueId,
    address: &str,
    rest: &Rest,
    request: Request,
) -> Result<Result<Response, VenueError>, RunError> {
    let mut backoff = Backoff::new(pump::seed());
    let mut cause = String::new();
    for _ in 0..START_ATTEMPTS {
        match rest.ask(&request).await {
            Outcome::Done(response) => return Ok(Ok(response)),
            Outcome::Refused(refusal) => return Ok(Err(refusal)),
            Outcome::NotSent(failure) | Outcome::InDoubt(failure) => cause = failure,
        }
        let pause = backoff.pause(clock::now());
        tracing::warn!(%cause, pause_ms = pause.as_millis(), "the venue does not answer yet");
        tokio::time::sleep(pause).await;
    }
    Err(RunError::Unreachable { venue, address: address.to_owned(), cause })
}
